extern "C" __global__ void __launch_bounds__(64, 2) rattan_layer_backward_rows(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool k_aligned = aligned<float>(a.v + 5, 16);
    const bool v_aligned = aligned<float>(a.v + 10, 16);
    const bool phi_aligned = true;
    const bool states_aligned = true;
    u32 rest = blockIdx.x;
    const i64 n19 = rest % 2u; // group
    rest /= 2u;
    const i64 n15 = rest % (u32)a.v[66]; // row
    rest /= (u32)a.v[66];
    const i64 n11 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n10 = rest; // seq
    const i64 n0 = a.v[62];
    const i64 n3 = a.v[61];
    const i64 n14 = a.v[66];
    const i64 n17 = n15 * 32LL;
    const i64 n18 = (i64)(n17 < n3);
    const i64 n27 = n17 + -6LL;
    fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 0u, view(a.v + 10, n10, n27, n11, 0LL, n3), v_aligned);
    fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 2560u, view(a.v + 45, n10, n27, n11, 0LL, n3), phi_aligned);
    const i64 n28 = n17 >> 5;
    const i64 n29 = n10 * n3;
    const i64 n30 = n29 >> 5;
    const i64 n31 = n30 + n10;
    const i64 n32 = n31 + n28;
    const i64 n33 = n11 * 16LL;
    fetch<float, Rows<2, -1, 16, 0, 16>, 2, 16, 16>(shared + 5120u, view(a.v + 55, 0LL, n32, n33, 0LL, 1152921504606846976LL), states_aligned);
    commit();
    const u32 t34 = shared + 0u;
    const i64 n35 = n11 * 2LL;
    const i64 n36 = n35 + n19;
    wait<0>();
    float t38[1][16];
    EACH(1, 16) t38[s][i] = 0.f;
    float_product_loaded<Rows<1, -1, 32, 0, 32>, 2, 16, 1, 20>(t38, view(a.v + 15, n10, n17, n36, 0LL, n3), t34, shared + 15360u);
    float t39[1][16];
    mask_fixed<2, 32, -1048576, 0, 0>(t39, t38, 0LL, 0.000000000e+00f);
    const i64 n41 = n35 + n19;
    const i64 n43 = n17 + 57LL;
    const i64 n44 = n43 >> 5;
    const i64 n45 = larger(0LL, n44);
    const i64 n46 = (i64)(0LL < n45);
    float t47[1][8];
    EACH(1, 8) t47[s][i] = 0.000000000e+00f;
    if (n46) {
        const u32 t48 = shared + 2560u;
        float t49[1][8];
        EACH(1, 8) t49[s][i] = 0.f;
        float_product<0, 20>(t49, t39, t48, shared + 15360u);
        const u32 t50 = shared + 5120u;
        float t51[1][8];
        EACH(1, 8) t51[s][i] = t49[s][i];
        float_product_loaded<Rows<1, -1, 32, 0, 32>, 2, 16, 1, 20>(t51, view(a.v + 15, n10, n17, n41, 0LL, n3), t50, shared + 15360u);
        EACH(1, 8) t47[s][i] = t51[s][i];
    }
    __syncthreads();
    const i64 n52 = 0LL - n27;
    const i64 n53 = n52 >> 5;
    const i64 n54 = larger(0LL, n53);
    const i64 n55 = n54 * 32LL;
    const i64 n56 = n27 + n55;
    fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 0u + (u32)n54 % 2u * 2560u, view(a.v + 5, n10, n56, n11, 0LL, n3), k_aligned);
    fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 5120u + (u32)n54 % 2u * 2560u, view(a.v + 10, n10, n56, n11, 0LL, n3), v_aligned);
    commit();
    float t57[1][8];
    load_tile<float, Rows<1, -1, 32, 0, 32>, 2, 16, 1>(t57, view(a.v + 0, n10, n17, n36, 0LL, n3));
    float t58[1][8];
    EACH(1, 8) t58[s][i] = (t57[s][i] > 0.f ? 1.f : 0.f);
    float t59[1][8];
    EACH(1, 8) t59[s][i] = t47[s][i] * t58[s][i];
    float t61[1][2];
    load_column<float, Rows<2, -1, 32, 0, 32>, 2>(t61, view(a.v + 35, n10, n36, n17, 0LL, n3));
    float t62[1][2];
    load_column<float, Rows<2, -1, 32, 0, 32>, 2>(t62, view(a.v + 40, n10, n36, n17, 0LL, n3));
    put<2, 32, 16, 80>(shared + 10240u, t57);
    const i64 n63 = n35 + n19;
    float t64[1][8];
    load_tile<float, Rows<1, -1, 32, 0, 32>, 2, 16, 1>(t64, view(a.v + 15, n10, n17, n63, 0LL, n3));
    put<2, 32, 16, 80>(shared + 12800u, t64);
    float t66[1][2];
    EACH(1, 2) t66[s][i] = t61[s][i] * -1.442695041e+00f;
    const i64 n68 = n54 + 1LL;
    const i64 n69 = larger(1LL, n68);
    const i64 n70 = smaller(n69, 2LL);
    const i64 n71 = larger(n54, n70);
    float t72[1][8];
    EACH(1, 8) t72[s][i] = t59[s][i];
    const i64 n73_end = opaque(n71);
    #pragma unroll 1
    for (i64 n73 = n54; n73 < n73_end; n73 += 1LL) { // key
        wait<0>();
        const i64 n75 = n73 + 1LL;
        const i64 n76 = (i64)(n75 < 2LL);
        if (n76) {
            const i64 n77 = n75 * 32LL;
            const i64 n78 = n27 + n77;
            fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 0u + (u32)n75 % 2u * 2560u, view(a.v + 5, n10, n78, n11, 0LL, n3), k_aligned);
            fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 5120u + (u32)n75 % 2u * 2560u, view(a.v + 10, n10, n78, n11, 0LL, n3), v_aligned);
        }
        commit();
        const i64 n79 = n73 * 32LL;
        const i64 n80 = n27 + n79;
        const u32 t81 = shared + 0u + (u32)n73 % 2u * 2560u;
        const u32 t82 = shared + 10240u;
        float t83[1][16];
        EACH(1, 16) t83[s][i] = 0.f;
        float_product_left<2, 1, 32, 20, 20, 16>(t83, t82, t81);
        const u32 t84 = shared + 5120u + (u32)n73 % 2u * 2560u;
        const i64 n85 = n80 - n17;
        const i64 n86 = 0LL - n80;
        const i64 n87 = larger(0LL, n86);
        float t88[1][16];
        mask<2, 32, 1, 1, 1>(t88, t83, n85, -5LL, 0LL, n87, -INFINITY);
        float t89[1][16];
        EACH(1, 16) t89[s][i] = fmaf(t88[s][i], 3.606737602e-01f, t66[s][(i >> 1) & 1]);
        float t90[1][16];
        EACH(1, 16) t90[s][i] = exp2_fast(t89[s][i]);
        const u32 t91 = shared + 12800u;
        float t92[1][16];
        EACH(1, 16) t92[s][i] = 0.f;
        float_product_left<2, 1, 32, 20, 20, 16>(t92, t91, t84);
        float t93[1][16];
        EACH(1, 16) t93[s][i] = t92[s][i] - t62[s][(i >> 1) & 1];
        float t94[1][16];
        EACH(1, 16) t94[s][i] = t90[s][i] * t93[s][i];
        float t95[1][16];
        EACH(1, 16) t95[s][i] = t94[s][i] * 2.500000000e-01f;
        float t96[1][8];
        EACH(1, 8) t96[s][i] = t72[s][i];
        float_product<0, 20>(t96, t95, t81, shared + 15360u);
        EACH(1, 8) t72[s][i] = t96[s][i];
    }
    const i64 n97 = larger(n71, 0LL);
    float t98[1][8];
    EACH(1, 8) t98[s][i] = t72[s][i];
    const i64 n99_end = opaque(n97);
    #pragma unroll 1
    for (i64 n99 = n71; n99 < n99_end; n99 += 1LL) { // key
        wait<0>();
        const i64 n101 = n99 + 1LL;
        const i64 n102 = (i64)(n101 < 2LL);
        if (n102) {
            const i64 n103 = n101 * 32LL;
            const i64 n104 = n27 + n103;
            fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 0u + (u32)n101 % 2u * 2560u, view(a.v + 5, n10, n104, n11, 0LL, n3), k_aligned);
            fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 5120u + (u32)n101 % 2u * 2560u, view(a.v + 10, n10, n104, n11, 0LL, n3), v_aligned);
        }
        commit();
        const u32 t105 = shared + 0u + (u32)n99 % 2u * 2560u;
        const u32 t106 = shared + 10240u;
        float t107[1][16];
        EACH(1, 16) t107[s][i] = 0.f;
        float_product_left<2, 1, 32, 20, 20, 16>(t107, t106, t105);
        const u32 t108 = shared + 5120u + (u32)n99 % 2u * 2560u;
        float t109[1][16];
        EACH(1, 16) t109[s][i] = fmaf(t107[s][i], 3.606737602e-01f, t66[s][(i >> 1) & 1]);
        float t110[1][16];
        EACH(1, 16) t110[s][i] = exp2_fast(t109[s][i]);
        const u32 t111 = shared + 12800u;
        float t112[1][16];
        EACH(1, 16) t112[s][i] = 0.f;
        float_product_left<2, 1, 32, 20, 20, 16>(t112, t111, t108);
        float t113[1][16];
        EACH(1, 16) t113[s][i] = t112[s][i] - t62[s][(i >> 1) & 1];
        float t114[1][16];
        EACH(1, 16) t114[s][i] = t110[s][i] * t113[s][i];
        float t115[1][16];
        EACH(1, 16) t115[s][i] = t114[s][i] * 2.500000000e-01f;
        float t116[1][8];
        EACH(1, 8) t116[s][i] = t98[s][i];
        float_product<0, 20>(t116, t115, t105, shared + 15360u);
        EACH(1, 8) t98[s][i] = t116[s][i];
    }
    float t117[1][8];
    EACH(1, 8) t117[s][i] = t98[s][i];
    const i64 n118_end = opaque(2LL);
    #pragma unroll 1
    for (i64 n118 = n97; n118 < n118_end; n118 += 1LL) { // key
        wait<0>();
        const i64 n120 = n118 + 1LL;
        const i64 n121 = (i64)(n120 < 2LL);
        if (n121) {
            const i64 n122 = n120 * 32LL;
            const i64 n123 = n27 + n122;
            fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 0u + (u32)n120 % 2u * 2560u, view(a.v + 5, n10, n123, n11, 0LL, n3), k_aligned);
            fetch<float, Rows<1, -1, 32, 0, 32>, 2, 32, 16>(shared + 5120u + (u32)n120 % 2u * 2560u, view(a.v + 10, n10, n123, n11, 0LL, n3), v_aligned);
        }
        commit();
        const i64 n124 = n118 * 32LL;
        const i64 n125 = n27 + n124;
        const u32 t126 = shared + 0u + (u32)n118 % 2u * 2560u;
        const u32 t127 = shared + 10240u;
        float t128[1][16];
        EACH(1, 16) t128[s][i] = 0.f;
        float_product_left<2, 1, 32, 20, 20, 16>(t128, t127, t126);
        const u32 t129 = shared + 5120u + (u32)n118 % 2u * 2560u;
        const i64 n130 = n125 - n17;
        float t131[1][16];
        mask<2, 32, 0, 1, 0>(t131, t128, n130, 0LL, 0LL, 0LL, -INFINITY);
        float t132[1][16];
        EACH(1, 16) t132[s][i] = fmaf(t131[s][i], 3.606737602e-01f, t66[s][(i >> 1) & 1]);
        float t133[1][16];
        EACH(1, 16) t133[s][i] = exp2_fast(t132[s][i]);
        const u32 t134 = shared + 12800u;
        float t135[1][16];
        EACH(1, 16) t135[s][i] = 0.f;
        float_product_left<2, 1, 32, 20, 20, 16>(t135, t134, t129);
        float t136[1][16];
        EACH(1, 16) t136[s][i] = t135[s][i] - t62[s][(i >> 1) & 1];
        float t137[1][16];
        EACH(1, 16) t137[s][i] = t133[s][i] * t136[s][i];
        float t138[1][16];
        EACH(1, 16) t138[s][i] = t137[s][i] * 2.500000000e-01f;
        float t139[1][8];
        EACH(1, 8) t139[s][i] = t117[s][i];
        float_product<0, 20>(t139, t138, t126, shared + 15360u);
        EACH(1, 8) t117[s][i] = t139[s][i];
    }
    store_tile<float, Rows<1, -1, 32, 0, 32>, 2, 16>(t117, anew(view(a.v + 20, n10, n17, n36, 0LL, n3)));
}
