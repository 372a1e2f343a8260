extern "C" __global__ void __launch_bounds__(512, 1) rattan_layer_backward_key_states(const __grid_constant__ Args a, const __grid_constant__ Maps3 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<4, 8192u> t19(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t20(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t21(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t22(shared + 106496u, shared + 112848u);
        t19.make(1, 8);
        t20.make(1, 4);
        t21.make(4, 4);
        t22.make(4, 1);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<144>();
        Ring<4, 8192u> t19(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t20(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t21(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t22(shared + 106496u, shared + 112848u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[81]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n9 = rest % 1u; // part
            rest /= 1u;
            const i64 n8 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n7 = rest % (u32)a.v[67]; // seq
            rest /= (u32)a.v[67];
            const i64 n12 = (u32)a.v[68] - 1 - rest; // segment
            const i64 n1 = a.v[67];
            const i64 n3 = a.v[68];
            const i64 n4 = a.v[66];
            const i64 n5 = a.v[70];
            const i64 n10 = floor_mod(n9, 1LL);
            const i64 n11 = n10 * n5;
            const i64 n13 = n12 * n5;
            const i64 n14 = n13 + n11;
            const i64 n15 = n14 + n5;
            const i64 n16 = n13 + n5;
            const i64 n17 = smaller(n16, n15);
            const i64 n18 = smaller(n4, n17);
            float t70[1][32];
            EACH(1, 32) t70[s][i] = 0.000000000e+00f;
            const i64 n71_end = opaque(n18);
            #pragma unroll 1
            for (i64 n71 = n14; n71 < n71_end; n71 += 64LL) { // row
                u32 t73[1][16];
                EACH(1, 16) t73[s][i] = pack(t70[s][2 * i], t70[s][2 * i + 1], bf16());
                {
                    const Slot slot = t22.offer();
                    write_panels<4, 16>(slot.address, t73);
                    give(slot);
                }
                float t74[1][32];
                EACH(1, 32) t74[s][i] = t70[s][i];
                const i64 n75_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n75 = 0LL; n75 < n75_end; n75 += 1LL) { // group
                    const Slot t77 = t21.take();
                    const Slot t78 = t20.take();
                    pin_all(t74);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_64_t_x4<0, 0, 0, 0>(t74[s], matrix(t77.address + s * 8192, 8192), matrix(t78.address, 8192), 1, bf16());
                    products_commit();
                    barrier_wait(t78.full, t78.phase);
                    products_await<0>();
                    pin_all(t74);
                    release(t77);
                    release(t78);
                    EACH(1, 32) t74[s][i] = t74[s][i];
                }
                EACH(1, 32) t70[s][i] = t74[s][i];
            }
            const i64 n80 = n8 + n10;
            const i64 n82 = n80 * 16LL;
            const i64 n83 = n9 * 16LL;
            const i64 n84 = n82 + n83;
            store_tile<bf16, Rows<2, -1, 16, 0, 16>, 4, 64>(t70, view(a.v + 60, n12, n7, n84, 0LL, 1152921504606846976LL));
        }
    } else if (warp_id() < 8) {
        take_registers<168>();
        Ring<4, 8192u> t19(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t20(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t21(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t22(shared + 106496u, shared + 112848u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[81]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n9 = rest % 1u; // part
            rest /= 1u;
            const i64 n8 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n7 = rest % (u32)a.v[67]; // seq
            rest /= (u32)a.v[67];
            const i64 n12 = (u32)a.v[68] - 1 - rest; // segment
            const i64 n1 = a.v[67];
            const i64 n3 = a.v[68];
            const i64 n4 = a.v[66];
            const i64 n5 = a.v[70];
            const i64 n10 = floor_mod(n9, 1LL);
            const i64 n11 = n10 * n5;
            const i64 n13 = n12 * n5;
            const i64 n14 = n13 + n11;
            const i64 n15 = n14 + n5;
            const i64 n16 = n13 + n5;
            const i64 n17 = smaller(n16, n15);
            const i64 n18 = smaller(n4, n17);
            const i64 n37_end = opaque(n18);
            #pragma unroll 1
            for (i64 n37 = n14; n37 < n37_end; n37 += 64LL) { // row
                const i64 n38 = floor_div(n37, 64LL);
                const i64 n39 = n38 * 2LL;
                const i64 n40_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n40 = 0LL; n40 < n40_end; n40 += 1LL) { // group
                    const i64 n41 = n39 + n40;
                    const i64 n42 = floor_mod(n41, 2LL);
                    const i64 n43 = (i64)(-1LL < n42);
                    const i64 n44 = (i64)(n42 < 1LL);
                    const i64 n45 = n44 * n43;
                    if (n45) {
                        const Slot t46 = t19.take();
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
                    const i64 n51 = (i64)(n45 < 1LL);
                    if (n51) {
                        release(t19.take());
                        t21.next();
                    }
                }
            }
        }
    } else if (warp_id() < 12) {
        take_registers<168>();
        Ring<4, 8192u> t19(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t20(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t21(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t22(shared + 106496u, shared + 112848u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[81]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n9 = rest % 1u; // part
            rest /= 1u;
            const i64 n8 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n7 = rest % (u32)a.v[67]; // seq
            rest /= (u32)a.v[67];
            const i64 n12 = (u32)a.v[68] - 1 - rest; // segment
            const i64 n1 = a.v[67];
            const i64 n3 = a.v[68];
            const i64 n4 = a.v[66];
            const i64 n5 = a.v[70];
            const i64 n10 = floor_mod(n9, 1LL);
            const i64 n11 = n10 * n5;
            const i64 n13 = n12 * n5;
            const i64 n14 = n13 + n11;
            const i64 n15 = n14 + n5;
            const i64 n16 = n13 + n5;
            const i64 n17 = smaller(n16, n15);
            const i64 n18 = smaller(n4, n17);
            const i64 n53_end = opaque(n18);
            #pragma unroll 1
            for (i64 n53 = n14; n53 < n53_end; n53 += 64LL) { // row
                const i64 n54 = floor_div(n53, 64LL);
                const i64 n55 = n54 * 2LL;
                const i64 n56_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n56 = 0LL; n56 < n56_end; n56 += 1LL) { // group
                    const i64 n57 = n55 + n56;
                    const i64 n58 = floor_mod(n57, 2LL);
                    const i64 n59 = (i64)(0LL < n58);
                    const i64 n60 = (i64)(n58 < 2LL);
                    const i64 n61 = n60 * n59;
                    if (n61) {
                        const Slot t62 = t19.take();
                        u32 t63[1][4];
                        read_panels<4, 64, 0>(t63, t62.address);
                        release_read(t62);
                        pin_all(t63);
                        float t64[1][8];
                        EACH(1, 8) t64[s][i] = unpacked(t63[s][i >> 1], i & 1, bf16());
                        float t65[1][8];
                        EACH(1, 8) t65[s][i] = max_nan(t64[s][i], 0.f);
                        u32 t66[1][4];
                        EACH(1, 4) t66[s][i] = pack(t65[s][2 * i], t65[s][2 * i + 1], bf16());
                        {
                            const Slot slot = t21.offer();
                            write_panels<4, 64>(slot.address, t66);
                            give(slot);
                        }
                    }
                    const i64 n67 = (i64)(n61 < 1LL);
                    if (n67) {
                        release(t19.take());
                        t21.next();
                    }
                }
            }
        }
    } else {
        give_registers<32>();
        if (warp_id() == 12) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t19(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t20(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t21(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t22(shared + 106496u, shared + 112848u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[81]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n9 = rest % 1u; // part
                rest /= 1u;
                const i64 n8 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n7 = rest % (u32)a.v[67]; // seq
                rest /= (u32)a.v[67];
                const i64 n12 = (u32)a.v[68] - 1 - rest; // segment
                const i64 n1 = a.v[67];
                const i64 n3 = a.v[68];
                const i64 n4 = a.v[66];
                const i64 n5 = a.v[70];
                const i64 n10 = floor_mod(n9, 1LL);
                const i64 n11 = n10 * n5;
                const i64 n13 = n12 * n5;
                const i64 n14 = n13 + n11;
                const i64 n15 = n14 + n5;
                const i64 n16 = n13 + n5;
                const i64 n17 = smaller(n16, n15);
                const i64 n18 = smaller(n4, n17);
                const i64 n25 = n4 + -1LL;
                const i64 n27 = n8 * 2LL;
                const i64 n29_end = opaque(n18);
                #pragma unroll 1
                for (i64 n29 = n14; n29 < n29_end; n29 += 64LL) { // row
                    const i64 n30 = n29 + -6LL;
                    const i64 n31 = n25 - n30;
                    const i64 n32 = n31 + -63LL;
                    const i64 n33_end = opaque(2LL);
                    #pragma unroll 1
                    for (i64 n33 = 0LL; n33 < n33_end; n33 += 1LL) { // group
                        const i64 n34 = n27 + n33;
                        {
                            const Slot slot = t19.open(8192);
                            copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n34, (int)n32, (int)n7);
                        }
                        {
                            const Slot slot = t20.open(8192);
                            copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n34, (int)n32, (int)n7);
                        }
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 13) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t19(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t20(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t21(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t22(shared + 106496u, shared + 112848u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[81]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n9 = rest % 1u; // part
                rest /= 1u;
                const i64 n8 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n7 = rest % (u32)a.v[67]; // seq
                rest /= (u32)a.v[67];
                const i64 n12 = (u32)a.v[68] - 1 - rest; // segment
                const i64 n1 = a.v[67];
                const i64 n3 = a.v[68];
                const i64 n4 = a.v[66];
                const i64 n5 = a.v[70];
                const i64 n10 = floor_mod(n9, 1LL);
                const i64 n11 = n10 * n5;
                const i64 n13 = n12 * n5;
                const i64 n14 = n13 + n11;
                const i64 n15 = n14 + n5;
                const i64 n16 = n13 + n5;
                const i64 n17 = smaller(n16, n15);
                const i64 n18 = smaller(n4, n17);
                const i64 n86 = n7 * n4;
                const i64 n87 = floor_div(n86, 64LL);
                const i64 n88 = n87 + n7;
                const i64 n90 = n8 * 16LL;
                const i64 n91 = n9 * 16LL;
                const i64 n92 = n90 + n91;
                const i64 n94_end = opaque(n18);
                #pragma unroll 1
                for (i64 n94 = n14; n94 < n94_end; n94 += 64LL) { // row
                    const Slot t95 = t22.take();
                    const i64 n96 = floor_div(n94, 64LL);
                    const i64 n97 = n88 + n96;
                    store_box(t95.address + 0, &maps.at[2], 0, (int)n92, (int)n97, (int)0LL);
                    stored.release(t95);
                }
            }
            if (!awaited) await_earlier_kernels();
            stored.end();
            return;
        }
    }
}
