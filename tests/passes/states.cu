extern "C" __global__ void __launch_bounds__(512, 1) rattan_layer_forward_states(const __grid_constant__ Args a, const __grid_constant__ Maps4 maps) {
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<4, 8192u> t13(shared + 0u, shared + 131072u);
        Ring<6, 8192u> t14(shared + 32768u, shared + 131136u);
        Ring<3, 8192u> t15(shared + 81920u, shared + 131232u);
        Ring<3, 8192u> t16(shared + 106496u, shared + 131280u);
        t13.make(1, 8);
        t14.make(1, 4);
        t15.make(4, 5);
        t16.make(4, 1);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<144>();
        Ring<4, 8192u> t13(shared + 0u, shared + 131072u);
        Ring<6, 8192u> t14(shared + 32768u, shared + 131136u);
        Ring<3, 8192u> t15(shared + 81920u, shared + 131232u);
        Ring<3, 8192u> t16(shared + 106496u, shared + 131280u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[52]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[37]; // seq
            rest /= (u32)a.v[37];
            const i64 n9 = (u32)a.v[38] - 1 - rest; // segment
            const i64 n1 = a.v[37];
            const i64 n3 = a.v[38];
            const i64 n4 = a.v[40];
            const i64 n5 = a.v[36];
            const i64 n10 = n9 * n4;
            const i64 n11 = n10 + n4;
            const i64 n12 = smaller(n5, n11);
            const i64 n88 = n8 * 64LL;
            const i64 n89 = n7 * 64LL;
            const i64 n90 = n89 + n88;
            float t92[1][32];
            EACH(1, 32) t92[s][i] = 0.000000000e+00f;
            const i64 n93_end = opaque(n9);
            #pragma unroll 1
            for (i64 n93 = 0LL; n93 < n93_end; n93 += 1LL) { // segment
                float t95[1][32];
                load_tile<float, Rows<2, -1, 64, 0, 64>, 4, 64, 0>(t95, view(a.v + 25, n93, n6, n90, 0LL, 1152921504606846976LL));
                float t96[1][32];
                EACH(1, 32) t96[s][i] = t92[s][i] + t95[s][i];
                EACH(1, 32) t92[s][i] = t96[s][i];
            }
            float t97[1][32];
            EACH(1, 32) t97[s][i] = t92[s][i];
            const i64 n98_end = opaque(n12);
            #pragma unroll 1
            for (i64 n98 = n10; n98 < n98_end; n98 += 64LL) { // row
                u32 t100[1][16];
                EACH(1, 16) t100[s][i] = pack(t97[s][2 * i], t97[s][2 * i + 1], bf16());
                {
                    const Slot slot = t16.offer();
                    write_panels<4, 64>(slot.address, t100);
                    give(slot);
                }
                const Slot t101 = t15.take();
                const Slot t102 = t14.take();
                pin_all(t97);
                products_begin();
                UNROLL for (int s = 0; s < 1; s++)
                    wgmma_64_t_x4<0, 0, 0, 0>(t97[s], matrix(t101.address + s * 8192, 8192), matrix(t102.address, 8192), 1, bf16());
                products_commit();
                barrier_wait(t102.full, t102.phase);
                products_await<0>();
                pin_all(t97);
                release(t101);
                release(t102);
                EACH(1, 32) t97[s][i] = t97[s][i];
            }
        }
    } else if (warp_id() < 8) {
        take_registers<168>();
        Ring<4, 8192u> t13(shared + 0u, shared + 131072u);
        Ring<6, 8192u> t14(shared + 32768u, shared + 131136u);
        Ring<3, 8192u> t15(shared + 81920u, shared + 131232u);
        Ring<3, 8192u> t16(shared + 106496u, shared + 131280u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[52]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[37]; // seq
            rest /= (u32)a.v[37];
            const i64 n9 = (u32)a.v[38] - 1 - rest; // segment
            const i64 n1 = a.v[37];
            const i64 n3 = a.v[38];
            const i64 n4 = a.v[40];
            const i64 n5 = a.v[36];
            const i64 n10 = n9 * n4;
            const i64 n11 = n10 + n4;
            const i64 n12 = smaller(n5, n11);
            const i64 n24_end = opaque(n12);
            #pragma unroll 1
            for (i64 n24 = n10; n24 < n24_end; n24 += 64LL) { // row
                const i64 n25 = floor_div(n24, 64LL);
                const i64 n26 = floor_mod(n25, 2LL);
                const i64 n27 = (i64)(-1LL < n26);
                const i64 n28 = (i64)(n26 < 1LL);
                const i64 n29 = n28 * n27;
                if (n29) {
                    const Slot t30 = t13.take();
                    u32 t31[1][16];
                    read_panels<4, 64, 0>(t31, t30.address);
                    release_read(t30);
                    pin_all(t31);
                    float t32[1][32];
                    EACH(1, 32) t32[s][i] = unpacked(t31[s][i >> 1], i & 1, bf16());
                    float t34[1][32];
                    EACH(1, 32) t34[s][i] = max_nan(t32[s][i], 0.f);
                    u32 t35[1][16];
                    EACH(1, 16) t35[s][i] = pack(t34[s][2 * i], t34[s][2 * i + 1], bf16());
                    {
                        const Slot slot = t15.offer();
                        write_panels<4, 64>(slot.address, t35);
                        give(slot);
                    }
                    const i64 n37 = (i64)(n24 < 6LL);
                    const i64 n38 = floor_mod(n25, 1LL);
                    const i64 n39 = (i64)(-1LL < n38);
                    const i64 n40 = (i64)(n38 < 1LL);
                    const i64 n41 = n40 * n39;
                    const i64 n42 = n37 * n41;
                    if (n42) {
                        const i64 n43 = n24 + -6LL;
                        const i64 n44 = n7 + n8;
                        store_tile<bf16, Rows<1, -1, 64, 0, 64>, 4, 64>(t34, view(a.v + 20, n6, n43, n44, 0LL, n5));
                    }
                }
                const i64 n45 = (i64)(n29 < 1LL);
                if (n45) {
                    release(t13.take());
                    t15.next();
                }
            }
        }
    } else if (warp_id() < 12) {
        take_registers<168>();
        Ring<4, 8192u> t13(shared + 0u, shared + 131072u);
        Ring<6, 8192u> t14(shared + 32768u, shared + 131136u);
        Ring<3, 8192u> t15(shared + 81920u, shared + 131232u);
        Ring<3, 8192u> t16(shared + 106496u, shared + 131280u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[52]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[37]; // seq
            rest /= (u32)a.v[37];
            const i64 n9 = (u32)a.v[38] - 1 - rest; // segment
            const i64 n1 = a.v[37];
            const i64 n3 = a.v[38];
            const i64 n4 = a.v[40];
            const i64 n5 = a.v[36];
            const i64 n10 = n9 * n4;
            const i64 n11 = n10 + n4;
            const i64 n12 = smaller(n5, n11);
            const i64 n48_end = opaque(n12);
            #pragma unroll 1
            for (i64 n48 = n10; n48 < n48_end; n48 += 64LL) { // row
                const i64 n49 = floor_div(n48, 64LL);
                const i64 n50 = floor_mod(n49, 2LL);
                const i64 n51 = (i64)(0LL < n50);
                const i64 n52 = (i64)(n50 < 2LL);
                const i64 n53 = n52 * n51;
                if (n53) {
                    const Slot t54 = t13.take();
                    u32 t55[1][16];
                    read_panels<4, 64, 0>(t55, t54.address);
                    release_read(t54);
                    pin_all(t55);
                    float t56[1][32];
                    EACH(1, 32) t56[s][i] = unpacked(t55[s][i >> 1], i & 1, bf16());
                    float t58[1][32];
                    EACH(1, 32) t58[s][i] = max_nan(t56[s][i], 0.f);
                    u32 t59[1][16];
                    EACH(1, 16) t59[s][i] = pack(t58[s][2 * i], t58[s][2 * i + 1], bf16());
                    {
                        const Slot slot = t15.offer();
                        write_panels<4, 64>(slot.address, t59);
                        give(slot);
                    }
                    const i64 n61 = (i64)(n48 < 6LL);
                    const i64 n62 = floor_mod(n49, 1LL);
                    const i64 n64 = (i64)(-1LL < n62);
                    const i64 n65 = (i64)(n62 < 1LL);
                    const i64 n66 = n65 * n64;
                    const i64 n67 = n61 * n66;
                    if (n67) {
                        const i64 n68 = n48 + -6LL;
                        const i64 n69 = n7 + n8;
                        store_tile<bf16, Rows<1, -1, 64, 0, 64>, 4, 64>(t58, view(a.v + 20, n6, n68, n69, 0LL, n5));
                    }
                }
                const i64 n70 = (i64)(n53 < 1LL);
                if (n70) {
                    release(t13.take());
                    t15.next();
                }
            }
        }
    } else {
        give_registers<32>();
        if (warp_id() == 12) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t13(shared + 0u, shared + 131072u);
            Ring<6, 8192u> t14(shared + 32768u, shared + 131136u);
            Ring<3, 8192u> t15(shared + 81920u, shared + 131232u);
            Ring<3, 8192u> t16(shared + 106496u, shared + 131280u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[52]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n8 = rest % 1u; // part
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[37]; // seq
                rest /= (u32)a.v[37];
                const i64 n9 = (u32)a.v[38] - 1 - rest; // segment
                const i64 n1 = a.v[37];
                const i64 n3 = a.v[38];
                const i64 n4 = a.v[40];
                const i64 n5 = a.v[36];
                const i64 n10 = n9 * n4;
                const i64 n11 = n10 + n4;
                const i64 n12 = smaller(n5, n11);
                const i64 n19_end = opaque(n12);
                #pragma unroll 1
                for (i64 n19 = n10; n19 < n19_end; n19 += 64LL) { // row
                    const i64 n20 = n19 + -6LL;
                    {
                        const Slot slot = t13.open(8192);
                        copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n7, (int)n20, (int)n6);
                    }
                    {
                        const Slot slot = t14.open(8192);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n7, (int)n20, (int)n6);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 13) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t13(shared + 0u, shared + 131072u);
            Ring<6, 8192u> t14(shared + 32768u, shared + 131136u);
            Ring<3, 8192u> t15(shared + 81920u, shared + 131232u);
            Ring<3, 8192u> t16(shared + 106496u, shared + 131280u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[52]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n8 = rest % 1u; // part
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[37]; // seq
                rest /= (u32)a.v[37];
                const i64 n9 = (u32)a.v[38] - 1 - rest; // segment
                const i64 n1 = a.v[37];
                const i64 n3 = a.v[38];
                const i64 n4 = a.v[40];
                const i64 n5 = a.v[36];
                const i64 n10 = n9 * n4;
                const i64 n11 = n10 + n4;
                const i64 n12 = smaller(n5, n11);
                const i64 n74_end = opaque(n12);
                #pragma unroll 1
                for (i64 n74 = n10; n74 < n74_end; n74 += 64LL) { // row
                    const Slot t75 = t15.take();
                    const i64 n76 = (i64)(5LL < n74);
                    const i64 n77 = floor_div(n74, 64LL);
                    const i64 n78 = floor_mod(n77, 1LL);
                    const i64 n79 = (i64)(-1LL < n78);
                    const i64 n80 = (i64)(n78 < 1LL);
                    const i64 n81 = n80 * n79;
                    const i64 n82 = n76 * n81;
                    if (n82) {
                        const i64 n84 = n74 + -6LL;
                        const i64 n85 = n7 + n8;
                        store_box(t75.address + 0, &maps.at[2], 0, (int)n85, (int)n84, (int)n6);
                    }
                    stored.release(t75);
                }
            }
            if (!awaited) await_earlier_kernels();
            stored.end();
            return;
        }
        if (warp_id() == 14) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t13(shared + 0u, shared + 131072u);
            Ring<6, 8192u> t14(shared + 32768u, shared + 131136u);
            Ring<3, 8192u> t15(shared + 81920u, shared + 131232u);
            Ring<3, 8192u> t16(shared + 106496u, shared + 131280u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[52]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n8 = rest % 1u; // part
                rest /= 1u;
                const i64 n7 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n6 = rest % (u32)a.v[37]; // seq
                rest /= (u32)a.v[37];
                const i64 n9 = (u32)a.v[38] - 1 - rest; // segment
                const i64 n1 = a.v[37];
                const i64 n3 = a.v[38];
                const i64 n4 = a.v[40];
                const i64 n5 = a.v[36];
                const i64 n10 = n9 * n4;
                const i64 n11 = n10 + n4;
                const i64 n12 = smaller(n5, n11);
                const i64 n105 = n6 * n5;
                const i64 n106 = floor_div(n105, 64LL);
                const i64 n107 = n106 + n6;
                const i64 n108 = n8 * 64LL;
                const i64 n109 = n7 * 64LL;
                const i64 n110 = n109 + n108;
                const i64 n112_end = opaque(n12);
                #pragma unroll 1
                for (i64 n112 = n10; n112 < n112_end; n112 += 64LL) { // row
                    const Slot t113 = t16.take();
                    const i64 n114 = floor_div(n112, 64LL);
                    const i64 n115 = n107 + n114;
                    store_box(t113.address + 0, &maps.at[3], 0, (int)n110, (int)n115, (int)0LL);
                    stored.release(t113);
                }
            }
            if (!awaited) await_earlier_kernels();
            stored.end();
            return;
        }
    }
}

#ifndef HAS_wgmma_64_k_x4
#define HAS_wgmma_64_k_x4
template <int Y, int YPANEL>
DEVICE void wgmma_64_k_x4(float (&d)[32], const u32 *x, u32 y, int add, bf16) {
    asm volatile("{\n.reg .pred p;\n.reg .b64 y;\nsetp.ne.b32 p, %49, 0;\n"
        ".reg .pred all;\n.reg .b32 low;\nsetp.eq.b32 all, 0, 0;\n"
        "add.u32 low, %48, %50;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%32, %33, %34, %35}, y, p, 1, 1, 0;\n"
        "add.u32 low, %48, %51;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%36, %37, %38, %39}, y, all, 1, 1, 0;\n"
        "add.u32 low, %48, %52;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%40, %41, %42, %43}, y, all, 1, 1, 0;\n"
        "add.u32 low, %48, %53;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%44, %45, %46, %47}, y, all, 1, 1, 0;\n"
        "}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]) : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(x[4]), "r"(x[5]), "r"(x[6]), "r"(x[7]), "r"(x[8]), "r"(x[9]), "r"(x[10]), "r"(x[11]), "r"(x[12]), "r"(x[13]), "r"(x[14]), "r"(x[15]), "r"(y), "r"(add), "n"(step_at(Y + 0, YPANEL)), "n"(step_at(Y + 1, YPANEL)), "n"(step_at(Y + 2, YPANEL)), "n"(step_at(Y + 3, YPANEL)));
}
#endif
#ifndef HAS_wgmma_64_x4
#define HAS_wgmma_64_x4
template <int Y, int YPANEL>
DEVICE void wgmma_64_x4(float (&d)[32], const u32 *x, u32 y, int add, bf16) {
    asm volatile("{\n.reg .pred p;\n.reg .b64 y;\nsetp.ne.b32 p, %49, 0;\n"
        ".reg .pred all;\n.reg .b32 low;\nsetp.eq.b32 all, 0, 0;\n"
        "add.u32 low, %48, %50;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%32, %33, %34, %35}, y, p, 1, 1, 1;\n"
        "add.u32 low, %48, %51;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%36, %37, %38, %39}, y, all, 1, 1, 1;\n"
        "add.u32 low, %48, %52;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%40, %41, %42, %43}, y, all, 1, 1, 1;\n"
        "add.u32 low, %48, %53;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%44, %45, %46, %47}, y, all, 1, 1, 1;\n"
        "}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]) : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(x[4]), "r"(x[5]), "r"(x[6]), "r"(x[7]), "r"(x[8]), "r"(x[9]), "r"(x[10]), "r"(x[11]), "r"(x[12]), "r"(x[13]), "r"(x[14]), "r"(x[15]), "r"(y), "r"(add), "n"(step_at(Y + 0, YPANEL)), "n"(step_at(Y + 1, YPANEL)), "n"(step_at(Y + 2, YPANEL)), "n"(step_at(Y + 3, YPANEL)));
}
#endif
#ifndef HAS_wgmma_16_k_x4
#define HAS_wgmma_16_k_x4
template <int Y, int YPANEL>
DEVICE void wgmma_16_k_x4(float (&d)[8], const u32 *x, u32 y, int add, bf16) {
    asm volatile("{\n.reg .pred p;\n.reg .b64 y;\nsetp.ne.b32 p, %25, 0;\n"
        ".reg .pred all;\n.reg .b32 low;\nsetp.eq.b32 all, 0, 0;\n"
        "add.u32 low, %24, %26;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9, %10, %11}, y, p, 1, 1, 0;\n"
        "add.u32 low, %24, %27;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, {%12, %13, %14, %15}, y, all, 1, 1, 0;\n"
        "add.u32 low, %24, %28;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, {%16, %17, %18, %19}, y, all, 1, 1, 0;\n"
        "add.u32 low, %24, %29;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, {%20, %21, %22, %23}, y, all, 1, 1, 0;\n"
        "}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]) : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(x[4]), "r"(x[5]), "r"(x[6]), "r"(x[7]), "r"(x[8]), "r"(x[9]), "r"(x[10]), "r"(x[11]), "r"(x[12]), "r"(x[13]), "r"(x[14]), "r"(x[15]), "r"(y), "r"(add), "n"(step_at(Y + 0, YPANEL)), "n"(step_at(Y + 1, YPANEL)), "n"(step_at(Y + 2, YPANEL)), "n"(step_at(Y + 3, YPANEL)));
}
#endif
#ifndef HAS_wgmma_64
#define HAS_wgmma_64
DEVICE void wgmma_64(float (&d)[32], const u32 *x, u32 y, int add, bf16) {
    asm volatile("{\n.reg .pred p;\n.reg .b64 y;\nsetp.ne.b32 p, %37, 0;\n"
        "mov.b64 y, {%36, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%32, %33, %34, %35}, y, p, 1, 1, 1;\n"
        "}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]) : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y), "r"(add));
}
#endif

#ifndef HAS_Maps7
#define HAS_Maps7
struct Maps7 { TensorMap at[7]; };
#endif
// 384 threads, at most 168 registers each, 148752 bytes of shared memory
extern "C" __global__ void __launch_bounds__(384, 1) rattan_layer_forward_main(const __grid_constant__ Args a, const __grid_constant__ Maps7 maps) {
