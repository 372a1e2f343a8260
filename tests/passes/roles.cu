extern "C" __global__ void __launch_bounds__(256, 2) rattan_layer_forward_main(const __grid_constant__ Args a, const __grid_constant__ Maps7 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
        t22.make(1, 4);
        t23.make(1, 4);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<232>();
        Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[52]; item += gridDim.x) {
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
            const i64 n72 = n8 + n21;
            const Slot t73 = t23.take();
            u32 t74[1][4];
            read_panels<4, 64, 0>(t74, t73.address);
            pin_all(t74);
            float t75[1][8];
            EACH(1, 8) t75[s][i] = unpacked(t74[s][i >> 1], i & 1, bf16());
            const i64 n77 = n14 + -32LL;
            const i64 n78 = 0LL - n77;
            const i64 n79 = floor_div(n78, 32LL);
            const i64 n80 = larger(0LL, n79);
            const i64 n84 = larger(n80, 1LL);
            const i64 n85 = larger(n84, 2LL);
            const i64 n86 = smaller(n85, 1LL);
            const i64 n87 = smaller(n84, 1LL);
            const Slot t88 = t22.take();
            float t89[1][16];
            pin_all(t89);
            pin_all(t74);
            products_begin();
            UNROLL for (int s = 0, k = 0; s < 1; s++)
                wgmma_32_k(t89[s], &t74[s][4 * k], matrix(t88.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
            products_commit();
            barrier_wait(t88.full, t88.phase);
            products_await<0>();
            pin_all(t89);
            pin_all(t74);
            release(t88);
            float t90[1][16];
            mask_fixed<4, 32, -5, 0, 0>(t90, t89, 0LL, -INFINITY);
            float t91[1][2];
            rowmax<32>(t91, t90);
            float t92[1][2];
            EACH(1, 2) t92[s][i] = max_nan(-1.000000000e+37f, t91[s][i]);
            float t94[1][2];
            EACH(1, 2) t94[s][i] = t92[s][i] * -3.606737602e-01f;
            float t96[1][16];
            EACH(1, 16) t96[s][i] = fmaf(t90[s][i], 3.606737602e-01f, t94[s][(i >> 1) & 1]);
            float t97[1][16];
            EACH(1, 16) t97[s][i] = exp2_fast(t96[s][i]);
            float t98[1][2];
            EACH(1, 2) t98[s][i] = -1.000000000e+37f - t92[s][i];
            float t99[1][2];
            EACH(1, 2) t99[s][i] = t98[s][i] * 3.606737602e-01f;
            float t100[1][2];
            EACH(1, 2) t100[s][i] = exp2_fast(t99[s][i]);
            float t101[1][2];
            rowsum<32>(t101, t97);
            float t102[1][2];
            EACH(1, 2) t102[s][i] = 0.000000000e+00f * t100[s][i];
            float t103[1][2];
            EACH(1, 2) t103[s][i] = t102[s][i] + t101[s][i];
            u32 t104[1][8];
            EACH(1, 8) t104[s][i] = pack(t97[s][2 * i], t97[s][2 * i + 1], bf16());
            float t106[1][2];
            EACH(1, 2) t106[s][i] = t92[s][i];
            float t107[1][2];
            EACH(1, 2) t107[s][i] = t103[s][i];
            float t108[1][8];
            EACH(1, 8) t108[s][i] = 0.000000000e+00f;
            u32 t109[1][8];
            EACH(1, 8) t109[s][i] = t104[s][i];
            const i64 n110_end = opaque(1LL);
            #pragma unroll 1
            for (i64 n110 = n86; n110 < n110_end; n110 += 1LL) { // key
                const Slot t115 = t22.take();
                float t116[1][16];
                pin_all(t116);
                pin_all(t74);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_32_k(t116[s], &t74[s][4 * k], matrix(t115.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t117 = t22.take();
                pin_all(t108);
                pin_all(t109);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x2<0, 0>(t108[s], &t109[s][0], matrix(t117.address, 4096), 1, bf16());
                products_commit();
                products_await<1>();
                pin_all(t116);
                pin_all(t74);
                release(t115);
                float t119[1][2];
                rowmax<32>(t119, t116);
                float t120[1][2];
                EACH(1, 2) t120[s][i] = max_nan(t106[s][i], t119[s][i]);
                float t121[1][2];
                EACH(1, 2) t121[s][i] = t120[s][i] * -3.606737602e-01f;
                float t122[1][16];
                EACH(1, 16) t122[s][i] = fmaf(t116[s][i], 3.606737602e-01f, t121[s][(i >> 1) & 1]);
                float t123[1][16];
                EACH(1, 16) t123[s][i] = exp2_fast(t122[s][i]);
                float t124[1][2];
                EACH(1, 2) t124[s][i] = t106[s][i] - t120[s][i];
                float t125[1][2];
                EACH(1, 2) t125[s][i] = t124[s][i] * 3.606737602e-01f;
                float t126[1][2];
                EACH(1, 2) t126[s][i] = exp2_fast(t125[s][i]);
                float t127[1][2];
                rowsum<32>(t127, t123);
                float t128[1][2];
                EACH(1, 2) t128[s][i] = t107[s][i] * t126[s][i];
                float t129[1][2];
                EACH(1, 2) t129[s][i] = t128[s][i] + t127[s][i];
                barrier_wait(t117.full, t117.phase);
                products_await<0>();
                pin_all(t108);
                pin_all(t109);
                release(t117);
                float t130[1][8];
                EACH(1, 8) t130[s][i] = t108[s][i] * t126[s][(i >> 1) & 1];
                u32 t131[1][8];
                EACH(1, 8) t131[s][i] = pack(t123[s][2 * i], t123[s][2 * i + 1], bf16());
                EACH(1, 2) t106[s][i] = t120[s][i];
                EACH(1, 2) t107[s][i] = t129[s][i];
                EACH(1, 8) t108[s][i] = t130[s][i];
                EACH(1, 8) t109[s][i] = t131[s][i];
            }
            const i64 n132 = n87 + n86;
            const i64 n133 = n132 + -1LL;
            float t134[1][2];
            EACH(1, 2) t134[s][i] = t106[s][i];
            float t135[1][2];
            EACH(1, 2) t135[s][i] = t107[s][i];
            float t136[1][8];
            EACH(1, 8) t136[s][i] = t108[s][i];
            u32 t137[1][8];
            EACH(1, 8) t137[s][i] = t109[s][i];
            const i64 n138_end = opaque(n86);
            #pragma unroll 1
            for (i64 n138 = n87; n138 < n138_end; n138 += 1LL) { // key
                const i64 n143 = n133 - n138;
                const i64 n144 = n143 * 32LL;
                const i64 n145 = n77 + n144;
                const Slot t146 = t22.take();
                float t147[1][16];
                pin_all(t147);
                pin_all(t74);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_32_k(t147[s], &t74[s][4 * k], matrix(t146.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t148 = t22.take();
                pin_all(t136);
                pin_all(t137);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x2<0, 0>(t136[s], &t137[s][0], matrix(t148.address, 4096), 1, bf16());
                products_commit();
                const i64 n150 = n145 - n14;
                products_await<1>();
                pin_all(t147);
                pin_all(t74);
                release(t146);
                float t151[1][16];
                mask<4, 32, 1, 0, 0>(t151, t147, n150, -5LL, 0LL, 0LL, -INFINITY);
                float t152[1][2];
                rowmax<32>(t152, t151);
                float t153[1][2];
                EACH(1, 2) t153[s][i] = max_nan(t134[s][i], t152[s][i]);
                float t154[1][2];
                EACH(1, 2) t154[s][i] = t153[s][i] * -3.606737602e-01f;
                float t155[1][16];
                EACH(1, 16) t155[s][i] = fmaf(t151[s][i], 3.606737602e-01f, t154[s][(i >> 1) & 1]);
                float t156[1][16];
                EACH(1, 16) t156[s][i] = exp2_fast(t155[s][i]);
                float t157[1][2];
                EACH(1, 2) t157[s][i] = t134[s][i] - t153[s][i];
                float t158[1][2];
                EACH(1, 2) t158[s][i] = t157[s][i] * 3.606737602e-01f;
                float t159[1][2];
                EACH(1, 2) t159[s][i] = exp2_fast(t158[s][i]);
                float t160[1][2];
                rowsum<32>(t160, t156);
                float t161[1][2];
                EACH(1, 2) t161[s][i] = t135[s][i] * t159[s][i];
                float t162[1][2];
                EACH(1, 2) t162[s][i] = t161[s][i] + t160[s][i];
                barrier_wait(t148.full, t148.phase);
                products_await<0>();
                pin_all(t136);
                pin_all(t137);
                release(t148);
                float t163[1][8];
                EACH(1, 8) t163[s][i] = t136[s][i] * t159[s][(i >> 1) & 1];
                u32 t164[1][8];
                EACH(1, 8) t164[s][i] = pack(t156[s][2 * i], t156[s][2 * i + 1], bf16());
                EACH(1, 2) t134[s][i] = t153[s][i];
                EACH(1, 2) t135[s][i] = t162[s][i];
                EACH(1, 8) t136[s][i] = t163[s][i];
                EACH(1, 8) t137[s][i] = t164[s][i];
            }
            const i64 n165 = (i64)(n80 < 1LL);
            const i64 n168 = n14 + 57LL;
            const i64 n169 = floor_div(n168, 32LL);
            const i64 n170 = larger(0LL, n169);
            const i64 n171 = (i64)(0LL < n170);
            const i64 n172 = larger(n165, n171);
            const i64 n173 = (i64)(n172 < 1LL);
            if (n172) {
                const Slot t174 = t22.take();
                float t175[1][8];
                pin_all(t175);
                pin_all(t74);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_16_k(t175[s], &t74[s][4 * k], matrix(t174.address, 16) + k / 4 * 128 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t176 = t22.take();
                float t177[1][8];
                EACH(1, 8) t177[s][i] = t136[s][i];
                pin_all(t177);
                pin_all(t137);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x2<0, 0>(t177[s], &t137[s][0], matrix(t176.address, 4096), 1, bf16());
                products_commit();
                const i64 n178 = larger(0LL, n78);
                const i64 n180 = n178 + -16LL;
                const i64 n181 = larger(0LL, n180);
                products_await<1>();
                pin_all(t175);
                pin_all(t74);
                release(t174);
                float t182[1][8];
                mask_fixed<4, 32, 11, 1048576, 1>(t182, t175, n181, -INFINITY);
                float t183[1][2];
                rowmax<16>(t183, t182);
                float t184[1][2];
                EACH(1, 2) t184[s][i] = max_nan(t134[s][i], t183[s][i]);
                float t185[1][2];
                EACH(1, 2) t185[s][i] = t134[s][i] - t184[s][i];
                float t186[1][2];
                EACH(1, 2) t186[s][i] = t185[s][i] * 3.606737602e-01f;
                float t187[1][2];
                EACH(1, 2) t187[s][i] = exp2_fast(t186[s][i]);
                float t188[1][2];
                EACH(1, 2) t188[s][i] = t135[s][i] * t187[s][i];
                float t189[1][2];
                EACH(1, 2) t189[s][i] = t184[s][i] * -3.606737602e-01f;
                float t190[1][8];
                EACH(1, 8) t190[s][i] = fmaf(t182[s][i], 3.606737602e-01f, t189[s][(i >> 1) & 1]);
                float t191[1][8];
                EACH(1, 8) t191[s][i] = exp2_fast(t190[s][i]);
                u32 t192[1][4];
                EACH(1, 4) t192[s][i] = pack(t191[s][2 * i], t191[s][2 * i + 1], bf16());
                float t193[1][2];
                rowsum<16>(t193, t191);
                float t194[1][2];
                EACH(1, 2) t194[s][i] = t188[s][i] + t193[s][i];
                if (all_bits(t194)) barrier_wait(t176.full, t176.phase);
                if (all_bits(t192)) barrier_wait(t176.full, t176.phase);
                barrier_wait(t176.full, t176.phase);
                products_await<0>();
                pin_all(t177);
                pin_all(t137);
                release(t176);
                float t195[1][8];
                EACH(1, 8) t195[s][i] = t177[s][i] * t187[s][(i >> 1) & 1];
                const Slot t196 = t22.take();
                pin_all(t195);
                pin_all(t192);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_16(t195[s], &t192[s][4 * k], matrix(t196.address, 2048) + k * 128, 1, bf16());
                products_commit();
                u32 t198[1][4];
                read_panels<4, 64, 0>(t198, t73.address);
                release_read(t73);
                pin_all(t198);
                float t199[1][8];
                EACH(1, 8) t199[s][i] = unpacked(t198[s][i >> 1], i & 1, bf16());
                float t200[1][8];
                EACH(1, 8) t200[s][i] = max_nan(t199[s][i], 0.f);
                u32 t201[1][4];
                EACH(1, 4) t201[s][i] = pack(t200[s][2 * i], t200[s][2 * i + 1], bf16());
                const Slot t202 = t22.take();
                float t203[1][16];
                pin_all(t203);
                pin_all(t201);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_32_k(t203[s], &t201[s][4 * k], matrix(t202.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                float t206[1][2];
                EACH(1, 2) t206[s][i] = max_nan(t194[s][i], 1.000000000e-37f);
                float t207[1][2];
                EACH(1, 2) t207[s][i] = __fdividef(1.000000000e+00f, t206[s][i]);
                products_await<1>();
                pin_all(t195);
                pin_all(t192);
                release(t196);
                float t208[1][8];
                EACH(1, 8) t208[s][i] = t195[s][i] * t207[s][(i >> 1) & 1];
                u32 t209[1][4];
                EACH(1, 4) t209[s][i] = pack(t208[s][2 * i], t208[s][2 * i + 1], bf16());
                if (all_bits(t209)) barrier_wait(t202.full, t202.phase);
                barrier_wait(t202.full, t202.phase);
                products_await<0>();
                pin_all(t203);
                pin_all(t201);
                release(t202);
                float t210[1][16];
                mask_fixed<4, 32, -1048576, 0, 0>(t210, t203, 0LL, 0.000000000e+00f);
                u32 t211[1][8];
                EACH(1, 8) t211[s][i] = pack(t210[s][2 * i], t210[s][2 * i + 1], bf16());
                const Slot t212 = t22.take();
                float t213[1][8];
                pin_all(t213);
                pin_all(t211);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x2<0, 0>(t213[s], &t211[s][0], matrix(t212.address, 4096), 0, bf16());
                products_commit();
                const Slot t214 = t22.take();
                pin_all(t213);
                pin_all(t201);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_16(t213[s], &t201[s][4 * k], matrix(t214.address, 2048) + k * 128, 1, bf16());
                products_commit();
                barrier_wait(t214.full, t214.phase);
                products_await<0>();
                pin_all(t211);
                pin_all(t213);
                pin_all(t201);
                release(t212);
                release(t214);
                pin_all(t209);
                float t216[1][8];
                EACH(1, 8) t216[s][i] = unpacked(t209[s][i >> 1], i & 1, bf16());
                float t217[1][8];
                EACH(1, 8) t217[s][i] = t216[s][i] + t213[s][i];
                store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t217, view(a.v + 15, n6, n14, n72, 0LL, n3));
            }
            else {
                release_read(t73);
                const Slot t218 = t22.take();
                float t219[1][8];
                EACH(1, 8) t219[s][i] = t136[s][i];
                pin_all(t219);
                pin_all(t137);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x2<0, 0>(t219[s], &t137[s][0], matrix(t218.address, 4096), 1, bf16());
                products_commit();
                float t221[1][2];
                EACH(1, 2) t221[s][i] = max_nan(t135[s][i], 1.000000000e-37f);
                float t223[1][2];
                EACH(1, 2) t223[s][i] = __fdividef(1.000000000e+00f, t221[s][i]);
                barrier_wait(t218.full, t218.phase);
                products_await<0>();
                pin_all(t219);
                pin_all(t137);
                release(t218);
                float t224[1][8];
                EACH(1, 8) t224[s][i] = t219[s][i] * t223[s][(i >> 1) & 1];
                store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t224, view(a.v + 15, n6, n14, n72, 0LL, n3));
            }
        }
    } else {
        give_registers<24>();
        if (warp_id() == 4) {
            if (lane_id() != 0) return;
            Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[52]; item += gridDim.x) {
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
            return;
        }
        if (warp_id() == 5) {
            if (lane_id() != 0) return;
            Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[52]; item += gridDim.x) {
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
                {
                    const Slot slot = t22.open(4096);
                    copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n14, (int)n6);
                }
                const i64 n35_end = opaque(1LL);
                #pragma unroll 1
                for (i64 n35 = n32; n35 < n35_end; n35 += 1LL) { // key
                    const i64 n36 = n32 - n35;
                    const i64 n37 = n36 * 32LL;
                    const i64 n38 = n26 + n37;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n38, (int)n6);
                    }
                    const i64 n39 = n36 + 1LL;
                    const i64 n40 = n39 * 32LL;
                    const i64 n41 = n26 + n40;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n41, (int)n6);
                    }
                }
                const i64 n42 = n33 + n32;
                const i64 n43 = n42 + -1LL;
                const i64 n44_end = opaque(n32);
                #pragma unroll 1
                for (i64 n44 = n33; n44 < n44_end; n44 += 1LL) { // key
                    const i64 n45 = n43 - n44;
                    const i64 n46 = n45 * 32LL;
                    const i64 n47 = n26 + n46;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n47, (int)n6);
                    }
                    const i64 n48 = n45 + 1LL;
                    const i64 n49 = n48 * 32LL;
                    const i64 n50 = n26 + n49;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n50, (int)n6);
                    }
                }
                const i64 n51 = n33 * 32LL;
                const i64 n52 = n26 + n51;
                const i64 n53 = (i64)(n29 < 1LL);
                const i64 n55 = n14 + -6LL;
                const i64 n57 = n14 + 57LL;
                const i64 n58 = floor_div(n57, 32LL);
                const i64 n59 = larger(0LL, n58);
                const i64 n60 = (i64)(0LL < n59);
                const i64 n61 = larger(n53, n60);
                const i64 n62 = (i64)(n61 < 1LL);
                if (n61) {
                    const i64 n65 = n14 + -16LL;
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n65, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n52, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[4], slot.full, 0, (int)n7, (int)n65, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[5], slot.full, 0, (int)n7, (int)n55, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n55, (int)n6);
                    }
                    const i64 n66 = floor_div(n14, 32LL);
                    const i64 n67 = n6 * n3;
                    const i64 n68 = floor_div(n67, 32LL);
                    const i64 n69 = n68 + n6;
                    const i64 n70 = n69 + n66;
                    const i64 n71 = n7 * 16LL;
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[6], slot.full, 0, (int)n71, (int)n70, (int)0LL);
                    }
                }
                else {
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n52, (int)n6);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
    }
}

