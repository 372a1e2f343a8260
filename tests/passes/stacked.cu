extern "C" __global__ void __launch_bounds__(384, 1) rattan_layer_forward_main(const __grid_constant__ Args a, const __grid_constant__ Maps8 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<16, 8192u> t22(shared + 16384u, shared + 147456u);
        Ring<1, 16384u> t23(shared + 0u, shared + 147712u);
        t22.make(1, 8);
        t23.make(1, 8);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 8) {
        take_registers<240>();
        Ring<16, 8192u> t22(shared + 16384u, shared + 147456u);
        Ring<1, 16384u> t23(shared + 0u, shared + 147712u);
        const u32 own_group = warp_id() / 4;
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[62]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n19 = rest % 1u; // group
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[47]; // seq
            rest /= (u32)a.v[47];
            const i64 n12 = (u32)a.v[51] - 1 - rest; // row
            const i64 n0 = a.v[47];
            const i64 n3 = a.v[46];
            const i64 n8 = n7 * 2LL;
            const i64 n11 = a.v[51];
            const i64 n14 = n12 * 64LL;
            const i64 n15 = (i64)(n14 < n3);
            const i64 n21 = n19 * 2LL;
            const i64 n74 = n8 + n21;
            const Slot t75 = t23.take();
            u32 t76[1][4];
            read_panels<8, 128, 0>(t76, t75.address);
            pin_all(t76);
            float t77[1][8];
            EACH(1, 8) t77[s][i] = unpacked(t76[s][i >> 1], i & 1, bf16());
            const i64 n79 = n14 + -64LL;
            const i64 n80 = 0LL - n79;
            const i64 n81 = floor_div(n80, 64LL);
            const i64 n82 = larger(0LL, n81);
            const i64 n86 = larger(n82, 1LL);
            const i64 n87 = larger(n86, 2LL);
            const i64 n88 = smaller(n87, 1LL);
            const i64 n89 = smaller(n86, 1LL);
            const Slot t90 = t22.take();
            float t91[1][32];
            pin_all(t91);
            pin_all(t76);
            products_begin();
            UNROLL for (int s = 0, k = 0; s < 1; s++)
                wgmma_64_k(t91[s], &t76[s][4 * k], matrix(t90.address, 16) + k / 4 * 512 + k % 4 * 2, k > 0, bf16());
            products_commit();
            barrier_wait(t90.full, t90.phase);
            products_await<0>();
            pin_all(t91);
            pin_all(t76);
            release(t90);
            float t92[1][32];
            mask_fixed<8, 64, -5, 0, 0>(t92, t91, 0LL, -INFINITY);
            float t93[1][2];
            rowmax<64>(t93, t92);
            float t94[1][2];
            EACH(1, 2) t94[s][i] = max_nan(-1.000000000e+37f, t93[s][i]);
            float t96[1][2];
            EACH(1, 2) t96[s][i] = t94[s][i] * -3.606737602e-01f;
            float t98[1][32];
            EACH(1, 32) t98[s][i] = fmaf(t92[s][i], 3.606737602e-01f, t96[s][(i >> 1) & 1]);
            float t99[1][32];
            EACH(1, 32) t99[s][i] = exp2_fast(t98[s][i]);
            float t100[1][2];
            EACH(1, 2) t100[s][i] = -1.000000000e+37f - t94[s][i];
            float t101[1][2];
            EACH(1, 2) t101[s][i] = t100[s][i] * 3.606737602e-01f;
            float t102[1][2];
            EACH(1, 2) t102[s][i] = exp2_fast(t101[s][i]);
            float t103[1][2];
            rowsum<64>(t103, t99);
            float t104[1][2];
            EACH(1, 2) t104[s][i] = 0.000000000e+00f * t102[s][i];
            float t105[1][2];
            EACH(1, 2) t105[s][i] = t104[s][i] + t103[s][i];
            u32 t106[1][16];
            EACH(1, 16) t106[s][i] = pack(t99[s][2 * i], t99[s][2 * i + 1], bf16());
            float t108[1][2];
            EACH(1, 2) t108[s][i] = t94[s][i];
            float t109[1][2];
            EACH(1, 2) t109[s][i] = t105[s][i];
            float t110[1][8];
            EACH(1, 8) t110[s][i] = 0.000000000e+00f;
            u32 t111[1][16];
            EACH(1, 16) t111[s][i] = t106[s][i];
            const i64 n112_end = opaque(1LL);
            #pragma unroll 1
            for (i64 n112 = n88; n112 < n112_end; n112 += 1LL) { // key
                const Slot t117 = t22.take();
                float t118[1][32];
                pin_all(t118);
                pin_all(t76);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_64_k(t118[s], &t76[s][4 * k], matrix(t117.address, 16) + k / 4 * 512 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t119 = t22.take();
                pin_all(t110);
                pin_all(t111);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x4<0, 0>(t110[s], &t111[s][0], matrix(t119.address, 8192), 1, bf16());
                products_commit();
                products_await<1>();
                pin_all(t118);
                pin_all(t76);
                release(t117);
                float t121[1][2];
                rowmax<64>(t121, t118);
                float t122[1][2];
                EACH(1, 2) t122[s][i] = max_nan(t108[s][i], t121[s][i]);
                float t123[1][2];
                EACH(1, 2) t123[s][i] = t122[s][i] * -3.606737602e-01f;
                float t124[1][32];
                EACH(1, 32) t124[s][i] = fmaf(t118[s][i], 3.606737602e-01f, t123[s][(i >> 1) & 1]);
                float t125[1][32];
                EACH(1, 32) t125[s][i] = exp2_fast(t124[s][i]);
                float t126[1][2];
                EACH(1, 2) t126[s][i] = t108[s][i] - t122[s][i];
                float t127[1][2];
                EACH(1, 2) t127[s][i] = t126[s][i] * 3.606737602e-01f;
                float t128[1][2];
                EACH(1, 2) t128[s][i] = exp2_fast(t127[s][i]);
                float t129[1][2];
                rowsum<64>(t129, t125);
                float t130[1][2];
                EACH(1, 2) t130[s][i] = t109[s][i] * t128[s][i];
                float t131[1][2];
                EACH(1, 2) t131[s][i] = t130[s][i] + t129[s][i];
                barrier_wait(t119.full, t119.phase);
                products_await<0>();
                pin_all(t110);
                pin_all(t111);
                release(t119);
                float t132[1][8];
                EACH(1, 8) t132[s][i] = t110[s][i] * t128[s][(i >> 1) & 1];
                u32 t133[1][16];
                EACH(1, 16) t133[s][i] = pack(t125[s][2 * i], t125[s][2 * i + 1], bf16());
                EACH(1, 2) t108[s][i] = t122[s][i];
                EACH(1, 2) t109[s][i] = t131[s][i];
                EACH(1, 8) t110[s][i] = t132[s][i];
                EACH(1, 16) t111[s][i] = t133[s][i];
            }
            const i64 n134 = n89 + n88;
            const i64 n135 = n134 + -1LL;
            float t136[1][2];
            EACH(1, 2) t136[s][i] = t108[s][i];
            float t137[1][2];
            EACH(1, 2) t137[s][i] = t109[s][i];
            float t138[1][8];
            EACH(1, 8) t138[s][i] = t110[s][i];
            u32 t139[1][16];
            EACH(1, 16) t139[s][i] = t111[s][i];
            const i64 n140_end = opaque(n88);
            #pragma unroll 1
            for (i64 n140 = n89; n140 < n140_end; n140 += 1LL) { // key
                const i64 n145 = n135 - n140;
                const i64 n146 = n145 * 64LL;
                const i64 n147 = n79 + n146;
                const Slot t148 = t22.take();
                float t149[1][32];
                pin_all(t149);
                pin_all(t76);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_64_k(t149[s], &t76[s][4 * k], matrix(t148.address, 16) + k / 4 * 512 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t150 = t22.take();
                pin_all(t138);
                pin_all(t139);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x4<0, 0>(t138[s], &t139[s][0], matrix(t150.address, 8192), 1, bf16());
                products_commit();
                const i64 n152 = n147 - n14;
                products_await<1>();
                pin_all(t149);
                pin_all(t76);
                release(t148);
                float t153[1][32];
                mask<8, 64, 1, 0, 0>(t153, t149, n152, -5LL, 0LL, 0LL, -INFINITY);
                float t154[1][2];
                rowmax<64>(t154, t153);
                float t155[1][2];
                EACH(1, 2) t155[s][i] = max_nan(t136[s][i], t154[s][i]);
                float t156[1][2];
                EACH(1, 2) t156[s][i] = t155[s][i] * -3.606737602e-01f;
                float t157[1][32];
                EACH(1, 32) t157[s][i] = fmaf(t153[s][i], 3.606737602e-01f, t156[s][(i >> 1) & 1]);
                float t158[1][32];
                EACH(1, 32) t158[s][i] = exp2_fast(t157[s][i]);
                float t159[1][2];
                EACH(1, 2) t159[s][i] = t136[s][i] - t155[s][i];
                float t160[1][2];
                EACH(1, 2) t160[s][i] = t159[s][i] * 3.606737602e-01f;
                float t161[1][2];
                EACH(1, 2) t161[s][i] = exp2_fast(t160[s][i]);
                float t162[1][2];
                rowsum<64>(t162, t158);
                float t163[1][2];
                EACH(1, 2) t163[s][i] = t137[s][i] * t161[s][i];
                float t164[1][2];
                EACH(1, 2) t164[s][i] = t163[s][i] + t162[s][i];
                barrier_wait(t150.full, t150.phase);
                products_await<0>();
                pin_all(t138);
                pin_all(t139);
                release(t150);
                float t165[1][8];
                EACH(1, 8) t165[s][i] = t138[s][i] * t161[s][(i >> 1) & 1];
                u32 t166[1][16];
                EACH(1, 16) t166[s][i] = pack(t158[s][2 * i], t158[s][2 * i + 1], bf16());
                EACH(1, 2) t136[s][i] = t155[s][i];
                EACH(1, 2) t137[s][i] = t164[s][i];
                EACH(1, 8) t138[s][i] = t165[s][i];
                EACH(1, 16) t139[s][i] = t166[s][i];
            }
            const i64 n167 = (i64)(n82 < 1LL);
            const i64 n170 = n14 + 121LL;
            const i64 n171 = floor_div(n170, 64LL);
            const i64 n172 = larger(0LL, n171);
            const i64 n173 = (i64)(0LL < n172);
            const i64 n174 = larger(n167, n173);
            const i64 n175 = (i64)(n174 < 1LL);
            if (n174) {
                const Slot t176 = t22.take();
                float t177[1][8];
                pin_all(t177);
                pin_all(t76);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_16_k(t177[s], &t76[s][4 * k], matrix(t176.address, 16) + k / 4 * 128 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const Slot t178 = t22.take();
                float t179[1][8];
                EACH(1, 8) t179[s][i] = t138[s][i];
                pin_all(t179);
                pin_all(t139);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x4<0, 0>(t179[s], &t139[s][0], matrix(t178.address, 8192), 1, bf16());
                products_commit();
                const i64 n180 = larger(0LL, n80);
                const i64 n183 = n180 + -48LL;
                const i64 n184 = larger(0LL, n183);
                products_await<1>();
                pin_all(t177);
                pin_all(t76);
                release(t176);
                float t185[1][8];
                mask_fixed<8, 64, 11, 1048576, 1>(t185, t177, n184, -INFINITY);
                float t186[1][2];
                rowmax<16>(t186, t185);
                float t187[1][2];
                EACH(1, 2) t187[s][i] = max_nan(t136[s][i], t186[s][i]);
                float t188[1][2];
                EACH(1, 2) t188[s][i] = t136[s][i] - t187[s][i];
                float t189[1][2];
                EACH(1, 2) t189[s][i] = t188[s][i] * 3.606737602e-01f;
                float t190[1][2];
                EACH(1, 2) t190[s][i] = exp2_fast(t189[s][i]);
                float t191[1][2];
                EACH(1, 2) t191[s][i] = t137[s][i] * t190[s][i];
                float t192[1][2];
                EACH(1, 2) t192[s][i] = t187[s][i] * -3.606737602e-01f;
                float t193[1][8];
                EACH(1, 8) t193[s][i] = fmaf(t185[s][i], 3.606737602e-01f, t192[s][(i >> 1) & 1]);
                float t194[1][8];
                EACH(1, 8) t194[s][i] = exp2_fast(t193[s][i]);
                u32 t195[1][4];
                EACH(1, 4) t195[s][i] = pack(t194[s][2 * i], t194[s][2 * i + 1], bf16());
                float t196[1][2];
                rowsum<16>(t196, t194);
                float t197[1][2];
                EACH(1, 2) t197[s][i] = t191[s][i] + t196[s][i];
                if (all_bits(t197)) barrier_wait(t178.full, t178.phase);
                if (all_bits(t195)) barrier_wait(t178.full, t178.phase);
                barrier_wait(t178.full, t178.phase);
                products_await<0>();
                pin_all(t179);
                pin_all(t139);
                release(t178);
                float t198[1][8];
                EACH(1, 8) t198[s][i] = t179[s][i] * t190[s][(i >> 1) & 1];
                const Slot t199 = t22.take();
                pin_all(t198);
                pin_all(t195);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_16(t198[s], &t195[s][4 * k], matrix(t199.address, 2048) + k * 128, 1, bf16());
                products_commit();
                u32 t201[1][4];
                read_panels<8, 128, 0>(t201, t75.address);
                release_read(t75);
                pin_all(t201);
                float t202[1][8];
                EACH(1, 8) t202[s][i] = unpacked(t201[s][i >> 1], i & 1, bf16());
                float t203[1][8];
                EACH(1, 8) t203[s][i] = max_nan(t202[s][i], 0.f);
                u32 t204[1][4];
                EACH(1, 4) t204[s][i] = pack(t203[s][2 * i], t203[s][2 * i + 1], bf16());
                const Slot t205 = t22.take();
                float t206[1][32];
                pin_all(t206);
                pin_all(t204);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_64_k(t206[s], &t204[s][4 * k], matrix(t205.address, 16) + k / 4 * 512 + k % 4 * 2, k > 0, bf16());
                products_commit();
                float t209[1][2];
                EACH(1, 2) t209[s][i] = max_nan(t197[s][i], 1.000000000e-37f);
                float t210[1][2];
                EACH(1, 2) t210[s][i] = __fdividef(1.000000000e+00f, t209[s][i]);
                products_await<1>();
                pin_all(t198);
                pin_all(t195);
                release(t199);
                float t211[1][8];
                EACH(1, 8) t211[s][i] = t198[s][i] * t210[s][(i >> 1) & 1];
                u32 t212[1][4];
                EACH(1, 4) t212[s][i] = pack(t211[s][2 * i], t211[s][2 * i + 1], bf16());
                if (all_bits(t212)) barrier_wait(t205.full, t205.phase);
                barrier_wait(t205.full, t205.phase);
                products_await<0>();
                pin_all(t206);
                pin_all(t204);
                release(t205);
                float t213[1][32];
                mask_fixed<8, 64, -1048576, 0, 0>(t213, t206, 0LL, 0.000000000e+00f);
                u32 t214[1][16];
                EACH(1, 16) t214[s][i] = pack(t213[s][2 * i], t213[s][2 * i + 1], bf16());
                const Slot t215 = t22.take();
                float t216[1][8];
                pin_all(t216);
                pin_all(t214);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x4<0, 0>(t216[s], &t214[s][0], matrix(t215.address, 8192), 0, bf16());
                products_commit();
                const Slot t217 = t22.take();
                pin_all(t216);
                pin_all(t204);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_16(t216[s], &t204[s][4 * k], matrix(t217.address, 2048) + k * 128, 1, bf16());
                products_commit();
                const Slot t219 = t22.take();
                pin_all(t216);
                pin_all(t204);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_16(t216[s], &t204[s][4 * k], matrix(t219.address + own_group * 2048u, 4096) + k * 128, 1, bf16());
                products_commit();
                products_await<2>();
                pin_all(t214);
                release(t215);
                barrier_wait(t219.full, t219.phase);
                products_await<0>();
                pin_all(t204);
                pin_all(t216);
                pin_all(t204);
                release(t217);
                release(t219);
                pin_all(t212);
                float t221[1][8];
                EACH(1, 8) t221[s][i] = unpacked(t212[s][i >> 1], i & 1, bf16());
                float t222[1][8];
                EACH(1, 8) t222[s][i] = t221[s][i] + t216[s][i];
                store_tile<bf16, Rows<1, 2, 64, 0, 128>, 8, 16>(t222, view(a.v + 20, n6, n14, n74, 0LL, n3));
            }
            else {
                const Slot t223 = t22.take();
                float t224[1][8];
                EACH(1, 8) t224[s][i] = t138[s][i];
                pin_all(t224);
                pin_all(t139);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x4<0, 0>(t224[s], &t139[s][0], matrix(t223.address, 8192), 1, bf16());
                products_commit();
                float t227[1][2];
                EACH(1, 2) t227[s][i] = max_nan(t137[s][i], 1.000000000e-37f);
                float t228[1][2];
                EACH(1, 2) t228[s][i] = __fdividef(1.000000000e+00f, t227[s][i]);
                barrier_wait(t223.full, t223.phase);
                products_await<0>();
                pin_all(t224);
                pin_all(t139);
                release(t223);
                float t229[1][8];
                EACH(1, 8) t229[s][i] = t224[s][i] * t228[s][(i >> 1) & 1];
                u32 t230[1][4];
                EACH(1, 4) t230[s][i] = pack(t229[s][2 * i], t229[s][2 * i + 1], bf16());
                u32 t231[1][4];
                read_panels<8, 128, 0>(t231, t75.address);
                release_read(t75);
                pin_all(t231);
                float t232[1][8];
                EACH(1, 8) t232[s][i] = unpacked(t231[s][i >> 1], i & 1, bf16());
                float t233[1][8];
                EACH(1, 8) t233[s][i] = max_nan(t232[s][i], 0.f);
                u32 t234[1][4];
                EACH(1, 4) t234[s][i] = pack(t233[s][2 * i], t233[s][2 * i + 1], bf16());
                const Slot t235 = t22.take();
                float t236[1][8];
                pin_all(t236);
                pin_all(t234);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_16(t236[s], &t234[s][4 * k], matrix(t235.address + own_group * 2048u, 4096) + k * 128, k > 0, bf16());
                products_commit();
                barrier_wait(t235.full, t235.phase);
                products_await<0>();
                pin_all(t236);
                pin_all(t234);
                release(t235);
                pin_all(t230);
                float t237[1][8];
                EACH(1, 8) t237[s][i] = unpacked(t230[s][i >> 1], i & 1, bf16());
                float t238[1][8];
                EACH(1, 8) t238[s][i] = t237[s][i] + t236[s][i];
                store_tile<bf16, Rows<1, 2, 64, 0, 128>, 8, 16>(t238, view(a.v + 20, n6, n14, n74, 0LL, n3));
            }
        }
    } else {
        give_registers<24>();
        if (warp_id() == 8) {
            if (lane_id() != 0) return;
            Ring<16, 8192u> t22(shared + 16384u, shared + 147456u);
            Ring<1, 16384u> t23(shared + 0u, shared + 147712u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[62]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n19 = rest % 1u; // group
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[47]; // seq
                rest /= (u32)a.v[47];
                const i64 n12 = (u32)a.v[51] - 1 - rest; // row
                const i64 n0 = a.v[47];
                const i64 n3 = a.v[46];
                const i64 n8 = n7 * 2LL;
                const i64 n11 = a.v[51];
                const i64 n14 = n12 * 64LL;
                const i64 n15 = (i64)(n14 < n3);
                const i64 n21 = n19 * 2LL;
                const i64 n24 = n8 + n21;
                {
                    const Slot slot = t23.open(16384);
                    copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n24, (int)n14, (int)n6);
                    copy_box(slot.address + 8192, &maps.at[0], slot.full, 0, (int)n24 + 1, (int)n14, (int)n6);
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 9) {
            if (lane_id() != 0) return;
            Ring<16, 8192u> t22(shared + 16384u, shared + 147456u);
            Ring<1, 16384u> t23(shared + 0u, shared + 147712u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[62]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n19 = rest % 1u; // group
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[47]; // seq
                rest /= (u32)a.v[47];
                const i64 n12 = (u32)a.v[51] - 1 - rest; // row
                const i64 n0 = a.v[47];
                const i64 n3 = a.v[46];
                const i64 n8 = n7 * 2LL;
                const i64 n11 = a.v[51];
                const i64 n14 = n12 * 64LL;
                const i64 n15 = (i64)(n14 < n3);
                const i64 n21 = n19 * 2LL;
                const i64 n25 = n8 + n21;
                const i64 n27 = n14 + -64LL;
                const i64 n28 = 0LL - n27;
                const i64 n29 = floor_div(n28, 64LL);
                const i64 n30 = larger(0LL, n29);
                const i64 n31 = larger(n30, 1LL);
                const i64 n32 = larger(n31, 2LL);
                const i64 n33 = smaller(n32, 1LL);
                const i64 n34 = smaller(n31, 1LL);
                {
                    const Slot slot = t22.open(8192);
                    copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n14, (int)n6);
                }
                const i64 n36_end = opaque(1LL);
                #pragma unroll 1
                for (i64 n36 = n33; n36 < n36_end; n36 += 1LL) { // key
                    const i64 n37 = n33 - n36;
                    const i64 n38 = n37 * 64LL;
                    const i64 n39 = n27 + n38;
                    {
                        const Slot slot = t22.open(8192);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n39, (int)n6);
                    }
                    const i64 n40 = n37 + 1LL;
                    const i64 n41 = n40 * 64LL;
                    const i64 n42 = n27 + n41;
                    {
                        const Slot slot = t22.open(8192);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n42, (int)n6);
                    }
                }
                const i64 n43 = n34 + n33;
                const i64 n44 = n43 + -1LL;
                const i64 n45_end = opaque(n33);
                #pragma unroll 1
                for (i64 n45 = n34; n45 < n45_end; n45 += 1LL) { // key
                    const i64 n46 = n44 - n45;
                    const i64 n47 = n46 * 64LL;
                    const i64 n48 = n27 + n47;
                    {
                        const Slot slot = t22.open(8192);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n48, (int)n6);
                    }
                    const i64 n49 = n46 + 1LL;
                    const i64 n50 = n49 * 64LL;
                    const i64 n51 = n27 + n50;
                    {
                        const Slot slot = t22.open(8192);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n51, (int)n6);
                    }
                }
                const i64 n52 = n34 * 64LL;
                const i64 n53 = n27 + n52;
                const i64 n54 = (i64)(n30 < 1LL);
                const i64 n56 = n14 + -6LL;
                const i64 n58 = n14 + 121LL;
                const i64 n59 = floor_div(n58, 64LL);
                const i64 n60 = larger(0LL, n59);
                const i64 n61 = (i64)(0LL < n60);
                const i64 n62 = larger(n54, n61);
                const i64 n63 = (i64)(n62 < 1LL);
                if (n62) {
                    const i64 n65 = n14 + -16LL;
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n65, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(8192);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n53, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[4], slot.full, 0, (int)n7, (int)n65, (int)n6);
                    }
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(8192);
                        copy_box(slot.address + 0, &maps.at[5], slot.full, 0, (int)n7, (int)n56, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(8192);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n56, (int)n6);
                    }
                    const i64 n66 = floor_div(n14, 64LL);
                    const i64 n67 = n6 * n3;
                    const i64 n68 = floor_div(n67, 64LL);
                    const i64 n69 = n68 + n6;
                    const i64 n70 = n69 + n66;
                    const i64 n72 = n7 * 16LL;
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(2048);
                        copy_box(slot.address + 0, &maps.at[6], slot.full, 0, (int)n72, (int)n70, (int)0LL);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[7], slot.full, 0, (int)0LL, (int)n25, (int)n6);
                        copy_box(slot.address + 2048, &maps.at[7], slot.full, 0, (int)0LL, (int)n25 + 1, (int)n6);
                    }
                }
                else {
                    {
                        const Slot slot = t22.open(8192);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n53, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(4096);
                        copy_box(slot.address + 0, &maps.at[7], slot.full, 0, (int)0LL, (int)n25, (int)n6);
                        copy_box(slot.address + 2048, &maps.at[7], slot.full, 0, (int)0LL, (int)n25 + 1, (int)n6);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
    }
}

