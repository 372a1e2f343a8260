        give_registers<32>();
        if (warp_id() == 12) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t20(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t21(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t22(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t23(shared + 106496u, shared + 112848u);
            bool awaited = false;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[92]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n15 = rest % 1u; // part
                rest /= 1u;
                const int n14 = rest % 1u; // kv_head
                rest /= 1u;
                const int n16 = (u32)a.v[78] - 1 - rest % (u32)a.v[78]; // segment
                rest /= (u32)a.v[78];
                const int n8 = rest; // seq
                const int n1 = a.v[77];
                const int n3 = a.v[78];
                const int n4 = a.v[80];
                const int n5 = a.v[76];
                const int n6 = a.v[87];
                const int n9 = ((const int *)a.v[15])[n8];
                const int n10 = (int)(n9 < n6);
                const int n11 = (int)(-1 < n9);
                const int n12 = n10 * n11;
                const int n13 = n5 * n12;
                const int n17 = n16 * n4;
                const int n18 = n17 + n4;
                const int n19 = smaller(n13, n18);
                const int n24 = n9 * n12;
                const int n25 = ((const int *)a.v[20])[n8];
                const int n26 = 0 - n25;
                const int n28 = larger(n26, -64);
                const int n29 = n25 + n28;
                const int n30 = (int)(0 < n13);
                const int n32 = 128 * n30;
                const int n33 = larger(n19, n32);
                const int n35_end = opaque(n33);
                #pragma unroll 1
                for (int n35 = n17; n35 < n35_end; n35 += 64) { // row
                    const int n36 = (int)(n35 < 64);
                    if (n36) {
                        const int n37 = n35 + -64;
                        const int n38 = n25 + n37;
                        {
                            const Slot slot = t20.open(8192);
                            copy_rows<64, 1, 64, 64, 64>(slot.address, &maps.at[2], &maps.at[1], &maps.at[0], slot.full, 0, n38, n29, n25, (int)n14, (int)n24);
                        }
                        {
                            const Slot slot = t21.open(8192);
                            copy_rows<64, 1, 64, 64, 64>(slot.address, &maps.at[5], &maps.at[4], &maps.at[3], slot.full, 0, n38, n29, n25, (int)n14, (int)n24);
                        }
                    }
                    const int n39 = (int)(n36 < 1);
                    if (n39) {
                        const int n40 = n35 + -64;
                        {
                            const Slot slot = t20.open(8192);
                            copy_box(slot.address + 0, &maps.at[6], slot.full, 0, (int)n14, (int)n40, (int)n8);
                        }
                        {
                            const Slot slot = t21.open(8192);
                            copy_box(slot.address + 0, &maps.at[7], slot.full, 0, (int)n14, (int)n40, (int)n8);
                        }
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 13) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t20(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t21(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t22(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t23(shared + 106496u, shared + 112848u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[92]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n15 = rest % 1u; // part
                rest /= 1u;
                const int n14 = rest % 1u; // kv_head
                rest /= 1u;
                const int n16 = (u32)a.v[78] - 1 - rest % (u32)a.v[78]; // segment
                rest /= (u32)a.v[78];
                const int n8 = rest; // seq
                const int n1 = a.v[77];
                const int n3 = a.v[78];
                const int n4 = a.v[80];
                const int n5 = a.v[76];
                const int n6 = a.v[87];
                const int n9 = ((const int *)a.v[15])[n8];
                const int n10 = (int)(n9 < n6);
                const int n11 = (int)(-1 < n9);
                const int n12 = n10 * n11;
                const int n13 = n5 * n12;
                const int n17 = n16 * n4;
                const int n18 = n17 + n4;
                const int n19 = smaller(n13, n18);
                const int n92_end = opaque(n19);
                #pragma unroll 1
                for (int n92 = n17; n92 < n92_end; n92 += 64) { // row
                    const Slot t93 = t22.take();
                    const int n94 = (int)(-1 < n92);
                    const int n95 = floor_div(n92, 64);
                    const int n96 = floor_mod(n95, 1);
                    const int n97 = (int)(-1 < n96);
                    const int n98 = (int)(n96 < 1);
                    const int n99 = n98 * n97;
                    const int n100 = n94 * n99;
                    if (n100) {
                        const int n101 = a.v[86];
                        const int n102 = n14 + n15;
                        store_box(t93.address + 0, &maps.at[8], 0, (int)n102, (int)n92, (int)n8);
                    }
                    stored.release(t93);
                }
                stored.made((int *)a.v[65] + item);
            }
            if (!awaited) await_earlier_kernels();
            stored.end();
            return;
        }
        if (warp_id() == 14) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t20(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t21(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t22(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t23(shared + 106496u, shared + 112848u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[92]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n15 = rest % 1u; // part
                rest /= 1u;
                const int n14 = rest % 1u; // kv_head
                rest /= 1u;
                const int n16 = (u32)a.v[78] - 1 - rest % (u32)a.v[78]; // segment
                rest /= (u32)a.v[78];
                const int n8 = rest; // seq
                const int n1 = a.v[77];
                const int n3 = a.v[78];
                const int n4 = a.v[80];
                const int n5 = a.v[76];
                const int n6 = a.v[87];
                const int n9 = ((const int *)a.v[15])[n8];
                const int n10 = (int)(n9 < n6);
                const int n11 = (int)(-1 < n9);
                const int n12 = n10 * n11;
                const int n13 = n5 * n12;
                const int n17 = n16 * n4;
                const int n18 = n17 + n4;
                const int n19 = smaller(n13, n18);
                const int n103 = (int)(0 < n13);
                const int n105 = 128 * n103;
                const int n106 = larger(n19, n105);
                const int n108_end = opaque(n106);
                #pragma unroll 1
                for (int n108 = n17; n108 < n108_end; n108 += 64) { // row
                    const int n109 = (int)(n108 < n105);
                    const int n110 = floor_div(n108, 64);
                    const int n111 = floor_mod(n110, 1);
                    const int n112 = n111 - n15;
                    const int n113 = (int)(-1 < n112);
                    const int n114 = (int)(n112 < 1);
                    const int n115 = n114 * n113;
                    const int n116 = n109 * n115;
                    if (n116) {
                        const Slot t117 = t20.take();
                        const int n118 = a.v[86];
                        store_box(t117.address + 0, &maps.at[9], 0, (int)n14, (int)n108, (int)n8);
                        stored.release(t117);
                    }
                    const int n119 = (int)(n116 < 1);
                    if (n119) {
                        stored.skip(t20.take());
                    }
                    if (n116) {
                        const Slot t120 = t21.take();
                        const int n121 = a.v[86];
                        store_box(t120.address + 0, &maps.at[10], 0, (int)n14, (int)n108, (int)n8);
                        stored.release(t120);
                    }
                    else {
                        stored.skip(t21.take());
                    }
                }
                stored.made((int *)a.v[65] + item);
            }
            if (!awaited) await_earlier_kernels();
            stored.end();
            return;
        }
        if (warp_id() == 15) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t20(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t21(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t22(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t23(shared + 106496u, shared + 112848u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[92]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n15 = rest % 1u; // part
                rest /= 1u;
                const int n14 = rest % 1u; // kv_head
                rest /= 1u;
                const int n16 = (u32)a.v[78] - 1 - rest % (u32)a.v[78]; // segment
                rest /= (u32)a.v[78];
                const int n8 = rest; // seq
                const int n1 = a.v[77];
                const int n3 = a.v[78];
                const int n4 = a.v[80];
                const int n5 = a.v[76];
                const int n6 = a.v[87];
                const int n9 = ((const int *)a.v[15])[n8];
                const int n10 = (int)(n9 < n6);
                const int n11 = (int)(-1 < n9);
                const int n12 = n10 * n11;
                const int n13 = n5 * n12;
                const int n17 = n16 * n4;
                const int n18 = n17 + n4;
                const int n19 = smaller(n13, n18);
                const int n155 = n8 * n5;
                const int n156 = floor_div(n155, 64);
                const int n157 = n156 + n8;
                const int n159 = n15 * 16;
                const int n160 = n14 * 16;
                const int n161 = n160 + n159;
                const int n163_end = opaque(n19);
                #pragma unroll 1
                for (int n163 = n17; n163 < n163_end; n163 += 64) { // row
                    const Slot t164 = t23.take();
                    const int n165 = floor_div(n163, 64);
                    const int n166 = n157 + n165;
                    store_box(t164.address + 0, &maps.at[11], 0, (int)n161, (int)n166, (int)0);
                    stored.release(t164);
                }
                stored.made((int *)a.v[65] + item);
            }
            if (!awaited) await_earlier_kernels();
            stored.end();
            return;
        }
    }
}

#ifndef HAS_wgmma_64_k
#define HAS_wgmma_64_k
DEVICE void wgmma_64_k(float (&d)[32], const u32 *x, u32 y, int add, bf16) {
    asm volatile("{\n.reg .pred p;\n.reg .b64 y;\nsetp.ne.b32 p, %37, 0;\n"
        "mov.b64 y, {%36, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%32, %33, %34, %35}, y, p, 1, 1, 0;\n"
        "}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]) : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y), "r"(add));
}
#endif
#ifndef HAS_wgmma_16_x4
#define HAS_wgmma_16_x4
template <int Y, int YPANEL>
DEVICE void wgmma_16_x4(float (&d)[8], const u32 *x, u32 y, int add, bf16) {
    asm volatile("{\n.reg .pred p;\n.reg .b64 y;\nsetp.ne.b32 p, %25, 0;\n"
        ".reg .pred all;\n.reg .b32 low;\nsetp.eq.b32 all, 0, 0;\n"
        "add.u32 low, %24, %26;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9, %10, %11}, y, p, 1, 1, 1;\n"
        "add.u32 low, %24, %27;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, {%12, %13, %14, %15}, y, all, 1, 1, 1;\n"
        "add.u32 low, %24, %28;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, {%16, %17, %18, %19}, y, all, 1, 1, 1;\n"
        "add.u32 low, %24, %29;\nmov.b64 y, {low, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, {%20, %21, %22, %23}, y, all, 1, 1, 1;\n"
        "}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]) : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(x[4]), "r"(x[5]), "r"(x[6]), "r"(x[7]), "r"(x[8]), "r"(x[9]), "r"(x[10]), "r"(x[11]), "r"(x[12]), "r"(x[13]), "r"(x[14]), "r"(x[15]), "r"(y), "r"(add), "n"(step_at(Y + 0, YPANEL)), "n"(step_at(Y + 1, YPANEL)), "n"(step_at(Y + 2, YPANEL)), "n"(step_at(Y + 3, YPANEL)));
}
#endif
#ifndef HAS_wgmma_16
#define HAS_wgmma_16
DEVICE void wgmma_16(float (&d)[8], const u32 *x, u32 y, int add, bf16) {
    asm volatile("{\n.reg .pred p;\n.reg .b64 y;\nsetp.ne.b32 p, %13, 0;\n"
        "mov.b64 y, {%12, 0x40000040};\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9, %10, %11}, y, p, 1, 1, 1;\n"
        "}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]) : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y), "r"(add));
}
#endif

#ifndef HAS_Maps13
#define HAS_Maps13
struct Maps13 { TensorMap at[13]; };
#endif
// 384 threads, at most 168 registers each, 148792 bytes of shared memory
extern "C" __global__ void __launch_bounds__(384, 1) rattan_layer_extend_main(const __grid_constant__ Args a, const __grid_constant__ Maps13 maps) {
