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
        const i64 n44 = (i64)(n31 < 1LL);
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
            const i64 n59 = floor_div(n58, n9);
            __syncthreads();
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
                float t124[8];
                reduce_columns<true, 4, 64>(t124, t123, shared + 19200u);
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
            if (n44) {
                const u32 t141 = shared + 16896u;
                const u32 t142 = shared + 16128u;
                float t143[1][8];
                EACH(1, 8) t143[s][i] = 0.000000000e+00f;
                product_transposed<bf16, 4, 0, 48, 48, 16>(t143, t141, t142);
                float t144[1][8];
                mask_transposed<4, 2, 0, 1, 0>(t144, t143, -6LL, -1152921504606846976LL, -6LL, 0LL, 0.000000000e+00f);
                u32 t145[1][4];
                EACH(1, 4) t145[s][i] = pack(has_column<4>(i / 2, 0) ? t144[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t144[s][2 * i + 1] : 0.f, bf16());
                put<4, 2, 4>(shared + 18432u, t145);
                __syncthreads();
                const u32 t146 = shared + 17664u;
                const u32 t147 = shared + 18432u;
                float t148[1][8];
                EACH(1, 8) t148[s][i] = 0.f;
                product_left<bf16, 4, 0, 4, 48, 48, 16>(t148, t146, t147);
                EACH(1, 8) t139[s][i] = t148[s][i];
            }
            float t149[1][8];
            EACH(1, 8) t149[s][i] = t139[s][i];
            float t150[1][8];
            EACH(1, 8) t150[s][i] = t66[s][i];
            const i64 n151_end = opaque(1LL);
            #pragma unroll 1
            for (i64 n151 = n31; n151 < n151_end; n151 += n9) { // slice
                const i64 n154 = n151 + n9;
                const i64 n155 = n154 * 4LL;
                float t157[1][8];
                load_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t157, view(a.v + 35, n18, n29, n155, 0LL, n21));
                u32 t158[1][4];
                EACH(1, 4) t158[s][i] = pack(has_column<4>(i / 2, 0) ? t150[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t150[s][2 * i + 1] : 0.f, bf16());
                const u32 t159 = shared + 16128u;
                float t160[1][8];
                EACH(1, 8) t160[s][i] = t149[s][i];
                product<bf16, 0, 48>(t160, t158, t159);
                const u32 t161 = shared + 17664u;
                const u32 t162 = shared + 16896u;
                float t163[1][8];
                EACH(1, 8) t163[s][i] = t150[s][i];
                product_left<bf16, 4, 1, 4, 48, 48, 16>(t163, t161, t162);
                const i64 n164 = n151 * 4LL;
                store_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t163, view(a.v + 35, n18, n29, n164, 0LL, n21));
                EACH(1, 8) t149[s][i] = t160[s][i];
                EACH(1, 8) t150[s][i] = t157[s][i];
            }
            const i64 n166 = n28 + n48;
            const i64 n167 = floor_div(n166, 2LL);
            const i64 n168 = n167 + n15;
            const i64 n169 = n45 + n168;
            store_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4>(t97, view(a.v + 45, n169, n30, 0LL, 0LL, n68));
            float t171[8];
            reduce_columns<false, 4, 64>(t171, t98, shared + 19200u);
            store_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4>(t171, view(a.v + 50, n169, n30, 0LL, 0LL, n68));
            store_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t99, view(a.v + 55, n169, n30, 0LL, 0LL, n68));
            store_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t149, view(a.v + 60, n169, n30, 0LL, 0LL, n68));
        }
    }
    cluster_sync();
    if (n31)
        return;
    const i64 n181_end = opaque(n20);
    #pragma unroll 1
    for (i64 n181 = 0LL; n181 < n181_end; n181 += 2LL) { // row
        const i64 n182 = n28 + n181;
        const i64 n183 = floor_div(n182, 2LL);
        const i64 n184 = n183 + n15;
        const i64 n185 = n20 - n181;
        float t186[8];
        UNROLL for (int i = 0; i < 8; i++) t186[i] = -1.000000000e+37f;
        float t187[8];
        UNROLL for (int i = 0; i < 8; i++) t187[i] = 0.000000000e+00f;
        float t188[1][8];
        EACH(1, 8) t188[s][i] = 0.000000000e+00f;
        float t189[1][8];
        EACH(1, 8) t189[s][i] = 0.000000000e+00f;
        const i64 n190_end = opaque(n9);
        #pragma unroll 4
        for (i64 n190 = 0LL; n190 < n190_end; n190 += 1LL) { // part
            const i64 n195 = n190 * n14;
            const i64 n196 = n195 + n184;
            float t198[8];
            load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t198, view(a.v + 45, n196, n30, 0LL, 0LL, n185));
            float t200[8];
            load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t200, view(a.v + 50, n196, n30, 0LL, 0LL, n185));
            float t202[1][8];
            load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t202, view(a.v + 55, n196, n30, 0LL, 0LL, n185));
            float t204[1][8];
            load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t204, view(a.v + 60, n196, n30, 0LL, 0LL, n185));
            float t205[8];
            UNROLL for (int i = 0; i < 8; i++) t205[i] = max_nan(t186[i], t198[i]);
            float t206[8];
            UNROLL for (int i = 0; i < 8; i++) t206[i] = t186[i] - t205[i];
            float t207[8];
            UNROLL for (int i = 0; i < 8; i++) t207[i] = t206[i] * 7.213475204e-01f;
            float t208[8];
            UNROLL for (int i = 0; i < 8; i++) t208[i] = exp2_fast(t207[i]);
            float t209[8];
            UNROLL for (int i = 0; i < 8; i++) t209[i] = t198[i] - t205[i];
            float t210[8];
            UNROLL for (int i = 0; i < 8; i++) t210[i] = t209[i] * 7.213475204e-01f;
            float t211[8];
            UNROLL for (int i = 0; i < 8; i++) t211[i] = exp2_fast(t210[i]);
            float t212[8];
            UNROLL for (int i = 0; i < 8; i++) t212[i] = t200[i] * t211[i];
            float t213[8];
            UNROLL for (int i = 0; i < 8; i++) t213[i] = t187[i] * t208[i];
            float t214[8];
            UNROLL for (int i = 0; i < 8; i++) t214[i] = t213[i] + t212[i];
            float t215[1][8];
            EACH(1, 8) t215[s][i] = t202[s][i] * t211[(i >> 2) * 2 + (i & 1)];
            float t216[1][8];
            EACH(1, 8) t216[s][i] = t188[s][i] * t208[(i >> 2) * 2 + (i & 1)];
            float t217[1][8];
            EACH(1, 8) t217[s][i] = t216[s][i] + t215[s][i];
            float t218[1][8];
            EACH(1, 8) t218[s][i] = t189[s][i] + t204[s][i];
            UNROLL for (int i = 0; i < 8; i++) t186[i] = t205[i];
            UNROLL for (int i = 0; i < 8; i++) t187[i] = t214[i];
            EACH(1, 8) t188[s][i] = t217[s][i];
            EACH(1, 8) t189[s][i] = t218[s][i];
        }
        float t219[8];
        UNROLL for (int i = 0; i < 8; i++) t219[i] = max_nan(t187[i], 1.000000000e-37f);
        float t220[8];
        UNROLL for (int i = 0; i < 8; i++) t220[i] = __fdividef(1.000000000e+00f, t219[i]);
        float t221[1][8];
        EACH(1, 8) t221[s][i] = t188[s][i] * t220[(i >> 2) * 2 + (i & 1)];
        float t222[1][8];
        EACH(1, 8) t222[s][i] = t221[s][i] + t189[s][i];
        store_transposed<bf16, Rows<1, 2, 2, 0, 4>, 4, 4, 4>(t222, view(a.v + 40, n15, n181, n30, 0LL, n20));
    }
    const i64 n224_end = opaque(n20);
    #pragma unroll 1
    for (i64 n224 = n26; n224 < n224_end; n224 += 16LL) { // row
        const i64 n225 = n19 + n224;
        copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 4>(view(a.v + 5, n15, n224, n29, 0LL, n20), view(a.v + 25, n18, n29, n225, n19, n27));
        copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 4>(view(a.v + 10, n15, n224, n29, 0LL, n20), view(a.v + 30, n18, n29, n225, n19, n27));
    }
}

