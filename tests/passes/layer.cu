struct Args {
    i64 v[53];
};

// 32 threads, at most 255 registers each, 0 bytes of shared memory
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
    store_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t11, anew(view(a.v + 20, n6, n9, n7, 0LL, n5)));
}

// 32 threads, at most 255 registers each, 9216 bytes of shared memory
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
    const i64 n45 = n30 + n4;
    const i64 n46 = smaller(n7, n45);
    float t48[1][8];
    EACH(1, 8) t48[s][i] = 0.000000000e+00f;
    const i64 n49_end = opaque(n46);
    #pragma unroll 1
    for (i64 n49 = n30; n49 < n49_end; n49 += 16LL) { // row
        wait<4>();
        const i64 n51 = n49 + 80LL;
        const i64 n52 = (i64)(n51 < n46);
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

// 32 threads, at most 255 registers each, 9216 bytes of shared memory
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
    const i64 n48 = n33 + n4;
    const i64 n49 = smaller(n7, n48);
    float t51[1][8];
    EACH(1, 8) t51[s][i] = 0.000000000e+00f;
    const i64 n52_end = opaque(n30);
    #pragma unroll 1
    for (i64 n52 = 0LL; n52 < n52_end; n52 += 1LL) { // segment
        float t54[1][8];
        load_tile<float, Rows<2, -1, 4, 0, 4>, 1, 4, 0>(t54, view(a.v + 25, n52, n20, n29, 0LL, 1152921504606846976LL));
        float t55[1][8];
        EACH(1, 8) t55[s][i] = t51[s][i] + t54[s][i];
        EACH(1, 8) t51[s][i] = t55[s][i];
    }
    float t56[1][8];
    EACH(1, 8) t56[s][i] = t51[s][i];
    const i64 n57_end = opaque(n49);
    #pragma unroll 1
    for (i64 n57 = n33; n57 < n57_end; n57 += 16LL) { // row
        wait<4>();
        const i64 n59 = n57 + 80LL;
        const i64 n60 = (i64)(n59 < n49);
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

// 32 threads, at most 255 registers each, 6144 bytes of shared memory
extern "C" __global__ void __launch_bounds__(32, 2) rattan_layer_forward_main(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool q_aligned = aligned<bf16>(a.v + 0, 16);
    const bool k_aligned = aligned<bf16>(a.v + 5, 16);
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    const bool phi_aligned = aligned<bf16>(a.v + 20, 16);
    const bool states_aligned = aligned<bf16>(a.v + 30, 16);
    u32 rest = blockIdx.x;
    const i64 n41 = rest % 2u; // group
    rest /= 2u;
    const i64 n14 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n10 = rest % (u32)a.v[37]; // seq
    rest /= (u32)a.v[37];
    const i64 n20 = (u32)a.v[41] - 1 - rest; // row
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
    const i64 n48 = n15 + n41;
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 0u, view(a.v + 0, n10, n22, n48, 0LL, n3), q_aligned);
    commit();
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 768u + (u32)n27 % 2u * 768u, view(a.v + 5, n10, n29, n14, 0LL, n3), k_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 2304u + (u32)n27 % 2u * 768u, view(a.v + 10, n10, n29, n14, 0LL, n3), v_aligned);
    commit();
    wait<1>();
    const u32 t49 = shared + 0u;
    u32 t50_read[1][4];
    read_tile<1, 48, 16>(t50_read, t49);
    u32 t50[1][4];
    EACH(1, 4) t50[s][i] = t50_read[s][i];
    float t56[1][2];
    EACH(1, 2) t56[s][i] = -1.000000000e+37f;
    float t57[1][2];
    EACH(1, 2) t57[s][i] = 0.000000000e+00f;
    float t58[1][8];
    EACH(1, 8) t58[s][i] = 0.000000000e+00f;
    const i64 n59_end = opaque(n33);
    #pragma unroll 1
    for (i64 n59 = n27; n59 < n59_end; n59 += 1LL) { // key
        wait<0>();
        const i64 n63 = n59 * 16LL;
        const i64 n64 = n24 + n63;
        const u32 t65 = shared + 768u + (u32)n59 % 2u * 768u;
        float t66[1][8];
        EACH(1, 8) t66[s][i] = 0.f;
        product<bf16, 1, 48>(t66, t50, t65);
        const i64 n67 = n59 + 1LL;
        const i64 n68 = (i64)(n67 < 2LL);
        if (n68) {
            const i64 n69 = n67 * 16LL;
            const i64 n70 = n24 + n69;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 768u + (u32)n67 % 2u * 768u, view(a.v + 5, n10, n70, n14, 0LL, n3), k_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 2304u + (u32)n67 % 2u * 768u, view(a.v + 10, n10, n70, n14, 0LL, n3), v_aligned);
        }
        commit();
        const u32 t71 = shared + 2304u + (u32)n59 % 2u * 768u;
        const i64 n72 = n64 - n22;
        const i64 n73 = 0LL - n64;
        const i64 n74 = larger(0LL, n73);
        float t75[1][8];
        mask<1, 16, 1, 1, 1>(t75, t66, n72, -5LL, 0LL, n74, -INFINITY);
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
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 3840u, view(a.v + 20, n10, n24, n14, 0LL, n3), phi_aligned);
    fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 4608u, view(a.v + 10, n10, n24, n14, 0LL, n3), v_aligned);
    fetch<bf16, Rows<2, -1, 4, 0, 4>, 1, 4, 4>(shared + 5376u, view(a.v + 30, 0LL, n36, n16, 0LL, 1152921504606846976LL), states_aligned);
    float t90[1][2];
    EACH(1, 2) t90[s][i] = t56[s][i];
    float t91[1][2];
    EACH(1, 2) t91[s][i] = t57[s][i];
    float t92[1][8];
    EACH(1, 8) t92[s][i] = t58[s][i];
    const i64 n93_end = opaque(n34);
    #pragma unroll 1
    for (i64 n93 = n33; n93 < n93_end; n93 += 1LL) { // key
        wait<0>();
        const u32 t97 = shared + 768u + (u32)n93 % 2u * 768u;
        float t98[1][8];
        EACH(1, 8) t98[s][i] = 0.f;
        product<bf16, 1, 48>(t98, t50, t97);
        const i64 n99 = n93 + 1LL;
        const i64 n100 = (i64)(n99 < 2LL);
        if (n100) {
            const i64 n101 = n99 * 16LL;
            const i64 n102 = n24 + n101;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 768u + (u32)n99 % 2u * 768u, view(a.v + 5, n10, n102, n14, 0LL, n3), k_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 2304u + (u32)n99 % 2u * 768u, view(a.v + 10, n10, n102, n14, 0LL, n3), v_aligned);
        }
        commit();
        const u32 t103 = shared + 2304u + (u32)n93 % 2u * 768u;
        float t104[1][2];
        rowmax<16>(t104, t98);
        float t105[1][2];
        EACH(1, 2) t105[s][i] = max_nan(t90[s][i], t104[s][i]);
        float t106[1][2];
        EACH(1, 2) t106[s][i] = t105[s][i] * -7.213475204e-01f;
        float t107[1][8];
        EACH(1, 8) t107[s][i] = fmaf(t98[s][i], 7.213475204e-01f, t106[s][(i >> 1) & 1]);
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
    const i64 n121_end = opaque(2LL);
    #pragma unroll 1
    for (i64 n121 = n34; n121 < n121_end; n121 += 1LL) { // key
        wait<0>();
        const i64 n125 = n121 * 16LL;
        const i64 n126 = n24 + n125;
        const u32 t127 = shared + 768u + (u32)n121 % 2u * 768u;
        float t128[1][8];
        EACH(1, 8) t128[s][i] = 0.f;
        product<bf16, 1, 48>(t128, t50, t127);
        const i64 n129 = n121 + 1LL;
        const i64 n130 = (i64)(n129 < 2LL);
        if (n130) {
            const i64 n131 = n129 * 16LL;
            const i64 n132 = n24 + n131;
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 768u + (u32)n129 % 2u * 768u, view(a.v + 5, n10, n132, n14, 0LL, n3), k_aligned);
            fetch<bf16, Rows<1, -1, 16, 0, 16>, 1, 16, 4>(shared + 2304u + (u32)n129 % 2u * 768u, view(a.v + 10, n10, n132, n14, 0LL, n3), v_aligned);
        }
        commit();
        const u32 t133 = shared + 2304u + (u32)n121 % 2u * 768u;
        const i64 n134 = n126 - n22;
        float t135[1][8];
        mask<1, 16, 0, 1, 0>(t135, t128, n134, 0LL, 0LL, 0LL, -INFINITY);
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
    EACH(1, 2) t153[s][i] = __fdividef(1.000000000e+00f, t151[s][i]);
    float t154[1][8];
    EACH(1, 8) t154[s][i] = t120[s][i] * t153[s][(i >> 1) & 1];
    u32 t155_read[1][4];
    read_tile<1, 48, 16>(t155_read, t49);
    float t155[1][8];
    EACH(1, 8) t155[s][i] = unpacked(t155_read[s][i >> 1], i & 1, bf16());
    float t156[1][8];
    EACH(1, 8) t156[s][i] = max_nan(t155[s][i], 0.f);
    u32 t157[1][4];
    EACH(1, 4) t157[s][i] = pack(has_column<4>(i / 2, 0) ? t156[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t156[s][2 * i + 1] : 0.f, bf16());
    float t158[1][8];
    EACH(1, 8) t158[s][i] = 0.000000000e+00f;
    if (n40) {
        const u32 t159 = shared + 3840u;
        float t160[1][8];
        EACH(1, 8) t160[s][i] = 0.f;
        product<bf16, 1, 48>(t160, t157, t159);
        float t161[1][8];
        mask_fixed<1, 16, -1048576, 0, 0>(t161, t160, 0LL, 0.000000000e+00f);
        u32 t162[1][4];
        EACH(1, 4) t162[s][i] = pack(t161[s][2 * i], t161[s][2 * i + 1], bf16());
        const u32 t163 = shared + 4608u;
        float t164[1][8];
        EACH(1, 8) t164[s][i] = 0.f;
        product<bf16, 0, 48>(t164, t162, t163);
        const u32 t165 = shared + 5376u;
        float t166[1][8];
        EACH(1, 8) t166[s][i] = t164[s][i];
        product<bf16, 0, 48>(t166, t157, t165);
        EACH(1, 8) t158[s][i] = t166[s][i];
    }
    float t167[1][8];
    EACH(1, 8) t167[s][i] = t154[s][i] + t158[s][i];
    store_tile<bf16, Rows<1, -1, 16, 0, 16>, 1, 4>(t167, anew(view(a.v + 15, n10, n22, n48, 0LL, n3)));
}

