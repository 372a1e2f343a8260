struct Args {
    i64 v[50];
};

// 32 threads, 0 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 1) rattan_layer_forward_prepare(const __grid_constant__ Args a) {
    u32 rest = blockIdx.x;
    const i64 n8 = rest % (u32)a.v[41]; // row
    rest /= (u32)a.v[41];
    const i64 n7 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n6 = rest; // seq
    const i64 n1 = a.v[37];
    const i64 n3 = a.v[41];
    const i64 n5 = a.v[36];
    const i64 n9 = n8 * 16LL;
    float t10[1][8];
    load_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4, 1>(t10, view(a.v + 5, n6, n9, n7, 0LL, n5));
    float t11[1][8];
    EACH(1, 8) t11[s][i] = max_nan(t10[s][i], 0.f);
    store_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t11, view(a.v + 20, n6, n9, n7, 0LL, n5));
}

// 32 threads, 9216 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 2) rattan_layer_forward_segment_state(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    const bool phi_aligned = aligned<bf16>(a.v + 20, 16);
    u32 rest = blockIdx.x;
    const i64 n27 = rest % (u32)a.v[39]; // segment
    rest /= (u32)a.v[39];
    const i64 n23 = rest % 1u; // part
    rest /= 1u;
    const i64 n21 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n20 = rest; // seq
    const i64 n1 = a.v[37];
    const i64 n3 = a.v[39];
    const i64 n4 = a.v[40];
    const i64 n7 = a.v[36];
    const i64 n13 = n7 + -6LL;
    const i64 n14 = smaller(n7, n13);
    const i64 n22 = n21 * 4LL;
    const i64 n24 = n21 + n23;
    const i64 n25 = n23 * 4LL;
    const i64 n26 = n22 + n25;
    const i64 n30 = n27 * n4;
    const i64 n31 = floor_div(n30, 16LL);
    const i64 n32 = n30 + -6LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n31 % 6u * 768u, view(a.v + 20, n20, n32, n24, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n31 % 6u * 768u, view(a.v + 10, n20, n32, n21, 0LL, n14), v_aligned);
    commit();
    const i64 n33 = n30 + 16LL;
    const i64 n34 = floor_div(n33, 16LL);
    const i64 n35 = n30 + 10LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n34 % 6u * 768u, view(a.v + 20, n20, n35, n24, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n34 % 6u * 768u, view(a.v + 10, n20, n35, n21, 0LL, n14), v_aligned);
    commit();
    const i64 n36 = n30 + 32LL;
    const i64 n37 = floor_div(n36, 16LL);
    const i64 n38 = n30 + 26LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n37 % 6u * 768u, view(a.v + 20, n20, n38, n24, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n37 % 6u * 768u, view(a.v + 10, n20, n38, n21, 0LL, n14), v_aligned);
    commit();
    const i64 n39 = n30 + 48LL;
    const i64 n40 = floor_div(n39, 16LL);
    const i64 n41 = n30 + 42LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n40 % 6u * 768u, view(a.v + 20, n20, n41, n24, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n40 % 6u * 768u, view(a.v + 10, n20, n41, n21, 0LL, n14), v_aligned);
    commit();
    const i64 n42 = n30 + 64LL;
    const i64 n43 = floor_div(n42, 16LL);
    const i64 n44 = n30 + 58LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n43 % 6u * 768u, view(a.v + 20, n20, n44, n24, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n43 % 6u * 768u, view(a.v + 10, n20, n44, n21, 0LL, n14), v_aligned);
    commit();
    const i64 n46 = n30 + n4;
    const i64 n47 = smaller(n7, n46);
    float t48[1][8];
    EACH(1, 8) t48[s][i] = 0.000000000e+00f;
    const i64 n49_end = opaque(n47);
    #pragma unroll 1
    for (i64 n49 = n30; n49 < n49_end; n49 += 16LL) { // row
        wait<4>();
        const i64 n51 = n49 + 80LL;
        const i64 n52 = (i64)(n51 < n47);
        if (n52) {
            const i64 n53 = floor_div(n51, 16LL);
            const i64 n55 = n49 + 74LL;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n53 % 6u * 768u, view(a.v + 20, n20, n55, n24, 0LL, n7), phi_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n53 % 6u * 768u, view(a.v + 10, n20, n55, n21, 0LL, n14), v_aligned);
        }
        commit();
        const i64 n56 = floor_div(n49, 16LL);
        const u32 t57 = shared + 0u + (u32)n56 % 6u * 768u;
        const u32 t58 = shared + 4608u + (u32)n56 % 6u * 768u;
        float t59[1][8];
        EACH(1, 8) t59[s][i] = t48[s][i];
        product_transposed<bf16, 1, 0, 48, 48, 16>(t59, t57, t58);
        EACH(1, 8) t48[s][i] = t59[s][i];
    }
    store_tile<float, Rows<2, -1, 4, 0, 4>, 1, 4>(t48, view(a.v + 25, n27, n20, n26, 0LL, 1152921504606846976LL));
}

// 32 threads, 9216 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 2) rattan_layer_forward_states(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    const bool phi_aligned = aligned<bf16>(a.v + 20, 16);
    u32 rest = blockIdx.x;
    const i64 n30 = rest % (u32)a.v[38]; // segment
    rest /= (u32)a.v[38];
    const i64 n26 = rest % 1u; // part
    rest /= 1u;
    const i64 n24 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n20 = rest; // seq
    const i64 n1 = a.v[37];
    const i64 n3 = a.v[38];
    const i64 n4 = a.v[40];
    const i64 n7 = a.v[36];
    const i64 n11 = n7 + -6LL;
    const i64 n12 = smaller(n7, n11);
    const i64 n21 = n20 * n7;
    const i64 n22 = floor_div(n21, 16LL);
    const i64 n23 = n22 + n20;
    const i64 n25 = n24 * 4LL;
    const i64 n27 = n24 + n26;
    const i64 n28 = n26 * 4LL;
    const i64 n29 = n25 + n28;
    const i64 n33 = n30 * n4;
    const i64 n34 = floor_div(n33, 16LL);
    const i64 n35 = n33 + -6LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n34 % 6u * 768u, view(a.v + 20, n20, n35, n27, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n34 % 6u * 768u, view(a.v + 10, n20, n35, n24, 0LL, n12), v_aligned);
    commit();
    const i64 n36 = n33 + 16LL;
    const i64 n37 = floor_div(n36, 16LL);
    const i64 n38 = n33 + 10LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n37 % 6u * 768u, view(a.v + 20, n20, n38, n27, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n37 % 6u * 768u, view(a.v + 10, n20, n38, n24, 0LL, n12), v_aligned);
    commit();
    const i64 n39 = n33 + 32LL;
    const i64 n40 = floor_div(n39, 16LL);
    const i64 n41 = n33 + 26LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n40 % 6u * 768u, view(a.v + 20, n20, n41, n27, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n40 % 6u * 768u, view(a.v + 10, n20, n41, n24, 0LL, n12), v_aligned);
    commit();
    const i64 n42 = n33 + 48LL;
    const i64 n43 = floor_div(n42, 16LL);
    const i64 n44 = n33 + 42LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n43 % 6u * 768u, view(a.v + 20, n20, n44, n27, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n43 % 6u * 768u, view(a.v + 10, n20, n44, n24, 0LL, n12), v_aligned);
    commit();
    const i64 n45 = n33 + 64LL;
    const i64 n46 = floor_div(n45, 16LL);
    const i64 n47 = n33 + 58LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n46 % 6u * 768u, view(a.v + 20, n20, n47, n27, 0LL, n7), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n46 % 6u * 768u, view(a.v + 10, n20, n47, n24, 0LL, n12), v_aligned);
    commit();
    float t49[1][8];
    EACH(1, 8) t49[s][i] = 0.000000000e+00f;
    const i64 n50_end = opaque(n30);
    #pragma unroll 1
    for (i64 n50 = 0LL; n50 < n50_end; n50 += 1LL) { // segment
        float t52[1][8];
        load_tile<float, Rows<2, -1, 4, 0, 4>, 1, 4, 0>(t52, view(a.v + 25, n50, n20, n29, 0LL, 1152921504606846976LL));
        float t53[1][8];
        EACH(1, 8) t53[s][i] = t49[s][i] + t52[s][i];
        EACH(1, 8) t49[s][i] = t53[s][i];
    }
    const i64 n54 = n33 + n4;
    const i64 n55 = smaller(n7, n54);
    float t56[1][8];
    EACH(1, 8) t56[s][i] = t49[s][i];
    const i64 n57_end = opaque(n55);
    #pragma unroll 1
    for (i64 n57 = n33; n57 < n57_end; n57 += 16LL) { // row
        wait<4>();
        const i64 n59 = n57 + 80LL;
        const i64 n60 = (i64)(n59 < n55);
        if (n60) {
            const i64 n61 = floor_div(n59, 16LL);
            const i64 n63 = n57 + 74LL;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n61 % 6u * 768u, view(a.v + 20, n20, n63, n27, 0LL, n7), phi_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u + (u32)n61 % 6u * 768u, view(a.v + 10, n20, n63, n24, 0LL, n12), v_aligned);
        }
        commit();
        const i64 n64 = floor_div(n57, 16LL);
        const u32 t65 = shared + 0u + (u32)n64 % 6u * 768u;
        const u32 t66 = shared + 4608u + (u32)n64 % 6u * 768u;
        const i64 n67 = n23 + n64;
        store_tile<bf16, Rows<2, -1, 4, 0, 4>, 1, 4>(t56, view(a.v + 30, 0LL, n67, n29, 0LL, 1152921504606846976LL));
        float t68[1][8];
        EACH(1, 8) t68[s][i] = t56[s][i];
        product_transposed<bf16, 1, 0, 48, 48, 16>(t68, t65, t66);
        EACH(1, 8) t56[s][i] = t68[s][i];
    }
}

// 32 threads, 5376 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 1) rattan_layer_forward_main(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool k_aligned = aligned<bf16>(a.v + 5, 16);
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    const bool phi_aligned = aligned<bf16>(a.v + 20, 16);
    const bool states_aligned = aligned<bf16>(a.v + 30, 16);
    u32 rest = blockIdx.x;
    const i64 n41 = rest % 2u; // group
    rest /= 2u;
    const i64 n20 = rest % (u32)a.v[41]; // row
    rest /= (u32)a.v[41];
    const i64 n14 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n10 = rest; // seq
    const i64 n0 = a.v[37];
    const i64 n3 = a.v[36];
    const i64 n11 = n10 * n3;
    const i64 n12 = floor_div(n11, 16LL);
    const i64 n13 = n12 + n10;
    const i64 n15 = n14 * 2LL;
    const i64 n16 = n14 * 4LL;
    const i64 n19 = a.v[41];
    const i64 n22 = n20 * 16LL;
    const i64 n23 = (i64)(n22 < n3);
    const i64 n24 = n22 + -6LL;
    const i64 n25 = 0LL - n24;
    const i64 n26 = floor_div(n25, 16LL);
    const i64 n27 = larger(0LL, n26);
    const i64 n28 = n27 * 16LL;
    const i64 n29 = n24 + n28;
    const i64 n30 = n27 + 1LL;
    const i64 n31 = larger(1LL, n30);
    const i64 n32 = smaller(n31, 2LL);
    const i64 n33 = larger(n27, n32);
    const i64 n34 = larger(n33, 0LL);
    const i64 n35 = floor_div(n22, 16LL);
    const i64 n36 = n13 + n35;
    const i64 n37 = n22 + 25LL;
    const i64 n38 = floor_div(n37, 16LL);
    const i64 n39 = larger(0LL, n38);
    const i64 n40 = (i64)(0LL < n39);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n27 % 2u * 768u, view(a.v + 5, n10, n29, n14, 0LL, n3), k_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n27 % 2u * 768u, view(a.v + 10, n10, n29, n14, 0LL, n3), v_aligned);
    commit();
    const i64 n47 = n15 + n41;
    float t48[1][8];
    load_tile<bf16, Rows<1, 2, 16, 0, 16>, 1, 4, 1>(t48, view(a.v + 0, n10, n22, n47, 0LL, n3));
    u32 t49[1][4];
    EACH(1, 4) t49[s][i] = pack(has_column<4>(i / 2, 0) ? t48[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t48[s][2 * i + 1] : 0.f, bf16());
    float t55[1][2];
    EACH(1, 2) t55[s][i] = -1.000000000e+37f;
    float t56[1][2];
    EACH(1, 2) t56[s][i] = 0.000000000e+00f;
    float t57[1][8];
    EACH(1, 8) t57[s][i] = 0.000000000e+00f;
    const i64 n58_end = opaque(n33);
    #pragma unroll 1
    for (i64 n58 = n27; n58 < n58_end; n58 += 1LL) { // key
        wait<0>();
        const i64 n62 = n58 + 1LL;
        const i64 n63 = (i64)(n62 < 2LL);
        if (n63) {
            const i64 n64 = n62 * 16LL;
            const i64 n65 = n24 + n64;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n62 % 2u * 768u, view(a.v + 5, n10, n65, n14, 0LL, n3), k_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n62 % 2u * 768u, view(a.v + 10, n10, n65, n14, 0LL, n3), v_aligned);
        }
        commit();
        const i64 n66 = n58 * 16LL;
        const i64 n67 = n24 + n66;
        const u32 t68 = shared + 0u + (u32)n58 % 2u * 768u;
        float t69[1][8];
        EACH(1, 8) t69[s][i] = 0.f;
        product<bf16, 1, 48>(t69, t49, t68);
        const u32 t70 = shared + 1536u + (u32)n58 % 2u * 768u;
        const i64 n71 = n67 - n22;
        const i64 n72 = 0LL - n67;
        const i64 n73 = larger(0LL, n72);
        float t74[1][8];
        mask<1, 16, 1, 1, 1>(t74, t69, n71, -5LL, 0LL, n73, -INFINITY);
        float t75[1][2];
        rowmax<16>(t75, t74);
        float t76[1][2];
        EACH(1, 2) t76[s][i] = max_nan(t55[s][i], t75[s][i]);
        float t77[1][2];
        EACH(1, 2) t77[s][i] = t76[s][i] * -7.213475204e-01f;
        float t78[1][8];
        EACH(1, 8) t78[s][i] = fmaf(t74[s][i], 7.213475204e-01f, t77[s][(i >> 1) & 1]);
        float t79[1][8];
        EACH(1, 8) t79[s][i] = exp2_fast(t78[s][i]);
        u32 t80[1][4];
        EACH(1, 4) t80[s][i] = pack(t79[s][2 * i], t79[s][2 * i + 1], bf16());
        float t81[1][2];
        EACH(1, 2) t81[s][i] = t55[s][i] - t76[s][i];
        float t82[1][2];
        EACH(1, 2) t82[s][i] = t81[s][i] * 7.213475204e-01f;
        float t83[1][2];
        EACH(1, 2) t83[s][i] = exp2_fast(t82[s][i]);
        float t84[1][2];
        rowsum<16>(t84, t79);
        float t85[1][2];
        EACH(1, 2) t85[s][i] = t56[s][i] * t83[s][i];
        float t86[1][2];
        EACH(1, 2) t86[s][i] = t85[s][i] + t84[s][i];
        float t87[1][8];
        EACH(1, 8) t87[s][i] = t57[s][i] * t83[s][(i >> 1) & 1];
        float t88[1][8];
        EACH(1, 8) t88[s][i] = t87[s][i];
        product<bf16, 0, 48>(t88, t80, t70);
        EACH(1, 2) t55[s][i] = t76[s][i];
        EACH(1, 2) t56[s][i] = t86[s][i];
        EACH(1, 8) t57[s][i] = t88[s][i];
    }
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 3072u, view(a.v + 20, n10, n24, n14, 0LL, n3), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 3840u, view(a.v + 10, n10, n24, n14, 0LL, n3), v_aligned);
    fetch<bf16, Rows<2, -1, 4, 0, 4>, 1, 4, 4>(shared + 4608u, view(a.v + 30, 0LL, n36, n16, 0LL, 1152921504606846976LL), states_aligned);
    float t89[1][2];
    EACH(1, 2) t89[s][i] = t55[s][i];
    float t90[1][2];
    EACH(1, 2) t90[s][i] = t56[s][i];
    float t91[1][8];
    EACH(1, 8) t91[s][i] = t57[s][i];
    const i64 n92_end = opaque(n34);
    #pragma unroll 1
    for (i64 n92 = n33; n92 < n92_end; n92 += 1LL) { // key
        wait<0>();
        const i64 n96 = n92 + 1LL;
        const i64 n97 = (i64)(n96 < 2LL);
        if (n97) {
            const i64 n98 = n96 * 16LL;
            const i64 n99 = n24 + n98;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n96 % 2u * 768u, view(a.v + 5, n10, n99, n14, 0LL, n3), k_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n96 % 2u * 768u, view(a.v + 10, n10, n99, n14, 0LL, n3), v_aligned);
        }
        commit();
        const u32 t100 = shared + 0u + (u32)n92 % 2u * 768u;
        float t101[1][8];
        EACH(1, 8) t101[s][i] = 0.f;
        product<bf16, 1, 48>(t101, t49, t100);
        const u32 t102 = shared + 1536u + (u32)n92 % 2u * 768u;
        float t103[1][2];
        rowmax<16>(t103, t101);
        float t104[1][2];
        EACH(1, 2) t104[s][i] = max_nan(t89[s][i], t103[s][i]);
        float t105[1][2];
        EACH(1, 2) t105[s][i] = t104[s][i] * -7.213475204e-01f;
        float t106[1][8];
        EACH(1, 8) t106[s][i] = fmaf(t101[s][i], 7.213475204e-01f, t105[s][(i >> 1) & 1]);
        float t107[1][8];
        EACH(1, 8) t107[s][i] = exp2_fast(t106[s][i]);
        u32 t108[1][4];
        EACH(1, 4) t108[s][i] = pack(t107[s][2 * i], t107[s][2 * i + 1], bf16());
        float t109[1][2];
        EACH(1, 2) t109[s][i] = t89[s][i] - t104[s][i];
        float t110[1][2];
        EACH(1, 2) t110[s][i] = t109[s][i] * 7.213475204e-01f;
        float t111[1][2];
        EACH(1, 2) t111[s][i] = exp2_fast(t110[s][i]);
        float t112[1][2];
        rowsum<16>(t112, t107);
        float t113[1][2];
        EACH(1, 2) t113[s][i] = t90[s][i] * t111[s][i];
        float t114[1][2];
        EACH(1, 2) t114[s][i] = t113[s][i] + t112[s][i];
        float t115[1][8];
        EACH(1, 8) t115[s][i] = t91[s][i] * t111[s][(i >> 1) & 1];
        float t116[1][8];
        EACH(1, 8) t116[s][i] = t115[s][i];
        product<bf16, 0, 48>(t116, t108, t102);
        EACH(1, 2) t89[s][i] = t104[s][i];
        EACH(1, 2) t90[s][i] = t114[s][i];
        EACH(1, 8) t91[s][i] = t116[s][i];
    }
    float t117[1][2];
    EACH(1, 2) t117[s][i] = t89[s][i];
    float t118[1][2];
    EACH(1, 2) t118[s][i] = t90[s][i];
    float t119[1][8];
    EACH(1, 8) t119[s][i] = t91[s][i];
    const i64 n120_end = opaque(2LL);
    #pragma unroll 1
    for (i64 n120 = n34; n120 < n120_end; n120 += 1LL) { // key
        wait<0>();
        const i64 n124 = n120 + 1LL;
        const i64 n125 = (i64)(n124 < 2LL);
        if (n125) {
            const i64 n126 = n124 * 16LL;
            const i64 n127 = n24 + n126;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n124 % 2u * 768u, view(a.v + 5, n10, n127, n14, 0LL, n3), k_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n124 % 2u * 768u, view(a.v + 10, n10, n127, n14, 0LL, n3), v_aligned);
        }
        commit();
        const i64 n128 = n120 * 16LL;
        const i64 n129 = n24 + n128;
        const u32 t130 = shared + 0u + (u32)n120 % 2u * 768u;
        float t131[1][8];
        EACH(1, 8) t131[s][i] = 0.f;
        product<bf16, 1, 48>(t131, t49, t130);
        const u32 t132 = shared + 1536u + (u32)n120 % 2u * 768u;
        const i64 n133 = n129 - n22;
        float t134[1][8];
        mask<1, 16, 0, 1, 0>(t134, t131, n133, -1152921504606846976LL, 0LL, 0LL, -INFINITY);
        float t135[1][2];
        rowmax<16>(t135, t134);
        float t136[1][2];
        EACH(1, 2) t136[s][i] = max_nan(t117[s][i], t135[s][i]);
        float t137[1][2];
        EACH(1, 2) t137[s][i] = t136[s][i] * -7.213475204e-01f;
        float t138[1][8];
        EACH(1, 8) t138[s][i] = fmaf(t134[s][i], 7.213475204e-01f, t137[s][(i >> 1) & 1]);
        float t139[1][8];
        EACH(1, 8) t139[s][i] = exp2_fast(t138[s][i]);
        u32 t140[1][4];
        EACH(1, 4) t140[s][i] = pack(t139[s][2 * i], t139[s][2 * i + 1], bf16());
        float t141[1][2];
        EACH(1, 2) t141[s][i] = t117[s][i] - t136[s][i];
        float t142[1][2];
        EACH(1, 2) t142[s][i] = t141[s][i] * 7.213475204e-01f;
        float t143[1][2];
        EACH(1, 2) t143[s][i] = exp2_fast(t142[s][i]);
        float t144[1][2];
        rowsum<16>(t144, t139);
        float t145[1][2];
        EACH(1, 2) t145[s][i] = t118[s][i] * t143[s][i];
        float t146[1][2];
        EACH(1, 2) t146[s][i] = t145[s][i] + t144[s][i];
        float t147[1][8];
        EACH(1, 8) t147[s][i] = t119[s][i] * t143[s][(i >> 1) & 1];
        float t148[1][8];
        EACH(1, 8) t148[s][i] = t147[s][i];
        product<bf16, 0, 48>(t148, t140, t132);
        EACH(1, 2) t117[s][i] = t136[s][i];
        EACH(1, 2) t118[s][i] = t146[s][i];
        EACH(1, 8) t119[s][i] = t148[s][i];
    }
    commit();
    wait<0>();
    float t150[1][2];
    EACH(1, 2) t150[s][i] = max_nan(t118[s][i], 1.000000000e-37f);
    float t152[1][2];
    EACH(1, 2) t152[s][i] = __fdividef(1.000000000e+00f, t150[s][i]);
    float t153[1][8];
    EACH(1, 8) t153[s][i] = t119[s][i] * t152[s][(i >> 1) & 1];
    float t154[1][8];
    load_tile<bf16, Rows<1, 2, 16, 0, 16>, 1, 4, 1>(t154, view(a.v + 0, n10, n22, n47, 0LL, n3));
    float t155[1][8];
    EACH(1, 8) t155[s][i] = max_nan(t154[s][i], 0.f);
    u32 t156[1][4];
    EACH(1, 4) t156[s][i] = pack(has_column<4>(i / 2, 0) ? t155[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t155[s][2 * i + 1] : 0.f, bf16());
    float t157[1][8];
    EACH(1, 8) t157[s][i] = 0.000000000e+00f;
    if (n40) {
        const u32 t158 = shared + 3072u;
        float t159[1][8];
        EACH(1, 8) t159[s][i] = 0.f;
        product<bf16, 1, 48>(t159, t156, t158);
        float t160[1][8];
        mask_fixed<1, 16, -1048576, 0, 0>(t160, t159, 0LL, 0.000000000e+00f);
        u32 t161[1][4];
        EACH(1, 4) t161[s][i] = pack(t160[s][2 * i], t160[s][2 * i + 1], bf16());
        const u32 t162 = shared + 3840u;
        float t163[1][8];
        EACH(1, 8) t163[s][i] = 0.f;
        product<bf16, 0, 48>(t163, t161, t162);
        const u32 t164 = shared + 4608u;
        float t165[1][8];
        EACH(1, 8) t165[s][i] = t163[s][i];
        product<bf16, 0, 48>(t165, t156, t164);
        EACH(1, 8) t157[s][i] = t165[s][i];
    }
    float t166[1][8];
    EACH(1, 8) t166[s][i] = t153[s][i] + t157[s][i];
    store_tile<bf16, Rows<1, 2, 16, 0, 16>, 1, 4>(t166, view(a.v + 15, n10, n22, n47, 0LL, n3));
}

