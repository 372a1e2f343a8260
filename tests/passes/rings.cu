        if (warp_here() == 8) {
            await_earlier_kernels();
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n31 = rest % 2u; // group
                rest /= 2u;
                const i64 n18 = rest % 2u; // kv_head
                rest /= 2u;
                const i64 n23 = (u32)a.v[76] - 1 - rest % (u32)a.v[76]; // row
                rest /= (u32)a.v[76];
                const i64 n10 = rest; // seq
                const i64 n0 = a.v[72];
                const i64 n4 = a.v[71];
                const i64 n11 = ((const int *)a.v[15])[n10];
                const i64 n12 = (i64)(-1LL < n11);
                const i64 n13 = larger(n11, 0LL);
                const i64 n14 = ((const int *)a.v[20])[n10];
                const i64 n15 = n4 * n12;
                const i64 n16 = 0LL - n14;
                const i64 n17 = larger(n16, -6LL);
                const i64 n19 = n18 * 4LL;
                const i64 n22 = a.v[76];
                const i64 n25 = n23 * 64LL;
                const i64 n26 = (i64)(n25 < n15);
                const i64 n27 = n14 + n25;
                if (n26) {
                    const i64 n33 = n31 * 2LL;
                    const i64 n245 = (i64)(n33 < 1LL);
                    const i64 n247 = (i64)(n33 < 3LL);
                    const i64 n248 = (i64)(0LL < n33);
                    const i64 n249 = n248 * n247;
                    if (n245) {
                        const i64 n250 = floor_div(n25, 64LL);
                        const i64 n251 = n15 + -6LL;
                        const i64 n252 = larger(0LL, n251);
                        const i64 n253 = n250 * 64LL;
                        const i64 n254 = n252 + n253;
                        const i64 n255 = n14 + n254;
                        const i64 n256 = n14 + n15;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 5, n10, n254, n18, 0LL, n15), view(a.v + 25, n13, n18, n255, n14, n256));
                    }
                    if (n249) {
                        const i64 n258 = floor_div(n25, 64LL);
                        const i64 n259 = n15 + -6LL;
                        const i64 n260 = larger(0LL, n259);
                        const i64 n261 = n258 * 64LL;
                        const i64 n262 = n260 + n261;
                        const i64 n263 = n14 + n262;
                        const i64 n264 = n14 + n15;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 10, n10, n262, n18, 0LL, n15), view(a.v + 30, n13, n18, n263, n14, n264));
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
                const i64 n31 = rest % 2u; // group
                rest /= 2u;
                const i64 n18 = rest % 2u; // kv_head
                rest /= 2u;
                const i64 n23 = (u32)a.v[76] - 1 - rest % (u32)a.v[76]; // row
                rest /= (u32)a.v[76];
                const i64 n10 = rest; // seq
                const i64 n0 = a.v[72];
                const i64 n4 = a.v[71];
                const i64 n11 = ((const int *)a.v[15])[n10];
                const i64 n12 = (i64)(-1LL < n11);
                const i64 n13 = larger(n11, 0LL);
                const i64 n14 = ((const int *)a.v[20])[n10];
                const i64 n15 = n4 * n12;
                const i64 n16 = 0LL - n14;
                const i64 n17 = larger(n16, -6LL);
                const i64 n19 = n18 * 4LL;
                const i64 n22 = a.v[76];
                const i64 n25 = n23 * 64LL;
                const i64 n26 = (i64)(n25 < n15);
                const i64 n27 = n14 + n25;
                if (n26) {
                    const i64 n33 = n31 * 2LL;
                    const i64 n266 = (i64)(n33 < 1LL);
                    const i64 n268 = (i64)(n33 < 3LL);
                    const i64 n269 = (i64)(0LL < n33);
                    const i64 n270 = n269 * n268;
                    if (n266) {
                        const i64 n271 = floor_div(n25, 64LL);
                        const i64 n272 = n15 + -6LL;
                        const i64 n273 = larger(0LL, n272);
                        const i64 n274 = n271 * 64LL;
                        const i64 n275 = n273 + n274;
                        const i64 n276 = n14 + n275;
                        const i64 n277 = n14 + n15;
                        const i64 n279 = n275 + 32LL;
                        const i64 n280 = n276 + 32LL;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 5, n10, n279, n18, 0LL, n15), view(a.v + 25, n13, n18, n280, n14, n277));
                    }
                    if (n270) {
                        const i64 n282 = floor_div(n25, 64LL);
                        const i64 n283 = n15 + -6LL;
                        const i64 n284 = larger(0LL, n283);
                        const i64 n285 = n282 * 64LL;
                        const i64 n286 = n284 + n285;
                        const i64 n287 = n14 + n286;
                        const i64 n288 = n14 + n15;
                        const i64 n290 = n286 + 32LL;
                        const i64 n291 = n287 + 32LL;
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 6, 32>, 16>(view(a.v + 10, n10, n290, n18, 0LL, n15), view(a.v + 30, n13, n18, n291, n14, n288));
                    }
                }
            }
            return;
        }
        if (warp_id() == 10) {
