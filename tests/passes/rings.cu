        if (warp_here() == 8) {
            await_earlier_kernels();
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[79]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n30 = rest % 2u; // group
                rest /= 2u;
                const i64 n18 = rest % 2u; // kv_head
                rest /= 2u;
                const i64 n23 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
                rest /= (u32)a.v[71];
                const i64 n10 = rest; // seq
                const i64 n0 = a.v[67];
                const i64 n4 = a.v[66];
                const i64 n11 = ((const int *)a.v[15])[n10];
                const i64 n12 = (i64)(-1LL < n11);
                const i64 n13 = larger(n11, 0LL);
                const i64 n14 = ((const int *)a.v[20])[n10];
                const i64 n15 = n4 * n12;
                const i64 n16 = 0LL - n14;
                const i64 n17 = larger(n16, -6LL);
                const i64 n19 = n18 * 4LL;
                const i64 n22 = a.v[71];
                const i64 n25 = n23 * 64LL;
                const i64 n26 = (i64)(n25 < n15);
                if (n26) {
                    const i64 n32 = n30 * 2LL;
                    const i64 n242 = (i64)(n32 < 1LL);
                    const i64 n244 = (i64)(n32 < 3LL);
                    const i64 n245 = (i64)(0LL < n32);
                    const i64 n246 = n245 * n244;
                    if (n242) {
                        const i64 n247 = floor_div(n25, 64LL);
                        const i64 n248 = n15 + -6LL;
                        const i64 n249 = larger(0LL, n248);
                        const i64 n250 = n247 * 64LL;
                        const i64 n251 = n249 + n250;
                        const i64 n252 = n14 + n251;
                        const i64 n253 = n14 + n15;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 5, n10, n251, n18, 0LL, n15), view(a.v + 25, n13, n18, n252, n14, n253));
                    }
                    if (n246) {
                        const i64 n255 = floor_div(n25, 64LL);
                        const i64 n256 = n15 + -6LL;
                        const i64 n257 = larger(0LL, n256);
                        const i64 n258 = n255 * 64LL;
                        const i64 n259 = n257 + n258;
                        const i64 n260 = n14 + n259;
                        const i64 n261 = n14 + n15;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 10, n10, n259, n18, 0LL, n15), view(a.v + 30, n13, n18, n260, n14, n261));
                    }
                }
            }
            return;
        }
        if (warp_here() == 9) {
            await_earlier_kernels();
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[79]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n30 = rest % 2u; // group
                rest /= 2u;
                const i64 n18 = rest % 2u; // kv_head
                rest /= 2u;
                const i64 n23 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
                rest /= (u32)a.v[71];
                const i64 n10 = rest; // seq
                const i64 n0 = a.v[67];
                const i64 n4 = a.v[66];
                const i64 n11 = ((const int *)a.v[15])[n10];
                const i64 n12 = (i64)(-1LL < n11);
                const i64 n13 = larger(n11, 0LL);
                const i64 n14 = ((const int *)a.v[20])[n10];
                const i64 n15 = n4 * n12;
                const i64 n16 = 0LL - n14;
                const i64 n17 = larger(n16, -6LL);
                const i64 n19 = n18 * 4LL;
                const i64 n22 = a.v[71];
                const i64 n25 = n23 * 64LL;
                const i64 n26 = (i64)(n25 < n15);
                if (n26) {
                    const i64 n32 = n30 * 2LL;
                    const i64 n263 = (i64)(n32 < 1LL);
                    const i64 n265 = (i64)(n32 < 3LL);
                    const i64 n266 = (i64)(0LL < n32);
                    const i64 n267 = n266 * n265;
                    if (n263) {
                        const i64 n268 = floor_div(n25, 64LL);
                        const i64 n269 = n15 + -6LL;
                        const i64 n270 = larger(0LL, n269);
                        const i64 n271 = n268 * 64LL;
                        const i64 n272 = n270 + n271;
                        const i64 n273 = n14 + n272;
                        const i64 n274 = n14 + n15;
                        const i64 n276 = n272 + 32LL;
                        const i64 n277 = n273 + 32LL;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 5, n10, n276, n18, 0LL, n15), view(a.v + 25, n13, n18, n277, n14, n274));
                    }
                    if (n267) {
                        const i64 n279 = floor_div(n25, 64LL);
                        const i64 n280 = n15 + -6LL;
                        const i64 n281 = larger(0LL, n280);
                        const i64 n282 = n279 * 64LL;
                        const i64 n283 = n281 + n282;
                        const i64 n284 = n14 + n283;
                        const i64 n285 = n14 + n15;
                        const i64 n287 = n283 + 32LL;
                        const i64 n288 = n284 + 32LL;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 10, n10, n287, n18, 0LL, n15), view(a.v + 30, n13, n18, n288, n14, n285));
                    }
                }
            }
            return;
        }
        if (warp_id() == 10 && lane_id() == 0) {
