extern "C" __global__ void __launch_bounds__(512, 1) rattan_layer_backward_keys(const __grid_constant__ Args a, const __grid_constant__ Maps5 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<4, 8192u> t18(shared + 0u, shared + 126976u);
        Ring<4, 8192u> t19(shared + 32768u, shared + 127040u);
        Ring<2, 8192u> t20(shared + 65536u, shared + 127104u);
        Ring<3, 8192u> t21(shared + 81920u, shared + 127136u);
        Ring<2, 8192u> t22(shared + 106496u, shared + 127184u);
        Ring<2, 2048u> t23(shared + 122880u, shared + 127216u);
        t18.make(1, 4);
        t19.make(1, 8);
        t20.make(1, 4);
        t21.make(4, 8);
        t22.make(4, 4);
        t23.make(1, 8);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<216>();
        Ring<4, 8192u> t18(shared + 0u, shared + 126976u);
        Ring<4, 8192u> t19(shared + 32768u, shared + 127040u);
        Ring<2, 8192u> t20(shared + 65536u, shared + 127104u);
        Ring<3, 8192u> t21(shared + 81920u, shared + 127136u);
        Ring<2, 8192u> t22(shared + 106496u, shared + 127184u);
        Ring<2, 2048u> t23(shared + 122880u, shared + 127216u);
        const u32 own_rows = warp_id() % 4 / 4 * 8192u;
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[74]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n9 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n8 = rest % (u32)a.v[62]; // seq
            rest /= (u32)a.v[62];
            const i64 n14 = (u32)a.v[66] - 1 - rest; // row
            const i64 n0 = a.v[62];
            const i64 n3 = a.v[61];
            const i64 n6 = n3 + -1LL;
            const i64 n10 = n9 * 2LL;
            const i64 n13 = a.v[66];
            const i64 n16 = n14 * 64LL;
            const i64 n17 = (i64)(n16 < n3);
            const Slot t51 = t20.take();
            float t54[1][8];
            EACH(1, 8) t54[s][i] = 0.000000000e+00f;
            const i64 n55_end = opaque(2LL);
            #pragma unroll 1
            for (i64 n55 = 0LL; n55 < n55_end; n55 += 1LL) { // group
                const Slot t57 = t19.take();
                const Slot t58 = t21.take();
                float t59[1][32];
                pin_all(t59);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_64_k_s_x4<0, 512, 0, 512>(t59[s], matrix(t51.address + own_rows, 16), matrix(t57.address, 16), 0, bf16());
                products_commit();
                barrier_wait(t57.full, t57.phase);
                products_await<0>();
                pin_all(t59);
                float t60[1][32];
                mask_fixed<4, 64, 0, 1048576, 0>(t60, t59, 0LL, 0.000000000e+00f);
                u32 t61[1][16];
                EACH(1, 16) t61[s][i] = pack(t60[s][2 * i], t60[s][2 * i + 1], bf16());
                release(t57);
                pin_all(t54);
                pin_all(t61);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x4<0, 0>(t54[s], &t61[s][0], matrix(t58.address, 8192), 1, bf16());
                products_commit();
                barrier_wait(t58.full, t58.phase);
                products_await<0>();
                pin_all(t54);
                pin_all(t61);
                release(t58);
                EACH(1, 8) t54[s][i] = t54[s][i];
            }
            const Slot t63 = t23.take();
            pin_all(t54);
            products_begin();
            UNROLL for (int s = 0; s < 1; s++)
                wgmma_16_k_s_x4<0, 128, 0, 512>(t54[s], matrix(t51.address + own_rows, 16), matrix(t63.address, 16), 1, bf16());
            products_commit();
            barrier_wait(t63.full, t63.phase);
            products_await<0>();
            pin_all(t54);
            release(t63);
            release(t51);
            if (1LL) {
                const i64 n65 = n6 - n16;
                const i64 n67 = n65 + -63LL;
                float t68[1][8];
                load_tile<bf16, Rows<1, -1, 64, 0, 64>, 4, 16, 1>(t68, view(a.v + 5, n8, n67, n9, 0LL, n3));
                float t69[1][8];
                EACH(1, 8) t69[s][i] = (t68[s][i] > 0.f ? 1.f : 0.f);
                float t70[1][8];
                EACH(1, 8) t70[s][i] = t54[s][i] * t69[s][i];
                float t71[1][8];
                load_tile<bf16, Rows<1, -1, 64, 0, 64>, 4, 16, 0>(t71, view(a.v + 25, n8, n67, n9, 0LL, n3));
                float t72[1][8];
                EACH(1, 8) t72[s][i] = t71[s][i] + t70[s][i];
                store_tile<bf16, Rows<1, -1, 64, 0, 64>, 4, 16>(t72, view(a.v + 25, n8, n67, n9, 0LL, n3));
            }
        }
    } else if (warp_id() < 8) {
        take_registers<128>();
        Ring<4, 8192u> t18(shared + 0u, shared + 126976u);
        Ring<4, 8192u> t19(shared + 32768u, shared + 127040u);
        Ring<2, 8192u> t20(shared + 65536u, shared + 127104u);
        Ring<3, 8192u> t21(shared + 81920u, shared + 127136u);
        Ring<2, 8192u> t22(shared + 106496u, shared + 127184u);
        Ring<2, 2048u> t23(shared + 122880u, shared + 127216u);
        const u32 own_rows = warp_id() % 4 / 4 * 8192u;
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[74]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n9 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n8 = rest % (u32)a.v[62]; // seq
            rest /= (u32)a.v[62];
            const i64 n14 = (u32)a.v[66] - 1 - rest; // row
            const i64 n0 = a.v[62];
            const i64 n3 = a.v[61];
            const i64 n6 = n3 + -1LL;
            const i64 n10 = n9 * 2LL;
            const i64 n13 = a.v[66];
            const i64 n16 = n14 * 64LL;
            const i64 n17 = (i64)(n16 < n3);
            const Slot t40 = t18.take();
            u32 t41[1][4];
            read_panels<4, 64, 0>(t41, t40.address);
            release_read(t40);
            pin_all(t41);
            float t42[1][8];
            EACH(1, 8) t42[s][i] = unpacked(t41[s][i >> 1], i & 1, bf16());
            float t43[1][8];
            EACH(1, 8) t43[s][i] = max_nan(t42[s][i], 0.f);
            u32 t44[1][4];
            EACH(1, 4) t44[s][i] = pack(t43[s][2 * i], t43[s][2 * i + 1], bf16());
            {
                const Slot slot = t22.offer();
                write_panels<4, 64>(slot.address, t44);
                give(slot);
            }
            const i64 n45_end = opaque(2LL);
            #pragma unroll 1
            for (i64 n45 = 0LL; n45 < n45_end; n45 += 1LL) { // group
                const Slot t46 = t18.take();
                u32 t47[1][4];
                read_panels<4, 64, 0>(t47, t46.address);
                release_read(t46);
                pin_all(t47);
                float t48[1][8];
                EACH(1, 8) t48[s][i] = unpacked(t47[s][i >> 1], i & 1, bf16());
                float t49[1][8];
                EACH(1, 8) t49[s][i] = max_nan(t48[s][i], 0.f);
                u32 t50[1][4];
                EACH(1, 4) t50[s][i] = pack(t49[s][2 * i], t49[s][2 * i + 1], bf16());
                {
                    const Slot slot = t21.offer();
                    write_panels<4, 64>(slot.address, t50);
                    give(slot);
                }
            }
        }
    } else if (warp_id() < 12) {
        take_registers<144>();
        Ring<4, 8192u> t18(shared + 0u, shared + 126976u);
        Ring<4, 8192u> t19(shared + 32768u, shared + 127040u);
        Ring<2, 8192u> t20(shared + 65536u, shared + 127104u);
        Ring<3, 8192u> t21(shared + 81920u, shared + 127136u);
        Ring<2, 8192u> t22(shared + 106496u, shared + 127184u);
        Ring<2, 2048u> t23(shared + 122880u, shared + 127216u);
        const u32 own_rows = warp_id() % 4 / 4 * 8192u;
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[74]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n9 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n8 = rest % (u32)a.v[62]; // seq
            rest /= (u32)a.v[62];
            const i64 n14 = (u32)a.v[66] - 1 - rest; // row
            const i64 n0 = a.v[62];
            const i64 n3 = a.v[61];
            const i64 n6 = n3 + -1LL;
            const i64 n10 = n9 * 2LL;
            const i64 n13 = a.v[66];
            const i64 n16 = n14 * 64LL;
            const i64 n17 = (i64)(n16 < n3);
            const Slot t74 = t22.take();
            float t76[1][32];
            EACH(1, 32) t76[s][i] = 0.000000000e+00f;
            const i64 n77_end = opaque(2LL);
            #pragma unroll 1
            for (i64 n77 = 0LL; n77 < n77_end; n77 += 1LL) { // group
                const Slot t79 = t19.take();
                const Slot t80 = t21.take();
                float t81[1][32];
                pin_all(t81);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_64_k_s(t81[s], matrix(t74.address + own_rows, 16) + k / 4 * 512 + k % 4 * 2, matrix(t80.address, 16) + k / 4 * 512 + k % 4 * 2, k > 0, bf16());
                products_commit();
                barrier_wait(t80.full, t80.phase);
                products_await<0>();
                pin_all(t81);
                release(t80);
                float t82[1][32];
                mask_fixed<4, 64, 0, 1048576, 0>(t82, t81, 0LL, 0.000000000e+00f);
                u32 t83[1][16];
                EACH(1, 16) t83[s][i] = pack(t82[s][2 * i], t82[s][2 * i + 1], bf16());
                pin_all(t76);
                pin_all(t83);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_64_x4<0, 0>(t76[s], &t83[s][0], matrix(t79.address, 8192), 1, bf16());
                products_commit();
                barrier_wait(t79.full, t79.phase);
                products_await<0>();
                pin_all(t76);
                pin_all(t83);
                release(t79);
                EACH(1, 32) t76[s][i] = t76[s][i];
            }
            const Slot t85 = t23.take();
            pin_all(t76);
            products_begin();
            UNROLL for (int s = 0, k = 0; s < 1; s++)
                wgmma_64_s(t76[s], matrix(t74.address + own_rows, 16) + k / 4 * 512 + k % 4 * 2, matrix(t85.address, 2048) + k * 128, 1, bf16());
            products_commit();
            barrier_wait(t85.full, t85.phase);
            products_await<0>();
            pin_all(t76);
            release(t85);
            release(t74);
            if (1LL) {
                const i64 n87 = n6 - n16;
                const i64 n89 = n87 + -63LL;
                float t90[1][32];
                load_tile<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 0>(t90, view(a.v + 30, n8, n89, n9, 0LL, n3));
                float t91[1][32];
                EACH(1, 32) t91[s][i] = t90[s][i] + t76[s][i];
                store_tile<bf16, Rows<1, -1, 64, 0, 64>, 4, 64>(t91, view(a.v + 30, n8, n89, n9, 0LL, n3));
            }
        }
    } else {
        give_registers<24>();
        if (warp_id() == 12) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t18(shared + 0u, shared + 126976u);
            Ring<4, 8192u> t19(shared + 32768u, shared + 127040u);
            Ring<2, 8192u> t20(shared + 65536u, shared + 127104u);
            Ring<3, 8192u> t21(shared + 81920u, shared + 127136u);
            Ring<2, 8192u> t22(shared + 106496u, shared + 127184u);
            Ring<2, 2048u> t23(shared + 122880u, shared + 127216u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[74]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n9 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n8 = rest % (u32)a.v[62]; // seq
                rest /= (u32)a.v[62];
                const i64 n14 = (u32)a.v[66] - 1 - rest; // row
                const i64 n0 = a.v[62];
                const i64 n3 = a.v[61];
                const i64 n6 = n3 + -1LL;
                const i64 n10 = n9 * 2LL;
                const i64 n13 = a.v[66];
                const i64 n16 = n14 * 64LL;
                const i64 n17 = (i64)(n16 < n3);
                const i64 n24 = n6 - n16;
                const i64 n26 = n24 + -63LL;
                {
                    const Slot slot = t18.open(8192);
                    copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n9, (int)n26, (int)n8);
                }
                {
                    const Slot slot = t20.open(8192);
                    copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n9, (int)n26, (int)n8);
                }
                const i64 n28 = n16 + -6LL;
                const i64 n29 = n6 - n28;
                const i64 n30 = n29 + -63LL;
                const i64 n31_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n31 = 0LL; n31 < n31_end; n31 += 1LL) { // group
                    const i64 n32 = n10 + n31;
                    {
                        const Slot slot = t18.open(8192);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n32, (int)n30, (int)n8);
                    }
                    {
                        const Slot slot = t19.open(8192);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n32, (int)n30, (int)n8);
                    }
                }
                const i64 n33 = floor_div(n16, 64LL);
                const i64 n34 = n8 * n3;
                const i64 n35 = floor_div(n34, 64LL);
                const i64 n36 = n35 + n8;
                const i64 n37 = n36 + n33;
                const i64 n39 = n9 * 16LL;
                {
                    const Slot slot = t23.open(2048);
                    copy_box(slot.address + 0, &maps.at[4], slot.full, 0, (int)n39, (int)n37, (int)0LL);
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
    }
}
