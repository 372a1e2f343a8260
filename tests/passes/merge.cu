    cluster_sync();
    if (n33 == 0) {
        const int n193_end = opaque(n22);
        #pragma unroll 1
        for (int n193 = 0; n193 < n193_end; n193 += 2) { // row
            const int n194 = n30 + n193;
            const int n195 = floor_div(n194, 2);
            const int n196 = n195 + n15;
            const int n197 = n22 - n193;
            float t198[8];
            UNROLL for (int i = 0; i < 8; i++) t198[i] = -1.000000000e+37f;
            float t199[8];
            UNROLL for (int i = 0; i < 8; i++) t199[i] = 0.000000000e+00f;
            float t200[1][8];
            EACH(1, 8) t200[s][i] = 0.000000000e+00f;
            float t201[1][8];
            EACH(1, 8) t201[s][i] = 0.000000000e+00f;
            const int n202_end = opaque(n10);
            #pragma unroll 8
            for (int n202 = 0; n202 < n202_end; n202 += 1) { // part
                const int n207 = n202 * n14;
                const int n208 = n207 + n196;
                float t210[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t210, view(a.v + 45, 528LL, 264LL, 132LL, 128LL, n208, n32, 0, 0, n197));
                float t212[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t212, view(a.v + 45, 528LL, 264LL, 132LL, 129LL, n208, n32, 0, 0, n197));
                float t214[1][8];
                load_sides<float, Rows<2, 1, 2, 0, 4>, 4, 64, 4, true>(t214, view(a.v + 45, 528LL, 264LL, 132LL, 0LL, n208, n32, 0, 0, n197));
                float t216[1][8];
                load_sides<float, Rows<2, 1, 2, 0, 4>, 4, 64, 4, true>(t216, view(a.v + 45, 528LL, 264LL, 132LL, 64LL, n208, n32, 0, 0, n197));
                float t217[8];
                UNROLL for (int i = 0; i < 8; i++) t217[i] = max_nan(t198[i], t210[i]);
                float t218[8];
                UNROLL for (int i = 0; i < 8; i++) t218[i] = t198[i] - t217[i];
                float t219[8];
                UNROLL for (int i = 0; i < 8; i++) t219[i] = t218[i] * 7.213475204e-01f;
                float t220[8];
                UNROLL for (int i = 0; i < 8; i++) t220[i] = exp2_fast(t219[i]);
                float t221[8];
                UNROLL for (int i = 0; i < 8; i++) t221[i] = t210[i] - t217[i];
                float t222[8];
                UNROLL for (int i = 0; i < 8; i++) t222[i] = t221[i] * 7.213475204e-01f;
                float t223[8];
                UNROLL for (int i = 0; i < 8; i++) t223[i] = exp2_fast(t222[i]);
                float t224[8];
                UNROLL for (int i = 0; i < 8; i++) t224[i] = t212[i] * t223[i];
                float t225[8];
                UNROLL for (int i = 0; i < 8; i++) t225[i] = t199[i] * t220[i];
                float t226[8];
                UNROLL for (int i = 0; i < 8; i++) t226[i] = t225[i] + t224[i];
                float t227[1][8];
                EACH(1, 8) t227[s][i] = t214[s][i] * t223[(i >> 2) * 2 + (i & 1)];
                float t228[1][8];
                EACH(1, 8) t228[s][i] = t200[s][i] * t220[(i >> 2) * 2 + (i & 1)];
                float t229[1][8];
                EACH(1, 8) t229[s][i] = t228[s][i] + t227[s][i];
                float t230[1][8];
                EACH(1, 8) t230[s][i] = t201[s][i] + t216[s][i];
                UNROLL for (int i = 0; i < 8; i++) t198[i] = t217[i];
                UNROLL for (int i = 0; i < 8; i++) t199[i] = t226[i];
                EACH(1, 8) t200[s][i] = t229[s][i];
                EACH(1, 8) t201[s][i] = t230[s][i];
            }
            float t231[8];
            UNROLL for (int i = 0; i < 8; i++) t231[i] = max_nan(t199[i], 1.000000000e-37f);
            float t232[8];
            UNROLL for (int i = 0; i < 8; i++) t232[i] = __fdividef(1.000000000e+00f, t231[i]);
            float t233[1][8];
            EACH(1, 8) t233[s][i] = t200[s][i] * t232[(i >> 2) * 2 + (i & 1)];
            float t234[1][8];
            EACH(1, 8) t234[s][i] = t233[s][i] + t201[s][i];
            store_sides<bf16, Rows<1, 2, 2, 0, 4>, 4, 64, 4>(t234, view(a.v + 40, n15, n193, n32, 0, n22));
        }
    }
    if (n33 + 1 == n10) {
        const int n236_end = opaque(n22);
        #pragma unroll 1
        for (int n236 = n28; n236 < n236_end; n236 += 16) { // row
            const int n237 = n21 + n236;
            copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 4>(view(a.v + 5, n15, n236, n31, 0, n22), view(a.v + 25, n20, n31, n237, n21, n29));
            copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 64>(view(a.v + 10, n15, n236, n31, 0, n22), view(a.v + 30, n20, n31, n237, n21, n29));
        }
    }
}

