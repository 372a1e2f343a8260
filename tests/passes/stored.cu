        if (warp_id() == 10) {
            if (lane_id() != 0) return;
            Ring<16, 8192u> t33(shared + 16384u, shared + 147456u);
            Ring<1, 16384u> t34(shared + 0u, shared + 147712u);
            await_earlier_kernels();
            Stored stored;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[79]; item += blocks_here()) {
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
                    const int n254 = (int)(n32 < 1);
                    const int n256 = (int)(n32 < 3);
                    const int n257 = (int)(0 < n32);
                    const int n258 = n257 * n256;
                    const int n260 = n25 + -64;
                    const int n261 = n17 - n260;
                    const int n262 = floor_div(n261, 64);
                    const int n263 = larger(0, n262);
                    const int n264 = n263 + 1;
                    const int n265 = larger(2, n264);
                    const int n266 = larger(n263, 1);
                    const int n267 = larger(n266, n265);
                    const int n268 = smaller(n267, 1);
                    const int n269 = smaller(n266, 1);
                    const int n270 = 1 - n268;
                    const int n271 = larger(0, n270);
                    const int n272 = smaller(n271, 1);
                    const int n273 = 1 + n272;
                    const int n274 = 1 + n271;
                    const int n275 = larger(0, n272);
                    const int n276 = n274 + n271;
                    const int n277 = n268 - n269;
                    const int n278 = larger(0, n277);
                    const int n279 = smaller(n278, 1);
                    const int n280 = 1 - n275;
                    const int n281 = n280 * n279;
                    const int n282 = n273 + n281;
                    const int n283 = n276 + n278;
                    const int n284 = larger(n275, n279);
                    const int n285 = n283 + n278;
                    const int n286 = (int)(n263 < 1);
                    const int n287 = larger(n286, 1);
                    const int n288 = (int)(n287 < 1);
                    const int n289 = smaller(n287, 1);
                    const int n290 = 1 - n284;
                    const int n291 = n290 * n289;
                    const int n292 = n282 + n291;
                    const int n293 = n285 + n287;
                    const int n294 = larger(n284, n289);
                    const int n295 = n293 + n287;
                    const int n296 = larger(n294, n289);
                    const int n297 = n295 + n287;
                    const int n298 = 1 - n296;
                    const int n299 = n298 * n289;
                    const int n300 = n292 + n299;
                    const int n301 = n297 + n287;
                    const int n302 = larger(n296, n289);
                    const int n303 = n301 + n287;
                    const int n304 = 1 - n302;
                    const int n305 = n304 * n289;
                    const int n306 = n300 + n305;
                    const int n307 = n303 + n287;
                    const int n308 = n307 + n288;
                    if (n254) {
                        const Slot t309 = t33.take();
                        const int n310 = n14 + n15;
                        const int n311 = n14 + n25;
                        const int n312 = n310 + -6;
                        const int n313 = larger(n14, n311);
                        const int n314 = larger(n313, n312);
                        store_rows<64, 1, 64, 64, 6>(t309.address, &maps.at[13], &maps.at[12], &maps.at[11], 0, n311, n314, n310, (int)n18, (int)n13);
                        stored.release(t309);
                    }
                    const int n315 = (int)(n254 < 1);
                    if (n315) {
                        stored.skip(t33.take());
                    }
                    const int n316_end = opaque(n306);
                    #pragma unroll 1
                    for (int n316 = 1; n316 < n316_end; n316 += 1) { // tile
                        stored.skip(t33.take());
                    }
                    if (n258) {
                        const Slot t317 = t33.take();
                        const int n318 = n14 + n15;
                        const int n319 = n14 + n25;
                        const int n320 = n318 + -6;
                        const int n321 = larger(n14, n319);
                        const int n322 = larger(n321, n320);
                        store_rows<64, 1, 64, 64, 6>(t317.address, &maps.at[16], &maps.at[15], &maps.at[14], 0, n319, n322, n318, (int)n18, (int)n13);
                        stored.release(t317);
                    }
                    const int n323 = (int)(n258 < 1);
                    if (n323) {
                        stored.skip(t33.take());
                    }
                    const int n324 = n306 + 1;
                    const int n325_end = opaque(n308);
                    #pragma unroll 1
                    for (int n325 = n324; n325 < n325_end; n325 += 1) { // tile
                        stored.skip(t33.take());
                    }
                }
            }
            stored.end();
            return;
        }
    }
}

