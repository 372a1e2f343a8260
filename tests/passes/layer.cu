struct Args {
    i64 v[46];
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
    load_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t10, view(a.v + 5, n6, n9, n7, 0LL, n5));
    float t11[1][8];
    EACH(1, 8) t11[s][i] = max_nan(t10[s][i], 0.f);
    store_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t11, view(a.v + 20, n6, n9, n7, 0LL, n5));
}

// 32 threads, 3072 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 16) rattan_layer_forward_segment_state(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    const bool phi_aligned = aligned<bf16>(a.v + 20, 16);
    u32 rest = blockIdx.x;
    const i64 n17 = rest % (u32)a.v[39]; // segment
    rest /= (u32)a.v[39];
    const i64 n13 = rest % 1u; // part
    rest /= 1u;
    const i64 n11 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n10 = rest; // seq
    const i64 n1 = a.v[37];
    const i64 n3 = a.v[39];
    const i64 n4 = a.v[40];
    const i64 n7 = a.v[36];
    const i64 n12 = n11 * 4LL;
    const i64 n14 = n11 + n13;
    const i64 n15 = n13 * 4LL;
    const i64 n16 = n12 + n15;
    const i64 n20 = n17 * n4;
    const i64 n21 = floor_div(n20, 16LL);
    const i64 n22 = n20 + -6LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n21 % 2u * 768u, view(a.v + 20, n10, n22, n14, 0LL, n7), phi_aligned);
    const i64 n23 = n7 - n20;
    const i64 n24 = n22 + n23;
    const i64 n25 = smaller(n7, n24);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n21 % 2u * 768u, view(a.v + 10, n10, n22, n11, 0LL, n25), v_aligned);
    commit();
    const i64 n27 = n20 + n4;
    const i64 n28 = smaller(n7, n27);
    float t29[1][8];
    EACH(1, 8) t29[s][i] = 0.000000000e+00f;
    #pragma unroll 1
    for (i64 n30 = n20; n30 < n28; n30 += 16LL) { // row
        wait<0>();
        const i64 n32 = n30 + 16LL;
        const i64 n33 = (i64)(n32 < n28);
        if (n33) {
            const i64 n34 = floor_div(n32, 16LL);
            const i64 n35 = n32 + -6LL;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n34 % 2u * 768u, view(a.v + 20, n10, n35, n14, 0LL, n7), phi_aligned);
            const i64 n36 = n7 - n32;
            const i64 n37 = n35 + n36;
            const i64 n38 = smaller(n7, n37);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n34 % 2u * 768u, view(a.v + 10, n10, n35, n11, 0LL, n38), v_aligned);
        }
        commit();
        const i64 n39 = floor_div(n30, 16LL);
        const u32 t40 = shared + 0u + (u32)n39 % 2u * 768u;
        const u32 t41 = shared + 1536u + (u32)n39 % 2u * 768u;
        float t42[1][8];
        EACH(1, 8) t42[s][i] = t29[s][i];
        product_transposed<bf16, 1, 0, 48, 48, 16>(t42, t40, t41);
        EACH(1, 8) t29[s][i] = t42[s][i];
    }
    store_tile<float, Rows<2, -1, 4, 0, 4>, 1, 4>(t29, view(a.v + 25, n17, n10, n16, 0LL, 1152921504606846976LL));
}

// 32 threads, 0 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 1) rattan_layer_forward_segment_scan(const __grid_constant__ Args a) {
    u32 rest = blockIdx.x;
    const i64 n9 = rest % 1u; // part
    rest /= 1u;
    const i64 n7 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n6 = rest; // seq
    const i64 n1 = a.v[37];
    const i64 n3 = a.v[39];
    const i64 n8 = n7 * 4LL;
    const i64 n11 = n9 * 4LL;
    const i64 n12 = n8 + n11;
    float t13[1][8];
    EACH(1, 8) t13[s][i] = 0.000000000e+00f;
    #pragma unroll 1
    for (i64 n14 = 0LL; n14 < n3; n14 += 1LL) { // segment
        float t16[1][8];
        load_tile<float, Rows<2, -1, 4, 0, 4>, 1, 4>(t16, view(a.v + 25, n14, n6, n12, 0LL, 1152921504606846976LL));
        float t17[1][8];
        EACH(1, 8) t17[s][i] = t13[s][i] + t16[s][i];
        store_tile<float, Rows<2, -1, 4, 0, 4>, 1, 4>(t17, view(a.v + 25, n14, n6, n12, 0LL, 1152921504606846976LL));
        EACH(1, 8) t13[s][i] = t17[s][i];
    }
}

// 32 threads, 3072 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 16) rattan_layer_forward_states(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    const bool phi_aligned = aligned<bf16>(a.v + 20, 16);
    u32 rest = blockIdx.x;
    const i64 n20 = rest % (u32)a.v[38]; // segment
    rest /= (u32)a.v[38];
    const i64 n16 = rest % 1u; // part
    rest /= 1u;
    const i64 n14 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n10 = rest; // seq
    const i64 n1 = a.v[37];
    const i64 n3 = a.v[38];
    const i64 n4 = a.v[40];
    const i64 n7 = a.v[36];
    const i64 n11 = n10 * n7;
    const i64 n12 = floor_div(n11, 16LL);
    const i64 n13 = n12 + n10;
    const i64 n15 = n14 * 4LL;
    const i64 n17 = n14 + n16;
    const i64 n18 = n16 * 4LL;
    const i64 n19 = n15 + n18;
    const i64 n23 = n20 * n4;
    const i64 n24 = floor_div(n23, 16LL);
    const i64 n25 = n23 + -6LL;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n24 % 2u * 768u, view(a.v + 20, n10, n25, n17, 0LL, n7), phi_aligned);
    const i64 n26 = n7 - n23;
    const i64 n27 = n25 + n26;
    const i64 n28 = smaller(n7, n27);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n24 % 2u * 768u, view(a.v + 10, n10, n25, n14, 0LL, n28), v_aligned);
    commit();
    const i64 n30 = (i64)(0LL < n20);
    float t31[1][8];
    EACH(1, 8) t31[s][i] = 0.000000000e+00f;
    if (n30) {
        const i64 n33 = n20 + -1LL;
        float t34[1][8];
        load_tile<float, Rows<2, -1, 4, 0, 4>, 1, 4>(t34, view(a.v + 25, n33, n10, n19, 0LL, 1152921504606846976LL));
        EACH(1, 8) t31[s][i] = t34[s][i];
    }
    const i64 n35 = n23 + n4;
    const i64 n36 = smaller(n7, n35);
    float t37[1][8];
    EACH(1, 8) t37[s][i] = t31[s][i];
    #pragma unroll 1
    for (i64 n38 = n23; n38 < n36; n38 += 16LL) { // row
        wait<0>();
        const i64 n40 = n38 + 16LL;
        const i64 n41 = (i64)(n40 < n36);
        if (n41) {
            const i64 n42 = floor_div(n40, 16LL);
            const i64 n43 = n40 + -6LL;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n42 % 2u * 768u, view(a.v + 20, n10, n43, n17, 0LL, n7), phi_aligned);
            const i64 n44 = n7 - n40;
            const i64 n45 = n43 + n44;
            const i64 n46 = smaller(n7, n45);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n42 % 2u * 768u, view(a.v + 10, n10, n43, n14, 0LL, n46), v_aligned);
        }
        commit();
        const i64 n47 = floor_div(n38, 16LL);
        const u32 t48 = shared + 0u + (u32)n47 % 2u * 768u;
        const u32 t49 = shared + 1536u + (u32)n47 % 2u * 768u;
        const i64 n50 = n13 + n47;
        store_tile<bf16, Rows<2, -1, 4, 0, 4>, 1, 4>(t37, view(a.v + 30, 0LL, n50, n19, 0LL, 1152921504606846976LL));
        float t51[1][8];
        EACH(1, 8) t51[s][i] = t37[s][i];
        product_transposed<bf16, 1, 0, 48, 48, 16>(t51, t48, t49);
        EACH(1, 8) t37[s][i] = t51[s][i];
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
    const i64 n42 = rest % 2u; // group
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
    const i64 n37 = n24 + 16LL;
    const i64 n38 = n37 + 15LL;
    const i64 n39 = floor_div(n38, 16LL);
    const i64 n40 = larger(0LL, n39);
    const i64 n41 = (i64)(0LL < n40);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n27 % 2u * 768u, view(a.v + 5, n10, n29, n14, 0LL, n3), k_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n27 % 2u * 768u, view(a.v + 10, n10, n29, n14, 0LL, n3), v_aligned);
    commit();
    const i64 n48 = n15 + n42;
    float t49[1][8];
    load_tile<bf16, Rows<1, 2, 16, 0, 16>, 1, 4>(t49, view(a.v + 0, n10, n22, n48, 0LL, n3));
    float t51[1][8];
    EACH(1, 8) t51[s][i] = t49[s][i] * 5.000000000e-01f;
    u32 t52[1][4];
    EACH(1, 4) t52[s][i] = pack(has_column<4>(i / 2, 0) ? t51[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t51[s][2 * i + 1] : 0.f, bf16());
    float t56[1][2];
    EACH(1, 2) t56[s][i] = -3.402823466e+38f;
    float t57[1][2];
    EACH(1, 2) t57[s][i] = 0.000000000e+00f;
    float t58[1][8];
    EACH(1, 8) t58[s][i] = 0.000000000e+00f;
    #pragma unroll 1
    for (i64 n59 = n27; n59 < n33; n59 += 1LL) { // key
        wait<0>();
        const i64 n63 = n59 + 1LL;
        const i64 n64 = (i64)(n63 < 2LL);
        if (n64) {
            const i64 n65 = n63 * 16LL;
            const i64 n66 = n24 + n65;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n63 % 2u * 768u, view(a.v + 5, n10, n66, n14, 0LL, n3), k_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n63 % 2u * 768u, view(a.v + 10, n10, n66, n14, 0LL, n3), v_aligned);
        }
        commit();
        const i64 n67 = n59 * 16LL;
        const i64 n68 = n24 + n67;
        const u32 t69 = shared + 0u + (u32)n59 % 2u * 768u;
        float t70[1][8];
        EACH(1, 8) t70[s][i] = 0.f;
        product<bf16, 1, 48>(t70, t52, t69);
        const u32 t71 = shared + 1536u + (u32)n59 % 2u * 768u;
        const i64 n72 = n68 - n22;
        const i64 n73 = 0LL - n68;
        const i64 n74 = larger(0LL, n73);
        float t75[1][8];
        mask<1, 16, 1, 1, 1>(t75, t70, n72, -5LL, 0LL, n74, -INFINITY);
        float t76[1][2];
        rowmax<16>(t76, t75);
        float t77[1][2];
        EACH(1, 2) t77[s][i] = max_nan(t56[s][i], t76[s][i]);
        float t79_scaled[1][2];
        EACH(1, 2) t79_scaled[s][i] = max_nan(t77[s][i] * 1.4426950408889634f, -3.4e38f);
        float t79[1][8];
        EACH(1, 8) t79[s][i] = exp2_fast(t75[s][i] * 1.4426950408889634f - t79_scaled[s][(i >> 1) & 1]);
        u32 t80[1][4];
        EACH(1, 4) t80[s][i] = pack(t79[s][2 * i], t79[s][2 * i + 1], bf16());
        float t81[1][2];
        EACH(1, 2) t81[s][i] = t56[s][i] - t77[s][i];
        float t82[1][2];
        EACH(1, 2) t82[s][i] = exp_fast(t81[s][i]);
        float t83[1][2];
        rowsum<16>(t83, t79);
        float t84[1][2];
        EACH(1, 2) t84[s][i] = t57[s][i] * t82[s][i];
        float t85[1][2];
        EACH(1, 2) t85[s][i] = t84[s][i] + t83[s][i];
        float t86[1][8];
        EACH(1, 8) t86[s][i] = t58[s][i] * t82[s][(i >> 1) & 1];
        float t87[1][8];
        EACH(1, 8) t87[s][i] = t86[s][i];
        product<bf16, 0, 48>(t87, t80, t71);
        EACH(1, 2) t56[s][i] = t77[s][i];
        EACH(1, 2) t57[s][i] = t85[s][i];
        EACH(1, 8) t58[s][i] = t87[s][i];
    }
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 3072u, view(a.v + 20, n10, n24, n14, 0LL, n3), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 3840u, view(a.v + 10, n10, n24, n14, 0LL, n3), v_aligned);
    fetch<bf16, Rows<2, -1, 4, 0, 4>, 1, 4, 4>(shared + 4608u, view(a.v + 30, 0LL, n36, n16, 0LL, 1152921504606846976LL), states_aligned);
    float t88[1][2];
    EACH(1, 2) t88[s][i] = t56[s][i];
    float t89[1][2];
    EACH(1, 2) t89[s][i] = t57[s][i];
    float t90[1][8];
    EACH(1, 8) t90[s][i] = t58[s][i];
    #pragma unroll 1
    for (i64 n91 = n33; n91 < n34; n91 += 1LL) { // key
        wait<0>();
        const i64 n95 = n91 + 1LL;
        const i64 n96 = (i64)(n95 < 2LL);
        if (n96) {
            const i64 n97 = n95 * 16LL;
            const i64 n98 = n24 + n97;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n95 % 2u * 768u, view(a.v + 5, n10, n98, n14, 0LL, n3), k_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n95 % 2u * 768u, view(a.v + 10, n10, n98, n14, 0LL, n3), v_aligned);
        }
        commit();
        const u32 t99 = shared + 0u + (u32)n91 % 2u * 768u;
        float t100[1][8];
        EACH(1, 8) t100[s][i] = 0.f;
        product<bf16, 1, 48>(t100, t52, t99);
        const u32 t101 = shared + 1536u + (u32)n91 % 2u * 768u;
        float t102[1][2];
        rowmax<16>(t102, t100);
        float t103[1][2];
        EACH(1, 2) t103[s][i] = max_nan(t88[s][i], t102[s][i]);
        float t105_scaled[1][2];
        EACH(1, 2) t105_scaled[s][i] = max_nan(t103[s][i] * 1.4426950408889634f, -3.4e38f);
        float t105[1][8];
        EACH(1, 8) t105[s][i] = exp2_fast(t100[s][i] * 1.4426950408889634f - t105_scaled[s][(i >> 1) & 1]);
        u32 t106[1][4];
        EACH(1, 4) t106[s][i] = pack(t105[s][2 * i], t105[s][2 * i + 1], bf16());
        float t107[1][2];
        EACH(1, 2) t107[s][i] = t88[s][i] - t103[s][i];
        float t108[1][2];
        EACH(1, 2) t108[s][i] = exp_fast(t107[s][i]);
        float t109[1][2];
        rowsum<16>(t109, t105);
        float t110[1][2];
        EACH(1, 2) t110[s][i] = t89[s][i] * t108[s][i];
        float t111[1][2];
        EACH(1, 2) t111[s][i] = t110[s][i] + t109[s][i];
        float t112[1][8];
        EACH(1, 8) t112[s][i] = t90[s][i] * t108[s][(i >> 1) & 1];
        float t113[1][8];
        EACH(1, 8) t113[s][i] = t112[s][i];
        product<bf16, 0, 48>(t113, t106, t101);
        EACH(1, 2) t88[s][i] = t103[s][i];
        EACH(1, 2) t89[s][i] = t111[s][i];
        EACH(1, 8) t90[s][i] = t113[s][i];
    }
    float t114[1][2];
    EACH(1, 2) t114[s][i] = t88[s][i];
    float t115[1][2];
    EACH(1, 2) t115[s][i] = t89[s][i];
    float t116[1][8];
    EACH(1, 8) t116[s][i] = t90[s][i];
    #pragma unroll 1
    for (i64 n117 = n34; n117 < 2LL; n117 += 1LL) { // key
        wait<0>();
        const i64 n121 = n117 + 1LL;
        const i64 n122 = (i64)(n121 < 2LL);
        if (n122) {
            const i64 n123 = n121 * 16LL;
            const i64 n124 = n24 + n123;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n121 % 2u * 768u, view(a.v + 5, n10, n124, n14, 0LL, n3), k_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n121 % 2u * 768u, view(a.v + 10, n10, n124, n14, 0LL, n3), v_aligned);
        }
        commit();
        const i64 n125 = n117 * 16LL;
        const i64 n126 = n24 + n125;
        const u32 t127 = shared + 0u + (u32)n117 % 2u * 768u;
        float t128[1][8];
        EACH(1, 8) t128[s][i] = 0.f;
        product<bf16, 1, 48>(t128, t52, t127);
        const u32 t129 = shared + 1536u + (u32)n117 % 2u * 768u;
        const i64 n130 = n126 - n22;
        float t131[1][8];
        mask<1, 16, 0, 1, 0>(t131, t128, n130, -1152921504606846976LL, 0LL, 0LL, -INFINITY);
        float t132[1][2];
        rowmax<16>(t132, t131);
        float t133[1][2];
        EACH(1, 2) t133[s][i] = max_nan(t114[s][i], t132[s][i]);
        float t135_scaled[1][2];
        EACH(1, 2) t135_scaled[s][i] = max_nan(t133[s][i] * 1.4426950408889634f, -3.4e38f);
        float t135[1][8];
        EACH(1, 8) t135[s][i] = exp2_fast(t131[s][i] * 1.4426950408889634f - t135_scaled[s][(i >> 1) & 1]);
        u32 t136[1][4];
        EACH(1, 4) t136[s][i] = pack(t135[s][2 * i], t135[s][2 * i + 1], bf16());
        float t137[1][2];
        EACH(1, 2) t137[s][i] = t114[s][i] - t133[s][i];
        float t138[1][2];
        EACH(1, 2) t138[s][i] = exp_fast(t137[s][i]);
        float t139[1][2];
        rowsum<16>(t139, t135);
        float t140[1][2];
        EACH(1, 2) t140[s][i] = t115[s][i] * t138[s][i];
        float t141[1][2];
        EACH(1, 2) t141[s][i] = t140[s][i] + t139[s][i];
        float t142[1][8];
        EACH(1, 8) t142[s][i] = t116[s][i] * t138[s][(i >> 1) & 1];
        float t143[1][8];
        EACH(1, 8) t143[s][i] = t142[s][i];
        product<bf16, 0, 48>(t143, t136, t129);
        EACH(1, 2) t114[s][i] = t133[s][i];
        EACH(1, 2) t115[s][i] = t141[s][i];
        EACH(1, 8) t116[s][i] = t143[s][i];
    }
    commit();
    wait<0>();
    float t145[1][2];
    EACH(1, 2) t145[s][i] = max_nan(t115[s][i], 1.000000000e-37f);
    float t147[1][2];
    EACH(1, 2) t147[s][i] = 1.000000000e+00f / t145[s][i];
    float t148[1][8];
    EACH(1, 8) t148[s][i] = t116[s][i] * t147[s][(i >> 1) & 1];
    float t149[1][8];
    load_tile<bf16, Rows<1, 2, 16, 0, 16>, 1, 4>(t149, view(a.v + 0, n10, n22, n48, 0LL, n3));
    float t150[1][8];
    EACH(1, 8) t150[s][i] = max_nan(t149[s][i], 0.f);
    u32 t151[1][4];
    EACH(1, 4) t151[s][i] = pack(has_column<4>(i / 2, 0) ? t150[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t150[s][2 * i + 1] : 0.f, bf16());
    float t152[1][8];
    EACH(1, 8) t152[s][i] = 0.000000000e+00f;
    if (n41) {
        const u32 t153 = shared + 3072u;
        float t154[1][8];
        EACH(1, 8) t154[s][i] = 0.f;
        product<bf16, 1, 48>(t154, t151, t153);
        float t155[1][8];
        mask<1, 16, 0, 1, 0>(t155, t154, -6LL, -1152921504606846976LL, -6LL, 0LL, 0.000000000e+00f);
        u32 t156[1][4];
        EACH(1, 4) t156[s][i] = pack(t155[s][2 * i], t155[s][2 * i + 1], bf16());
        const u32 t157 = shared + 3840u;
        float t158[1][8];
        EACH(1, 8) t158[s][i] = 0.f;
        product<bf16, 0, 48>(t158, t156, t157);
        const u32 t159 = shared + 4608u;
        float t160[1][8];
        EACH(1, 8) t160[s][i] = t158[s][i];
        product<bf16, 0, 48>(t160, t151, t159);
        EACH(1, 8) t152[s][i] = t160[s][i];
    }
    float t161[1][8];
    EACH(1, 8) t161[s][i] = t148[s][i] + t152[s][i];
    store_tile<bf16, Rows<1, 2, 16, 0, 16>, 1, 4>(t161, view(a.v + 15, n10, n22, n48, 0LL, n3));
}

