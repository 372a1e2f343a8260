extern "C" __global__ void __launch_bounds__(512, 1) rattan_layer_backward_keys(const __grid_constant__ Args a, const __grid_constant__ Maps8 maps) {
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
        for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n9 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n8 = rest % (u32)a.v[72]; // seq
            rest /= (u32)a.v[72];
            const i64 n14 = (u32)a.v[76] - 1 - rest; // row
            const i64 n0 = a.v[72];
            const i64 n3 = a.v[71];
            const i64 n6 = n3 + -1LL;
            const i64 n10 = n9 * 2LL;
            const i64 n13 = a.v[76];
            const i64 n16 = n14 * 64LL;
            const i64 n17 = (i64)(n16 < n3);
            const Slot t57 = t20.take();
            float t60[1][8];
            EACH(1, 8) t60[s][i] = 0.000000000e+00f;
            const i64 n61_end = opaque(2LL);
            #pragma unroll 1
            for (i64 n61 = 0LL; n61 < n61_end; n61 += 1LL) { // group
                const Slot t63 = t19.take();
                const Slot t64 = t21.take();
                float t65[1][32];
                pin_all(t65);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_64_k_s_x4<0, 512, 0, 512>(t65[s], matrix(t57.address + own_rows, 16), matrix(t63.address, 16), 0, bf16());
                products_commit();
                barrier_wait(t63.full, t63.phase);
                products_await<0>();
                pin_all(t65);
                float t66[1][32];
                mask_fixed<4, 64, 0, 1048576, 0>(t66, t65, 0LL, 0.000000000e+00f);
                u32 t67[1][16];
                EACH(1, 16) t67[s][i] = pack(t66[s][2 * i], t66[s][2 * i + 1], bf16());
                release(t63);
                pin_all(t60);
                pin_all(t67);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_x4<0, 0>(t60[s], &t67[s][0], matrix(t64.address, 8192), 1, bf16());
                products_commit();
                barrier_wait(t64.full, t64.phase);
                products_await<0>();
                pin_all(t60);
                pin_all(t67);
                release(t64);
                EACH(1, 8) t60[s][i] = t60[s][i];
            }
            const i64 n69 = a.v[75];
            const i64 n70 = floor_div_any(n16, n69);
            const i64 n71 = (i64)(0LL < n70);
            const i64 n72 = n71 + 1LL;
            float t73[1][8];
            EACH(1, 8) t73[s][i] = t60[s][i];
            const i64 n74_end = opaque(n72);
            #pragma unroll 1
            for (i64 n74 = 0LL; n74 < n74_end; n74 += 1LL) { // state
                const Slot t76 = t23.take();
                pin_all(t73);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_16_k_s_x4<0, 128, 0, 512>(t73[s], matrix(t57.address + own_rows, 16), matrix(t76.address, 16), 1, bf16());
                products_commit();
                barrier_wait(t76.full, t76.phase);
                products_await<0>();
                pin_all(t73);
                release(t76);
                EACH(1, 8) t73[s][i] = t73[s][i];
            }
            release(t57);
            if (1LL) {
                const i64 n78 = n6 - n16;
                const i64 n80 = n78 + -63LL;
                float t81[1][8];
                load_slice<bf16, Rows<1, -1, 64, 0, 64>, 4, 16>(t81, view(a.v + 5, n8, n80, n9, 0LL, n3));
                float t82[1][8];
                EACH(1, 8) t82[s][i] = (t81[s][i] > 0.f ? 1.f : 0.f);
                float t83[1][8];
                EACH(1, 8) t83[s][i] = t73[s][i] * t82[s][i];
                float t84[1][8];
                load_slice<bf16, Rows<1, -1, 64, 0, 64>, 4, 16>(t84, view(a.v + 25, n8, n80, n9, 0LL, n3));
                float t85[1][8];
                EACH(1, 8) t85[s][i] = t84[s][i] + t83[s][i];
                store_slice<bf16, Rows<1, -1, 64, 0, 64>, 4, 16>(t85, view(a.v + 25, n8, n80, n9, 0LL, n3));
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
        for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n9 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n8 = rest % (u32)a.v[72]; // seq
            rest /= (u32)a.v[72];
            const i64 n14 = (u32)a.v[76] - 1 - rest; // row
            const i64 n0 = a.v[72];
            const i64 n3 = a.v[71];
            const i64 n6 = n3 + -1LL;
            const i64 n10 = n9 * 2LL;
            const i64 n13 = a.v[76];
            const i64 n16 = n14 * 64LL;
            const i64 n17 = (i64)(n16 < n3);
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
                const Slot slot = t22.offer();
                write_panels<4, 64>(slot.address, t50);
                give(slot);
            }
            const i64 n51_end = opaque(2LL);
            #pragma unroll 1
            for (i64 n51 = 0LL; n51 < n51_end; n51 += 1LL) { // group
                const Slot t52 = t18.take();
                u32 t53[1][4];
                read_panels<4, 64, 0>(t53, t52.address);
                release_read(t52);
                pin_all(t53);
                float t54[1][8];
                EACH(1, 8) t54[s][i] = unpacked(t53[s][i >> 1], i & 1, bf16());
                float t55[1][8];
                EACH(1, 8) t55[s][i] = max_nan(t54[s][i], 0.f);
                u32 t56[1][4];
                EACH(1, 4) t56[s][i] = pack(t55[s][2 * i], t55[s][2 * i + 1], bf16());
                {
                    const Slot slot = t21.offer();
                    write_panels<4, 64>(slot.address, t56);
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
        for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n9 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n8 = rest % (u32)a.v[72]; // seq
            rest /= (u32)a.v[72];
            const i64 n14 = (u32)a.v[76] - 1 - rest; // row
            const i64 n0 = a.v[72];
            const i64 n3 = a.v[71];
            const i64 n6 = n3 + -1LL;
            const i64 n10 = n9 * 2LL;
            const i64 n13 = a.v[76];
            const i64 n16 = n14 * 64LL;
            const i64 n17 = (i64)(n16 < n3);
            const Slot t87 = t22.take();
            float t89[1][32];
            EACH(1, 32) t89[s][i] = 0.000000000e+00f;
            const i64 n90_end = opaque(2LL);
            #pragma unroll 1
            for (i64 n90 = 0LL; n90 < n90_end; n90 += 1LL) { // group
                const Slot t92 = t19.take();
                const Slot t93 = t21.take();
                float t94[1][32];
                pin_all(t94);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_64_k_s(t94[s], matrix(t87.address + own_rows, 16) + k / 4 * 512 + k % 4 * 2, matrix(t93.address, 16) + k / 4 * 512 + k % 4 * 2, k > 0, bf16());
                products_commit();
                barrier_wait(t93.full, t93.phase);
                products_await<0>();
                pin_all(t94);
                release(t93);
                float t95[1][32];
                mask_fixed<4, 64, 0, 1048576, 0>(t95, t94, 0LL, 0.000000000e+00f);
                u32 t96[1][16];
                EACH(1, 16) t96[s][i] = pack(t95[s][2 * i], t95[s][2 * i + 1], bf16());
                pin_all(t89);
                pin_all(t96);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_64_x4<0, 0>(t89[s], &t96[s][0], matrix(t92.address, 8192), 1, bf16());
                products_commit();
                barrier_wait(t92.full, t92.phase);
                products_await<0>();
                pin_all(t89);
                pin_all(t96);
                release(t92);
                EACH(1, 32) t89[s][i] = t89[s][i];
            }
            const i64 n98 = a.v[75];
            const i64 n99 = floor_div_any(n16, n98);
            const i64 n100 = (i64)(0LL < n99);
            const i64 n101 = n100 + 1LL;
            float t102[1][32];
            EACH(1, 32) t102[s][i] = t89[s][i];
            const i64 n103_end = opaque(n101);
            #pragma unroll 1
            for (i64 n103 = 0LL; n103 < n103_end; n103 += 1LL) { // state
                const Slot t105 = t23.take();
                pin_all(t102);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_64_s(t102[s], matrix(t87.address + own_rows, 16) + k / 4 * 512 + k % 4 * 2, matrix(t105.address, 2048) + k * 128, 1, bf16());
                products_commit();
                barrier_wait(t105.full, t105.phase);
                products_await<0>();
                pin_all(t102);
                release(t105);
                EACH(1, 32) t102[s][i] = t102[s][i];
            }
            release(t87);
            if (1LL) {
                const i64 n107 = n6 - n16;
                const i64 n109 = n107 + -63LL;
                float t110[1][32];
                load_slice<bf16, Rows<1, -1, 64, 0, 64>, 4, 64>(t110, view(a.v + 30, n8, n109, n9, 0LL, n3));
                float t111[1][32];
                EACH(1, 32) t111[s][i] = t110[s][i] + t102[s][i];
                store_slice<bf16, Rows<1, -1, 64, 0, 64>, 4, 64>(t111, view(a.v + 30, n8, n109, n9, 0LL, n3));
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
            for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n9 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n8 = rest % (u32)a.v[72]; // seq
                rest /= (u32)a.v[72];
                const i64 n14 = (u32)a.v[76] - 1 - rest; // row
                const i64 n0 = a.v[72];
                const i64 n3 = a.v[71];
                const i64 n6 = n3 + -1LL;
                const i64 n10 = n9 * 2LL;
                const i64 n13 = a.v[76];
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
                    copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n9, (int)n26, (int)n8);
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
                        copy_box(slot.address + 0, &maps.at[4], slot.full, 0, (int)n32, (int)n30, (int)n8);
                    }
                    {
                        const Slot slot = t19.open(8192);
                        copy_box(slot.address + 0, &maps.at[5], slot.full, 0, (int)n32, (int)n30, (int)n8);
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
                    copy_box(slot.address + 0, &maps.at[6], slot.full, 0, (int)n39, (int)n37, (int)0LL);
                }
                const i64 n40 = a.v[75];
                const i64 n41 = floor_div_any(n16, n40);
                const i64 n42 = (i64)(0LL < n41);
                if (n42) {
                    const i64 n43 = floor_mod(n41, 1LL);
                    const i64 n44 = n9 + n43;
                    const i64 n45 = n44 * 16LL;
                    {
                        const Slot slot = t23.open(2048);
                        copy_box(slot.address + 0, &maps.at[7], slot.full, 0, (int)n45, (int)n8, (int)n41);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
    }
}
