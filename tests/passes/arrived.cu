    const int n187 = arrive((u64 *)a.v[50] + ((u32)n14 * 1u + (u32)n30) * 1u + (u32)0, (u32)n10);
    if (n187) {
        const int n192_end = opaque(n21);
        #pragma unroll 1
        for (int n192 = 0; n192 < n192_end; n192 += 2) { // row
            const int n193 = n29 + n192;
            const int n194 = floor_div(n193, 2);
            const int n195 = n194 + n14;
            const int n196 = n21 - n192;
            float t197[8];
            UNROLL for (int i = 0; i < 8; i++) t197[i] = -1.000000000e+37f;
            float t198[8];
            UNROLL for (int i = 0; i < 8; i++) t198[i] = 0.000000000e+00f;
            float t199[1][8];
            EACH(1, 8) t199[s][i] = 0.000000000e+00f;
            float t200[1][8];
            EACH(1, 8) t200[s][i] = 0.000000000e+00f;
            const int n201_end = opaque(n10);
            #pragma unroll 8
            for (int n201 = 0; n201 < n201_end; n201 += 1) { // part
                const int n206 = n201 * n13;
                const int n207 = n206 + n195;
                float t209[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t209, view(a.v + 45, 48LL, 24LL, 12LL, 8LL, n207, n31, 0, 0, n196));
                float t211[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t211, view(a.v + 45, 48LL, 24LL, 12LL, 9LL, n207, n31, 0, 0, n196));
                float t213[1][8];
                load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t213, view(a.v + 45, 48LL, 24LL, 12LL, 0LL, n207, n31, 0, 0, n196));
                float t215[1][8];
                load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t215, view(a.v + 45, 48LL, 24LL, 12LL, 4LL, n207, n31, 0, 0, n196));
                float t216[8];
                UNROLL for (int i = 0; i < 8; i++) t216[i] = max_nan(t197[i], t209[i]);
                float t217[8];
                UNROLL for (int i = 0; i < 8; i++) t217[i] = t197[i] - t216[i];
                float t218[8];
                UNROLL for (int i = 0; i < 8; i++) t218[i] = t217[i] * 7.213475204e-01f;
                float t219[8];
                UNROLL for (int i = 0; i < 8; i++) t219[i] = exp2_fast(t218[i]);
                float t220[8];
                UNROLL for (int i = 0; i < 8; i++) t220[i] = t209[i] - t216[i];
                float t221[8];
                UNROLL for (int i = 0; i < 8; i++) t221[i] = t220[i] * 7.213475204e-01f;
                float t222[8];
                UNROLL for (int i = 0; i < 8; i++) t222[i] = exp2_fast(t221[i]);
                float t223[8];
                UNROLL for (int i = 0; i < 8; i++) t223[i] = t211[i] * t222[i];
                float t224[8];
                UNROLL for (int i = 0; i < 8; i++) t224[i] = t198[i] * t219[i];
                float t225[8];
                UNROLL for (int i = 0; i < 8; i++) t225[i] = t224[i] + t223[i];
                float t226[1][8];
                EACH(1, 8) t226[s][i] = t213[s][i] * t222[(i >> 2) * 2 + (i & 1)];
                float t227[1][8];
                EACH(1, 8) t227[s][i] = t199[s][i] * t219[(i >> 2) * 2 + (i & 1)];
                float t228[1][8];
                EACH(1, 8) t228[s][i] = t227[s][i] + t226[s][i];
                float t229[1][8];
                EACH(1, 8) t229[s][i] = t200[s][i] + t215[s][i];
                UNROLL for (int i = 0; i < 8; i++) t197[i] = t216[i];
                UNROLL for (int i = 0; i < 8; i++) t198[i] = t225[i];
                EACH(1, 8) t199[s][i] = t228[s][i];
                EACH(1, 8) t200[s][i] = t229[s][i];
            }
            float t230[8];
            UNROLL for (int i = 0; i < 8; i++) t230[i] = max_nan(t198[i], 1.000000000e-37f);
            float t231[8];
            UNROLL for (int i = 0; i < 8; i++) t231[i] = __fdividef(1.000000000e+00f, t230[i]);
            float t232[1][8];
            EACH(1, 8) t232[s][i] = t199[s][i] * t231[(i >> 2) * 2 + (i & 1)];
            float t233[1][8];
            EACH(1, 8) t233[s][i] = t232[s][i] + t200[s][i];
            store_transposed<bf16, Rows<1, 2, 2, 0, 4>, 4, 4, 4>(t233, view(a.v + 40, n14, n192, n31, 0, n21));
        }
        const int n236_end = opaque(n21);
        #pragma unroll 1
        for (int n236 = n27; n236 < n236_end; n236 += 16) { // row
            const int n237 = n20 + n236;
            copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 4>(view(a.v + 5, n14, n236, n30, 0, n21), view(a.v + 25, n19, n30, n237, n20, n28), view(a.v + 10, n14, n236, n30, 0, n21), view(a.v + 30, n19, n30, n237, n20, n28));
        }
    }
}

