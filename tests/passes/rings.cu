        if (warp_here() == 8) {
            await_earlier_kernels();
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n34 = rest % 2u; // group
                rest /= 2u;
                const i64 n21 = rest % 2u; // kv_head
                rest /= 2u;
                const i64 n26 = (u32)a.v[76] - 1 - rest % (u32)a.v[76]; // row
                rest /= (u32)a.v[76];
                const i64 n11 = rest; // seq
                const i64 n0 = a.v[72];
                const i64 n4 = a.v[71];
                const i64 n5 = a.v[82];
                const i64 n12 = ((const int *)a.v[15])[n11];
                const i64 n13 = (i64)(n12 < n5);
                const i64 n14 = (i64)(-1LL < n12);
                const i64 n15 = n13 * n14;
                const i64 n16 = n12 * n15;
                const i64 n17 = ((const int *)a.v[20])[n11];
                const i64 n18 = n4 * n15;
                const i64 n19 = 0LL - n17;
                const i64 n20 = larger(n19, -6LL);
                const i64 n22 = n21 * 4LL;
                const i64 n25 = a.v[76];
                const i64 n28 = n26 * 64LL;
                const i64 n29 = (i64)(n28 < n18);
                const i64 n30 = n17 + n28;
                if (n29) {
                    const i64 n36 = n34 * 2LL;
                    const i64 n248 = (i64)(n36 < 1LL);
                    const i64 n250 = (i64)(n36 < 3LL);
                    const i64 n251 = (i64)(0LL < n36);
                    const i64 n252 = n251 * n250;
                    if (n248) {
                        const i64 n253 = floor_div(n28, 64LL);
                        const i64 n254 = n18 + -6LL;
                        const i64 n255 = larger(0LL, n254);
                        const i64 n256 = n253 * 64LL;
                        const i64 n257 = n255 + n256;
                        const i64 n258 = n17 + n257;
                        const i64 n259 = n17 + n18;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 5, n11, n257, n21, 0LL, n18), view(a.v + 25, n16, n21, n258, n17, n259));
                    }
                    if (n252) {
                        const i64 n261 = floor_div(n28, 64LL);
                        const i64 n262 = n18 + -6LL;
                        const i64 n263 = larger(0LL, n262);
                        const i64 n264 = n261 * 64LL;
                        const i64 n265 = n263 + n264;
                        const i64 n266 = n17 + n265;
                        const i64 n267 = n17 + n18;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 10, n11, n265, n21, 0LL, n18), view(a.v + 30, n16, n21, n266, n17, n267));
                    }
                }
            }
            return;
        }
        if (warp_here() == 9) {
            await_earlier_kernels();
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n34 = rest % 2u; // group
                rest /= 2u;
                const i64 n21 = rest % 2u; // kv_head
                rest /= 2u;
                const i64 n26 = (u32)a.v[76] - 1 - rest % (u32)a.v[76]; // row
                rest /= (u32)a.v[76];
                const i64 n11 = rest; // seq
                const i64 n0 = a.v[72];
                const i64 n4 = a.v[71];
                const i64 n5 = a.v[82];
                const i64 n12 = ((const int *)a.v[15])[n11];
                const i64 n13 = (i64)(n12 < n5);
                const i64 n14 = (i64)(-1LL < n12);
                const i64 n15 = n13 * n14;
                const i64 n16 = n12 * n15;
                const i64 n17 = ((const int *)a.v[20])[n11];
                const i64 n18 = n4 * n15;
                const i64 n19 = 0LL - n17;
                const i64 n20 = larger(n19, -6LL);
                const i64 n22 = n21 * 4LL;
                const i64 n25 = a.v[76];
                const i64 n28 = n26 * 64LL;
                const i64 n29 = (i64)(n28 < n18);
                const i64 n30 = n17 + n28;
                if (n29) {
                    const i64 n36 = n34 * 2LL;
                    const i64 n269 = (i64)(n36 < 1LL);
                    const i64 n271 = (i64)(n36 < 3LL);
                    const i64 n272 = (i64)(0LL < n36);
                    const i64 n273 = n272 * n271;
                    if (n269) {
                        const i64 n274 = floor_div(n28, 64LL);
                        const i64 n275 = n18 + -6LL;
                        const i64 n276 = larger(0LL, n275);
                        const i64 n277 = n274 * 64LL;
                        const i64 n278 = n276 + n277;
                        const i64 n279 = n17 + n278;
                        const i64 n280 = n17 + n18;
                        const i64 n282 = n278 + 32LL;
                        const i64 n283 = n279 + 32LL;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 5, n11, n282, n21, 0LL, n18), view(a.v + 25, n16, n21, n283, n17, n280));
                    }
                    if (n273) {
                        const i64 n285 = floor_div(n28, 64LL);
                        const i64 n286 = n18 + -6LL;
                        const i64 n287 = larger(0LL, n286);
                        const i64 n288 = n285 * 64LL;
                        const i64 n289 = n287 + n288;
                        const i64 n290 = n17 + n289;
                        const i64 n291 = n17 + n18;
                        const i64 n293 = n289 + 32LL;
                        const i64 n294 = n290 + 32LL;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 10, n11, n293, n21, 0LL, n18), view(a.v + 30, n16, n21, n294, n17, n291));
                    }
                }
            }
            return;
        }
        if (warp_id() == 10) {
