        if (warp_id() == 10) {
            if (lane_id() != 0) return;
            Ring<16, 8192u> t33(shared + 16384u, shared + 147456u);
            Ring<1, 16384u> t34(shared + 0u, shared + 147712u);
            await_earlier_kernels();
            Stored stored;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[82]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n30 = rest % 2u; // group
                rest /= 2u;
                const int n18 = rest % 2u; // kv_head
                rest /= 2u;
                const int n23 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
                rest /= (u32)a.v[71];
                const int n10 = rest; // seq
                const int n0 = a.v[67];
                const int n4 = a.v[66];
                const int n11 = ((const int *)a.v[15])[n10];
                const int n12 = (int)(-1 < n11);
                const int n13 = larger(n11, 0);
                const int n14 = ((const int *)a.v[20])[n10];
                const int n15 = n4 * n12;
                const int n16 = 0 - n14;
                const int n17 = larger(n16, -6);
                const int n19 = n18 * 4;
                const int n22 = a.v[71];
                const int n25 = n23 * 64;
                const int n26 = (int)(n25 < n15);
                if (n26) {
                    const int n32 = n30 * 2;
                    const int n242 = (int)(n32 < 1);
                    const int n244 = (int)(n32 < 3);
                    const int n245 = (int)(0 < n32);
                    const int n246 = n245 * n244;
                    const int n248 = n25 + -64;
                    const int n249 = n17 - n248;
                    const int n250 = floor_div(n249, 64);
                    const int n251 = larger(0, n250);
                    const int n252 = n251 + 1;
                    const int n253 = larger(2, n252);
                    const int n254 = larger(n251, 1);
                    const int n255 = larger(n254, n253);
                    const int n256 = smaller(n255, 1);
                    const int n257 = smaller(n254, 1);
                    const int n258 = 1 - n256;
                    const int n259 = larger(0, n258);
                    const int n260 = smaller(n259, 1);
                    const int n261 = 1 + n260;
                    const int n262 = 1 + n259;
                    const int n263 = larger(0, n260);
                    const int n264 = n262 + n259;
                    const int n265 = n256 - n257;
                    const int n266 = larger(0, n265);
                    const int n267 = smaller(n266, 1);
                    const int n268 = 1 - n263;
                    const int n269 = n268 * n267;
                    const int n270 = n261 + n269;
                    const int n271 = n264 + n266;
                    const int n272 = larger(n263, n267);
                    const int n273 = n271 + n266;
                    const int n274 = (int)(n251 < 1);
                    const int n275 = larger(n274, 1);
                    const int n276 = (int)(n275 < 1);
                    const int n277 = smaller(n275, 1);
                    const int n278 = 1 - n272;
                    const int n279 = n278 * n277;
                    const int n280 = n270 + n279;
                    const int n281 = n273 + n275;
                    const int n282 = larger(n272, n277);
                    const int n283 = n281 + n275;
                    const int n284 = larger(n282, n277);
                    const int n285 = n283 + n275;
                    const int n286 = 1 - n284;
                    const int n287 = n286 * n277;
                    const int n288 = n280 + n287;
                    const int n289 = n285 + n275;
                    const int n290 = larger(n284, n277);
                    const int n291 = n289 + n275;
                    const int n292 = 1 - n290;
                    const int n293 = n292 * n277;
                    const int n294 = n288 + n293;
                    const int n295 = n291 + n275;
                    const int n296 = n295 + n276;
                    if (n242) {
                        const Slot t297 = t33.take();
                        const int n298 = n14 + n15;
                        const int n299 = n14 + n25;
                        const int n300 = n298 + -6;
                        const int n301 = larger(n14, n299);
                        const int n302 = larger(n301, n300);
                        store_rows<64, 1, 64, 64, 6>(t297.address, &maps.at[13], &maps.at[12], &maps.at[11], 0, n299, n302, n298, (int)n18, (int)n13);
                        stored.release(t297);
                    }
                    const int n303 = (int)(n242 < 1);
                    if (n303) {
                        stored.skip(t33.take());
                    }
                    const int n304_end = opaque(n294);
                    #pragma unroll 1
                    for (int n304 = 1; n304 < n304_end; n304 += 1) { // tile
                        stored.skip(t33.take());
                    }
                    if (n246) {
                        const Slot t305 = t33.take();
                        const int n306 = n14 + n15;
                        const int n307 = n14 + n25;
                        const int n308 = n306 + -6;
                        const int n309 = larger(n14, n307);
                        const int n310 = larger(n309, n308);
                        store_rows<64, 1, 64, 64, 6>(t305.address, &maps.at[16], &maps.at[15], &maps.at[14], 0, n307, n310, n306, (int)n18, (int)n13);
                        stored.release(t305);
                    }
                    const int n311 = (int)(n246 < 1);
                    if (n311) {
                        stored.skip(t33.take());
                    }
                    const int n312 = n294 + 1;
                    const int n313_end = opaque(n296);
                    #pragma unroll 1
                    for (int n313 = n312; n313 < n313_end; n313 += 1) { // tile
                        stored.skip(t33.take());
                    }
                }
            }
            stored.end();
            return;
        }
    }
}

