    cluster_sync();
    if (n30 == 0) {
        const int n190_end = opaque(n19);
        #pragma unroll 1
        for (int n190 = 0; n190 < n190_end; n190 += 2) { // row
            const int n191 = n27 + n190;
            const int n192 = floor_div(n191, 2);
            const int n193 = n192 + n14;
            const int n194 = n19 - n190;
            float t195[8];
            UNROLL for (int i = 0; i < 8; i++) t195[i] = -1.000000000e+37f;
            float t196[8];
            UNROLL for (int i = 0; i < 8; i++) t196[i] = 0.000000000e+00f;
            float t197[1][8];
            EACH(1, 8) t197[s][i] = 0.000000000e+00f;
            float t198[1][8];
            EACH(1, 8) t198[s][i] = 0.000000000e+00f;
            const int n199_end = opaque(n9);
            #pragma unroll 8
            for (int n199 = 0; n199 < n199_end; n199 += 1) { // part
                const int n204 = n199 * n13;
                const int n205 = n204 + n193;
                float t207[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t207, view(a.v + 45, 528LL, 264LL, 132LL, 128LL, n205, n29, 0, 0, n194));
                float t209[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t209, view(a.v + 45, 528LL, 264LL, 132LL, 129LL, n205, n29, 0, 0, n194));
                float t211[1][8];
                load_sides<float, Rows<2, 1, 2, 0, 4>, 4, 64, 4, true>(t211, view(a.v + 45, 528LL, 264LL, 132LL, 0LL, n205, n29, 0, 0, n194));
                float t213[1][8];
                load_sides<float, Rows<2, 1, 2, 0, 4>, 4, 64, 4, true>(t213, view(a.v + 45, 528LL, 264LL, 132LL, 64LL, n205, n29, 0, 0, n194));
                float t214[8];
                UNROLL for (int i = 0; i < 8; i++) t214[i] = max_nan(t195[i], t207[i]);
                float t215[8];
                UNROLL for (int i = 0; i < 8; i++) t215[i] = t195[i] - t214[i];
                float t216[8];
                UNROLL for (int i = 0; i < 8; i++) t216[i] = t215[i] * 7.213475204e-01f;
                float t217[8];
                UNROLL for (int i = 0; i < 8; i++) t217[i] = exp2_fast(t216[i]);
                float t218[8];
                UNROLL for (int i = 0; i < 8; i++) t218[i] = t207[i] - t214[i];
                float t219[8];
                UNROLL for (int i = 0; i < 8; i++) t219[i] = t218[i] * 7.213475204e-01f;
                float t220[8];
                UNROLL for (int i = 0; i < 8; i++) t220[i] = exp2_fast(t219[i]);
                float t221[8];
                UNROLL for (int i = 0; i < 8; i++) t221[i] = t209[i] * t220[i];
                float t222[8];
                UNROLL for (int i = 0; i < 8; i++) t222[i] = t196[i] * t217[i];
                float t223[8];
                UNROLL for (int i = 0; i < 8; i++) t223[i] = t222[i] + t221[i];
                float t224[1][8];
                EACH(1, 8) t224[s][i] = t211[s][i] * t220[(i >> 2) * 2 + (i & 1)];
                float t225[1][8];
                EACH(1, 8) t225[s][i] = t197[s][i] * t217[(i >> 2) * 2 + (i & 1)];
                float t226[1][8];
                EACH(1, 8) t226[s][i] = t225[s][i] + t224[s][i];
                float t227[1][8];
                EACH(1, 8) t227[s][i] = t198[s][i] + t213[s][i];
                UNROLL for (int i = 0; i < 8; i++) t195[i] = t214[i];
                UNROLL for (int i = 0; i < 8; i++) t196[i] = t223[i];
                EACH(1, 8) t197[s][i] = t226[s][i];
                EACH(1, 8) t198[s][i] = t227[s][i];
            }
            float t228[8];
            UNROLL for (int i = 0; i < 8; i++) t228[i] = max_nan(t196[i], 1.000000000e-37f);
            float t229[8];
            UNROLL for (int i = 0; i < 8; i++) t229[i] = __fdividef(1.000000000e+00f, t228[i]);
            float t230[1][8];
            EACH(1, 8) t230[s][i] = t197[s][i] * t229[(i >> 2) * 2 + (i & 1)];
            float t231[1][8];
            EACH(1, 8) t231[s][i] = t230[s][i] + t198[s][i];
            store_sides<bf16, Rows<1, 2, 2, 0, 4>, 4, 64, 4>(t231, view(a.v + 40, n14, n190, n29, 0, n19));
        }
    }
    if (n30 + 1 == n9) {
        const int n233_end = opaque(n19);
        #pragma unroll 1
        for (int n233 = n25; n233 < n233_end; n233 += 16) { // row
            const int n234 = n18 + n233;
            copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 4>(view(a.v + 5, n14, n233, n28, 0, n19), view(a.v + 25, n17, n28, n234, n18, n26));
            copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 64>(view(a.v + 10, n14, n233, n28, 0, n19), view(a.v + 30, n17, n28, n234, n18, n26));
        }
    }
}

