extern "C" __global__ void __launch_bounds__(256, 2) rattan_layer_extend_main(const __grid_constant__ Args a, const __grid_constant__ Maps11 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<16, 4096u> t34(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t35(shared + 0u, shared + 73984u);
        t34.make(1, 4);
        t35.make(1, 4);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<232>();
        Ring<16, 4096u> t34(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t35(shared + 0u, shared + 73984u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[82]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n31 = rest % 1u; // group
            rest /= 1u;
            const i64 n19 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n24 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
            rest /= (u32)a.v[71];
            const i64 n10 = rest; // seq
            const i64 n0 = a.v[67];
            const i64 n3 = a.v[66];
            const i64 n4 = a.v[77];
            const i64 n11 = ((const int *)a.v[15])[n10];
            const i64 n12 = (i64)(n11 < n4);
            const i64 n13 = (i64)(-1LL < n11);
            const i64 n14 = n12 * n13;
            const i64 n15 = ((const int *)a.v[20])[n10];
            const i64 n16 = n3 * n14;
            const i64 n17 = 0LL - n15;
            const i64 n18 = larger(n17, -6LL);
            const i64 n20 = n19 * 2LL;
            const i64 n23 = a.v[71];
            const i64 n26 = n24 * 32LL;
            const i64 n27 = (i64)(n26 < n16);
            if (n27) {
                const i64 n33 = n31 * 2LL;
                const i64 n85 = n20 + n33;
                const Slot t86 = t35.take();
                u32 t87[1][4];
                read_panels<4, 64, 0>(t87, t86.address);
                pin_all(t87);
                float t88[1][8];
                EACH(1, 8) t88[s][i] = unpacked(t87[s][i >> 1], i & 1, bf16());
                const i64 n90 = n26 + -32LL;
                const i64 n91 = n18 - n90;
                const i64 n92 = floor_div(n91, 32LL);
                const i64 n93 = larger(0LL, n92);
                const i64 n97 = n93 + 1LL;
                const i64 n98 = larger(2LL, n97);
                const i64 n99 = larger(n93, 1LL);
                const i64 n100 = larger(n99, n98);
                const i64 n101 = smaller(n100, 1LL);
                const i64 n102 = smaller(n99, 1LL);
                const Slot t104 = t34.take();
                float t105[1][16];
                pin_all(t105);
                pin_all(t87);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_32_k(t105[s], &t87[s][4 * k], matrix(t104.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const i64 n106 = 6LL + n18;
                const i64 n107 = n18 - n26;
                const i64 n108 = larger(0LL, n107);
                barrier_wait(t104.full, t104.phase);
                products_await<0>();
                pin_all(t105);
                pin_all(t87);
                release(t104);
                float t109[1][16];
                mask_fixed<4, 32, -5, 0, 1>(t109, t105, n108, -INFINITY);
                float t110[1][2];
                rowmax<32>(t110, t109);
                float t111[1][2];
                EACH(1, 2) t111[s][i] = max_nan(-1.000000000e+37f, t110[s][i]);
                float t113[1][2];
                EACH(1, 2) t113[s][i] = t111[s][i] * -3.606737602e-01f;
                float t115[1][16];
                EACH(1, 16) t115[s][i] = fmaf(t109[s][i], 3.606737602e-01f, t113[s][(i >> 1) & 1]);
                float t116[1][16];
                EACH(1, 16) t116[s][i] = exp2_fast(t115[s][i]);
                float t117[1][2];
                EACH(1, 2) t117[s][i] = -1.000000000e+37f - t111[s][i];
                float t118[1][2];
                EACH(1, 2) t118[s][i] = t117[s][i] * 3.606737602e-01f;
                float t119[1][2];
                EACH(1, 2) t119[s][i] = exp2_fast(t118[s][i]);
                float t120[1][2];
                rowsum<32>(t120, t116);
                float t121[1][2];
                EACH(1, 2) t121[s][i] = 0.000000000e+00f * t119[s][i];
                float t122[1][2];
                EACH(1, 2) t122[s][i] = t121[s][i] + t120[s][i];
                u32 t123[1][8];
                EACH(1, 8) t123[s][i] = pack(t116[s][2 * i], t116[s][2 * i + 1], bf16());
                float t124[1][2];
                EACH(1, 2) t124[s][i] = t111[s][i];
                float t125[1][2];
                EACH(1, 2) t125[s][i] = t122[s][i];
                float t126[1][8];
                EACH(1, 8) t126[s][i] = 0.000000000e+00f;
                u32 t127[1][8];
                EACH(1, 8) t127[s][i] = t123[s][i];
                const i64 n128_end = opaque(1LL);
                #pragma unroll 1
                for (i64 n128 = n101; n128 < n128_end; n128 += 1LL) { // key
                    const Slot t133 = t34.take();
                    float t134[1][16];
                    pin_all(t134);
                    pin_all(t87);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_32_k(t134[s], &t87[s][4 * k], matrix(t133.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const Slot t135 = t34.take();
                    pin_all(t126);
                    pin_all(t127);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t126[s], &t127[s][0], matrix(t135.address, 4096), 1, bf16());
                    products_commit();
                    products_await<1>();
                    pin_all(t134);
                    pin_all(t87);
                    release(t133);
                    float t137[1][2];
                    rowmax<32>(t137, t134);
                    float t138[1][2];
                    EACH(1, 2) t138[s][i] = max_nan(t124[s][i], t137[s][i]);
                    float t139[1][2];
                    EACH(1, 2) t139[s][i] = t138[s][i] * -3.606737602e-01f;
                    float t140[1][16];
                    EACH(1, 16) t140[s][i] = fmaf(t134[s][i], 3.606737602e-01f, t139[s][(i >> 1) & 1]);
                    float t141[1][16];
                    EACH(1, 16) t141[s][i] = exp2_fast(t140[s][i]);
                    float t142[1][2];
                    EACH(1, 2) t142[s][i] = t124[s][i] - t138[s][i];
                    float t143[1][2];
                    EACH(1, 2) t143[s][i] = t142[s][i] * 3.606737602e-01f;
                    float t144[1][2];
                    EACH(1, 2) t144[s][i] = exp2_fast(t143[s][i]);
                    float t145[1][2];
                    rowsum<32>(t145, t141);
                    float t146[1][2];
                    EACH(1, 2) t146[s][i] = t125[s][i] * t144[s][i];
                    float t147[1][2];
                    EACH(1, 2) t147[s][i] = t146[s][i] + t145[s][i];
                    barrier_wait(t135.full, t135.phase);
                    products_await<0>();
                    pin_all(t126);
                    pin_all(t127);
                    release(t135);
                    float t148[1][8];
                    EACH(1, 8) t148[s][i] = t126[s][i] * t144[s][(i >> 1) & 1];
                    u32 t149[1][8];
                    EACH(1, 8) t149[s][i] = pack(t141[s][2 * i], t141[s][2 * i + 1], bf16());
                    EACH(1, 2) t124[s][i] = t138[s][i];
                    EACH(1, 2) t125[s][i] = t147[s][i];
                    EACH(1, 8) t126[s][i] = t148[s][i];
                    EACH(1, 8) t127[s][i] = t149[s][i];
                }
                const i64 n150 = n102 + n101;
                const i64 n151 = n150 + -1LL;
                float t152[1][2];
                EACH(1, 2) t152[s][i] = t124[s][i];
                float t153[1][2];
                EACH(1, 2) t153[s][i] = t125[s][i];
                float t154[1][8];
                EACH(1, 8) t154[s][i] = t126[s][i];
                u32 t155[1][8];
                EACH(1, 8) t155[s][i] = t127[s][i];
                const i64 n156_end = opaque(n101);
                #pragma unroll 1
                for (i64 n156 = n102; n156 < n156_end; n156 += 1LL) { // key
                    const i64 n161 = n151 - n156;
                    const i64 n162 = n161 * 32LL;
                    const i64 n163 = n90 + n162;
                    const Slot t164 = t34.take();
                    float t165[1][16];
                    pin_all(t165);
                    pin_all(t87);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_32_k(t165[s], &t87[s][4 * k], matrix(t164.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const Slot t166 = t34.take();
                    pin_all(t154);
                    pin_all(t155);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t154[s], &t155[s][0], matrix(t166.address, 4096), 1, bf16());
                    products_commit();
                    const i64 n168 = n163 - n26;
                    const i64 n169 = n18 - n163;
                    const i64 n170 = larger(0LL, n169);
                    products_await<1>();
                    pin_all(t165);
                    pin_all(t87);
                    release(t164);
                    float t171[1][16];
                    mask<4, 32, 1, 0, 1>(t171, t165, n168, -5LL, 0LL, n170, -INFINITY);
                    float t172[1][2];
                    rowmax<32>(t172, t171);
                    float t173[1][2];
                    EACH(1, 2) t173[s][i] = max_nan(t152[s][i], t172[s][i]);
                    float t174[1][2];
                    EACH(1, 2) t174[s][i] = t173[s][i] * -3.606737602e-01f;
                    float t175[1][16];
                    EACH(1, 16) t175[s][i] = fmaf(t171[s][i], 3.606737602e-01f, t174[s][(i >> 1) & 1]);
                    float t176[1][16];
                    EACH(1, 16) t176[s][i] = exp2_fast(t175[s][i]);
                    float t177[1][2];
                    EACH(1, 2) t177[s][i] = t152[s][i] - t173[s][i];
                    float t178[1][2];
                    EACH(1, 2) t178[s][i] = t177[s][i] * 3.606737602e-01f;
                    float t179[1][2];
                    EACH(1, 2) t179[s][i] = exp2_fast(t178[s][i]);
                    float t180[1][2];
                    rowsum<32>(t180, t176);
                    float t181[1][2];
                    EACH(1, 2) t181[s][i] = t153[s][i] * t179[s][i];
                    float t182[1][2];
                    EACH(1, 2) t182[s][i] = t181[s][i] + t180[s][i];
                    barrier_wait(t166.full, t166.phase);
                    products_await<0>();
                    pin_all(t154);
                    pin_all(t155);
                    release(t166);
                    float t183[1][8];
                    EACH(1, 8) t183[s][i] = t154[s][i] * t179[s][(i >> 1) & 1];
                    u32 t184[1][8];
                    EACH(1, 8) t184[s][i] = pack(t176[s][2 * i], t176[s][2 * i + 1], bf16());
                    EACH(1, 2) t152[s][i] = t173[s][i];
                    EACH(1, 2) t153[s][i] = t182[s][i];
                    EACH(1, 8) t154[s][i] = t183[s][i];
                    EACH(1, 8) t155[s][i] = t184[s][i];
                }
                const i64 n185 = (i64)(n93 < 1LL);
                const i64 n186 = larger(n185, 1LL);
                const i64 n187 = (i64)(n186 < 1LL);
                if (n186) {
                    const Slot t188 = t34.take();
                    float t189[1][8];
                    pin_all(t189);
                    pin_all(t87);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_16_k(t189[s], &t87[s][4 * k], matrix(t188.address, 16) + k / 4 * 128 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const Slot t190 = t34.take();
                    float t191[1][8];
                    EACH(1, 8) t191[s][i] = t154[s][i];
                    pin_all(t191);
                    pin_all(t155);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t191[s], &t155[s][0], matrix(t190.address, 4096), 1, bf16());
                    products_commit();
                    const i64 n192 = larger(0LL, n91);
                    const i64 n194 = n192 + -16LL;
                    const i64 n195 = larger(0LL, n194);
                    products_await<1>();
                    pin_all(t189);
                    pin_all(t87);
                    release(t188);
                    float t196[1][8];
                    mask_fixed<4, 32, 11, 1048576, 1>(t196, t189, n195, -INFINITY);
                    float t197[1][2];
                    rowmax<16>(t197, t196);
                    float t198[1][2];
                    EACH(1, 2) t198[s][i] = max_nan(t152[s][i], t197[s][i]);
                    float t199[1][2];
                    EACH(1, 2) t199[s][i] = t152[s][i] - t198[s][i];
                    float t200[1][2];
                    EACH(1, 2) t200[s][i] = t199[s][i] * 3.606737602e-01f;
                    float t201[1][2];
                    EACH(1, 2) t201[s][i] = exp2_fast(t200[s][i]);
                    float t202[1][2];
                    EACH(1, 2) t202[s][i] = t153[s][i] * t201[s][i];
                    float t203[1][2];
                    EACH(1, 2) t203[s][i] = t198[s][i] * -3.606737602e-01f;
                    float t204[1][8];
                    EACH(1, 8) t204[s][i] = fmaf(t196[s][i], 3.606737602e-01f, t203[s][(i >> 1) & 1]);
                    float t205[1][8];
                    EACH(1, 8) t205[s][i] = exp2_fast(t204[s][i]);
                    u32 t206[1][4];
                    EACH(1, 4) t206[s][i] = pack(t205[s][2 * i], t205[s][2 * i + 1], bf16());
                    float t207[1][2];
                    rowsum<16>(t207, t205);
                    float t208[1][2];
                    EACH(1, 2) t208[s][i] = t202[s][i] + t207[s][i];
                    if (all_bits(t208)) barrier_wait(t190.full, t190.phase);
                    if (all_bits(t206)) barrier_wait(t190.full, t190.phase);
                    barrier_wait(t190.full, t190.phase);
                    products_await<0>();
                    pin_all(t191);
                    pin_all(t155);
                    release(t190);
                    float t209[1][8];
                    EACH(1, 8) t209[s][i] = t191[s][i] * t201[s][(i >> 1) & 1];
                    const Slot t210 = t34.take();
                    pin_all(t209);
                    pin_all(t206);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_16(t209[s], &t206[s][4 * k], matrix(t210.address, 2048) + k * 128, 1, bf16());
                    products_commit();
                    u32 t212[1][4];
                    read_panels<4, 64, 0>(t212, t86.address);
                    release_read(t86);
                    pin_all(t212);
                    float t213[1][8];
                    EACH(1, 8) t213[s][i] = unpacked(t212[s][i >> 1], i & 1, bf16());
                    float t214[1][8];
                    EACH(1, 8) t214[s][i] = max_nan(t213[s][i], 0.f);
                    u32 t215[1][4];
                    EACH(1, 4) t215[s][i] = pack(t214[s][2 * i], t214[s][2 * i + 1], bf16());
                    const Slot t216 = t34.take();
                    float t217[1][16];
                    pin_all(t217);
                    pin_all(t215);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_32_k(t217[s], &t215[s][4 * k], matrix(t216.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const i64 n218 = n106 - n26;
                    const i64 n219 = larger(0LL, n218);
                    float t222[1][2];
                    EACH(1, 2) t222[s][i] = max_nan(t208[s][i], 1.000000000e-37f);
                    float t223[1][2];
                    EACH(1, 2) t223[s][i] = __fdividef(1.000000000e+00f, t222[s][i]);
                    products_await<1>();
                    pin_all(t209);
                    pin_all(t206);
                    release(t210);
                    float t224[1][8];
                    EACH(1, 8) t224[s][i] = t209[s][i] * t223[s][(i >> 1) & 1];
                    u32 t225[1][4];
                    EACH(1, 4) t225[s][i] = pack(t224[s][2 * i], t224[s][2 * i + 1], bf16());
                    if (all_bits(t225)) barrier_wait(t216.full, t216.phase);
                    barrier_wait(t216.full, t216.phase);
                    products_await<0>();
                    pin_all(t217);
                    pin_all(t215);
                    release(t216);
                    float t226[1][16];
                    mask_fixed<4, 32, -1048576, 0, 1>(t226, t217, n219, 0.000000000e+00f);
                    u32 t227[1][8];
                    EACH(1, 8) t227[s][i] = pack(t226[s][2 * i], t226[s][2 * i + 1], bf16());
                    const Slot t228 = t34.take();
                    float t229[1][8];
                    pin_all(t229);
                    pin_all(t227);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t229[s], &t227[s][0], matrix(t228.address, 4096), 0, bf16());
                    products_commit();
                    const Slot t230 = t34.take();
                    pin_all(t229);
                    pin_all(t215);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_16(t229[s], &t215[s][4 * k], matrix(t230.address, 2048) + k * 128, 1, bf16());
                    products_commit();
                    barrier_wait(t230.full, t230.phase);
                    products_await<0>();
                    pin_all(t227);
                    pin_all(t229);
                    pin_all(t215);
                    release(t228);
                    release(t230);
                    pin_all(t225);
                    float t232[1][8];
                    EACH(1, 8) t232[s][i] = unpacked(t225[s][i >> 1], i & 1, bf16());
                    float t233[1][8];
                    EACH(1, 8) t233[s][i] = t232[s][i] + t229[s][i];
                    store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t233, view(a.v + 40, n10, n26, n85, 0LL, n16));
                }
                else {
                    release_read(t86);
                    const Slot t234 = t34.take();
                    float t235[1][8];
                    EACH(1, 8) t235[s][i] = t154[s][i];
                    pin_all(t235);
                    pin_all(t155);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t235[s], &t155[s][0], matrix(t234.address, 4096), 1, bf16());
                    products_commit();
                    float t237[1][2];
                    EACH(1, 2) t237[s][i] = max_nan(t153[s][i], 1.000000000e-37f);
                    float t239[1][2];
                    EACH(1, 2) t239[s][i] = __fdividef(1.000000000e+00f, t237[s][i]);
                    barrier_wait(t234.full, t234.phase);
                    products_await<0>();
                    pin_all(t235);
                    pin_all(t155);
                    release(t234);
                    float t240[1][8];
                    EACH(1, 8) t240[s][i] = t235[s][i] * t239[s][(i >> 1) & 1];
                    store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t240, view(a.v + 40, n10, n26, n85, 0LL, n16));
                }
            }
        }
    } else {
        give_registers<24>();
        if (warp_id() == 4) {
            if (lane_id() != 0) return;
            Ring<16, 4096u> t34(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t35(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[82]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n31 = rest % 1u; // group
                rest /= 1u;
                const i64 n19 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n24 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
                rest /= (u32)a.v[71];
                const i64 n10 = rest; // seq
                const i64 n0 = a.v[67];
                const i64 n3 = a.v[66];
                const i64 n4 = a.v[77];
                const i64 n11 = ((const int *)a.v[15])[n10];
                const i64 n12 = (i64)(n11 < n4);
                const i64 n13 = (i64)(-1LL < n11);
                const i64 n14 = n12 * n13;
                const i64 n15 = ((const int *)a.v[20])[n10];
                const i64 n16 = n3 * n14;
                const i64 n17 = 0LL - n15;
                const i64 n18 = larger(n17, -6LL);
                const i64 n20 = n19 * 2LL;
                const i64 n23 = a.v[71];
                const i64 n26 = n24 * 32LL;
                const i64 n27 = (i64)(n26 < n16);
                if (n27) {
                    const i64 n33 = n31 * 2LL;
                    const i64 n36 = n20 + n33;
                    {
                        const Slot slot = t35.open(8192);
                        copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n36, (int)n26, (int)n10);
                        copy_box(slot.address + 4096, &maps.at[0], slot.full, 0, (int)n36 + 1, (int)n26, (int)n10);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 5) {
            if (lane_id() != 0) return;
            Ring<16, 4096u> t34(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t35(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[82]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n31 = rest % 1u; // group
                rest /= 1u;
                const i64 n19 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n24 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
                rest /= (u32)a.v[71];
                const i64 n10 = rest; // seq
                const i64 n0 = a.v[67];
                const i64 n3 = a.v[66];
                const i64 n4 = a.v[77];
                const i64 n11 = ((const int *)a.v[15])[n10];
                const i64 n12 = (i64)(n11 < n4);
                const i64 n13 = (i64)(-1LL < n11);
                const i64 n14 = n12 * n13;
                const i64 n15 = ((const int *)a.v[20])[n10];
                const i64 n16 = n3 * n14;
                const i64 n17 = 0LL - n15;
                const i64 n18 = larger(n17, -6LL);
                const i64 n20 = n19 * 2LL;
                const i64 n23 = a.v[71];
                const i64 n26 = n24 * 32LL;
                const i64 n27 = (i64)(n26 < n16);
                if (n27) {
                    const i64 n33 = n31 * 2LL;
                    const i64 n38 = n26 + -32LL;
                    const i64 n39 = n18 - n38;
                    const i64 n40 = floor_div(n39, 32LL);
                    const i64 n41 = larger(0LL, n40);
                    const i64 n42 = n41 + 1LL;
                    const i64 n43 = larger(2LL, n42);
                    const i64 n44 = larger(n41, 1LL);
                    const i64 n45 = larger(n44, n43);
                    const i64 n46 = smaller(n45, 1LL);
                    const i64 n47 = smaller(n44, 1LL);
                    const i64 n49 = 6LL + n26;
                    const i64 n50 = a.v[76];
                    {
                        const Slot slot = t34.open(4096);
                        const bool beyond = n49 >= 6;
                        copy_box(slot.address + 0, &maps.at[beyond ? 2 : 1], slot.full, 0, (int)n19, (int)n49 - (beyond ? 6 : 0), (int)n10);
                    }
                    const i64 n51_end = opaque(1LL);
                    #pragma unroll 1
                    for (i64 n51 = n46; n51 < n51_end; n51 += 1LL) { // key
                        const i64 n52 = n46 - n51;
                        const i64 n53 = n52 * 32LL;
                        const i64 n54 = n38 + n53;
                        const i64 n55 = 6LL + n54;
                        {
                            const Slot slot = t34.open(4096);
                            const bool beyond = n55 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 2 : 1], slot.full, 0, (int)n19, (int)n55 - (beyond ? 6 : 0), (int)n10);
                        }
                        const i64 n56 = n52 + 1LL;
                        const i64 n57 = n56 * 32LL;
                        const i64 n58 = n38 + n57;
                        const i64 n59 = 6LL + n58;
                        {
                            const Slot slot = t34.open(4096);
                            const bool beyond = n59 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n19, (int)n59 - (beyond ? 6 : 0), (int)n10);
                        }
                    }
                    const i64 n60 = n47 + n46;
                    const i64 n61 = n60 + -1LL;
                    const i64 n62_end = opaque(n46);
                    #pragma unroll 1
                    for (i64 n62 = n47; n62 < n62_end; n62 += 1LL) { // key
                        const i64 n63 = n61 - n62;
                        const i64 n64 = n63 * 32LL;
                        const i64 n65 = n38 + n64;
                        const i64 n66 = 6LL + n65;
                        {
                            const Slot slot = t34.open(4096);
                            const bool beyond = n66 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 2 : 1], slot.full, 0, (int)n19, (int)n66 - (beyond ? 6 : 0), (int)n10);
                        }
                        const i64 n67 = n63 + 1LL;
                        const i64 n68 = n67 * 32LL;
                        const i64 n69 = n38 + n68;
                        const i64 n70 = 6LL + n69;
                        {
                            const Slot slot = t34.open(4096);
                            const bool beyond = n70 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n19, (int)n70 - (beyond ? 6 : 0), (int)n10);
                        }
                    }
                    const i64 n71 = n47 * 32LL;
                    const i64 n72 = n38 + n71;
                    const i64 n73 = 6LL + n72;
                    const i64 n74 = (i64)(n41 < 1LL);
                    const i64 n75 = larger(n74, 1LL);
                    const i64 n76 = (i64)(n75 < 1LL);
                    if (n75) {
                        const i64 n78 = n26 + -10LL;
                        {
                            const Slot slot = t34.open(2048);
                            const bool beyond = n78 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 6 : 5], slot.full, 0, (int)n19, (int)n78 - (beyond ? 6 : 0), (int)n10);
                        }
                        {
                            const Slot slot = t34.open(4096);
                            const bool beyond = n73 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n19, (int)n73 - (beyond ? 6 : 0), (int)n10);
                        }
                        {
                            const Slot slot = t34.open(2048);
                            const bool beyond = n78 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 8 : 7], slot.full, 0, (int)n19, (int)n78 - (beyond ? 6 : 0), (int)n10);
                        }
                        {
                            const Slot slot = t34.open(4096);
                            copy_box(slot.address + 0, &maps.at[9], slot.full, 0, (int)n19, (int)n26, (int)n10);
                        }
                        {
                            const Slot slot = t34.open(4096);
                            const bool beyond = n26 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n19, (int)n26 - (beyond ? 6 : 0), (int)n10);
                        }
                        const i64 n79 = floor_div(n26, 32LL);
                        const i64 n80 = n10 * n3;
                        const i64 n81 = floor_div(n80, 32LL);
                        const i64 n82 = n81 + n10;
                        const i64 n83 = n82 + n79;
                        const i64 n84 = n19 * 16LL;
                        if (!awaited) await_earlier_kernels(), awaited = true;
                        {
                            const Slot slot = t34.open(2048);
                            copy_box(slot.address + 0, &maps.at[10], slot.full, 0, (int)n84, (int)n83, (int)0LL);
                        }
                    }
                    else {
                        {
                            const Slot slot = t34.open(4096);
                            const bool beyond = n73 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n19, (int)n73 - (beyond ? 6 : 0), (int)n10);
                        }
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
    }
}

