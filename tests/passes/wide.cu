                for (i64 n212 = 0LL; n212 < n212_end; n212 += 1LL) { // slice
                    const i64 n214 = n212 * 64LL;
                    u32 t216[1][16];
                    read_panels<8, 128, 0>(t216, t82.address + (u32)n214 / 64 * 16384);
                    pin_all(t216);
                    float t217[1][32];
                    EACH(1, 32) t217[s][i] = unpacked(t216[s][i >> 1], i & 1, bf16());
                    float t218[1][2];
                    rowmax_pairs<bf16, false>(t218, t216);
                    float t219[1][2];
                    EACH(1, 2) t219[s][i] = max_nan(t211[s][i], t218[s][i]);
                    EACH(1, 2) t211[s][i] = t219[s][i];
                }
                float t220[1][2];
                EACH(1, 2) t220[s][i] = t211[s][i] * -1.442695041e+00f;
                float t221[1][2];
                EACH(1, 2) t221[s][i] = 0.000000000e+00f;
                const i64 n222_end = opaque(3LL);
                #pragma unroll 1
                for (i64 n222 = 0LL; n222 < n222_end; n222 += 1LL) { // slice
                    const i64 n224 = n222 * 64LL;
                    u32 t226[1][16];
                    read_panels<8, 128, 0>(t226, t82.address + (u32)n224 / 64 * 16384);
                    pin_all(t226);
                    float t227[1][32];
                    EACH(1, 32) t227[s][i] = unpacked(t226[s][i >> 1], i & 1, bf16());
                    float t228[1][32];
                    EACH(1, 32) t228[s][i] = fmaf(t227[s][i], 1.442695041e+00f, t220[s][(i >> 1) & 1]);
                    float t229[1][32];
                    EACH(1, 32) t229[s][i] = exp2_fast(t228[s][i]);
                    float t230[1][2];
                    rowsum<64>(t230, t229);
                    float t231[1][2];
                    EACH(1, 2) t231[s][i] = t221[s][i] + t230[s][i];
                    EACH(1, 2) t221[s][i] = t231[s][i];
                }
                float t232[1][2];
                EACH(1, 2) t232[s][i] = __fdividef(1.000000000e+00f, t221[s][i]);
                float t234[1][2];
                EACH(1, 2) t234[s][i] = max_nan(t202[s][i], 1.000000000e-37f);
                float t235[1][2];
                EACH(1, 2) t235[s][i] = __fdividef(1.000000000e+00f, t234[s][i]);
                float t236[1][32];
                EACH(1, 32) t236[s][i] = t203[s][i + 0];
                float t237[1][32];
                EACH(1, 32) t237[s][i] = t236[s][i] * t235[s][(i >> 1) & 1];
                store_own<bf16, Rows<1, 2, 64, 0, 128>, 8, 64>(t237, view(a.v + 15, n6, n14, n81, 0LL, n3));
                float t238[1][32];
                EACH(1, 32) t238[s][i] = t203[s][i + 32];
                float t239[1][32];
                EACH(1, 32) t239[s][i] = t238[s][i] * t235[s][(i >> 1) & 1];
                store_own<bf16, Rows<1, 2, 64, 0, 128>, 8, 64>(t239, from_column<bf16>(view(a.v + 15, n6, n14, n81, 0LL, n3), 64));
                float t240[1][8];
                EACH(1, 8) t240[s][i] = t203[s][i + 64];
                float t241[1][8];
                EACH(1, 8) t241[s][i] = t240[s][i] * t235[s][(i >> 1) & 1];
                store_own<bf16, Rows<1, 2, 64, 0, 128>, 8, 16>(t241, from_column<bf16>(view(a.v + 15, n6, n14, n81, 0LL, n3), 128));
                u32 t244[1][16];
                read_panels<8, 128, 0>(t244, t82.address + (u32)0LL / 64 * 16384);
                pin_all(t244);
                float t245[1][32];
                EACH(1, 32) t245[s][i] = unpacked(t244[s][i >> 1], i & 1, bf16());
                float t246[1][32];
                EACH(1, 32) t246[s][i] = fmaf(t245[s][i], 1.442695041e+00f, t220[s][(i >> 1) & 1]);
                float t247[1][32];
                EACH(1, 32) t247[s][i] = exp2_fast(t246[s][i]);
                float t248[1][32];
                EACH(1, 32) t248[s][i] = t247[s][i] * t232[s][(i >> 1) & 1];
                u32 t249[1][16];
                EACH(1, 16) t249[s][i] = pack(t248[s][2 * i], t248[s][2 * i + 1], bf16());
                float t250[1][32];
                EACH(1, 32) t250[s][i] = 0.000000000e+00f;
                float t251[1][72];
                EACH(1, 72) t251[s][i] = 0.000000000e+00f;
                u32 t252[1][16];
                EACH(1, 16) t252[s][i] = t249[s][i];
                const i64 n253_end = opaque(2LL);
                #pragma unroll 1
                for (i64 n253 = 0LL; n253 < n253_end; n253 += 1LL) { // slice
                    const Slot t257 = t22.take();
                    pin_all(t250);
                    pin_all(t252);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_64_k_x4<0, 512>(t250[s], &t252[s][0], matrix(t257.address, 16), 1, bf16());
                    products_commit();
                    const Slot t259 = t22.take();
                    pin_all(t251);
                    pin_all(t252);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_144_x4<0, 0>(t251[s], &t252[s][0], matrix(t259.address, 8192), 1, bf16());
                    products_commit();
                    const i64 n261 = n253 + 1LL;
                    const i64 n262 = n261 * 64LL;
                    u32 t264[1][16];
                    read_panels<8, 128, 0>(t264, t82.address + (u32)n262 / 64 * 16384);
                    pin_all(t264);
                    float t265[1][32];
                    EACH(1, 32) t265[s][i] = unpacked(t264[s][i >> 1], i & 1, bf16());
                    float t266[1][32];
                    EACH(1, 32) t266[s][i] = fmaf(t265[s][i], 1.442695041e+00f, t220[s][(i >> 1) & 1]);
                    float t267[1][32];
                    EACH(1, 32) t267[s][i] = exp2_fast(t266[s][i]);
                    float t268[1][32];
                    EACH(1, 32) t268[s][i] = t267[s][i] * t232[s][(i >> 1) & 1];
                    u32 t269[1][16];
                    EACH(1, 16) t269[s][i] = pack(t268[s][2 * i], t268[s][2 * i + 1], bf16());
                    if (all_bits(t269)) barrier_wait(t259.full, t259.phase);
                    barrier_wait(t259.full, t259.phase);
                    products_await<0>();
                    pin_all(t250);
                    pin_all(t252);
                    pin_all(t251);
                    pin_all(t252);
                    release(t257);
                    release(t259);
                    EACH(1, 32) t250[s][i] = t250[s][i];
                    EACH(1, 72) t251[s][i] = t251[s][i];
                    EACH(1, 16) t252[s][i] = t269[s][i];
                }
                release_read(t82);
                const Slot t270 = t22.take();
                pin_all(t250);
                pin_all(t252);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_64_k_x4<0, 512>(t250[s], &t252[s][0], matrix(t270.address, 16), 1, bf16());
                products_commit();
                const Slot t272 = t22.take();
                pin_all(t251);
                pin_all(t252);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_144_x4<0, 0>(t251[s], &t252[s][0], matrix(t272.address, 8192), 1, bf16());
                products_commit();
                products_await<1>();
                pin_all(t250);
                pin_all(t252);
                release(t270);
                float t274[1][32];
                mask_fixed<8, 64, -1048576, 0, 0>(t274, t250, 0LL, 0.000000000e+00f);
                u32 t275[1][16];
                EACH(1, 16) t275[s][i] = pack(t274[s][2 * i], t274[s][2 * i + 1], bf16());
                const Slot t276 = t22.take();
                pin_all(t251);
                pin_all(t275);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_144_x4<0, 0>(t251[s], &t275[s][0], matrix(t276.address, 8192), 1, bf16());
                products_commit();
                float t278[1][32];
                load_own<bf16, Rows<1, 2, 64, 0, 128>, 8, 64>(t278, view(a.v + 15, n6, n14, n81, 0LL, n3));
                barrier_wait(t276.full, t276.phase);
                products_await<0>();
                pin_all(t252);
                pin_all(t251);
                pin_all(t275);
                release(t272);
                release(t276);
                float t279[1][32];
                EACH(1, 32) t279[s][i] = t251[s][i + 0];
                float t280[1][32];
                EACH(1, 32) t280[s][i] = t278[s][i] + t279[s][i];
                store_vectors<bf16, Rows<1, 2, 64, 0, 128>, 8, 64>(t280, view(a.v + 15, n6, n14, n81, 0LL, n3));
                float t281[1][32];
                load_own<bf16, Rows<1, 2, 64, 0, 128>, 8, 64>(t281, from_column<bf16>(view(a.v + 15, n6, n14, n81, 0LL, n3), 64));
                float t282[1][32];
                EACH(1, 32) t282[s][i] = t251[s][i + 32];
                float t283[1][32];
                EACH(1, 32) t283[s][i] = t281[s][i] + t282[s][i];
                store_vectors<bf16, Rows<1, 2, 64, 0, 128>, 8, 64>(t283, from_column<bf16>(view(a.v + 15, n6, n14, n81, 0LL, n3), 64));
                float t284[1][8];
                load_own<bf16, Rows<1, 2, 64, 0, 128>, 8, 16>(t284, from_column<bf16>(view(a.v + 15, n6, n14, n81, 0LL, n3), 128));
                float t285[1][8];
                EACH(1, 8) t285[s][i] = t251[s][i + 64];
                float t286[1][8];
                EACH(1, 8) t286[s][i] = t284[s][i] + t285[s][i];
                store_vectors<bf16, Rows<1, 2, 64, 0, 128>, 8, 16>(t286, from_column<bf16>(view(a.v + 15, n6, n14, n81, 0LL, n3), 128));
            }
            else {
                release_read(t82);
                const Slot t287 = t22.take();
                float t288[1][72];
                EACH(1, 72) t288[s][i] = t143[s][i];
                pin_all(t288);
                pin_all(t144);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_144_x4<0, 0>(t288[s], &t144[s][0], matrix(t287.address, 8192), 1, bf16());
                products_commit();
                float t290[1][2];
                EACH(1, 2) t290[s][i] = max_nan(t142[s][i], 1.000000000e-37f);
                float t292[1][2];
                EACH(1, 2) t292[s][i] = __fdividef(1.000000000e+00f, t290[s][i]);
                barrier_wait(t287.full, t287.phase);
                products_await<0>();
                pin_all(t288);
                pin_all(t144);
                release(t287);
                float t293[1][32];
                EACH(1, 32) t293[s][i] = t288[s][i + 0];
                float t294[1][32];
                EACH(1, 32) t294[s][i] = t293[s][i] * t292[s][(i >> 1) & 1];
                store_vectors<bf16, Rows<1, 2, 64, 0, 128>, 8, 64>(t294, view(a.v + 15, n6, n14, n81, 0LL, n3));
                float t295[1][32];
                EACH(1, 32) t295[s][i] = t288[s][i + 32];
                float t296[1][32];
                EACH(1, 32) t296[s][i] = t295[s][i] * t292[s][(i >> 1) & 1];
                store_vectors<bf16, Rows<1, 2, 64, 0, 128>, 8, 64>(t296, from_column<bf16>(view(a.v + 15, n6, n14, n81, 0LL, n3), 64));
                float t297[1][8];
                EACH(1, 8) t297[s][i] = t288[s][i + 64];
                float t298[1][8];
                EACH(1, 8) t298[s][i] = t297[s][i] * t292[s][(i >> 1) & 1];
                store_vectors<bf16, Rows<1, 2, 64, 0, 128>, 8, 16>(t298, from_column<bf16>(view(a.v + 15, n6, n14, n81, 0LL, n3), 128));
            }
        }
    } else {
        give_registers<24>();
        if (warp_id() == 8) {
            if (lane_id() != 0) return;
            Ring<7, 24576u> t22(shared + 49152u, shared + 221184u);
            Ring<1, 49152u> t23(shared + 0u, shared + 221296u);
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
                const i64 n14 = n12 * 64LL;
                const i64 n15 = (i64)(n14 < n3);
                const i64 n21 = n19 * 2LL;
                const i64 n24 = n8 + n21;
                {
                    const Slot slot = t23.open(49152);
                    copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n24, (int)n14, (int)n6);
                    copy_box(slot.address + 16384, &maps.at[1], slot.full, 64, (int)n24, (int)n14, (int)n6);
                    copy_box(slot.address + 32768, &maps.at[1], slot.full, 128, (int)n24, (int)n14, (int)n6);
                    copy_box(slot.address + 8192, &maps.at[1], slot.full, 0, (int)n24 + 1, (int)n14, (int)n6);
                    copy_box(slot.address + 24576, &maps.at[1], slot.full, 64, (int)n24 + 1, (int)n14, (int)n6);
                    copy_box(slot.address + 40960, &maps.at[1], slot.full, 128, (int)n24 + 1, (int)n14, (int)n6);
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 9) {
            if (lane_id() != 0) return;
            Ring<7, 24576u> t22(shared + 49152u, shared + 221184u);
            Ring<1, 49152u> t23(shared + 0u, shared + 221296u);
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
                const i64 n14 = n12 * 64LL;
                const i64 n15 = (i64)(n14 < n3);
                const i64 n21 = n19 * 2LL;
                const i64 n26 = n14 + -64LL;
                const i64 n27 = 0LL - n26;
                const i64 n28 = floor_div(n27, 64LL);
                const i64 n29 = larger(0LL, n28);
                const i64 n30 = larger(n29, 1LL);
                const i64 n31 = larger(n30, 2LL);
                const i64 n32 = smaller(n31, 1LL);
                const i64 n33 = smaller(n30, 1LL);
                {
                    const Slot slot = t22.open(24576);
                    copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n14, (int)n6);
                    copy_box(slot.address + 8192, &maps.at[2], slot.full, 64, (int)n7, (int)n14, (int)n6);
                    copy_box(slot.address + 16384, &maps.at[2], slot.full, 128, (int)n7, (int)n14, (int)n6);
                }
                const i64 n35_end = opaque(1LL);
                #pragma unroll 1
                for (i64 n35 = n32; n35 < n35_end; n35 += 1LL) { // key
                    const i64 n36 = n32 - n35;
                    const i64 n37 = n36 * 64LL;
                    const i64 n38 = n26 + n37;
                    {
                        const Slot slot = t22.open(24576);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n38, (int)n6);
                        copy_box(slot.address + 8192, &maps.at[2], slot.full, 64, (int)n7, (int)n38, (int)n6);
                        copy_box(slot.address + 16384, &maps.at[2], slot.full, 128, (int)n7, (int)n38, (int)n6);
                    }
                    const i64 n39 = n36 + 1LL;
                    const i64 n40 = n39 * 64LL;
                    const i64 n41 = n26 + n40;
                    {
                        const Slot slot = t22.open(24576);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n41, (int)n6);
                        copy_box(slot.address + 8192, &maps.at[3], slot.full, 64, (int)n7, (int)n41, (int)n6);
                        copy_box(slot.address + 16384, &maps.at[3], slot.full, 128, (int)n7, (int)n41, (int)n6);
                    }
                }
                const i64 n42 = n33 + n32;
                const i64 n43 = n42 + -1LL;
                const i64 n44_end = opaque(n32);
                #pragma unroll 1
                for (i64 n44 = n33; n44 < n44_end; n44 += 1LL) { // key
                    const i64 n45 = n43 - n44;
                    const i64 n46 = n45 * 64LL;
                    const i64 n47 = n26 + n46;
                    {
                        const Slot slot = t22.open(24576);
                        copy_box(slot.address + 0, &maps.at[2], slot.full, 0, (int)n7, (int)n47, (int)n6);
                        copy_box(slot.address + 8192, &maps.at[2], slot.full, 64, (int)n7, (int)n47, (int)n6);
                        copy_box(slot.address + 16384, &maps.at[2], slot.full, 128, (int)n7, (int)n47, (int)n6);
                    }
                    const i64 n48 = n45 + 1LL;
                    const i64 n49 = n48 * 64LL;
                    const i64 n50 = n26 + n49;
                    {
                        const Slot slot = t22.open(24576);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n50, (int)n6);
                        copy_box(slot.address + 8192, &maps.at[3], slot.full, 64, (int)n7, (int)n50, (int)n6);
                        copy_box(slot.address + 16384, &maps.at[3], slot.full, 128, (int)n7, (int)n50, (int)n6);
                    }
                }
                const i64 n51 = n33 * 64LL;
                const i64 n52 = n26 + n51;
                const i64 n53 = (i64)(n29 < 1LL);
                const i64 n55 = n14 + -6LL;
                const i64 n57 = n14 + 121LL;
                const i64 n58 = floor_div(n57, 64LL);
                const i64 n59 = larger(0LL, n58);
                const i64 n60 = (i64)(0LL < n59);
                const i64 n61 = larger(n53, n60);
                const i64 n62 = (i64)(n61 < 1LL);
                if (n61) {
                    const i64 n64 = n14 + -16LL;
                    {
                        const Slot slot = t22.open(6144);
                        copy_box(slot.address + 0, &maps.at[4], slot.full, 0, (int)n7, (int)n64, (int)n6);
                        copy_box(slot.address + 2048, &maps.at[4], slot.full, 64, (int)n7, (int)n64, (int)n6);
                        copy_box(slot.address + 4096, &maps.at[4], slot.full, 128, (int)n7, (int)n64, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(24576);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n52, (int)n6);
                        copy_box(slot.address + 8192, &maps.at[3], slot.full, 64, (int)n7, (int)n52, (int)n6);
                        copy_box(slot.address + 16384, &maps.at[3], slot.full, 128, (int)n7, (int)n52, (int)n6);
                    }
                    {
                        const Slot slot = t22.open(6144);
                        copy_box(slot.address + 0, &maps.at[5], slot.full, 0, (int)n7, (int)n64, (int)n6);
                        copy_box(slot.address + 2048, &maps.at[5], slot.full, 64, (int)n7, (int)n64, (int)n6);
                        copy_box(slot.address + 4096, &maps.at[5], slot.full, 128, (int)n7, (int)n64, (int)n6);
                    }
                    const i64 n66 = n7 * 3LL;
                    const i64 n67 = n6 * n3;
                    const i64 n68 = floor_div(n67, 64LL);
                    const i64 n69 = n68 + n6;
                    const i64 n70 = floor_div(n14, 64LL);
                    const i64 n71 = n69 + n70;
                    const i64 n73 = n7 * 192LL;
                    const i64 n74_end = opaque(2LL);
                    #pragma unroll 1
                    for (i64 n74 = 0LL; n74 < n74_end; n74 += 1LL) { // slice
                        const i64 n75 = n66 + n74;
                        {
                            const Slot slot = t22.open(8192);
                            copy_box(slot.address + 0, &maps.at[6], slot.full, 0, (int)n75, (int)n55, (int)n6);
                        }
                        const i64 n76 = n74 * 64LL;
                        const i64 n77 = n73 + n76;
                        if (!awaited) await_earlier_kernels(), awaited = true;
                        {
                            const Slot slot = t22.open(24576);
                            copy_box(slot.address + 0, &maps.at[7], slot.full, 0, (int)n77, (int)n71, (int)0LL);
                            copy_box(slot.address + 8192, &maps.at[7], slot.full, 64, (int)n77, (int)n71, (int)0LL);
                            copy_box(slot.address + 16384, &maps.at[7], slot.full, 128, (int)n77, (int)n71, (int)0LL);
                        }
                    }
                    const i64 n78 = n66 + 2LL;
                    {
                        const Slot slot = t22.open(8192);
                        copy_box(slot.address + 0, &maps.at[6], slot.full, 0, (int)n78, (int)n55, (int)n6);
                    }
                    const i64 n80 = n73 + 128LL;
                    if (!awaited) await_earlier_kernels(), awaited = true;
                    {
                        const Slot slot = t22.open(24576);
                        copy_box(slot.address + 0, &maps.at[7], slot.full, 0, (int)n80, (int)n71, (int)0LL);
                        copy_box(slot.address + 8192, &maps.at[7], slot.full, 64, (int)n80, (int)n71, (int)0LL);
                        copy_box(slot.address + 16384, &maps.at[7], slot.full, 128, (int)n80, (int)n71, (int)0LL);
                    }
                    {
                        const Slot slot = t22.open(24576);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n55, (int)n6);
                        copy_box(slot.address + 8192, &maps.at[3], slot.full, 64, (int)n7, (int)n55, (int)n6);
                        copy_box(slot.address + 16384, &maps.at[3], slot.full, 128, (int)n7, (int)n55, (int)n6);
                    }
                }
                else {
                    {
                        const Slot slot = t22.open(24576);
                        copy_box(slot.address + 0, &maps.at[3], slot.full, 0, (int)n7, (int)n52, (int)n6);
                        copy_box(slot.address + 8192, &maps.at[3], slot.full, 64, (int)n7, (int)n52, (int)n6);
                        copy_box(slot.address + 16384, &maps.at[3], slot.full, 128, (int)n7, (int)n52, (int)n6);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
    }
}

