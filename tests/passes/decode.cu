extern "C" __global__ void __launch_bounds__(128, 2) rattan_layer_decode_main(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool q_aligned = aligned<bf16>(a.v + 0, 16);
    const bool k_aligned = aligned<bf16>(a.v + 5, 16);
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    const bool ring_k_aligned = aligned<bf16>(a.v + 25, 16);
    const bool ring_v_aligned = aligned<bf16>(a.v + 30, 16);
    u32 rest = blockIdx.x;
    const i64 n31 = rest % (u32)a.v[68]; // part
    rest /= (u32)a.v[68];
    const i64 n29 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n15 = rest; // seq
    const i64 n0 = a.v[67];
    const i64 n3 = a.v[66];
    const i64 n9 = a.v[68];
    const i64 n14 = a.v[72];
    const i64 n16 = ((const int *)a.v[15])[n15];
    const i64 n17 = (i64)(-1LL < n16);
    const i64 n18 = larger(n16, 0LL);
    const i64 n19 = ((const int *)a.v[20])[n15];
    const i64 n20 = n3 * n17;
    const i64 n21 = 4LL * n17;
    const i64 n22 = 0LL - n19;
    const i64 n23 = larger(n22, -6LL);
    const i64 n24 = n19 + n23;
    const i64 n25 = n20 + -6LL;
    const i64 n26 = larger(0LL, n25);
    const i64 n27 = n19 + n20;
    const i64 n28 = n15 * n3;
    const i64 n30 = n29 * 2LL;
    { // part
        const i64 n40 = n31 * 4LL;
        const i64 n45 = n31 * n14;
        const i64 n48_end = opaque(n20);
        #pragma unroll 1
        for (i64 n48 = 0LL; n48 < n48_end; n48 += 2LL) { // row
            const i64 n49 = n48 + 2LL;
            const i64 n50 = smaller(n49, n20);
            const i64 n51 = n48 + -5LL;
            const i64 n52 = larger(n23, n51);
            const i64 n53 = n50 - n52;
            const i64 n54 = n53 + 63LL;
            const i64 n55 = floor_div(n54, 64LL);
            const i64 n56 = n55 - n31;
            const i64 n57 = n56 + n9;
            const i64 n58 = n57 + -1LL;
            const i64 n59 = floor_div_any(n58, n9);
            wait<0>();
            fetch<bf16, Rows<1, 2, 2, 0, 4>, 4, 4, 4>(shared + 15360u, view(a.v + 0, n15, n48, n30, 0LL, n20), q_aligned);
            const i64 n60 = (i64)(0LL < n59);
            if (n60) {
                const i64 n61 = n31 + 1LL;
                const i64 n62 = n61 * 64LL;
                const i64 n63 = n50 - n62;
                const i64 n64 = n19 + n63;
                fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 0u + (u32)0LL % 2u * 3072u, view(a.v + 25, n18, n29, n64, n24, n19), ring_k_aligned);
                fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 6144u + (u32)0LL % 2u * 3072u, view(a.v + 30, n18, n29, n64, n24, n19), ring_v_aligned);
                fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 0u + (u32)0LL % 2u * 3072u, view(a.v + 5, n15, n63, n29, 0LL, n20), k_aligned);
                fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 6144u + (u32)0LL % 2u * 3072u, view(a.v + 10, n15, n63, n29, 0LL, n20), v_aligned);
            }
            commit();
            float t66[1][8];
            load_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t66, view(a.v + 35, n18, n29, n40, 0LL, n21));
            const i64 n67 = n48 + -6LL;
            const i64 n68 = n20 - n48;
            const i64 n69 = smaller(2LL, n68);
            float t71[1][8];
            load_transposed<bf16, Rows<1, 2, 2, 0, 4>, 4, 4, 4>(t71, view(a.v + 0, n15, n48, n30, 0LL, n20));
            const i64 n72 = n19 + n67;
            const i64 n73 = n72 + n69;
            const i64 n74 = smaller(n19, n73);
            float t76[1][8];
            load_transposed<bf16, Rows<2, -1, 2, 6, 2>, 4, 4, 2>(t76, view(a.v + 25, n18, n29, n72, n24, n74));
            const i64 n77 = (i64)(-2LL < n67);
            float t78[1][8];
            EACH(1, 8) t78[s][i] = t76[s][i];
            if (n77) {
                const i64 n79 = n67 + n69;
                const i64 n80 = smaller(n20, n79);
                float t82[1][8];
                load_transposed<bf16, Rows<1, -1, 2, 0, 2>, 4, 4, 2>(t82, view(a.v + 5, n15, n67, n29, 0LL, n80));
                float t83[1][8];
                EACH(1, 8) t83[s][i] = t76[s][i] + t82[s][i];
                EACH(1, 8) t78[s][i] = t83[s][i];
            }
            float t85[1][8];
            load_transposed<bf16, Rows<2, -1, 2, 6, 2>, 4, 4, 2>(t85, view(a.v + 30, n18, n29, n72, n24, n74));
            float t86[1][8];
            EACH(1, 8) t86[s][i] = t85[s][i];
            if (n77) {
                const i64 n87 = n67 + n69;
                const i64 n88 = smaller(n20, n87);
                float t90[1][8];
                load_transposed<bf16, Rows<1, -1, 2, 0, 2>, 4, 4, 2>(t90, view(a.v + 10, n15, n67, n29, 0LL, n88));
                float t91[1][8];
                EACH(1, 8) t91[s][i] = t85[s][i] + t90[s][i];
                EACH(1, 8) t86[s][i] = t91[s][i];
            }
            u32 t92[1][4];
            EACH(1, 4) t92[s][i] = pack(has_column<2>(i / 2, 0) ? t86[s][2 * i] : 0.f, has_column<2>(i / 2, 1) ? t86[s][2 * i + 1] : 0.f, bf16());
            put<4, 4, 2>(shared + 17664u, t92);
            float t93[1][8];
            EACH(1, 8) t93[s][i] = max_nan(t71[s][i], 0.f);
            u32 t94[1][4];
            EACH(1, 4) t94[s][i] = pack(has_column<4>(i / 2, 0) ? t93[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t93[s][2 * i + 1] : 0.f, bf16());
            put<4, 4, 4>(shared + 16128u, t94);
            float t95[1][8];
            EACH(1, 8) t95[s][i] = max_nan(t78[s][i], 0.f);
            u32 t96[1][4];
            EACH(1, 4) t96[s][i] = pack(has_column<2>(i / 2, 0) ? t95[s][2 * i] : 0.f, has_column<2>(i / 2, 1) ? t95[s][2 * i + 1] : 0.f, bf16());
            put<4, 4, 2>(shared + 16896u, t96);
            __syncthreads();
            float t97[8];
            UNROLL for (int i = 0; i < 8; i++) t97[i] = -1.000000000e+37f;
            float t98[1][8];
            EACH(1, 8) t98[s][i] = 0.000000000e+00f;
            float t99[1][8];
            EACH(1, 8) t99[s][i] = 0.000000000e+00f;
            const i64 n100_end = opaque(n59);
            #pragma unroll 1
            for (i64 n100 = 0LL; n100 < n100_end; n100 += 1LL) { // keys
                wait<0>();
                const i64 n104 = n100 + 1LL;
                const i64 n105 = (i64)(n104 < n59);
                if (n105) {
                    const i64 n106 = n104 * n9;
                    const i64 n107 = n31 + n106;
                    const i64 n108 = n107 + 1LL;
                    const i64 n109 = n108 * 64LL;
                    const i64 n110 = n50 - n109;
                    const i64 n111 = n19 + n110;
                    fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 0u + (u32)n104 % 2u * 3072u, view(a.v + 25, n18, n29, n111, n24, n19), ring_k_aligned);
                    fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 6144u + (u32)n104 % 2u * 3072u, view(a.v + 30, n18, n29, n111, n24, n19), ring_v_aligned);
                    fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 0u + (u32)n104 % 2u * 3072u, view(a.v + 5, n15, n110, n29, 0LL, n20), k_aligned);
                    fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 6144u + (u32)n104 % 2u * 3072u, view(a.v + 10, n15, n110, n29, 0LL, n20), v_aligned);
                }
                commit();
                const i64 n112 = n100 * n9;
                const i64 n113 = n31 + n112;
                const i64 n114 = n113 + 1LL;
                const i64 n115 = n114 * 64LL;
                const i64 n116 = n50 - n115;
                const u32 t117 = shared + 0u + (u32)n100 % 2u * 3072u;
                const u32 t118 = shared + 15360u;
                float t119[1][8];
                EACH(1, 8) t119[s][i] = 0.f;
                product_left<bf16, 4, 1, 64, 48, 48, 16>(t119, t117, t118);
                const i64 n120 = n23 - n116;
                const i64 n121 = larger(0LL, n120);
                const i64 n122 = n116 - n48;
                float t123[1][8];
                mask_transposed<4, 2, 1, 1, 1>(t123, t119, n122, -5LL, 0LL, n121, -INFINITY);
                columns_out<true, 4, 64, 4>(t123, shared + 19200u);
                __syncthreads();
                float t124[8];
                columns_in<true, 4, 64, 4>(t124, shared + 19200u);
                __syncthreads();
                float t125[8];
                UNROLL for (int i = 0; i < 8; i++) t125[i] = max_nan(t97[i], t124[i]);
                float t126[8];
                UNROLL for (int i = 0; i < 8; i++) t126[i] = t125[i] * -7.213475204e-01f;
                float t127[1][8];
                EACH(1, 8) t127[s][i] = fmaf(t123[s][i], 7.213475204e-01f, t126[(i >> 2) * 2 + (i & 1)]);
                float t128[1][8];
                EACH(1, 8) t128[s][i] = exp2_fast(t127[s][i]);
                float t129[8];
                UNROLL for (int i = 0; i < 8; i++) t129[i] = t97[i] - t125[i];
                float t130[8];
                UNROLL for (int i = 0; i < 8; i++) t130[i] = t129[i] * 7.213475204e-01f;
                float t131[8];
                UNROLL for (int i = 0; i < 8; i++) t131[i] = exp2_fast(t130[i]);
                float t132[1][8];
                EACH(1, 8) t132[s][i] = t98[s][i] * t131[(i >> 2) * 2 + (i & 1)];
                float t133[1][8];
                EACH(1, 8) t133[s][i] = t132[s][i] + t128[s][i];
                u32 t134[1][4];
                EACH(1, 4) t134[s][i] = pack(has_column<4>(i / 2, 0) ? t128[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t128[s][2 * i + 1] : 0.f, bf16());
                put<4, 64, 4>(shared + 12288u, t134);
                __syncthreads();
                float t135[1][8];
                EACH(1, 8) t135[s][i] = t99[s][i] * t131[(i >> 2) * 2 + (i & 1)];
                const u32 t136 = shared + 12288u;
                const u32 t137 = shared + 6144u + (u32)n100 % 2u * 3072u;
                float t138[1][8];
                EACH(1, 8) t138[s][i] = t135[s][i];
                product_transposed<bf16, 4, 0, 48, 48, 64>(t138, t137, t136);
                UNROLL for (int i = 0; i < 8; i++) t97[i] = t125[i];
                EACH(1, 8) t98[s][i] = t133[s][i];
                EACH(1, 8) t99[s][i] = t138[s][i];
            }
            float t139[1][8];
            EACH(1, 8) t139[s][i] = 0.000000000e+00f;
            const i64 n140_end = opaque(1LL);
            #pragma unroll 1
            for (i64 n140 = n31; n140 < n140_end; n140 += n9) { // slice
                const u32 t142 = shared + 16896u;
                const u32 t143 = shared + 16128u;
                float t144[1][8];
                EACH(1, 8) t144[s][i] = t139[s][i];
                product_transposed<bf16, 4, 0, 48, 48, 16>(t144, t142, t143);
                EACH(1, 8) t139[s][i] = t144[s][i];
            }
            float t145[1][8];
            mask_transposed<4, 2, 0, 1, 0>(t145, t139, -6LL, -1152921504606846976LL, -6LL, 0LL, 0.000000000e+00f);
            u32 t146[1][4];
            EACH(1, 4) t146[s][i] = pack(has_column<4>(i / 2, 0) ? t145[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t145[s][2 * i + 1] : 0.f, bf16());
            put<4, 2, 4>(shared + 18432u, t146);
            __syncthreads();
            const u32 t147 = shared + 17664u;
            const u32 t148 = shared + 18432u;
            float t149[1][8];
            EACH(1, 8) t149[s][i] = 0.f;
            product_left<bf16, 4, 0, 4, 48, 48, 16>(t149, t147, t148);
            float t150[1][8];
            EACH(1, 8) t150[s][i] = t149[s][i];
            float t151[1][8];
            EACH(1, 8) t151[s][i] = t66[s][i];
            const i64 n152_end = opaque(1LL);
            #pragma unroll 1
            for (i64 n152 = n31; n152 < n152_end; n152 += n9) { // slice
                const i64 n155 = n152 + n9;
                const i64 n156 = n155 * 4LL;
                float t158[1][8];
                load_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t158, view(a.v + 35, n18, n29, n156, 0LL, n21));
                u32 t159[1][4];
                EACH(1, 4) t159[s][i] = pack(has_column<4>(i / 2, 0) ? t151[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t151[s][2 * i + 1] : 0.f, bf16());
                const u32 t160 = shared + 16128u;
                float t161[1][8];
                EACH(1, 8) t161[s][i] = t150[s][i];
                product<bf16, 0, 48>(t161, t159, t160);
                const u32 t162 = shared + 17664u;
                const u32 t163 = shared + 16896u;
                float t164[1][8];
                EACH(1, 8) t164[s][i] = t151[s][i];
                product_left<bf16, 4, 1, 4, 48, 48, 16>(t164, t162, t163);
                const i64 n165 = n152 * 4LL;
                store_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t164, view(a.v + 35, n18, n29, n165, 0LL, n21));
                EACH(1, 8) t150[s][i] = t161[s][i];
                EACH(1, 8) t151[s][i] = t158[s][i];
            }
            const i64 n167 = n28 + n48;
            const i64 n168 = floor_div(n167, 2LL);
            const i64 n169 = n168 + n15;
            const i64 n170 = n45 + n169;
            store_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4>(t97, view(a.v + 45, n170, n30, 0LL, 0LL, n68));
            columns_out<false, 4, 64, 4>(t98, shared + 19200u);
            __syncthreads();
            float t172[8];
            columns_in<false, 4, 64, 4>(t172, shared + 19200u);
            __syncthreads();
            store_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4>(t172, view(a.v + 50, n170, n30, 0LL, 0LL, n68));
            store_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t99, view(a.v + 55, n170, n30, 0LL, 0LL, n68));
            store_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t150, view(a.v + 60, n170, n30, 0LL, 0LL, n68));
        }
    }
    cluster_sync();
    if (n31 + 1 == n9) {
        const i64 n225_end = opaque(n20);
        #pragma unroll 1
        for (i64 n225 = n26; n225 < n225_end; n225 += 16LL) { // row
            const i64 n226 = n19 + n225;
            copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 4>(view(a.v + 5, n15, n225, n29, 0LL, n20), view(a.v + 25, n18, n29, n226, n19, n27));
            copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 4>(view(a.v + 10, n15, n225, n29, 0LL, n20), view(a.v + 30, n18, n29, n226, n19, n27));
        }
    }
    if (n31)
        return;
    const i64 n182_end = opaque(n20);
    #pragma unroll 1
    for (i64 n182 = 0LL; n182 < n182_end; n182 += 2LL) { // row
        const i64 n183 = n28 + n182;
        const i64 n184 = floor_div(n183, 2LL);
        const i64 n185 = n184 + n15;
        const i64 n186 = n20 - n182;
        float t187[8];
        UNROLL for (int i = 0; i < 8; i++) t187[i] = -1.000000000e+37f;
        float t188[8];
        UNROLL for (int i = 0; i < 8; i++) t188[i] = 0.000000000e+00f;
        float t189[1][8];
        EACH(1, 8) t189[s][i] = 0.000000000e+00f;
        float t190[1][8];
        EACH(1, 8) t190[s][i] = 0.000000000e+00f;
        const i64 n191_end = opaque(n9);
        #pragma unroll 4
        for (i64 n191 = 0LL; n191 < n191_end; n191 += 1LL) { // part
            const i64 n196 = n191 * n14;
            const i64 n197 = n196 + n185;
            float t199[8];
            load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t199, view(a.v + 45, n197, n30, 0LL, 0LL, n186));
            float t201[8];
            load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t201, view(a.v + 50, n197, n30, 0LL, 0LL, n186));
            float t203[1][8];
            load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t203, view(a.v + 55, n197, n30, 0LL, 0LL, n186));
            float t205[1][8];
            load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t205, view(a.v + 60, n197, n30, 0LL, 0LL, n186));
            float t206[8];
            UNROLL for (int i = 0; i < 8; i++) t206[i] = max_nan(t187[i], t199[i]);
            float t207[8];
            UNROLL for (int i = 0; i < 8; i++) t207[i] = t187[i] - t206[i];
            float t208[8];
            UNROLL for (int i = 0; i < 8; i++) t208[i] = t207[i] * 7.213475204e-01f;
            float t209[8];
            UNROLL for (int i = 0; i < 8; i++) t209[i] = exp2_fast(t208[i]);
            float t210[8];
            UNROLL for (int i = 0; i < 8; i++) t210[i] = t199[i] - t206[i];
            float t211[8];
            UNROLL for (int i = 0; i < 8; i++) t211[i] = t210[i] * 7.213475204e-01f;
            float t212[8];
            UNROLL for (int i = 0; i < 8; i++) t212[i] = exp2_fast(t211[i]);
            float t213[8];
            UNROLL for (int i = 0; i < 8; i++) t213[i] = t201[i] * t212[i];
            float t214[8];
            UNROLL for (int i = 0; i < 8; i++) t214[i] = t188[i] * t209[i];
            float t215[8];
            UNROLL for (int i = 0; i < 8; i++) t215[i] = t214[i] + t213[i];
            float t216[1][8];
            EACH(1, 8) t216[s][i] = t203[s][i] * t212[(i >> 2) * 2 + (i & 1)];
            float t217[1][8];
            EACH(1, 8) t217[s][i] = t189[s][i] * t209[(i >> 2) * 2 + (i & 1)];
            float t218[1][8];
            EACH(1, 8) t218[s][i] = t217[s][i] + t216[s][i];
            float t219[1][8];
            EACH(1, 8) t219[s][i] = t190[s][i] + t205[s][i];
            UNROLL for (int i = 0; i < 8; i++) t187[i] = t206[i];
            UNROLL for (int i = 0; i < 8; i++) t188[i] = t215[i];
            EACH(1, 8) t189[s][i] = t218[s][i];
            EACH(1, 8) t190[s][i] = t219[s][i];
        }
        float t220[8];
        UNROLL for (int i = 0; i < 8; i++) t220[i] = max_nan(t188[i], 1.000000000e-37f);
        float t221[8];
        UNROLL for (int i = 0; i < 8; i++) t221[i] = __fdividef(1.000000000e+00f, t220[i]);
        float t222[1][8];
        EACH(1, 8) t222[s][i] = t189[s][i] * t221[(i >> 2) * 2 + (i & 1)];
        float t223[1][8];
        EACH(1, 8) t223[s][i] = t222[s][i] + t190[s][i];
        store_transposed<bf16, Rows<1, 2, 2, 0, 4>, 4, 4, 4>(t223, view(a.v + 40, n15, n182, n30, 0LL, n20));
    }
}

