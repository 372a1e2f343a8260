extern "C" __global__ void __launch_bounds__(512, 1) rattan_layer_backward_key_states(const __grid_constant__ Args a, const __grid_constant__ Maps3 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<4, 8192u> t13(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t14(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t15(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t16(shared + 106496u, shared + 112848u);
        t13.make(1, 8);
        t14.make(1, 4);
        t15.make(4, 4);
        t16.make(4, 1);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<144>();
        Ring<4, 8192u> t13(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t14(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t15(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t16(shared + 106496u, shared + 112848u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[84]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[72]; // seq
            rest /= (u32)a.v[72];
            const i64 n9 = (u32)a.v[73] - 1 - rest; // segment
            const i64 n1 = a.v[72];
            const i64 n3 = a.v[73];
            const i64 n4 = a.v[75];
            const i64 n5 = a.v[71];
            const i64 n10 = n9 * n4;
            const i64 n11 = n10 + n4;
            const i64 n12 = smaller(n5, n11);
            const i64 n67 = n7 * 16LL;
            const i64 n68 = n8 * 16LL;
            const i64 n69 = n67 + n68;
            float t71[1][32];
            EACH(1, 32) t71[s][i] = 0.000000000e+00f;
            const i64 n72_end = opaque(n9);
            #pragma unroll 1
            for (i64 n72 = 0LL; n72 < n72_end; n72 += 1LL) { // segment
                float t74[1][32];
                load_tile<float, Rows<2, -1, 16, 0, 16>, 4, 64, 0>(t74, view(a.v + 60, n72, n6, n69, 0LL, 1152921504606846976LL));
                float t75[1][32];
                EACH(1, 32) t75[s][i] = t71[s][i] + t74[s][i];
                EACH(1, 32) t71[s][i] = t75[s][i];
            }
            float t78[1][32];
            EACH(1, 32) t78[s][i] = t71[s][i];
            const i64 n79_end = opaque(n12);
            #pragma unroll 1
            for (i64 n79 = n10; n79 < n79_end; n79 += 64LL) { // row
                u32 t81[1][16];
                EACH(1, 16) t81[s][i] = pack(t78[s][2 * i], t78[s][2 * i + 1], bf16());
                {
                    const Slot slot = t16.offer();
                    write_panels<4, 16>(slot.address, t81);
                    give(slot);
                }
                float t82[1][32];
                EACH(1, 32) t82[s][i] = t78[s][i];
                const i64 n83_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n83 = 0LL; n83 < n83_end; n83 += 1LL) { // group
                    const Slot t85 = t15.take();
                    const Slot t86 = t14.take();
                    pin_all(t82);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_64_t_x4<0, 0, 0, 0>(t82[s], matrix(t85.address + s * 8192, 8192), matrix(t86.address, 8192), 1, bf16());
                    products_commit();
                    barrier_wait(t86.full, t86.phase);
                    products_await<0>();
                    pin_all(t82);
                    release(t85);
                    release(t86);
                    EACH(1, 32) t82[s][i] = t82[s][i];
                }
                EACH(1, 32) t78[s][i] = t82[s][i];
            }
        }
    } else if (warp_id() < 8) {
        take_registers<168>();
        Ring<4, 8192u> t13(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t14(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t15(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t16(shared + 106496u, shared + 112848u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[84]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[72]; // seq
            rest /= (u32)a.v[72];
            const i64 n9 = (u32)a.v[73] - 1 - rest; // segment
            const i64 n1 = a.v[72];
            const i64 n3 = a.v[73];
            const i64 n4 = a.v[75];
            const i64 n5 = a.v[71];
            const i64 n10 = n9 * n4;
            const i64 n11 = n10 + n4;
            const i64 n12 = smaller(n5, n11);
            const i64 n33_end = opaque(n12);
            #pragma unroll 1
            for (i64 n33 = n10; n33 < n33_end; n33 += 64LL) { // row
                const i64 n34 = floor_div(n33, 64LL);
                const i64 n35 = n34 * 2LL;
                const i64 n36_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n36 = 0LL; n36 < n36_end; n36 += 1LL) { // group
                    const i64 n37 = n35 + n36;
                    const i64 n38 = floor_mod(n37, 2LL);
                    const i64 n39 = (i64)(-1LL < n38);
                    const i64 n40 = (i64)(n38 < 1LL);
                    const i64 n41 = n40 * n39;
                    if (n41) {
                        const Slot t42 = t13.take();
                        u32 t43[1][4];
                        read_panels<4, 64, 0>(t43, t42.address);
                        release_read(t42);
                        pin_all(t43);
                        float t44[1][8];
                        EACH(1, 8) t44[s][i] = unpacked(t43[s][i >> 1], i & 1, bf16());
                        float t45[1][8];
                        EACH(1, 8) t45[s][i] = max_nan(t44[s][i], 0.f);
                        u32 t46[1][4];
                        EACH(1, 4) t46[s][i] = pack(t45[s][2 * i], t45[s][2 * i + 1], bf16());
                        {
                            const Slot slot = t15.offer();
                            write_panels<4, 64>(slot.address, t46);
                            give(slot);
                        }
                    }
                    const i64 n47 = (i64)(n41 < 1LL);
                    if (n47) {
                        release(t13.take());
                        t15.next();
                    }
                }
            }
        }
    } else if (warp_id() < 12) {
        take_registers<168>();
        Ring<4, 8192u> t13(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t14(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t15(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t16(shared + 106496u, shared + 112848u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[84]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[72]; // seq
            rest /= (u32)a.v[72];
            const i64 n9 = (u32)a.v[73] - 1 - rest; // segment
            const i64 n1 = a.v[72];
            const i64 n3 = a.v[73];
            const i64 n4 = a.v[75];
            const i64 n5 = a.v[71];
            const i64 n10 = n9 * n4;
            const i64 n11 = n10 + n4;
            const i64 n12 = smaller(n5, n11);
            const i64 n50_end = opaque(n12);
            #pragma unroll 1
            for (i64 n50 = n10; n50 < n50_end; n50 += 64LL) { // row
                const i64 n51 = floor_div(n50, 64LL);
                const i64 n52 = n51 * 2LL;
                const i64 n53_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n53 = 0LL; n53 < n53_end; n53 += 1LL) { // group
                    const i64 n54 = n52 + n53;
                    const i64 n55 = floor_mod(n54, 2LL);
                    const i64 n56 = (i64)(0LL < n55);
                    const i64 n57 = (i64)(n55 < 2LL);
                    const i64 n58 = n57 * n56;
                    if (n58) {
                        const Slot t59 = t13.take();
                        u32 t60[1][4];
                        read_panels<4, 64, 0>(t60, t59.address);
                        release_read(t59);
                        pin_all(t60);
                        float t61[1][8];
                        EACH(1, 8) t61[s][i] = unpacked(t60[s][i >> 1], i & 1, bf16());
                        float t62[1][8];
                        EACH(1, 8) t62[s][i] = max_nan(t61[s][i], 0.f);
                        u32 t63[1][4];
                        EACH(1, 4) t63[s][i] = pack(t62[s][2 * i], t62[s][2 * i + 1], bf16());
                        {
                            const Slot slot = t15.offer();
                            write_panels<4, 64>(slot.address, t63);
                            give(slot);
                        }
                    }
                    const i64 n64 = (i64)(n58 < 1LL);
                    if (n64) {
                        release(t13.take());
                        t15.next();
                    }
                }
            }
        }
    } else {
        give_registers<32>();
        if (warp_id() == 12) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t13(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t14(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t15(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t16(shared + 106496u, shared + 112848u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[84]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n8 = rest % 1u; // part
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[72]; // seq
                rest /= (u32)a.v[72];
                const i64 n9 = (u32)a.v[73] - 1 - rest; // segment
                const i64 n1 = a.v[72];
                const i64 n3 = a.v[73];
                const i64 n4 = a.v[75];
                const i64 n5 = a.v[71];
                const i64 n10 = n9 * n4;
                const i64 n11 = n10 + n4;
                const i64 n12 = smaller(n5, n11);
                const i64 n20 = n5 + -1LL;
                const i64 n22 = n7 * 2LL;
                const i64 n24_end = opaque(n12);
                #pragma unroll 1
                for (i64 n24 = n10; n24 < n24_end; n24 += 64LL) { // row
                    const i64 n25 = n24 + -6LL;
                    const i64 n26 = n20 - n25;
                    const i64 n27 = n26 + -63LL;
                    const i64 n28_end = opaque(2LL);
                    #pragma unroll 1
                    for (i64 n28 = 0LL; n28 < n28_end; n28 += 1LL) { // group
                        const i64 n29 = n22 + n28;
                        {
                            const Slot slot = t13.open(8192);
                            copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n29, (int)n27, (int)n6);
                        }
                        {
                            const Slot slot = t14.open(8192);
                            copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n29, (int)n27, (int)n6);
                        }
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 13) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t13(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t14(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t15(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t16(shared + 106496u, shared + 112848u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[84]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n8 = rest % 1u; // part
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[72]; // seq
                rest /= (u32)a.v[72];
                const i64 n9 = (u32)a.v[73] - 1 - rest; // segment
                const i64 n1 = a.v[72];
                const i64 n3 = a.v[73];
                const i64 n4 = a.v[75];
                const i64 n5 = a.v[71];
                const i64 n10 = n9 * n4;
                const i64 n11 = n10 + n4;
                const i64 n12 = smaller(n5, n11);
                const i64 n89 = n6 * n5;
                const i64 n90 = floor_div(n89, 64LL);
                const i64 n91 = n90 + n6;
                const i64 n93 = n7 * 16LL;
                const i64 n94 = n8 * 16LL;
                const i64 n95 = n93 + n94;
                const i64 n97_end = opaque(n12);
                #pragma unroll 1
                for (i64 n97 = n10; n97 < n97_end; n97 += 64LL) { // row
                    const Slot t98 = t16.take();
                    const i64 n99 = floor_div(n97, 64LL);
                    const i64 n100 = n91 + n99;
                    store_box(t98.address + 0, &maps.at[2], 0, (int)n95, (int)n100, (int)0LL);
                    stored.release(t98);
                }
            }
            if (!awaited) await_earlier_kernels();
            stored.end();
            return;
        }
    }
}
