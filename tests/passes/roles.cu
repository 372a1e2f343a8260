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
        take_registers<240>();
        Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[48]; item += gridDim.x) {
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
            const i64 n73 = n8 + n21;
            const Slot t74 = t23.take();
            u32 t75[1][4];
            read_panels<4, 64>(t75, t74.address);
            release(t74);
            pin_all(t75);
            float t76[1][8];
            EACH(1, 8) t76[s][i] = unpacked(t75[s][i >> 1], i & 1, bf16());
            const i64 n78 = n14 + -32LL;
            const i64 n79 = 0LL - n78;
            const i64 n80 = floor_div(n79, 32LL);
            const i64 n81 = larger(0LL, n80);
            const i64 n85 = larger(n81, 1LL);
            const i64 n86 = larger(n85, 2LL);
            const i64 n87 = smaller(n86, 1LL);
            const i64 n88 = smaller(n85, 1LL);
            const Slot t89 = t22.take();
            float t90[1][16];
            pin_all(t90);
            pin_all(t75);
            products_begin();
            UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                wgmma_32_k(t90[s], &t75[s][4 * k], matrix(t89.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
            products_commit();
            barrier_wait(t89.full, t89.phase);
            products_await<0>();
            pin_all(t90);
            pin_all(t75);
            release(t89);
            float t91[1][16];
            mask_fixed<4, 32, -5, 0, 0>(t91, t90, 0LL, -INFINITY);
            float t92[1][2];
            rowmax<32>(t92, t91);
            float t93[1][2];
            EACH(1, 2) t93[s][i] = max_nan(-1.000000000e+37f, t92[s][i]);
            float t95[1][2];
            EACH(1, 2) t95[s][i] = t93[s][i] * -7.213475204e-01f;
            float t97[1][16];
            EACH(1, 16) t97[s][i] = fmaf(t91[s][i], 7.213475204e-01f, t95[s][(i >> 1) & 1]);
            float t98[1][16];
            EACH(1, 16) t98[s][i] = exp2_fast(t97[s][i]);
            float t99[1][2];
            EACH(1, 2) t99[s][i] = -1.000000000e+37f - t93[s][i];
            float t100[1][2];
            EACH(1, 2) t100[s][i] = t99[s][i] * 7.213475204e-01f;
            float t101[1][2];
            EACH(1, 2) t101[s][i] = exp2_fast(t100[s][i]);
            float t102[1][2];
            rowsum<32>(t102, t98);
            float t103[1][2];
            EACH(1, 2) t103[s][i] = 0.000000000e+00f * t101[s][i];
            float t104[1][2];
            EACH(1, 2) t104[s][i] = t103[s][i] + t102[s][i];
            u32 t105[1][8];
            EACH(1, 8) t105[s][i] = pack(t98[s][2 * i], t98[s][2 * i + 1], bf16());
            float t107[1][2];
            EACH(1, 2) t107[s][i] = t93[s][i];
            float t108[1][2];
            EACH(1, 2) t108[s][i] = t104[s][i];
            float t109[1][8];
            EACH(1, 8) t109[s][i] = 0.000000000e+00f;
            u32 t110[1][8];
            EACH(1, 8) t110[s][i] = t105[s][i];
            const i64 n111_end = opaque(1LL);
            #pragma unroll 1
            for (i64 n111 = n87; n111 < n111_end; n111 += 1LL) { // key
                const Slot t116 = t22.take();
                float t117[1][16];
                pin_all(t117);
                pin_all(t75);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t117[s], &t75[s][4 * k], matrix(t116.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t118 = t22.take();
                pin_all(t109);
                pin_all(t110);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t109[s], &t110[s][4 * k], matrix(t118.address, 4096) + k * 128, 1, bf16());
                products_commit();
                products_await<1>();
                pin_all(t117);
                pin_all(t75);
                release(t116);
                float t120[1][2];
                rowmax<32>(t120, t117);
                float t121[1][2];
                EACH(1, 2) t121[s][i] = max_nan(t107[s][i], t120[s][i]);
                float t122[1][2];
                EACH(1, 2) t122[s][i] = t121[s][i] * -7.213475204e-01f;
                float t123[1][16];
                EACH(1, 16) t123[s][i] = fmaf(t117[s][i], 7.213475204e-01f, t122[s][(i >> 1) & 1]);
                float t124[1][16];
                EACH(1, 16) t124[s][i] = exp2_fast(t123[s][i]);
                float t125[1][2];
                EACH(1, 2) t125[s][i] = t107[s][i] - t121[s][i];
                float t126[1][2];
                EACH(1, 2) t126[s][i] = t125[s][i] * 7.213475204e-01f;
                float t127[1][2];
                EACH(1, 2) t127[s][i] = exp2_fast(t126[s][i]);
                float t128[1][2];
                rowsum<32>(t128, t124);
                float t129[1][2];
                EACH(1, 2) t129[s][i] = t108[s][i] * t127[s][i];
                float t130[1][2];
                EACH(1, 2) t130[s][i] = t129[s][i] + t128[s][i];
                barrier_wait(t118.full, t118.phase);
                products_await<0>();
                pin_all(t109);
                pin_all(t110);
                release(t118);
                float t131[1][8];
                EACH(1, 8) t131[s][i] = t109[s][i] * t127[s][(i >> 1) & 1];
                u32 t132[1][8];
                EACH(1, 8) t132[s][i] = pack(t124[s][2 * i], t124[s][2 * i + 1], bf16());
                EACH(1, 2) t107[s][i] = t121[s][i];
                EACH(1, 2) t108[s][i] = t130[s][i];
                EACH(1, 8) t109[s][i] = t131[s][i];
                EACH(1, 8) t110[s][i] = t132[s][i];
            }
            const i64 n133 = n88 + n87;
            const i64 n134 = n133 + -1LL;
            float t135[1][2];
            EACH(1, 2) t135[s][i] = t107[s][i];
            float t136[1][2];
            EACH(1, 2) t136[s][i] = t108[s][i];
            float t137[1][8];
            EACH(1, 8) t137[s][i] = t109[s][i];
            u32 t138[1][8];
            EACH(1, 8) t138[s][i] = t110[s][i];
            const i64 n139_end = opaque(n87);
            #pragma unroll 1
            for (i64 n139 = n88; n139 < n139_end; n139 += 1LL) { // key
                const i64 n144 = n134 - n139;
                const i64 n145 = n144 * 32LL;
                const i64 n146 = n78 + n145;
                const Slot t147 = t22.take();
                float t148[1][16];
                pin_all(t148);
                pin_all(t75);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t148[s], &t75[s][4 * k], matrix(t147.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t149 = t22.take();
                pin_all(t137);
                pin_all(t138);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t137[s], &t138[s][4 * k], matrix(t149.address, 4096) + k * 128, 1, bf16());
                products_commit();
                const i64 n151 = n146 - n14;
                products_await<1>();
                pin_all(t148);
                pin_all(t75);
                release(t147);
                float t152[1][16];
                mask<4, 32, 1, 0, 0>(t152, t148, n151, -5LL, 1152921504606846976LL, 0LL, -INFINITY);
                float t153[1][2];
                rowmax<32>(t153, t152);
                float t154[1][2];
                EACH(1, 2) t154[s][i] = max_nan(t135[s][i], t153[s][i]);
                float t155[1][2];
                EACH(1, 2) t155[s][i] = t154[s][i] * -7.213475204e-01f;
                float t156[1][16];
                EACH(1, 16) t156[s][i] = fmaf(t152[s][i], 7.213475204e-01f, t155[s][(i >> 1) & 1]);
                float t157[1][16];
                EACH(1, 16) t157[s][i] = exp2_fast(t156[s][i]);
                float t158[1][2];
                EACH(1, 2) t158[s][i] = t135[s][i] - t154[s][i];
                float t159[1][2];
                EACH(1, 2) t159[s][i] = t158[s][i] * 7.213475204e-01f;
                float t160[1][2];
                EACH(1, 2) t160[s][i] = exp2_fast(t159[s][i]);
                float t161[1][2];
                rowsum<32>(t161, t157);
                float t162[1][2];
                EACH(1, 2) t162[s][i] = t136[s][i] * t160[s][i];
                float t163[1][2];
                EACH(1, 2) t163[s][i] = t162[s][i] + t161[s][i];
                barrier_wait(t149.full, t149.phase);
                products_await<0>();
                pin_all(t137);
                pin_all(t138);
                release(t149);
                float t164[1][8];
                EACH(1, 8) t164[s][i] = t137[s][i] * t160[s][(i >> 1) & 1];
                u32 t165[1][8];
                EACH(1, 8) t165[s][i] = pack(t157[s][2 * i], t157[s][2 * i + 1], bf16());
                EACH(1, 2) t135[s][i] = t154[s][i];
                EACH(1, 2) t136[s][i] = t163[s][i];
                EACH(1, 8) t137[s][i] = t164[s][i];
                EACH(1, 8) t138[s][i] = t165[s][i];
            }
            const i64 n166 = (i64)(n81 < 1LL);
            const i64 n169 = n14 + 57LL;
            const i64 n170 = floor_div(n169, 32LL);
            const i64 n171 = larger(0LL, n170);
            const i64 n172 = (i64)(0LL < n171);
            const i64 n173 = larger(n166, n172);
            const i64 n174 = (i64)(n173 < 1LL);
            if (n173) {
                const Slot t175 = t22.take();
                float t176[1][8];
                pin_all(t176);
                pin_all(t75);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_16_k(t176[s], &t75[s][4 * k], matrix(t175.address, 16) + k / 4 * 128 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t177 = t22.take();
                float t178[1][8];
                EACH(1, 8) t178[s][i] = t137[s][i];
                pin_all(t178);
                pin_all(t138);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t178[s], &t138[s][4 * k], matrix(t177.address, 4096) + k * 128, 1, bf16());
                products_commit();
                const i64 n179 = larger(0LL, n79);
                const i64 n181 = n179 + -16LL;
                const i64 n182 = larger(0LL, n181);
                products_await<1>();
                pin_all(t176);
                pin_all(t75);
                release(t175);
                float t183[1][8];
                mask_fixed<4, 32, 11, 1048576, 1>(t183, t176, n182, -INFINITY);
                float t184[1][2];
                rowmax<16>(t184, t183);
                float t185[1][2];
                EACH(1, 2) t185[s][i] = max_nan(t135[s][i], t184[s][i]);
                float t186[1][2];
                EACH(1, 2) t186[s][i] = t135[s][i] - t185[s][i];
                float t187[1][2];
                EACH(1, 2) t187[s][i] = t186[s][i] * 7.213475204e-01f;
                float t188[1][2];
                EACH(1, 2) t188[s][i] = exp2_fast(t187[s][i]);
                barrier_wait(t177.full, t177.phase);
                products_await<0>();
                pin_all(t178);
                pin_all(t138);
                release(t177);
                float t189[1][8];
                EACH(1, 8) t189[s][i] = t178[s][i] * t188[s][(i >> 1) & 1];
                float t190[1][2];
                EACH(1, 2) t190[s][i] = t185[s][i] * -7.213475204e-01f;
                float t191[1][8];
                EACH(1, 8) t191[s][i] = fmaf(t183[s][i], 7.213475204e-01f, t190[s][(i >> 1) & 1]);
                float t192[1][8];
                EACH(1, 8) t192[s][i] = exp2_fast(t191[s][i]);
                u32 t193[1][4];
                EACH(1, 4) t193[s][i] = pack(t192[s][2 * i], t192[s][2 * i + 1], bf16());
                float t194[1][2];
                rowsum<16>(t194, t192);
                const Slot t195 = t22.take();
                pin_all(t189);
                pin_all(t193);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_16(t189[s], &t193[s][4 * k], matrix(t195.address, 2048) + k * 128, 1, bf16());
                products_commit();
                pin_all(t75);
                float t197[1][8];
                EACH(1, 8) t197[s][i] = unpacked(t75[s][i >> 1], i & 1, bf16());
                float t198[1][8];
                EACH(1, 8) t198[s][i] = max_nan(t197[s][i], 0.f);
                u32 t199[1][4];
                EACH(1, 4) t199[s][i] = pack(t198[s][2 * i], t198[s][2 * i + 1], bf16());
                const Slot t200 = t22.take();
                float t201[1][16];
                pin_all(t201);
                pin_all(t199);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_32_k(t201[s], &t199[s][4 * k], matrix(t200.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                float t203[1][2];
                EACH(1, 2) t203[s][i] = t136[s][i] * t188[s][i];
                float t204[1][2];
                EACH(1, 2) t204[s][i] = t203[s][i] + t194[s][i];
                float t206[1][2];
                EACH(1, 2) t206[s][i] = max_nan(t204[s][i], 1.000000000e-37f);
                float t207[1][2];
                EACH(1, 2) t207[s][i] = __fdividef(1.000000000e+00f, t206[s][i]);
                products_await<1>();
                pin_all(t189);
                pin_all(t193);
                release(t195);
                float t208[1][8];
                EACH(1, 8) t208[s][i] = t189[s][i] * t207[s][(i >> 1) & 1];
                u32 t209[1][4];
                EACH(1, 4) t209[s][i] = pack(t208[s][2 * i], t208[s][2 * i + 1], bf16());
                barrier_wait(t200.full, t200.phase);
                products_await<0>();
                pin_all(t201);
                pin_all(t199);
                release(t200);
                float t210[1][16];
                mask_fixed<4, 32, -1048576, 0, 0>(t210, t201, 0LL, 0.000000000e+00f);
                u32 t211[1][8];
                EACH(1, 8) t211[s][i] = pack(t210[s][2 * i], t210[s][2 * i + 1], bf16());
                const Slot t212 = t22.take();
                float t213[1][8];
                pin_all(t213);
                pin_all(t211);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t213[s], &t211[s][4 * k], matrix(t212.address, 4096) + k * 128, k > 0, bf16());
                products_commit();
                const Slot t214 = t22.take();
                pin_all(t213);
                pin_all(t199);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 1; k++)
                    wgmma_16(t213[s], &t199[s][4 * k], matrix(t214.address, 2048) + k * 128, 1, bf16());
                products_commit();
                barrier_wait(t214.full, t214.phase);
                products_await<0>();
                pin_all(t211);
                pin_all(t213);
                pin_all(t199);
                release(t212);
                release(t214);
                pin_all(t209);
                float t216[1][8];
                EACH(1, 8) t216[s][i] = unpacked(t209[s][i >> 1], i & 1, bf16());
                float t217[1][8];
                EACH(1, 8) t217[s][i] = t216[s][i] + t213[s][i];
                store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t217, view(a.v + 15, n6, n14, n73, 0LL, n3));
            }
            else {
                const Slot t218 = t22.take();
                float t219[1][8];
                EACH(1, 8) t219[s][i] = t137[s][i];
                pin_all(t219);
                pin_all(t138);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++) UNROLL for (int k = 0; k < 2; k++)
                    wgmma_16(t219[s], &t138[s][4 * k], matrix(t218.address, 4096) + k * 128, 1, bf16());
                products_commit();
                float t221[1][2];
                EACH(1, 2) t221[s][i] = max_nan(t136[s][i], 1.000000000e-37f);
                float t223[1][2];
                EACH(1, 2) t223[s][i] = __fdividef(1.000000000e+00f, t221[s][i]);
                barrier_wait(t218.full, t218.phase);
                products_await<0>();
                pin_all(t219);
                pin_all(t138);
                release(t218);
                float t224[1][8];
                EACH(1, 8) t224[s][i] = t219[s][i] * t223[s][(i >> 1) & 1];
                store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t224, view(a.v + 15, n6, n14, n73, 0LL, n3));
            }
        }
    } else {
        give_registers<24>();
        if (warp_id() == 4 && lane_id() == 0) {
            Ring<16, 4096u> t22(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t23(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[48]; item += gridDim.x) {
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
            for (i64 item = blockIdx.x; item < a.v[48]; item += gridDim.x) {
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
                const i64 n36_end = opaque(1LL);
                #pragma unroll 1
                for (i64 n36 = n32; n36 < n36_end; n36 += 1LL) { // key
                    const i64 n37 = n32 - n36;
                    const i64 n38 = n37 * 32LL;
                    const i64 n39 = n26 + n38;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n39, (int)n6);
                    }
                    const i64 n40 = n37 + 1LL;
                    const i64 n41 = n40 * 32LL;
                    const i64 n42 = n26 + n41;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n42, (int)n6);
                    }
                }
                const i64 n43 = n33 + n32;
                const i64 n44 = n43 + -1LL;
                const i64 n45_end = opaque(n32);
                #pragma unroll 1
                for (i64 n45 = n33; n45 < n45_end; n45 += 1LL) { // key
                    const i64 n46 = n44 - n45;
                    const i64 n47 = n46 * 32LL;
                    const i64 n48 = n26 + n47;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n48, (int)n6);
                    }
                    const i64 n49 = n46 + 1LL;
                    const i64 n50 = n49 * 32LL;
                    const i64 n51 = n26 + n50;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n51, (int)n6);
                    }
                }
                const i64 n52 = n33 * 32LL;
                const i64 n53 = n26 + n52;
                const i64 n54 = (i64)(n29 < 1LL);
                const i64 n56 = n14 + -6LL;
                const i64 n58 = n14 + 57LL;
                const i64 n59 = floor_div(n58, 32LL);
                const i64 n60 = larger(0LL, n59);
                const i64 n61 = (i64)(0LL < n60);
                const i64 n62 = larger(n54, n61);
                const i64 n63 = (i64)(n62 < 1LL);
                if (n62) {
                    const i64 n66 = n14 + -16LL;
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n66, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n53, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[4], slot.full, 0, (int)n7, (int)n66, (int)n6);
                    }
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[5], slot.full, 0, (int)n7, (int)n56, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n56, (int)n6);
                    }
                    const i64 n67 = floor_div(n14, 32LL);
                    const i64 n68 = n6 * n3;
                    const i64 n69 = floor_div(n68, 32LL);
                    const i64 n70 = n69 + n6;
                    const i64 n71 = n70 + n67;
                    const i64 n72 = n7 * 16LL;
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[6], slot.full, 0, (int)n72, (int)n71, (int)0LL);
                    }
                }
                else {
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n53, (int)n6);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
        }
    }
}

