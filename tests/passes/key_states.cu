extern "C" __global__ void __launch_bounds__(512, 1) rattan_layer_backward_key_states(const __grid_constant__ Args a, const __grid_constant__ Maps3 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<4, 8192u> t18(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t19(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t20(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t21(shared + 106496u, shared + 112848u);
        t18.make(1, 8);
        t19.make(1, 4);
        t20.make(4, 4);
        t21.make(4, 1);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<144>();
        Ring<4, 8192u> t18(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t19(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t20(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t21(shared + 106496u, shared + 112848u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[72]; // seq
            rest /= (u32)a.v[72];
            const i64 n11 = (u32)a.v[73] - 1 - rest; // segment
            const i64 n1 = a.v[72];
            const i64 n3 = a.v[73];
            const i64 n4 = a.v[71];
            const i64 n5 = a.v[75];
            const i64 n9 = floor_mod(n8, 1LL);
            const i64 n10 = n9 * n5;
            const i64 n12 = n11 * n5;
            const i64 n13 = n12 + n10;
            const i64 n14 = n13 + n5;
            const i64 n15 = n12 + n5;
            const i64 n16 = smaller(n15, n14);
            const i64 n17 = smaller(n4, n16);
            float t73[1][32];
            EACH(1, 32) t73[s][i] = 0.000000000e+00f;
            const i64 n74_end = opaque(n17);
            #pragma unroll 1
            for (i64 n74 = n13; n74 < n74_end; n74 += 64LL) { // row
                u32 t76[1][16];
                EACH(1, 16) t76[s][i] = pack(t73[s][2 * i], t73[s][2 * i + 1], bf16());
                {
                    const Slot slot = t21.offer();
                    write_panels<4, 16>(slot.address, t76);
                    give(slot);
                }
                float t77[1][32];
                EACH(1, 32) t77[s][i] = t73[s][i];
                const i64 n78_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n78 = 0LL; n78 < n78_end; n78 += 1LL) { // group
                    const Slot t80 = t20.take();
                    const Slot t81 = t19.take();
                    pin_all(t77);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_64_t_x4<0, 0, 0, 0>(t77[s], matrix(t80.address + s * 8192, 8192), matrix(t81.address, 8192), 1, bf16());
                    products_commit();
                    barrier_wait(t81.full, t81.phase);
                    products_await<0>();
                    pin_all(t77);
                    release(t80);
                    release(t81);
                    EACH(1, 32) t77[s][i] = t77[s][i];
                }
                EACH(1, 32) t73[s][i] = t77[s][i];
            }
            const i64 n83 = n7 + n9;
            const i64 n85 = n83 * 16LL;
            const i64 n86 = n8 * 16LL;
            const i64 n87 = n85 + n86;
            store_slice<bf16, Rows<2, -1, 16, 0, 16>, 4, 64>(t73, view(a.v + 60, n11, n6, n87, 0LL, 1152921504606846976LL));
        }
    } else if (warp_id() < 8) {
        take_registers<168>();
        Ring<4, 8192u> t18(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t19(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t20(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t21(shared + 106496u, shared + 112848u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[72]; // seq
            rest /= (u32)a.v[72];
            const i64 n11 = (u32)a.v[73] - 1 - rest; // segment
            const i64 n1 = a.v[72];
            const i64 n3 = a.v[73];
            const i64 n4 = a.v[71];
            const i64 n5 = a.v[75];
            const i64 n9 = floor_mod(n8, 1LL);
            const i64 n10 = n9 * n5;
            const i64 n12 = n11 * n5;
            const i64 n13 = n12 + n10;
            const i64 n14 = n13 + n5;
            const i64 n15 = n12 + n5;
            const i64 n16 = smaller(n15, n14);
            const i64 n17 = smaller(n4, n16);
            const i64 n38_end = opaque(n17);
            #pragma unroll 1
            for (i64 n38 = n13; n38 < n38_end; n38 += 64LL) { // row
                const i64 n39 = floor_div(n38, 64LL);
                const i64 n40 = n39 * 2LL;
                const i64 n41_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n41 = 0LL; n41 < n41_end; n41 += 1LL) { // group
                    const i64 n42 = n40 + n41;
                    const i64 n43 = floor_mod(n42, 2LL);
                    const i64 n44 = (i64)(-1LL < n43);
                    const i64 n45 = (i64)(n43 < 1LL);
                    const i64 n46 = n45 * n44;
                    if (n46) {
                        const Slot t47 = t18.take();
                        u32 t48[1][4];
                        read_panels<4, 64, 0>(t48, t47.address);
                        release_read(t47);
                        pin_all(t48);
                        float t49[1][8];
                        EACH(1, 8) t49[s][i] = unpacked(t48[s][i >> 1], i & 1, bf16());
                        float t50[1][8];
                        EACH(1, 8) t50[s][i] = max_nan(t49[s][i], 0.f);
                        u32 t51[1][4];
                        EACH(1, 4) t51[s][i] = pack(t50[s][2 * i], t50[s][2 * i + 1], bf16());
                        {
                            const Slot slot = t20.offer();
                            write_panels<4, 64>(slot.address, t51);
                            give(slot);
                        }
                    }
                    const i64 n52 = (i64)(n46 < 1LL);
                    if (n52) {
                        release(t18.take());
                        t20.next();
                    }
                }
            }
        }
    } else if (warp_id() < 12) {
        take_registers<168>();
        Ring<4, 8192u> t18(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t19(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t20(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t21(shared + 106496u, shared + 112848u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[72]; // seq
            rest /= (u32)a.v[72];
            const i64 n11 = (u32)a.v[73] - 1 - rest; // segment
            const i64 n1 = a.v[72];
            const i64 n3 = a.v[73];
            const i64 n4 = a.v[71];
            const i64 n5 = a.v[75];
            const i64 n9 = floor_mod(n8, 1LL);
            const i64 n10 = n9 * n5;
            const i64 n12 = n11 * n5;
            const i64 n13 = n12 + n10;
            const i64 n14 = n13 + n5;
            const i64 n15 = n12 + n5;
            const i64 n16 = smaller(n15, n14);
            const i64 n17 = smaller(n4, n16);
            const i64 n55_end = opaque(n17);
            #pragma unroll 1
            for (i64 n55 = n13; n55 < n55_end; n55 += 64LL) { // row
                const i64 n56 = floor_div(n55, 64LL);
                const i64 n57 = n56 * 2LL;
                const i64 n58_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n58 = 0LL; n58 < n58_end; n58 += 1LL) { // group
                    const i64 n59 = n57 + n58;
                    const i64 n60 = floor_mod(n59, 2LL);
                    const i64 n61 = (i64)(0LL < n60);
                    const i64 n62 = (i64)(n60 < 2LL);
                    const i64 n63 = n62 * n61;
                    if (n63) {
                        const Slot t64 = t18.take();
                        u32 t65[1][4];
                        read_panels<4, 64, 0>(t65, t64.address);
                        release_read(t64);
                        pin_all(t65);
                        float t66[1][8];
                        EACH(1, 8) t66[s][i] = unpacked(t65[s][i >> 1], i & 1, bf16());
                        float t67[1][8];
                        EACH(1, 8) t67[s][i] = max_nan(t66[s][i], 0.f);
                        u32 t68[1][4];
                        EACH(1, 4) t68[s][i] = pack(t67[s][2 * i], t67[s][2 * i + 1], bf16());
                        {
                            const Slot slot = t20.offer();
                            write_panels<4, 64>(slot.address, t68);
                            give(slot);
                        }
                    }
                    const i64 n69 = (i64)(n63 < 1LL);
                    if (n69) {
                        release(t18.take());
                        t20.next();
                    }
                }
            }
        }
    } else {
        give_registers<32>();
        if (warp_id() == 12) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t18(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t19(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t20(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t21(shared + 106496u, shared + 112848u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n8 = rest % 1u; // part
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[72]; // seq
                rest /= (u32)a.v[72];
                const i64 n11 = (u32)a.v[73] - 1 - rest; // segment
                const i64 n1 = a.v[72];
                const i64 n3 = a.v[73];
                const i64 n4 = a.v[71];
                const i64 n5 = a.v[75];
                const i64 n9 = floor_mod(n8, 1LL);
                const i64 n10 = n9 * n5;
                const i64 n12 = n11 * n5;
                const i64 n13 = n12 + n10;
                const i64 n14 = n13 + n5;
                const i64 n15 = n12 + n5;
                const i64 n16 = smaller(n15, n14);
                const i64 n17 = smaller(n4, n16);
                const i64 n25 = n4 + -1LL;
                const i64 n27 = n7 * 2LL;
                const i64 n29_end = opaque(n17);
                #pragma unroll 1
                for (i64 n29 = n13; n29 < n29_end; n29 += 64LL) { // row
                    const i64 n30 = n29 + -6LL;
                    const i64 n31 = n25 - n30;
                    const i64 n32 = n31 + -63LL;
                    const i64 n33_end = opaque(2LL);
                    #pragma unroll 1
                    for (i64 n33 = 0LL; n33 < n33_end; n33 += 1LL) { // group
                        const i64 n34 = n27 + n33;
                        {
                            const Slot slot = t18.open(8192);
                            copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n34, (int)n32, (int)n6);
                        }
                        {
                            const Slot slot = t19.open(8192);
                            copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n34, (int)n32, (int)n6);
                        }
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 13) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t18(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t19(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t20(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t21(shared + 106496u, shared + 112848u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n8 = rest % 1u; // part
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[72]; // seq
                rest /= (u32)a.v[72];
                const i64 n11 = (u32)a.v[73] - 1 - rest; // segment
                const i64 n1 = a.v[72];
                const i64 n3 = a.v[73];
                const i64 n4 = a.v[71];
                const i64 n5 = a.v[75];
                const i64 n9 = floor_mod(n8, 1LL);
                const i64 n10 = n9 * n5;
                const i64 n12 = n11 * n5;
                const i64 n13 = n12 + n10;
                const i64 n14 = n13 + n5;
                const i64 n15 = n12 + n5;
                const i64 n16 = smaller(n15, n14);
                const i64 n17 = smaller(n4, n16);
                const i64 n90 = n6 * n4;
                const i64 n91 = floor_div(n90, 64LL);
                const i64 n92 = n91 + n6;
                const i64 n94 = n7 * 16LL;
                const i64 n95 = n8 * 16LL;
                const i64 n96 = n94 + n95;
                const i64 n98_end = opaque(n17);
                #pragma unroll 1
                for (i64 n98 = n13; n98 < n98_end; n98 += 64LL) { // row
                    const Slot t99 = t21.take();
                    const i64 n100 = floor_div(n98, 64LL);
                    const i64 n101 = n92 + n100;
                    store_box(t99.address + 0, &maps.at[2], 0, (int)n96, (int)n101, (int)0LL);
                    stored.release(t99);
                }
            }
            if (!awaited) await_earlier_kernels();
            stored.end();
            return;
        }
    }
}
