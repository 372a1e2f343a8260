extern "C" __global__ void __launch_bounds__(256, 1) rattan_layer_forward_main(const __grid_constant__ Args a, const __grid_constant__ Maps7 maps) {
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
            const i64 n76 = n8 + n21;
            const Slot t77 = t23.take();
            u32 t78[1][4];
            read_panels<4, 64>(t78, t77.address);
            release(t77);
            pin_all(t78);
            float t79[1][8];
            EACH(1, 4) unpack<bf16>(t78[s][i], t79[s][2 * i], t79[s][2 * i + 1]);
            const i64 n81 = n14 + -32LL;
            const i64 n82 = 0LL - n81;
            const i64 n83 = floor_div(n82, 32LL);
            const i64 n84 = larger(0LL, n83);
            const i64 n88 = larger(n84, 1LL);
            const i64 n89 = larger(n88, 2LL);
            const i64 n90 = smaller(n89, 1LL);
            const i64 n91 = smaller(n88, 1LL);
            const i64 n92 = n81 + 32LL;
            const Slot t93 = t22.take();
            float t94[1][16];
            pin_all(t94);
            pin_all(t78);
            products_begin();
            UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                wgmma_32_k(t94[s], &t78[s][4 * k], matrix(t93.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
            products_commit();
            const i64 n95 = n92 - n14;
            barrier_wait(t93.full, t93.phase);
            products_await<0>();
            pin_all(t94);
            pin_all(t78);
            release(t93);
            float t96[1][16];
            mask<4, 32, 1, 1, 0>(t96, t94, n95, -5LL, 0LL, 0LL, -INFINITY);
            float t97[1][2];
            rowmax<32>(t97, t96);
            float t98[1][2];
            EACH(1, 2) t98[s][i] = max_nan(-1.000000000e+37f, t97[s][i]);
            float t100[1][2];
            EACH(1, 2) t100[s][i] = t98[s][i] * -7.213475204e-01f;
            float t102[1][16];
            EACH(1, 16) t102[s][i] = fmaf(t96[s][i], 7.213475204e-01f, t100[s][(i >> 1) & 1]);
            float t103[1][16];
            EACH(1, 16) t103[s][i] = exp2_fast(t102[s][i]);
            float t104[1][2];
            EACH(1, 2) t104[s][i] = -1.000000000e+37f - t98[s][i];
            float t105[1][2];
            EACH(1, 2) t105[s][i] = t104[s][i] * 7.213475204e-01f;
            float t106[1][2];
            EACH(1, 2) t106[s][i] = exp2_fast(t105[s][i]);
            float t107[1][2];
            rowsum<32>(t107, t103);
            float t108[1][2];
            EACH(1, 2) t108[s][i] = 0.000000000e+00f * t106[s][i];
            float t109[1][2];
            EACH(1, 2) t109[s][i] = t108[s][i] + t107[s][i];
            u32 t110[1][8];
            EACH(1, 8) t110[s][i] = pack(t103[s][2 * i], t103[s][2 * i + 1], bf16());
            float t112[1][2];
            EACH(1, 2) t112[s][i] = t98[s][i];
            float t113[1][2];
            EACH(1, 2) t113[s][i] = t109[s][i];
            float t114[1][8];
            EACH(1, 8) t114[s][i] = 0.000000000e+00f;
            u32 t115[1][8];
            EACH(1, 8) t115[s][i] = t110[s][i];
            #pragma unroll 1
            for (i64 n116 = n90; n116 < 1LL; n116 += 1LL) { // key
                const Slot t121 = t22.take();
                float t122[1][16];
                pin_all(t122);
                pin_all(t78);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t122[s], &t78[s][4 * k], matrix(t121.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t123 = t22.take();
                pin_all(t114);
                pin_all(t115);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t114[s], &t115[s][4 * k], matrix(t123.address, 4096) + k * 128, 1, bf16());
                products_commit();
                products_await<1>();
                pin_all(t122);
                pin_all(t78);
                release(t121);
                float t125[1][2];
                rowmax<32>(t125, t122);
                float t126[1][2];
                EACH(1, 2) t126[s][i] = max_nan(t112[s][i], t125[s][i]);
                float t127[1][2];
                EACH(1, 2) t127[s][i] = t126[s][i] * -7.213475204e-01f;
                float t128[1][16];
                EACH(1, 16) t128[s][i] = fmaf(t122[s][i], 7.213475204e-01f, t127[s][(i >> 1) & 1]);
                float t129[1][16];
                EACH(1, 16) t129[s][i] = exp2_fast(t128[s][i]);
                float t130[1][2];
                EACH(1, 2) t130[s][i] = t112[s][i] - t126[s][i];
                float t131[1][2];
                EACH(1, 2) t131[s][i] = t130[s][i] * 7.213475204e-01f;
                float t132[1][2];
                EACH(1, 2) t132[s][i] = exp2_fast(t131[s][i]);
                float t133[1][2];
                rowsum<32>(t133, t129);
                float t134[1][2];
                EACH(1, 2) t134[s][i] = t113[s][i] * t132[s][i];
                float t135[1][2];
                EACH(1, 2) t135[s][i] = t134[s][i] + t133[s][i];
                barrier_wait(t123.full, t123.phase);
                products_await<0>();
                pin_all(t114);
                pin_all(t115);
                release(t123);
                float t136[1][8];
                EACH(1, 8) t136[s][i] = t114[s][i] * t132[s][(i >> 1) & 1];
                u32 t137[1][8];
                EACH(1, 8) t137[s][i] = pack(t129[s][2 * i], t129[s][2 * i + 1], bf16());
                EACH(1, 2) t112[s][i] = t126[s][i];
                EACH(1, 2) t113[s][i] = t135[s][i];
                EACH(1, 8) t114[s][i] = t136[s][i];
                EACH(1, 8) t115[s][i] = t137[s][i];
            }
            const i64 n138 = n91 + n90;
            const i64 n139 = n138 + -1LL;
            float t140[1][2];
            EACH(1, 2) t140[s][i] = t112[s][i];
            float t141[1][2];
            EACH(1, 2) t141[s][i] = t113[s][i];
            float t142[1][8];
            EACH(1, 8) t142[s][i] = t114[s][i];
            u32 t143[1][8];
            EACH(1, 8) t143[s][i] = t115[s][i];
            #pragma unroll 1
            for (i64 n144 = n91; n144 < n90; n144 += 1LL) { // key
                const i64 n149 = n139 - n144;
                const i64 n150 = n149 * 32LL;
                const i64 n151 = n81 + n150;
                const Slot t152 = t22.take();
                float t153[1][16];
                pin_all(t153);
                pin_all(t78);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t153[s], &t78[s][4 * k], matrix(t152.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t154 = t22.take();
                pin_all(t142);
                pin_all(t143);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t142[s], &t143[s][4 * k], matrix(t154.address, 4096) + k * 128, 1, bf16());
                products_commit();
                const i64 n156 = n151 - n14;
                products_await<1>();
                pin_all(t153);
                pin_all(t78);
                release(t152);
                float t157[1][16];
                mask<4, 32, 1, 0, 0>(t157, t153, n156, -5LL, 1152921504606846976LL, 0LL, -INFINITY);
                float t158[1][2];
                rowmax<32>(t158, t157);
                float t159[1][2];
                EACH(1, 2) t159[s][i] = max_nan(t140[s][i], t158[s][i]);
                float t160[1][2];
                EACH(1, 2) t160[s][i] = t159[s][i] * -7.213475204e-01f;
                float t161[1][16];
                EACH(1, 16) t161[s][i] = fmaf(t157[s][i], 7.213475204e-01f, t160[s][(i >> 1) & 1]);
                float t162[1][16];
                EACH(1, 16) t162[s][i] = exp2_fast(t161[s][i]);
                float t163[1][2];
                EACH(1, 2) t163[s][i] = t140[s][i] - t159[s][i];
                float t164[1][2];
                EACH(1, 2) t164[s][i] = t163[s][i] * 7.213475204e-01f;
                float t165[1][2];
                EACH(1, 2) t165[s][i] = exp2_fast(t164[s][i]);
                float t166[1][2];
                rowsum<32>(t166, t162);
                float t167[1][2];
                EACH(1, 2) t167[s][i] = t141[s][i] * t165[s][i];
                float t168[1][2];
                EACH(1, 2) t168[s][i] = t167[s][i] + t166[s][i];
                barrier_wait(t154.full, t154.phase);
                products_await<0>();
                pin_all(t142);
                pin_all(t143);
                release(t154);
                float t169[1][8];
                EACH(1, 8) t169[s][i] = t142[s][i] * t165[s][(i >> 1) & 1];
                u32 t170[1][8];
                EACH(1, 8) t170[s][i] = pack(t162[s][2 * i], t162[s][2 * i + 1], bf16());
                EACH(1, 2) t140[s][i] = t159[s][i];
                EACH(1, 2) t141[s][i] = t168[s][i];
                EACH(1, 8) t142[s][i] = t169[s][i];
                EACH(1, 8) t143[s][i] = t170[s][i];
            }
            const i64 n171 = (i64)(n84 < 1LL);
            const i64 n173 = n14 + -6LL;
            const i64 n174 = n173 + 32LL;
            const i64 n176 = n174 + 31LL;
            const i64 n177 = floor_div(n176, 32LL);
            const i64 n178 = larger(0LL, n177);
            const i64 n179 = (i64)(0LL < n178);
            const i64 n180 = larger(n171, n179);
            const i64 n181 = (i64)(n180 < 1LL);
            if (n180) {
                const Slot t183 = t22.take();
                float t184[1][8];
                pin_all(t184);
                pin_all(t78);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_16_k(t184[s], &t78[s][4 * k], matrix(t183.address, 16) + k / 4 * 128 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t185 = t22.take();
                float t186[1][8];
                EACH(1, 8) t186[s][i] = t142[s][i];
                pin_all(t186);
                pin_all(t143);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t186[s], &t143[s][4 * k], matrix(t185.address, 4096) + k * 128, 1, bf16());
                products_commit();
                const i64 n187 = n81 - n14;
                const i64 n188 = larger(0LL, n82);
                const i64 n189 = n187 + 16LL;
                const i64 n191 = n188 + -16LL;
                const i64 n192 = larger(0LL, n191);
                products_await<1>();
                pin_all(t184);
                pin_all(t78);
                release(t183);
                float t193[1][8];
                mask<4, 32, 1, 0, 1>(t193, t184, n189, -5LL, 1152921504606846976LL, n192, -INFINITY);
                float t194[1][2];
                rowmax<16>(t194, t193);
                float t195[1][2];
                EACH(1, 2) t195[s][i] = max_nan(t140[s][i], t194[s][i]);
                float t196[1][2];
                EACH(1, 2) t196[s][i] = t140[s][i] - t195[s][i];
                float t197[1][2];
                EACH(1, 2) t197[s][i] = t196[s][i] * 7.213475204e-01f;
                float t198[1][2];
                EACH(1, 2) t198[s][i] = exp2_fast(t197[s][i]);
                barrier_wait(t185.full, t185.phase);
                products_await<0>();
                pin_all(t186);
                pin_all(t143);
                release(t185);
                float t199[1][8];
                EACH(1, 8) t199[s][i] = t186[s][i] * t198[s][(i >> 1) & 1];
                float t200[1][2];
                EACH(1, 2) t200[s][i] = t195[s][i] * -7.213475204e-01f;
                float t201[1][8];
                EACH(1, 8) t201[s][i] = fmaf(t193[s][i], 7.213475204e-01f, t200[s][(i >> 1) & 1]);
                float t202[1][8];
                EACH(1, 8) t202[s][i] = exp2_fast(t201[s][i]);
                u32 t203[1][4];
                EACH(1, 4) t203[s][i] = pack(t202[s][2 * i], t202[s][2 * i + 1], bf16());
                float t204[1][2];
                rowsum<16>(t204, t202);
                const Slot t205 = t22.take();
                pin_all(t199);
                pin_all(t203);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_16(t199[s], &t203[s][4 * k], matrix(t205.address, 2048) + k * 128, 1, bf16());
                products_commit();
                pin_all(t78);
                float t207[1][8];
                EACH(1, 4) unpack<bf16>(t78[s][i], t207[s][2 * i], t207[s][2 * i + 1]);
                float t208[1][8];
                EACH(1, 8) t208[s][i] = max_nan(t207[s][i], 0.f);
                u32 t209[1][4];
                EACH(1, 4) t209[s][i] = pack(t208[s][2 * i], t208[s][2 * i + 1], bf16());
                const Slot t210 = t22.take();
                float t211[1][16];
                pin_all(t211);
                pin_all(t209);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t211[s], &t209[s][4 * k], matrix(t210.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                float t213[1][2];
                EACH(1, 2) t213[s][i] = t141[s][i] * t198[s][i];
                float t214[1][2];
                EACH(1, 2) t214[s][i] = t213[s][i] + t204[s][i];
                float t216[1][2];
                EACH(1, 2) t216[s][i] = max_nan(t214[s][i], 1.000000000e-37f);
                float t217[1][2];
                EACH(1, 2) t217[s][i] = __fdividef(1.000000000e+00f, t216[s][i]);
                products_await<1>();
                pin_all(t199);
                pin_all(t203);
                release(t205);
                float t218[1][8];
                EACH(1, 8) t218[s][i] = t199[s][i] * t217[s][(i >> 1) & 1];
                u32 t219[1][4];
                EACH(1, 4) t219[s][i] = pack(t218[s][2 * i], t218[s][2 * i + 1], bf16());
                barrier_wait(t210.full, t210.phase);
                products_await<0>();
                pin_all(t211);
                pin_all(t209);
                release(t210);
                float t220[1][16];
                mask<4, 32, 0, 1, 0>(t220, t211, -6LL, -1152921504606846976LL, -6LL, 0LL, 0.000000000e+00f);
                u32 t221[1][8];
                EACH(1, 8) t221[s][i] = pack(t220[s][2 * i], t220[s][2 * i + 1], bf16());
                const Slot t222 = t22.take();
                float t223[1][8];
                pin_all(t223);
                pin_all(t221);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t223[s], &t221[s][4 * k], matrix(t222.address, 4096) + k * 128, k > 0, bf16());
                products_commit();
                const Slot t224 = t22.take();
                pin_all(t223);
                pin_all(t209);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_16(t223[s], &t209[s][4 * k], matrix(t224.address, 2048) + k * 128, 1, bf16());
                products_commit();
                pin_all(t219);
                float t226[1][8];
                EACH(1, 4) unpack<bf16>(t219[s][i], t226[s][2 * i], t226[s][2 * i + 1]);
                barrier_wait(t224.full, t224.phase);
                products_await<0>();
                pin_all(t221);
                pin_all(t223);
                pin_all(t209);
                release(t222);
                release(t224);
                float t227[1][8];
                EACH(1, 8) t227[s][i] = t226[s][i] + t223[s][i];
                store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t227, view(a.v + 15, n6, n14, n76, 0LL, n3));
            }
            else {
                const Slot t228 = t22.take();
                float t229[1][8];
                EACH(1, 8) t229[s][i] = t142[s][i];
                pin_all(t229);
                pin_all(t143);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t229[s], &t143[s][4 * k], matrix(t228.address, 4096) + k * 128, 1, bf16());
                products_commit();
                float t231[1][2];
                EACH(1, 2) t231[s][i] = max_nan(t141[s][i], 1.000000000e-37f);
                float t233[1][2];
                EACH(1, 2) t233[s][i] = __fdividef(1.000000000e+00f, t231[s][i]);
                barrier_wait(t228.full, t228.phase);
                products_await<0>();
                pin_all(t229);
                pin_all(t143);
                release(t228);
                float t234[1][8];
                EACH(1, 8) t234[s][i] = t229[s][i] * t233[s][(i >> 1) & 1];
                store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t234, view(a.v + 15, n6, n14, n76, 0LL, n3));
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
                const i64 n30 = larger(n29, 1LL);
                const i64 n31 = larger(n30, 2LL);
                const i64 n32 = smaller(n31, 1LL);
                const i64 n33 = smaller(n30, 1LL);
                const i64 n34 = n26 + 32LL;
                {
                    const Slot slot = t22.open(4096);
                    copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n34, (int)n6);
                }
                const i64 n35 = n32 + 1LL;
                const i64 n37 = n35 + -1LL;
                #pragma unroll 1
                for (i64 n39 = n32; n39 < 1LL; n39 += 1LL) { // key
                    const i64 n40 = n37 - n39;
                    const i64 n41 = n40 * 32LL;
                    const i64 n42 = n26 + n41;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n42, (int)n6);
                    }
                    const i64 n43 = n40 + 1LL;
                    const i64 n44 = n43 * 32LL;
                    const i64 n45 = n26 + n44;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n45, (int)n6);
                    }
                }
                const i64 n46 = n33 + n32;
                const i64 n47 = n46 + -1LL;
                #pragma unroll 1
                for (i64 n48 = n33; n48 < n32; n48 += 1LL) { // key
                    const i64 n49 = n47 - n48;
                    const i64 n50 = n49 * 32LL;
                    const i64 n51 = n26 + n50;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n51, (int)n6);
                    }
                    const i64 n52 = n49 + 1LL;
                    const i64 n53 = n52 * 32LL;
                    const i64 n54 = n26 + n53;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n54, (int)n6);
                    }
                }
                const i64 n55 = n33 * 32LL;
                const i64 n56 = n26 + n55;
                const i64 n57 = (i64)(n29 < 1LL);
                const i64 n59 = n14 + -6LL;
                const i64 n60 = n59 + 32LL;
                const i64 n62 = n60 + 31LL;
                const i64 n63 = floor_div(n62, 32LL);
                const i64 n64 = larger(0LL, n63);
                const i64 n65 = (i64)(0LL < n64);
                const i64 n66 = larger(n57, n65);
                const i64 n67 = (i64)(n66 < 1LL);
                if (n66) {
                    const i64 n69 = n26 + 16LL;
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n69, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n56, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[4], slot.full, 0, (int)n7, (int)n69, (int)n6);
                    }
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[5], slot.full, 0, (int)n7, (int)n59, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n59, (int)n6);
                    }
                    const i64 n70 = floor_div(n14, 32LL);
                    const i64 n71 = n6 * n3;
                    const i64 n72 = floor_div(n71, 32LL);
                    const i64 n73 = n72 + n6;
                    const i64 n74 = n73 + n70;
                    const i64 n75 = n7 * 16LL;
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[6], slot.full, 0, (int)n75, (int)n74, (int)0LL);
                    }
                }
                else {
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n56, (int)n6);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
        }
    }
}

