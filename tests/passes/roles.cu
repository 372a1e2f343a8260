extern "C" __global__ void __launch_bounds__(256, 1) rattan_layer_forward_main(const __grid_constant__ Args a, const __grid_constant__ Maps5 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
        t22.make(4);
        t23.make(4);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<232>();
        Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[45]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n19 = rest % 1u; // group
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[37]; // seq
            rest /= (u32)a.v[37];
            const i64 n12 = (u32)a.v[41] - 1 - rest; // row
            const i64 n0 = a.v[37];
            const i64 n3 = a.v[36];
            const i64 n8 = n7 * 2LL;
            const i64 n11 = a.v[41];
            const i64 n14 = n12 * 32LL;
            const i64 n15 = (i64)(n14 < n3);
            const i64 n21 = n19 * 2LL;
            const i64 n67 = n8 + n21;
            const Slot t68 = t23.take();
            u32 t69[1][4];
            read_panels<4, 64>(t69, t68.address);
            release(t68);
            pin_all(t69);
            float t70[1][8];
            EACH(1, 4) unpack<bf16>(t69[s][i], t70[s][2 * i], t70[s][2 * i + 1]);
            const i64 n72 = n14 + -32LL;
            const i64 n73 = 0LL - n72;
            const i64 n74 = floor_div(n73, 32LL);
            const i64 n75 = larger(0LL, n74);
            const i64 n79 = larger(n75, 2LL);
            const i64 n80 = larger(n79, 1LL);
            const i64 n81 = n80 + 2LL;
            const i64 n83 = n81 + -1LL;
            float t86[1][2];
            EACH(1, 2) t86[s][i] = -1.000000000e+37f;
            float t87[1][2];
            EACH(1, 2) t87[s][i] = 0.000000000e+00f;
            float t88[1][8];
            EACH(1, 8) t88[s][i] = 0.000000000e+00f;
            #pragma unroll 1
            for (i64 n89 = n80; n89 < 2LL; n89 += 1LL) { // key
                const i64 n93 = n83 - n89;
                const i64 n94 = n93 * 32LL;
                const i64 n95 = n72 + n94;
                const Slot t96 = t22.take();
                float t97[1][16];
                pin_all(t97);
                pin_all(t69);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t97[s], &t69[s][4 * k], matrix(t96.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const i64 n98 = n95 - n14;
                barrier_wait(t96.full, t96.phase);
                products_await<0>();
                pin_all(t97);
                pin_all(t69);
                release(t96);
                float t99[1][16];
                mask<4, 32, 0, 1, 0>(t99, t97, n98, -1152921504606846976LL, 0LL, 0LL, -INFINITY);
                float t100[1][2];
                rowmax<32>(t100, t99);
                float t101[1][2];
                EACH(1, 2) t101[s][i] = max_nan(t86[s][i], t100[s][i]);
                float t102[1][2];
                EACH(1, 2) t102[s][i] = t101[s][i] * -7.213475204e-01f;
                float t103[1][16];
                EACH(1, 16) t103[s][i] = fmaf(t99[s][i], 7.213475204e-01f, t102[s][(i >> 1) & 1]);
                float t104[1][16];
                EACH(1, 16) t104[s][i] = exp2_fast(t103[s][i]);
                u32 t105[1][8];
                EACH(1, 8) t105[s][i] = pack(t104[s][2 * i], t104[s][2 * i + 1], bf16());
                float t106[1][2];
                EACH(1, 2) t106[s][i] = t86[s][i] - t101[s][i];
                float t107[1][2];
                EACH(1, 2) t107[s][i] = t106[s][i] * 7.213475204e-01f;
                float t108[1][2];
                EACH(1, 2) t108[s][i] = exp2_fast(t107[s][i]);
                float t109[1][2];
                rowsum<32>(t109, t104);
                float t110[1][2];
                EACH(1, 2) t110[s][i] = t87[s][i] * t108[s][i];
                float t111[1][2];
                EACH(1, 2) t111[s][i] = t110[s][i] + t109[s][i];
                float t112[1][8];
                EACH(1, 8) t112[s][i] = t88[s][i] * t108[s][(i >> 1) & 1];
                const Slot t113 = t22.take();
                pin_all(t112);
                pin_all(t105);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t112[s], &t105[s][4 * k], matrix(t113.address, 4096) + k * 128, 1, bf16());
                products_commit();
                barrier_wait(t113.full, t113.phase);
                products_await<0>();
                pin_all(t112);
                pin_all(t105);
                release(t113);
                EACH(1, 2) t86[s][i] = t101[s][i];
                EACH(1, 2) t87[s][i] = t111[s][i];
                EACH(1, 8) t88[s][i] = t112[s][i];
            }
            float t115[1][2];
            EACH(1, 2) t115[s][i] = t86[s][i];
            float t116[1][2];
            EACH(1, 2) t116[s][i] = t87[s][i];
            float t117[1][8];
            EACH(1, 8) t117[s][i] = t88[s][i];
            #pragma unroll 1
            for (i64 n118 = n79; n118 < n80; n118 += 1LL) { // key
                const Slot t122 = t22.take();
                float t123[1][16];
                pin_all(t123);
                pin_all(t69);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t123[s], &t69[s][4 * k], matrix(t122.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                barrier_wait(t122.full, t122.phase);
                products_await<0>();
                pin_all(t123);
                pin_all(t69);
                release(t122);
                float t124[1][2];
                rowmax<32>(t124, t123);
                float t125[1][2];
                EACH(1, 2) t125[s][i] = max_nan(t115[s][i], t124[s][i]);
                float t126[1][2];
                EACH(1, 2) t126[s][i] = t125[s][i] * -7.213475204e-01f;
                float t127[1][16];
                EACH(1, 16) t127[s][i] = fmaf(t123[s][i], 7.213475204e-01f, t126[s][(i >> 1) & 1]);
                float t128[1][16];
                EACH(1, 16) t128[s][i] = exp2_fast(t127[s][i]);
                u32 t129[1][8];
                EACH(1, 8) t129[s][i] = pack(t128[s][2 * i], t128[s][2 * i + 1], bf16());
                float t130[1][2];
                EACH(1, 2) t130[s][i] = t115[s][i] - t125[s][i];
                float t131[1][2];
                EACH(1, 2) t131[s][i] = t130[s][i] * 7.213475204e-01f;
                float t132[1][2];
                EACH(1, 2) t132[s][i] = exp2_fast(t131[s][i]);
                float t133[1][2];
                rowsum<32>(t133, t128);
                float t134[1][2];
                EACH(1, 2) t134[s][i] = t116[s][i] * t132[s][i];
                float t135[1][2];
                EACH(1, 2) t135[s][i] = t134[s][i] + t133[s][i];
                float t136[1][8];
                EACH(1, 8) t136[s][i] = t117[s][i] * t132[s][(i >> 1) & 1];
                const Slot t137 = t22.take();
                pin_all(t136);
                pin_all(t129);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t136[s], &t129[s][4 * k], matrix(t137.address, 4096) + k * 128, 1, bf16());
                products_commit();
                barrier_wait(t137.full, t137.phase);
                products_await<0>();
                pin_all(t136);
                pin_all(t129);
                release(t137);
                EACH(1, 2) t115[s][i] = t125[s][i];
                EACH(1, 2) t116[s][i] = t135[s][i];
                EACH(1, 8) t117[s][i] = t136[s][i];
            }
            const i64 n139 = n75 + n79;
            const i64 n140 = n139 + -1LL;
            float t141[1][2];
            EACH(1, 2) t141[s][i] = t115[s][i];
            float t142[1][2];
            EACH(1, 2) t142[s][i] = t116[s][i];
            float t143[1][8];
            EACH(1, 8) t143[s][i] = t117[s][i];
            #pragma unroll 1
            for (i64 n144 = n75; n144 < n79; n144 += 1LL) { // key
                const i64 n148 = n140 - n144;
                const i64 n149 = n148 * 32LL;
                const i64 n150 = n72 + n149;
                const Slot t151 = t22.take();
                float t152[1][16];
                pin_all(t152);
                pin_all(t69);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t152[s], &t69[s][4 * k], matrix(t151.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const i64 n153 = n150 - n14;
                barrier_wait(t151.full, t151.phase);
                products_await<0>();
                pin_all(t152);
                pin_all(t69);
                release(t151);
                float t154[1][16];
                mask<4, 32, 1, 1, 0>(t154, t152, n153, -5LL, 0LL, 0LL, -INFINITY);
                float t155[1][2];
                rowmax<32>(t155, t154);
                float t156[1][2];
                EACH(1, 2) t156[s][i] = max_nan(t141[s][i], t155[s][i]);
                float t157[1][2];
                EACH(1, 2) t157[s][i] = t156[s][i] * -7.213475204e-01f;
                float t158[1][16];
                EACH(1, 16) t158[s][i] = fmaf(t154[s][i], 7.213475204e-01f, t157[s][(i >> 1) & 1]);
                float t159[1][16];
                EACH(1, 16) t159[s][i] = exp2_fast(t158[s][i]);
                u32 t160[1][8];
                EACH(1, 8) t160[s][i] = pack(t159[s][2 * i], t159[s][2 * i + 1], bf16());
                float t161[1][2];
                EACH(1, 2) t161[s][i] = t141[s][i] - t156[s][i];
                float t162[1][2];
                EACH(1, 2) t162[s][i] = t161[s][i] * 7.213475204e-01f;
                float t163[1][2];
                EACH(1, 2) t163[s][i] = exp2_fast(t162[s][i]);
                float t164[1][2];
                rowsum<32>(t164, t159);
                float t165[1][2];
                EACH(1, 2) t165[s][i] = t142[s][i] * t163[s][i];
                float t166[1][2];
                EACH(1, 2) t166[s][i] = t165[s][i] + t164[s][i];
                float t167[1][8];
                EACH(1, 8) t167[s][i] = t143[s][i] * t163[s][(i >> 1) & 1];
                const Slot t168 = t22.take();
                pin_all(t167);
                pin_all(t160);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t167[s], &t160[s][4 * k], matrix(t168.address, 4096) + k * 128, 1, bf16());
                products_commit();
                barrier_wait(t168.full, t168.phase);
                products_await<0>();
                pin_all(t167);
                pin_all(t160);
                release(t168);
                EACH(1, 2) t141[s][i] = t156[s][i];
                EACH(1, 2) t142[s][i] = t166[s][i];
                EACH(1, 8) t143[s][i] = t167[s][i];
            }
            const i64 n171 = n14 + -6LL;
            const i64 n172 = n171 + 32LL;
            const i64 n174 = n172 + 31LL;
            const i64 n175 = floor_div(n174, 32LL);
            const i64 n176 = larger(0LL, n175);
            const i64 n177 = (i64)(0LL < n176);
            const i64 n178 = (i64)(n177 < 1LL);
            if (n177) {
                pin_all(t69);
                float t179[1][8];
                EACH(1, 4) unpack<bf16>(t69[s][i], t179[s][2 * i], t179[s][2 * i + 1]);
                float t180[1][8];
                EACH(1, 8) t180[s][i] = max_nan(t179[s][i], 0.f);
                u32 t181[1][4];
                EACH(1, 4) t181[s][i] = pack(t180[s][2 * i], t180[s][2 * i + 1], bf16());
                const Slot t182 = t22.take();
                float t183[1][16];
                pin_all(t183);
                pin_all(t181);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t183[s], &t181[s][4 * k], matrix(t182.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                barrier_wait(t182.full, t182.phase);
                products_await<0>();
                pin_all(t183);
                pin_all(t181);
                release(t182);
                float t184[1][16];
                mask<4, 32, 0, 1, 0>(t184, t183, -6LL, -1152921504606846976LL, -6LL, 0LL, 0.000000000e+00f);
                u32 t185[1][8];
                EACH(1, 8) t185[s][i] = pack(t184[s][2 * i], t184[s][2 * i + 1], bf16());
                const Slot t186 = t22.take();
                float t187[1][8];
                pin_all(t187);
                pin_all(t185);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t187[s], &t185[s][4 * k], matrix(t186.address, 4096) + k * 128, k > 0, bf16());
                products_commit();
                const Slot t188 = t22.take();
                pin_all(t187);
                pin_all(t181);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_16(t187[s], &t181[s][4 * k], matrix(t188.address, 2048) + k * 128, 1, bf16());
                products_commit();
                float t192[1][2];
                EACH(1, 2) t192[s][i] = max_nan(t142[s][i], 1.000000000e-37f);
                float t193[1][2];
                EACH(1, 2) t193[s][i] = __fdividef(1.000000000e+00f, t192[s][i]);
                float t194[1][8];
                EACH(1, 8) t194[s][i] = t143[s][i] * t193[s][(i >> 1) & 1];
                barrier_wait(t188.full, t188.phase);
                products_await<0>();
                pin_all(t185);
                pin_all(t187);
                pin_all(t181);
                release(t186);
                release(t188);
                float t195[1][8];
                EACH(1, 8) t195[s][i] = t194[s][i] + t187[s][i];
                store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t195, view(a.v + 15, n6, n14, n67, 0LL, n3));
            }
            if (n178) {
                float t197[1][2];
                EACH(1, 2) t197[s][i] = max_nan(t142[s][i], 1.000000000e-37f);
                float t199[1][2];
                EACH(1, 2) t199[s][i] = __fdividef(1.000000000e+00f, t197[s][i]);
                float t200[1][8];
                EACH(1, 8) t200[s][i] = t143[s][i] * t199[s][(i >> 1) & 1];
                store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t200, view(a.v + 15, n6, n14, n67, 0LL, n3));
            }
        }
    } else {
        give_registers<40>();
        if (warp_id() == 4 && lane_id() == 0) {
            Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[45]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n19 = rest % 1u; // group
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[37]; // seq
                rest /= (u32)a.v[37];
                const i64 n12 = (u32)a.v[41] - 1 - rest; // row
                const i64 n0 = a.v[37];
                const i64 n3 = a.v[36];
                const i64 n8 = n7 * 2LL;
                const i64 n11 = a.v[41];
                const i64 n14 = n12 * 32LL;
                const i64 n15 = (i64)(n14 < n3);
                const i64 n21 = n19 * 2LL;
                const i64 n24 = n8 + n21;
                {
                    const Slot slot = t23.open(8192);
                    copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n24, (int)n14, (int)n6);
                    copy_box(slot.address + 4096, &maps.at[0], slot.full, 0, (int)n24 + 1, (int)n14, (int)n6);
                }
            }
            if (!awaited) await_earlier_kernels();
        }
        if (warp_id() == 5 && lane_id() == 0) {
            Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[45]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n19 = rest % 1u; // group
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[37]; // seq
                rest /= (u32)a.v[37];
                const i64 n12 = (u32)a.v[41] - 1 - rest; // row
                const i64 n0 = a.v[37];
                const i64 n3 = a.v[36];
                const i64 n8 = n7 * 2LL;
                const i64 n11 = a.v[41];
                const i64 n14 = n12 * 32LL;
                const i64 n15 = (i64)(n14 < n3);
                const i64 n21 = n19 * 2LL;
                const i64 n26 = n14 + -32LL;
                const i64 n27 = 0LL - n26;
                const i64 n28 = floor_div(n27, 32LL);
                const i64 n29 = larger(0LL, n28);
                const i64 n30 = larger(n29, 2LL);
                const i64 n31 = larger(n30, 1LL);
                const i64 n32 = n31 + 2LL;
                const i64 n34 = n32 + -1LL;
                #pragma unroll 1
                for (i64 n35 = n31; n35 < 2LL; n35 += 1LL) { // key
                    const i64 n36 = n34 - n35;
                    const i64 n37 = n36 * 32LL;
                    const i64 n38 = n26 + n37;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n38, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n38, (int)n6);
                    }
                }
                const i64 n39 = n30 + n31;
                const i64 n40 = n39 + -1LL;
                #pragma unroll 1
                for (i64 n42 = n30; n42 < n31; n42 += 1LL) { // key
                    const i64 n43 = n40 - n42;
                    const i64 n44 = n43 * 32LL;
                    const i64 n45 = n26 + n44;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n45, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n45, (int)n6);
                    }
                }
                const i64 n46 = n29 + n30;
                const i64 n47 = n46 + -1LL;
                #pragma unroll 1
                for (i64 n48 = n29; n48 < n30; n48 += 1LL) { // key
                    const i64 n49 = n47 - n48;
                    const i64 n50 = n49 * 32LL;
                    const i64 n51 = n26 + n50;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n51, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n51, (int)n6);
                    }
                }
                const i64 n53 = n14 + -6LL;
                const i64 n54 = n53 + 32LL;
                const i64 n56 = n54 + 31LL;
                const i64 n57 = floor_div(n56, 32LL);
                const i64 n58 = larger(0LL, n57);
                const i64 n59 = (i64)(0LL < n58);
                if (n59) {
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n53, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n53, (int)n6);
                    }
                    const i64 n60 = floor_div(n14, 32LL);
                    const i64 n61 = n6 * n3;
                    const i64 n62 = floor_div(n61, 32LL);
                    const i64 n63 = n62 + n6;
                    const i64 n64 = n63 + n60;
                    const i64 n66 = n7 * 16LL;
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[4], slot.full, 0, (int)n66, (int)n64, (int)0LL);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
        }
    }
}

