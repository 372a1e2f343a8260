        if (warp_id() == 10) {
            if (lane_id() != 0) return;
            Ring<16, 8192u> t36(shared + 16384u, shared + 147456u);
            Ring<1, 16384u> t37(shared + 0u, shared + 147712u);
            await_earlier_kernels();
            Stored stored;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[82]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n33 = rest % 2u; // group
                rest /= 2u;
                const int n21 = rest % 2u; // kv_head
                rest /= 2u;
                const int n26 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
                rest /= (u32)a.v[71];
                const int n11 = rest; // seq
                const int n0 = a.v[67];
                const int n4 = a.v[66];
                const int n5 = a.v[77];
                const int n12 = ((const int *)a.v[15])[n11];
                const int n13 = (int)(n12 < n5);
                const int n14 = (int)(-1 < n12);
                const int n15 = n13 * n14;
                const int n16 = n12 * n15;
                const int n17 = ((const int *)a.v[20])[n11];
                const int n18 = n4 * n15;
                const int n19 = 0 - n17;
                const int n20 = larger(n19, -6);
                const int n22 = n21 * 4;
                const int n25 = a.v[71];
                const int n28 = n26 * 64;
                const int n29 = (int)(n28 < n18);
                if (n29) {
                    const int n35 = n33 * 2;
                    const int n245 = (int)(n35 < 1);
                    const int n247 = (int)(n35 < 3);
                    const int n248 = (int)(0 < n35);
                    const int n249 = n248 * n247;
                    const int n251 = n28 + -64;
                    const int n252 = n20 - n251;
                    const int n253 = floor_div(n252, 64);
                    const int n254 = larger(0, n253);
                    const int n255 = n254 + 1;
                    const int n256 = larger(2, n255);
                    const int n257 = larger(n254, 1);
                    const int n258 = larger(n257, n256);
                    const int n259 = smaller(n258, 1);
                    const int n260 = smaller(n257, 1);
                    const int n261 = 1 - n259;
                    const int n262 = larger(0, n261);
                    const int n263 = smaller(n262, 1);
                    const int n264 = 1 + n263;
                    const int n265 = 1 + n262;
                    const int n266 = larger(0, n263);
                    const int n267 = n265 + n262;
                    const int n268 = n259 - n260;
                    const int n269 = larger(0, n268);
                    const int n270 = smaller(n269, 1);
                    const int n271 = 1 - n266;
                    const int n272 = n271 * n270;
                    const int n273 = n264 + n272;
                    const int n274 = n267 + n269;
                    const int n275 = larger(n266, n270);
                    const int n276 = n274 + n269;
                    const int n277 = (int)(n254 < 1);
                    const int n278 = larger(n277, 1);
                    const int n279 = (int)(n278 < 1);
                    const int n280 = smaller(n278, 1);
                    const int n281 = 1 - n275;
                    const int n282 = n281 * n280;
                    const int n283 = n273 + n282;
                    const int n284 = n276 + n278;
                    const int n285 = larger(n275, n280);
                    const int n286 = n284 + n278;
                    const int n287 = larger(n285, n280);
                    const int n288 = n286 + n278;
                    const int n289 = 1 - n287;
                    const int n290 = n289 * n280;
                    const int n291 = n283 + n290;
                    const int n292 = n288 + n278;
                    const int n293 = larger(n287, n280);
                    const int n294 = n292 + n278;
                    const int n295 = 1 - n293;
                    const int n296 = n295 * n280;
                    const int n297 = n291 + n296;
                    const int n298 = n294 + n278;
                    const int n299 = n298 + n279;
                    if (n245) {
                        const Slot t300 = t36.take();
                        const int n301 = n17 + n18;
                        const int n302 = n17 + n28;
                        const int n303 = n301 + -6;
                        const int n304 = larger(n17, n302);
                        const int n305 = larger(n304, n303);
                        store_rows<64, 1, 64, 64, 6>(t300.address, &maps.at[13], &maps.at[12], &maps.at[11], 0, n302, n305, n301, (int)n21, (int)n16);
                        stored.release(t300);
                    }
                    const int n306 = (int)(n245 < 1);
                    if (n306) {
                        stored.skip(t36.take());
                    }
                    const int n307_end = opaque(n297);
                    #pragma unroll 1
                    for (int n307 = 1; n307 < n307_end; n307 += 1) { // tile
                        stored.skip(t36.take());
                    }
                    if (n249) {
                        const Slot t308 = t36.take();
                        const int n309 = n17 + n18;
                        const int n310 = n17 + n28;
                        const int n311 = n309 + -6;
                        const int n312 = larger(n17, n310);
                        const int n313 = larger(n312, n311);
                        store_rows<64, 1, 64, 64, 6>(t308.address, &maps.at[16], &maps.at[15], &maps.at[14], 0, n310, n313, n309, (int)n21, (int)n16);
                        stored.release(t308);
                    }
                    const int n314 = (int)(n249 < 1);
                    if (n314) {
                        stored.skip(t36.take());
                    }
                    const int n315 = n297 + 1;
                    const int n316_end = opaque(n299);
                    #pragma unroll 1
                    for (int n316 = n315; n316 < n316_end; n316 += 1) { // tile
                        stored.skip(t36.take());
                    }
                }
            }
            stored.end();
            return;
        }
    }
}

