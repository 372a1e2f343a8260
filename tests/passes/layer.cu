struct Args {
    i64 v[45];
};

// 32 threads, 5376 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 2) rattan_layer_forward_segment_state(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    u32 rest = blockIdx.x;
    const i64 n24 = rest % (u32)a.v[39]; // segment
    rest /= (u32)a.v[39];
    const i64 n18 = rest % 1u; // part
    rest /= 1u;
    const i64 n16 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n15 = rest; // seq
    const i64 n1 = a.v[37];
    const i64 n3 = a.v[39];
    const i64 n4 = a.v[40];
    const i64 n7 = a.v[36];
    const i64 n17 = n16 * 4LL;
    const i64 n19 = n18 * 4LL;
    const i64 n20 = n17 + n19;
    const i64 n21 = (i64)(-1LL < n18);
    const i64 n22 = (i64)(n18 < 1LL);
    const i64 n23 = n22 * n21;
    const i64 n27 = n24 * n4;
    const i64 n28 = floor_div(n27, 16LL);
    const i64 n29 = n27 + -6LL;
    const i64 n30 = n7 - n27;
    const i64 n31 = n29 + n30;
    const i64 n32 = smaller(n7, n31);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n28 % 6u * 768u, view(a.v + 10, n15, n29, n16, 0LL, n32), v_aligned);
    commit();
    const i64 n33 = n27 + 16LL;
    const i64 n34 = floor_div(n33, 16LL);
    const i64 n35 = n33 + -6LL;
    const i64 n36 = n7 - n33;
    const i64 n37 = n35 + n36;
    const i64 n38 = smaller(n7, n37);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n34 % 6u * 768u, view(a.v + 10, n15, n35, n16, 0LL, n38), v_aligned);
    commit();
    const i64 n39 = n27 + 32LL;
    const i64 n40 = floor_div(n39, 16LL);
    const i64 n41 = n39 + -6LL;
    const i64 n42 = n7 - n39;
    const i64 n43 = n41 + n42;
    const i64 n44 = smaller(n7, n43);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n40 % 6u * 768u, view(a.v + 10, n15, n41, n16, 0LL, n44), v_aligned);
    commit();
    const i64 n45 = n27 + 48LL;
    const i64 n46 = floor_div(n45, 16LL);
    const i64 n47 = n45 + -6LL;
    const i64 n48 = n7 - n45;
    const i64 n49 = n47 + n48;
    const i64 n50 = smaller(n7, n49);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n46 % 6u * 768u, view(a.v + 10, n15, n47, n16, 0LL, n50), v_aligned);
    commit();
    const i64 n51 = n27 + 64LL;
    const i64 n52 = floor_div(n51, 16LL);
    const i64 n53 = n51 + -6LL;
    const i64 n54 = n7 - n51;
    const i64 n55 = n53 + n54;
    const i64 n56 = smaller(n7, n55);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n52 % 6u * 768u, view(a.v + 10, n15, n53, n16, 0LL, n56), v_aligned);
    commit();
    const i64 n58 = n27 + n4;
    const i64 n59 = smaller(n7, n58);
    u32 t60[1][4];
    load_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t60, view(a.v + 5, n15, n29, n16, 0LL, n7));
    float t62[1][8];
    EACH(1, 8) t62[s][i] = 0.000000000e+00f;
    u32 t63[1][4];
    EACH(1, 4) t63[s][i] = t60[s][i];
    #pragma unroll 1
    for (i64 n64 = n27; n64 < n59; n64 += 16LL) { // row
        wait<4>();
        const i64 n67 = n64 + 80LL;
        const i64 n68 = (i64)(n67 < n59);
        if (n68) {
            const i64 n69 = floor_div(n67, 16LL);
            const i64 n70 = n67 + -6LL;
            const i64 n71 = n7 - n67;
            const i64 n72 = n70 + n71;
            const i64 n73 = smaller(n7, n72);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n69 % 6u * 768u, view(a.v + 10, n15, n70, n16, 0LL, n73), v_aligned);
        }
        commit();
        const i64 n74 = n64 + 16LL;
        const i64 n75 = n74 + -6LL;
        u32 t76[1][4];
        load_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t76, view(a.v + 5, n15, n75, n16, 0LL, n7));
        float t77[1][8];
        EACH(1, 8) t77[s][i] = unpacked(t63[s][i >> 1], i & 1, bf16());
        float t78[1][8];
        EACH(1, 8) t78[s][i] = 0.000000000e+00f;
        if (n23) {
            float t79[1][8];
            EACH(1, 8) t79[s][i] = max_nan(t77[s][i], 0.f);
            EACH(1, 8) t78[s][i] = t79[s][i];
        }
        const i64 n80 = floor_div(n64, 16LL);
        const u32 t81 = shared + 0u + (u32)n80 % 6u * 768u;
        u32 t82[1][4];
        EACH(1, 4) t82[s][i] = pack(has_column<4>(i / 2, 0) ? t78[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t78[s][2 * i + 1] : 0.f, bf16());
        put<1, 16, 4>(shared + 4608u, t82);
        __syncthreads();
        const u32 t83 = shared + 4608u;
        float t84[1][8];
        EACH(1, 8) t84[s][i] = t62[s][i];
        product_transposed<bf16, 1, 0, 48, 48, 16>(t84, t83, t81);
        EACH(1, 8) t62[s][i] = t84[s][i];
        EACH(1, 4) t63[s][i] = t76[s][i];
    }
    store_tile<float, Rows<2, -1, 4, 0, 4>, 1, 4>(t62, view(a.v + 25, n24, n15, n20, 0LL, 1152921504606846976LL));
}

// 32 threads, 5376 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 2) rattan_layer_forward_states(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    u32 rest = blockIdx.x;
    const i64 n28 = rest % (u32)a.v[38]; // segment
    rest /= (u32)a.v[38];
    const i64 n21 = rest % 1u; // part
    rest /= 1u;
    const i64 n19 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n15 = rest; // seq
    const i64 n1 = a.v[37];
    const i64 n3 = a.v[38];
    const i64 n4 = a.v[40];
    const i64 n7 = a.v[36];
    const i64 n16 = n15 * n7;
    const i64 n17 = floor_div(n16, 16LL);
    const i64 n18 = n17 + n15;
    const i64 n20 = n19 * 4LL;
    const i64 n22 = n21 * 4LL;
    const i64 n23 = n20 + n22;
    const i64 n24 = (i64)(-1LL < n21);
    const i64 n25 = (i64)(n21 < 1LL);
    const i64 n26 = n25 * n24;
    const i64 n27 = n19 + n21;
    const i64 n31 = n28 * n4;
    const i64 n32 = floor_div(n31, 16LL);
    const i64 n33 = n31 + -6LL;
    const i64 n34 = n7 - n31;
    const i64 n35 = n33 + n34;
    const i64 n36 = smaller(n7, n35);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n32 % 6u * 768u, view(a.v + 10, n15, n33, n19, 0LL, n36), v_aligned);
    commit();
    const i64 n37 = n31 + 16LL;
    const i64 n38 = floor_div(n37, 16LL);
    const i64 n39 = n37 + -6LL;
    const i64 n40 = n7 - n37;
    const i64 n41 = n39 + n40;
    const i64 n42 = smaller(n7, n41);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n38 % 6u * 768u, view(a.v + 10, n15, n39, n19, 0LL, n42), v_aligned);
    commit();
    const i64 n43 = n31 + 32LL;
    const i64 n44 = floor_div(n43, 16LL);
    const i64 n45 = n43 + -6LL;
    const i64 n46 = n7 - n43;
    const i64 n47 = n45 + n46;
    const i64 n48 = smaller(n7, n47);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n44 % 6u * 768u, view(a.v + 10, n15, n45, n19, 0LL, n48), v_aligned);
    commit();
    const i64 n49 = n31 + 48LL;
    const i64 n50 = floor_div(n49, 16LL);
    const i64 n51 = n49 + -6LL;
    const i64 n52 = n7 - n49;
    const i64 n53 = n51 + n52;
    const i64 n54 = smaller(n7, n53);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n50 % 6u * 768u, view(a.v + 10, n15, n51, n19, 0LL, n54), v_aligned);
    commit();
    const i64 n55 = n31 + 64LL;
    const i64 n56 = floor_div(n55, 16LL);
    const i64 n57 = n55 + -6LL;
    const i64 n58 = n7 - n55;
    const i64 n59 = n57 + n58;
    const i64 n60 = smaller(n7, n59);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n56 % 6u * 768u, view(a.v + 10, n15, n57, n19, 0LL, n60), v_aligned);
    commit();
    float t62[1][8];
    EACH(1, 8) t62[s][i] = 0.000000000e+00f;
    #pragma unroll 1
    for (i64 n63 = 0LL; n63 < n28; n63 += 1LL) { // segment
        float t65[1][8];
        load_tile<float, Rows<2, -1, 4, 0, 4>, 1, 4>(t65, view(a.v + 25, n63, n15, n23, 0LL, 1152921504606846976LL));
        float t66[1][8];
        EACH(1, 8) t66[s][i] = t62[s][i] + t65[s][i];
        EACH(1, 8) t62[s][i] = t66[s][i];
    }
    const i64 n67 = n31 + n4;
    const i64 n68 = smaller(n7, n67);
    u32 t69[1][4];
    load_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t69, view(a.v + 5, n15, n33, n19, 0LL, n7));
    float t71[1][8];
    EACH(1, 8) t71[s][i] = t62[s][i];
    u32 t72[1][4];
    EACH(1, 4) t72[s][i] = t69[s][i];
    #pragma unroll 1
    for (i64 n73 = n31; n73 < n68; n73 += 16LL) { // row
        wait<4>();
        const i64 n76 = n73 + 80LL;
        const i64 n77 = (i64)(n76 < n68);
        if (n77) {
            const i64 n78 = floor_div(n76, 16LL);
            const i64 n79 = n76 + -6LL;
            const i64 n80 = n7 - n76;
            const i64 n81 = n79 + n80;
            const i64 n82 = smaller(n7, n81);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n78 % 6u * 768u, view(a.v + 10, n15, n79, n19, 0LL, n82), v_aligned);
        }
        commit();
        const i64 n83 = n73 + -6LL;
        const i64 n84 = n73 + 16LL;
        const i64 n85 = n84 + -6LL;
        u32 t86[1][4];
        load_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t86, view(a.v + 5, n15, n85, n19, 0LL, n7));
        float t87[1][8];
        EACH(1, 8) t87[s][i] = unpacked(t72[s][i >> 1], i & 1, bf16());
        float t88[1][8];
        EACH(1, 8) t88[s][i] = 0.000000000e+00f;
        if (n26) {
            float t89[1][8];
            EACH(1, 8) t89[s][i] = max_nan(t87[s][i], 0.f);
            EACH(1, 8) t88[s][i] = t89[s][i];
        }
        const i64 n90 = floor_div(n73, 16LL);
        const u32 t91 = shared + 0u + (u32)n90 % 6u * 768u;
        const i64 n92 = n18 + n90;
        store_tile<bf16, Rows<2, -1, 4, 0, 4>, 1, 4>(t71, view(a.v + 30, 0LL, n92, n23, 0LL, 1152921504606846976LL));
        store_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t88, view(a.v + 20, n15, n83, n27, 0LL, n7));
        u32 t93[1][4];
        EACH(1, 4) t93[s][i] = pack(has_column<4>(i / 2, 0) ? t88[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t88[s][2 * i + 1] : 0.f, bf16());
        put<1, 16, 4>(shared + 4608u, t93);
        __syncthreads();
        const u32 t94 = shared + 4608u;
        float t95[1][8];
        EACH(1, 8) t95[s][i] = t71[s][i];
        product_transposed<bf16, 1, 0, 48, 48, 16>(t95, t94, t91);
        EACH(1, 8) t71[s][i] = t95[s][i];
        EACH(1, 4) t72[s][i] = t86[s][i];
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
    if (n23) {
        fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n27 % 2u * 768u, view(a.v + 5, n10, n29, n14, 0LL, n3), k_aligned);
        fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n27 % 2u * 768u, view(a.v + 10, n10, n29, n14, 0LL, n3), v_aligned);
        commit();
        const i64 n48 = n15 + n42;
        float t49[1][8];
        load_tile<bf16, Rows<1, 2, 16, 0, 16>, 1, 4>(t49, view(a.v + 0, n10, n22, n48, 0LL, n3));
        u32 t50[1][4];
        EACH(1, 4) t50[s][i] = pack(has_column<4>(i / 2, 0) ? t49[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t49[s][2 * i + 1] : 0.f, bf16());
        float t56[1][2];
        EACH(1, 2) t56[s][i] = -1.000000000e+37f;
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
            product<bf16, 1, 48>(t70, t50, t69);
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
            float t78[1][2];
            EACH(1, 2) t78[s][i] = t77[s][i] * -7.213475204e-01f;
            float t79[1][8];
            EACH(1, 8) t79[s][i] = fmaf(t75[s][i], 7.213475204e-01f, t78[s][(i >> 1) & 1]);
            float t80[1][8];
            EACH(1, 8) t80[s][i] = exp2_fast(t79[s][i]);
            u32 t81[1][4];
            EACH(1, 4) t81[s][i] = pack(t80[s][2 * i], t80[s][2 * i + 1], bf16());
            float t82[1][2];
            EACH(1, 2) t82[s][i] = t56[s][i] - t77[s][i];
            float t83[1][2];
            EACH(1, 2) t83[s][i] = t82[s][i] * 7.213475204e-01f;
            float t84[1][2];
            EACH(1, 2) t84[s][i] = exp2_fast(t83[s][i]);
            float t85[1][2];
            rowsum<16>(t85, t80);
            float t86[1][2];
            EACH(1, 2) t86[s][i] = t57[s][i] * t84[s][i];
            float t87[1][2];
            EACH(1, 2) t87[s][i] = t86[s][i] + t85[s][i];
            float t88[1][8];
            EACH(1, 8) t88[s][i] = t58[s][i] * t84[s][(i >> 1) & 1];
            float t89[1][8];
            EACH(1, 8) t89[s][i] = t88[s][i];
            product<bf16, 0, 48>(t89, t81, t71);
            EACH(1, 2) t56[s][i] = t77[s][i];
            EACH(1, 2) t57[s][i] = t87[s][i];
            EACH(1, 8) t58[s][i] = t89[s][i];
        }
        fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 3072u, view(a.v + 20, n10, n24, n14, 0LL, n3), phi_aligned);
        fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 3840u, view(a.v + 10, n10, n24, n14, 0LL, n3), v_aligned);
        fetch<bf16, Rows<2, -1, 4, 0, 4>, 1, 4, 4>(shared + 4608u, view(a.v + 30, 0LL, n36, n16, 0LL, 1152921504606846976LL), states_aligned);
        float t90[1][2];
        EACH(1, 2) t90[s][i] = t56[s][i];
        float t91[1][2];
        EACH(1, 2) t91[s][i] = t57[s][i];
        float t92[1][8];
        EACH(1, 8) t92[s][i] = t58[s][i];
        #pragma unroll 1
        for (i64 n93 = n33; n93 < n34; n93 += 1LL) { // key
            wait<0>();
            const i64 n97 = n93 + 1LL;
            const i64 n98 = (i64)(n97 < 2LL);
            if (n98) {
                const i64 n99 = n97 * 16LL;
                const i64 n100 = n24 + n99;
                fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n97 % 2u * 768u, view(a.v + 5, n10, n100, n14, 0LL, n3), k_aligned);
                fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n97 % 2u * 768u, view(a.v + 10, n10, n100, n14, 0LL, n3), v_aligned);
            }
            commit();
            const u32 t101 = shared + 0u + (u32)n93 % 2u * 768u;
            float t102[1][8];
            EACH(1, 8) t102[s][i] = 0.f;
            product<bf16, 1, 48>(t102, t50, t101);
            const u32 t103 = shared + 1536u + (u32)n93 % 2u * 768u;
            float t104[1][2];
            rowmax<16>(t104, t102);
            float t105[1][2];
            EACH(1, 2) t105[s][i] = max_nan(t90[s][i], t104[s][i]);
            float t106[1][2];
            EACH(1, 2) t106[s][i] = t105[s][i] * -7.213475204e-01f;
            float t107[1][8];
            EACH(1, 8) t107[s][i] = fmaf(t102[s][i], 7.213475204e-01f, t106[s][(i >> 1) & 1]);
            float t108[1][8];
            EACH(1, 8) t108[s][i] = exp2_fast(t107[s][i]);
            u32 t109[1][4];
            EACH(1, 4) t109[s][i] = pack(t108[s][2 * i], t108[s][2 * i + 1], bf16());
            float t110[1][2];
            EACH(1, 2) t110[s][i] = t90[s][i] - t105[s][i];
            float t111[1][2];
            EACH(1, 2) t111[s][i] = t110[s][i] * 7.213475204e-01f;
            float t112[1][2];
            EACH(1, 2) t112[s][i] = exp2_fast(t111[s][i]);
            float t113[1][2];
            rowsum<16>(t113, t108);
            float t114[1][2];
            EACH(1, 2) t114[s][i] = t91[s][i] * t112[s][i];
            float t115[1][2];
            EACH(1, 2) t115[s][i] = t114[s][i] + t113[s][i];
            float t116[1][8];
            EACH(1, 8) t116[s][i] = t92[s][i] * t112[s][(i >> 1) & 1];
            float t117[1][8];
            EACH(1, 8) t117[s][i] = t116[s][i];
            product<bf16, 0, 48>(t117, t109, t103);
            EACH(1, 2) t90[s][i] = t105[s][i];
            EACH(1, 2) t91[s][i] = t115[s][i];
            EACH(1, 8) t92[s][i] = t117[s][i];
        }
        float t118[1][2];
        EACH(1, 2) t118[s][i] = t90[s][i];
        float t119[1][2];
        EACH(1, 2) t119[s][i] = t91[s][i];
        float t120[1][8];
        EACH(1, 8) t120[s][i] = t92[s][i];
        #pragma unroll 1
        for (i64 n121 = n34; n121 < 2LL; n121 += 1LL) { // key
            wait<0>();
            const i64 n125 = n121 + 1LL;
            const i64 n126 = (i64)(n125 < 2LL);
            if (n126) {
                const i64 n127 = n125 * 16LL;
                const i64 n128 = n24 + n127;
                fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u + (u32)n125 % 2u * 768u, view(a.v + 5, n10, n128, n14, 0LL, n3), k_aligned);
                fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 1536u + (u32)n125 % 2u * 768u, view(a.v + 10, n10, n128, n14, 0LL, n3), v_aligned);
            }
            commit();
            const i64 n129 = n121 * 16LL;
            const i64 n130 = n24 + n129;
            const u32 t131 = shared + 0u + (u32)n121 % 2u * 768u;
            float t132[1][8];
            EACH(1, 8) t132[s][i] = 0.f;
            product<bf16, 1, 48>(t132, t50, t131);
            const u32 t133 = shared + 1536u + (u32)n121 % 2u * 768u;
            const i64 n134 = n130 - n22;
            float t135[1][8];
            mask<1, 16, 0, 1, 0>(t135, t132, n134, -1152921504606846976LL, 0LL, 0LL, -INFINITY);
            float t136[1][2];
            rowmax<16>(t136, t135);
            float t137[1][2];
            EACH(1, 2) t137[s][i] = max_nan(t118[s][i], t136[s][i]);
            float t138[1][2];
            EACH(1, 2) t138[s][i] = t137[s][i] * -7.213475204e-01f;
            float t139[1][8];
            EACH(1, 8) t139[s][i] = fmaf(t135[s][i], 7.213475204e-01f, t138[s][(i >> 1) & 1]);
            float t140[1][8];
            EACH(1, 8) t140[s][i] = exp2_fast(t139[s][i]);
            u32 t141[1][4];
            EACH(1, 4) t141[s][i] = pack(t140[s][2 * i], t140[s][2 * i + 1], bf16());
            float t142[1][2];
            EACH(1, 2) t142[s][i] = t118[s][i] - t137[s][i];
            float t143[1][2];
            EACH(1, 2) t143[s][i] = t142[s][i] * 7.213475204e-01f;
            float t144[1][2];
            EACH(1, 2) t144[s][i] = exp2_fast(t143[s][i]);
            float t145[1][2];
            rowsum<16>(t145, t140);
            float t146[1][2];
            EACH(1, 2) t146[s][i] = t119[s][i] * t144[s][i];
            float t147[1][2];
            EACH(1, 2) t147[s][i] = t146[s][i] + t145[s][i];
            float t148[1][8];
            EACH(1, 8) t148[s][i] = t120[s][i] * t144[s][(i >> 1) & 1];
            float t149[1][8];
            EACH(1, 8) t149[s][i] = t148[s][i];
            product<bf16, 0, 48>(t149, t141, t133);
            EACH(1, 2) t118[s][i] = t137[s][i];
            EACH(1, 2) t119[s][i] = t147[s][i];
            EACH(1, 8) t120[s][i] = t149[s][i];
        }
        commit();
        wait<0>();
        float t151[1][2];
        EACH(1, 2) t151[s][i] = max_nan(t119[s][i], 1.000000000e-37f);
        float t153[1][2];
        EACH(1, 2) t153[s][i] = 1.000000000e+00f / t151[s][i];
        float t154[1][8];
        EACH(1, 8) t154[s][i] = t120[s][i] * t153[s][(i >> 1) & 1];
        float t155[1][8];
        load_tile<bf16, Rows<1, 2, 16, 0, 16>, 1, 4>(t155, view(a.v + 0, n10, n22, n48, 0LL, n3));
        float t156[1][8];
        EACH(1, 8) t156[s][i] = max_nan(t155[s][i], 0.f);
        u32 t157[1][4];
        EACH(1, 4) t157[s][i] = pack(has_column<4>(i / 2, 0) ? t156[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t156[s][2 * i + 1] : 0.f, bf16());
        float t158[1][8];
        EACH(1, 8) t158[s][i] = 0.000000000e+00f;
        if (n41) {
            const u32 t159 = shared + 3072u;
            float t160[1][8];
            EACH(1, 8) t160[s][i] = 0.f;
            product<bf16, 1, 48>(t160, t157, t159);
            float t161[1][8];
            mask<1, 16, 0, 1, 0>(t161, t160, -6LL, -1152921504606846976LL, -6LL, 0LL, 0.000000000e+00f);
            u32 t162[1][4];
            EACH(1, 4) t162[s][i] = pack(t161[s][2 * i], t161[s][2 * i + 1], bf16());
            const u32 t163 = shared + 3840u;
            float t164[1][8];
            EACH(1, 8) t164[s][i] = 0.f;
            product<bf16, 0, 48>(t164, t162, t163);
            const u32 t165 = shared + 4608u;
            float t166[1][8];
            EACH(1, 8) t166[s][i] = t164[s][i];
            product<bf16, 0, 48>(t166, t157, t165);
            EACH(1, 8) t158[s][i] = t166[s][i];
        }
        float t167[1][8];
        EACH(1, 8) t167[s][i] = t154[s][i] + t158[s][i];
        store_tile<bf16, Rows<1, 2, 16, 0, 16>, 1, 4>(t167, view(a.v + 15, n10, n22, n48, 0LL, n3));
    }
}

