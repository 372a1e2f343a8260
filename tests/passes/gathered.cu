        give_registers<32>();
        if (warp_id() == 12) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t17(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t18(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t19(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t20(shared + 106496u, shared + 112848u);
            bool awaited = false;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[92]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n12 = rest % 1u; // part
                rest /= 1u;
                const int n11 = rest % 1u; // kv_head
                rest /= 1u;
                const int n13 = (u32)a.v[78] - 1 - rest % (u32)a.v[78]; // segment
                rest /= (u32)a.v[78];
                const int n7 = rest; // seq
                const int n1 = a.v[77];
                const int n3 = a.v[78];
                const int n4 = a.v[80];
                const int n5 = a.v[76];
                const int n8 = ((const int *)a.v[15])[n7];
                const int n9 = (int)(-1 < n8);
                const int n10 = n5 * n9;
                const int n14 = n13 * n4;
                const int n15 = n14 + n4;
                const int n16 = smaller(n10, n15);
                const int n21 = larger(n8, 0);
                const int n22 = ((const int *)a.v[20])[n7];
                const int n23 = 0 - n22;
                const int n25 = larger(n23, -64);
                const int n26 = n22 + n25;
                const int n27 = (int)(0 < n10);
                const int n29 = 128 * n27;
                const int n30 = larger(n16, n29);
                const int n32_end = opaque(n30);
                #pragma unroll 1
                for (int n32 = n14; n32 < n32_end; n32 += 64) { // row
                    const int n33 = (int)(n32 < 64);
                    if (n33) {
                        const int n34 = n32 + -64;
                        const int n35 = n22 + n34;
                        {
                            const Slot slot = t17.open(8192);
                            copy_rows<64, 1, 64, 64, 64>(slot.address, &maps.at[2], &maps.at[1], &maps.at[0], slot.full, 0, n35, n26, n22, (int)n11, (int)n21);
                        }
                        {
                            const Slot slot = t18.open(8192);
                            copy_rows<64, 1, 64, 64, 64>(slot.address, &maps.at[5], &maps.at[4], &maps.at[3], slot.full, 0, n35, n26, n22, (int)n11, (int)n21);
                        }
                    }
                    const int n36 = (int)(n33 < 1);
                    if (n36) {
                        const int n37 = n32 + -64;
                        {
                            const Slot slot = t17.open(8192);
                            copy_box(slot.address + 0, &maps.at[6], slot.full, 0, (int)n11, (int)n37, (int)n7);
                        }
                        {
                            const Slot slot = t18.open(8192);
                            copy_box(slot.address + 0, &maps.at[7], slot.full, 0, (int)n11, (int)n37, (int)n7);
                        }
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 13) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t17(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t18(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t19(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t20(shared + 106496u, shared + 112848u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[92]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n12 = rest % 1u; // part
                rest /= 1u;
                const int n11 = rest % 1u; // kv_head
                rest /= 1u;
                const int n13 = (u32)a.v[78] - 1 - rest % (u32)a.v[78]; // segment
                rest /= (u32)a.v[78];
                const int n7 = rest; // seq
                const int n1 = a.v[77];
                const int n3 = a.v[78];
                const int n4 = a.v[80];
                const int n5 = a.v[76];
                const int n8 = ((const int *)a.v[15])[n7];
                const int n9 = (int)(-1 < n8);
                const int n10 = n5 * n9;
                const int n14 = n13 * n4;
                const int n15 = n14 + n4;
                const int n16 = smaller(n10, n15);
                const int n89_end = opaque(n16);
                #pragma unroll 1
                for (int n89 = n14; n89 < n89_end; n89 += 64) { // row
                    const Slot t90 = t19.take();
                    const int n91 = (int)(-1 < n89);
                    const int n92 = floor_div(n89, 64);
                    const int n93 = floor_mod(n92, 1);
                    const int n94 = (int)(-1 < n93);
                    const int n95 = (int)(n93 < 1);
                    const int n96 = n95 * n94;
                    const int n97 = n91 * n96;
                    if (n97) {
                        const int n98 = a.v[86];
                        const int n99 = n11 + n12;
                        store_box(t90.address + 0, &maps.at[8], 0, (int)n99, (int)n89, (int)n7);
                    }
                    stored.release(t90);
                }
                stored.made((int *)a.v[65] + item);
            }
            if (!awaited) await_earlier_kernels();
            stored.end();
            return;
        }
        if (warp_id() == 14) {
            if (lane_id() != 0) return;
            Ring<4, 8192u> t17(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t18(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t19(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t20(shared + 106496u, shared + 112848u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[92]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n12 = rest % 1u; // part
                rest /= 1u;
                const int n11 = rest % 1u; // kv_head
                rest /= 1u;
                const int n13 = (u32)a.v[78] - 1 - rest % (u32)a.v[78]; // segment
                rest /= (u32)a.v[78];
                const int n7 = rest; // seq
                const int n1 = a.v[77];
                const int n3 = a.v[78];
                const int n4 = a.v[80];
                const int n5 = a.v[76];
                const int n8 = ((const int *)a.v[15])[n7];
                const int n9 = (int)(-1 < n8);
                const int n10 = n5 * n9;
                const int n14 = n13 * n4;
                const int n15 = n14 + n4;
                const int n16 = smaller(n10, n15);
                const int n100 = (int)(0 < n10);
                const int n102 = 128 * n100;
                const int n103 = larger(n16, n102);
                const int n105_end = opaque(n103);
                #pragma unroll 1
                for (int n105 = n14; n105 < n105_end; n105 += 64) { // row
                    const int n106 = (int)(n105 < n102);
                    const int n107 = floor_div(n105, 64);
                    const int n108 = floor_mod(n107, 1);
                    const int n109 = n108 - n12;
                    const int n110 = (int)(-1 < n109);
                    const int n111 = (int)(n109 < 1);
                    const int n112 = n111 * n110;
                    const int n113 = n106 * n112;
                    if (n113) {
                        const Slot t114 = t17.take();
                        const int n115 = a.v[86];
                        store_box(t114.address + 0, &maps.at[9], 0, (int)n11, (int)n105, (int)n7);
                        stored.release(t114);
                    }
                    const int n116 = (int)(n113 < 1);
                    if (n116) {
                        stored.skip(t17.take());
                    }
                    if (n113) {
                        const Slot t117 = t18.take();
                        const int n118 = a.v[86];
                        store_box(t117.address + 0, &maps.at[10], 0, (int)n11, (int)n105, (int)n7);
                        stored.release(t117);
                    }
                    else {
                        stored.skip(t18.take());
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
            Ring<4, 8192u> t17(shared + 0u, shared + 112640u);
            Ring<6, 8192u> t18(shared + 32768u, shared + 112704u);
            Ring<3, 8192u> t19(shared + 81920u, shared + 112800u);
            Ring<3, 2048u> t20(shared + 106496u, shared + 112848u);
            bool awaited = false;
            Stored stored;
            UNROLL1
            for (u32 item = blockIdx.x; item < (u32)a.v[92]; item += blocks_here()) {
                u32 rest = (u32)item;
                const int n12 = rest % 1u; // part
                rest /= 1u;
                const int n11 = rest % 1u; // kv_head
                rest /= 1u;
                const int n13 = (u32)a.v[78] - 1 - rest % (u32)a.v[78]; // segment
                rest /= (u32)a.v[78];
                const int n7 = rest; // seq
                const int n1 = a.v[77];
                const int n3 = a.v[78];
                const int n4 = a.v[80];
                const int n5 = a.v[76];
                const int n8 = ((const int *)a.v[15])[n7];
                const int n9 = (int)(-1 < n8);
                const int n10 = n5 * n9;
                const int n14 = n13 * n4;
                const int n15 = n14 + n4;
                const int n16 = smaller(n10, n15);
                const int n152 = n7 * n5;
                const int n153 = floor_div(n152, 64);
                const int n154 = n153 + n7;
                const int n156 = n12 * 16;
                const int n157 = n11 * 16;
                const int n158 = n157 + n156;
                const int n160_end = opaque(n16);
                #pragma unroll 1
                for (int n160 = n14; n160 < n160_end; n160 += 64) { // row
                    const Slot t161 = t20.take();
                    const int n162 = floor_div(n160, 64);
                    const int n163 = n154 + n162;
                    store_box(t161.address + 0, &maps.at[11], 0, (int)n158, (int)n163, (int)0);
                    stored.release(t161);
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
