extern "C" __global__ void __launch_bounds__(256, 2) rattan_layer_extend_main(const __grid_constant__ Args a, const __grid_constant__ Maps11 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<16, 4096u> t31(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t32(shared + 0u, shared + 73984u);
        t31.make(1, 4);
        t32.make(1, 4);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<232>();
        Ring<16, 4096u> t31(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t32(shared + 0u, shared + 73984u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[82]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n28 = rest % 1u; // group
            rest /= 1u;
            const i64 n16 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n21 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
            rest /= (u32)a.v[71];
            const i64 n9 = rest; // seq
            const i64 n0 = a.v[67];
            const i64 n3 = a.v[66];
            const i64 n10 = ((const int *)a.v[15])[n9];
            const i64 n11 = (i64)(-1LL < n10);
            const i64 n12 = ((const int *)a.v[20])[n9];
            const i64 n13 = n3 * n11;
            const i64 n14 = 0LL - n12;
            const i64 n15 = larger(n14, -6LL);
            const i64 n17 = n16 * 2LL;
            const i64 n20 = a.v[71];
            const i64 n23 = n21 * 32LL;
            const i64 n24 = (i64)(n23 < n13);
            if (n24) {
                const i64 n30 = n28 * 2LL;
                const i64 n82 = n17 + n30;
                const Slot t83 = t32.take();
                u32 t84[1][4];
                read_panels<4, 64, 0>(t84, t83.address);
                pin_all(t84);
                float t85[1][8];
                EACH(1, 8) t85[s][i] = unpacked(t84[s][i >> 1], i & 1, bf16());
                const i64 n87 = n23 + -32LL;
                const i64 n88 = n15 - n87;
                const i64 n89 = floor_div(n88, 32LL);
                const i64 n90 = larger(0LL, n89);
                const i64 n94 = n90 + 1LL;
                const i64 n95 = larger(2LL, n94);
                const i64 n96 = larger(n90, 1LL);
                const i64 n97 = larger(n96, n95);
                const i64 n98 = smaller(n97, 1LL);
                const i64 n99 = smaller(n96, 1LL);
                const Slot t101 = t31.take();
                float t102[1][16];
                pin_all(t102);
                pin_all(t84);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_32_k(t102[s], &t84[s][4 * k], matrix(t101.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const i64 n103 = 6LL + n15;
                const i64 n104 = n15 - n23;
                const i64 n105 = larger(0LL, n104);
                barrier_wait(t101.full, t101.phase);
                products_await<0>();
                pin_all(t102);
                pin_all(t84);
                release(t101);
                float t106[1][16];
                mask_fixed<4, 32, -5, 0, 1>(t106, t102, n105, -INFINITY);
                float t107[1][2];
                rowmax<32>(t107, t106);
                float t108[1][2];
                EACH(1, 2) t108[s][i] = max_nan(-1.000000000e+37f, t107[s][i]);
                float t110[1][2];
                EACH(1, 2) t110[s][i] = t108[s][i] * -3.606737602e-01f;
                float t112[1][16];
                EACH(1, 16) t112[s][i] = fmaf(t106[s][i], 3.606737602e-01f, t110[s][(i >> 1) & 1]);
                float t113[1][16];
                EACH(1, 16) t113[s][i] = exp2_fast(t112[s][i]);
                float t114[1][2];
                EACH(1, 2) t114[s][i] = -1.000000000e+37f - t108[s][i];
                float t115[1][2];
                EACH(1, 2) t115[s][i] = t114[s][i] * 3.606737602e-01f;
                float t116[1][2];
                EACH(1, 2) t116[s][i] = exp2_fast(t115[s][i]);
                float t117[1][2];
                rowsum<32>(t117, t113);
                float t118[1][2];
                EACH(1, 2) t118[s][i] = 0.000000000e+00f * t116[s][i];
                float t119[1][2];
                EACH(1, 2) t119[s][i] = t118[s][i] + t117[s][i];
                u32 t120[1][8];
                EACH(1, 8) t120[s][i] = pack(t113[s][2 * i], t113[s][2 * i + 1], bf16());
                float t121[1][2];
                EACH(1, 2) t121[s][i] = t108[s][i];
                float t122[1][2];
                EACH(1, 2) t122[s][i] = t119[s][i];
                float t123[1][8];
                EACH(1, 8) t123[s][i] = 0.000000000e+00f;
                u32 t124[1][8];
                EACH(1, 8) t124[s][i] = t120[s][i];
                const i64 n125_end = opaque(1LL);
                #pragma unroll 1
                for (i64 n125 = n98; n125 < n125_end; n125 += 1LL) { // key
                    const Slot t130 = t31.take();
                    float t131[1][16];
                    pin_all(t131);
                    pin_all(t84);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_32_k(t131[s], &t84[s][4 * k], matrix(t130.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const Slot t132 = t31.take();
                    pin_all(t123);
                    pin_all(t124);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t123[s], &t124[s][0], matrix(t132.address, 4096), 1, bf16());
                    products_commit();
                    products_await<1>();
                    pin_all(t131);
                    pin_all(t84);
                    release(t130);
                    float t134[1][2];
                    rowmax<32>(t134, t131);
                    float t135[1][2];
                    EACH(1, 2) t135[s][i] = max_nan(t121[s][i], t134[s][i]);
                    float t136[1][2];
                    EACH(1, 2) t136[s][i] = t135[s][i] * -3.606737602e-01f;
                    float t137[1][16];
                    EACH(1, 16) t137[s][i] = fmaf(t131[s][i], 3.606737602e-01f, t136[s][(i >> 1) & 1]);
                    float t138[1][16];
                    EACH(1, 16) t138[s][i] = exp2_fast(t137[s][i]);
                    float t139[1][2];
                    EACH(1, 2) t139[s][i] = t121[s][i] - t135[s][i];
                    float t140[1][2];
                    EACH(1, 2) t140[s][i] = t139[s][i] * 3.606737602e-01f;
                    float t141[1][2];
                    EACH(1, 2) t141[s][i] = exp2_fast(t140[s][i]);
                    float t142[1][2];
                    rowsum<32>(t142, t138);
                    float t143[1][2];
                    EACH(1, 2) t143[s][i] = t122[s][i] * t141[s][i];
                    float t144[1][2];
                    EACH(1, 2) t144[s][i] = t143[s][i] + t142[s][i];
                    barrier_wait(t132.full, t132.phase);
                    products_await<0>();
                    pin_all(t123);
                    pin_all(t124);
                    release(t132);
                    float t145[1][8];
                    EACH(1, 8) t145[s][i] = t123[s][i] * t141[s][(i >> 1) & 1];
                    u32 t146[1][8];
                    EACH(1, 8) t146[s][i] = pack(t138[s][2 * i], t138[s][2 * i + 1], bf16());
                    EACH(1, 2) t121[s][i] = t135[s][i];
                    EACH(1, 2) t122[s][i] = t144[s][i];
                    EACH(1, 8) t123[s][i] = t145[s][i];
                    EACH(1, 8) t124[s][i] = t146[s][i];
                }
                const i64 n147 = n99 + n98;
                const i64 n148 = n147 + -1LL;
                float t149[1][2];
                EACH(1, 2) t149[s][i] = t121[s][i];
                float t150[1][2];
                EACH(1, 2) t150[s][i] = t122[s][i];
                float t151[1][8];
                EACH(1, 8) t151[s][i] = t123[s][i];
                u32 t152[1][8];
                EACH(1, 8) t152[s][i] = t124[s][i];
                const i64 n153_end = opaque(n98);
                #pragma unroll 1
                for (i64 n153 = n99; n153 < n153_end; n153 += 1LL) { // key
                    const i64 n158 = n148 - n153;
                    const i64 n159 = n158 * 32LL;
                    const i64 n160 = n87 + n159;
                    const Slot t161 = t31.take();
                    float t162[1][16];
                    pin_all(t162);
                    pin_all(t84);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_32_k(t162[s], &t84[s][4 * k], matrix(t161.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const Slot t163 = t31.take();
                    pin_all(t151);
                    pin_all(t152);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t151[s], &t152[s][0], matrix(t163.address, 4096), 1, bf16());
                    products_commit();
                    const i64 n165 = n160 - n23;
                    const i64 n166 = n15 - n160;
                    const i64 n167 = larger(0LL, n166);
                    products_await<1>();
                    pin_all(t162);
                    pin_all(t84);
                    release(t161);
                    float t168[1][16];
                    mask<4, 32, 1, 0, 1>(t168, t162, n165, -5LL, 0LL, n167, -INFINITY);
                    float t169[1][2];
                    rowmax<32>(t169, t168);
                    float t170[1][2];
                    EACH(1, 2) t170[s][i] = max_nan(t149[s][i], t169[s][i]);
                    float t171[1][2];
                    EACH(1, 2) t171[s][i] = t170[s][i] * -3.606737602e-01f;
                    float t172[1][16];
                    EACH(1, 16) t172[s][i] = fmaf(t168[s][i], 3.606737602e-01f, t171[s][(i >> 1) & 1]);
                    float t173[1][16];
                    EACH(1, 16) t173[s][i] = exp2_fast(t172[s][i]);
                    float t174[1][2];
                    EACH(1, 2) t174[s][i] = t149[s][i] - t170[s][i];
                    float t175[1][2];
                    EACH(1, 2) t175[s][i] = t174[s][i] * 3.606737602e-01f;
                    float t176[1][2];
                    EACH(1, 2) t176[s][i] = exp2_fast(t175[s][i]);
                    float t177[1][2];
                    rowsum<32>(t177, t173);
                    float t178[1][2];
                    EACH(1, 2) t178[s][i] = t150[s][i] * t176[s][i];
                    float t179[1][2];
                    EACH(1, 2) t179[s][i] = t178[s][i] + t177[s][i];
                    barrier_wait(t163.full, t163.phase);
                    products_await<0>();
                    pin_all(t151);
                    pin_all(t152);
                    release(t163);
                    float t180[1][8];
                    EACH(1, 8) t180[s][i] = t151[s][i] * t176[s][(i >> 1) & 1];
                    u32 t181[1][8];
                    EACH(1, 8) t181[s][i] = pack(t173[s][2 * i], t173[s][2 * i + 1], bf16());
                    EACH(1, 2) t149[s][i] = t170[s][i];
                    EACH(1, 2) t150[s][i] = t179[s][i];
                    EACH(1, 8) t151[s][i] = t180[s][i];
                    EACH(1, 8) t152[s][i] = t181[s][i];
                }
                const i64 n182 = (i64)(n90 < 1LL);
                const i64 n183 = larger(n182, 1LL);
                const i64 n184 = (i64)(n183 < 1LL);
                if (n183) {
                    const Slot t185 = t31.take();
                    float t186[1][8];
                    pin_all(t186);
                    pin_all(t84);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_16_k(t186[s], &t84[s][4 * k], matrix(t185.address, 16) + k / 4 * 128 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const Slot t187 = t31.take();
                    float t188[1][8];
                    EACH(1, 8) t188[s][i] = t151[s][i];
                    pin_all(t188);
                    pin_all(t152);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t188[s], &t152[s][0], matrix(t187.address, 4096), 1, bf16());
                    products_commit();
                    const i64 n189 = larger(0LL, n88);
                    const i64 n191 = n189 + -16LL;
                    const i64 n192 = larger(0LL, n191);
                    products_await<1>();
                    pin_all(t186);
                    pin_all(t84);
                    release(t185);
                    float t193[1][8];
                    mask_fixed<4, 32, 11, 1048576, 1>(t193, t186, n192, -INFINITY);
                    float t194[1][2];
                    rowmax<16>(t194, t193);
                    float t195[1][2];
                    EACH(1, 2) t195[s][i] = max_nan(t149[s][i], t194[s][i]);
                    float t196[1][2];
                    EACH(1, 2) t196[s][i] = t149[s][i] - t195[s][i];
                    float t197[1][2];
                    EACH(1, 2) t197[s][i] = t196[s][i] * 3.606737602e-01f;
                    float t198[1][2];
                    EACH(1, 2) t198[s][i] = exp2_fast(t197[s][i]);
                    float t199[1][2];
                    EACH(1, 2) t199[s][i] = t150[s][i] * t198[s][i];
                    float t200[1][2];
                    EACH(1, 2) t200[s][i] = t195[s][i] * -3.606737602e-01f;
                    float t201[1][8];
                    EACH(1, 8) t201[s][i] = fmaf(t193[s][i], 3.606737602e-01f, t200[s][(i >> 1) & 1]);
                    float t202[1][8];
                    EACH(1, 8) t202[s][i] = exp2_fast(t201[s][i]);
                    u32 t203[1][4];
                    EACH(1, 4) t203[s][i] = pack(t202[s][2 * i], t202[s][2 * i + 1], bf16());
                    float t204[1][2];
                    rowsum<16>(t204, t202);
                    float t205[1][2];
                    EACH(1, 2) t205[s][i] = t199[s][i] + t204[s][i];
                    if (all_bits(t205)) barrier_wait(t187.full, t187.phase);
                    if (all_bits(t203)) barrier_wait(t187.full, t187.phase);
                    barrier_wait(t187.full, t187.phase);
                    products_await<0>();
                    pin_all(t188);
                    pin_all(t152);
                    release(t187);
                    float t206[1][8];
                    EACH(1, 8) t206[s][i] = t188[s][i] * t198[s][(i >> 1) & 1];
                    const Slot t207 = t31.take();
                    pin_all(t206);
                    pin_all(t203);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_16(t206[s], &t203[s][4 * k], matrix(t207.address, 2048) + k * 128, 1, bf16());
                    products_commit();
                    u32 t209[1][4];
                    read_panels<4, 64, 0>(t209, t83.address);
                    release_read(t83);
                    pin_all(t209);
                    float t210[1][8];
                    EACH(1, 8) t210[s][i] = unpacked(t209[s][i >> 1], i & 1, bf16());
                    float t211[1][8];
                    EACH(1, 8) t211[s][i] = max_nan(t210[s][i], 0.f);
                    u32 t212[1][4];
                    EACH(1, 4) t212[s][i] = pack(t211[s][2 * i], t211[s][2 * i + 1], bf16());
                    const Slot t213 = t31.take();
                    float t214[1][16];
                    pin_all(t214);
                    pin_all(t212);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_32_k(t214[s], &t212[s][4 * k], matrix(t213.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const i64 n215 = n103 - n23;
                    const i64 n216 = larger(0LL, n215);
                    float t219[1][2];
                    EACH(1, 2) t219[s][i] = max_nan(t205[s][i], 1.000000000e-37f);
                    float t220[1][2];
                    EACH(1, 2) t220[s][i] = __fdividef(1.000000000e+00f, t219[s][i]);
                    products_await<1>();
                    pin_all(t206);
                    pin_all(t203);
                    release(t207);
                    float t221[1][8];
                    EACH(1, 8) t221[s][i] = t206[s][i] * t220[s][(i >> 1) & 1];
                    u32 t222[1][4];
                    EACH(1, 4) t222[s][i] = pack(t221[s][2 * i], t221[s][2 * i + 1], bf16());
                    if (all_bits(t222)) barrier_wait(t213.full, t213.phase);
                    barrier_wait(t213.full, t213.phase);
                    products_await<0>();
                    pin_all(t214);
                    pin_all(t212);
                    release(t213);
                    float t223[1][16];
                    mask_fixed<4, 32, -1048576, 0, 1>(t223, t214, n216, 0.000000000e+00f);
                    u32 t224[1][8];
                    EACH(1, 8) t224[s][i] = pack(t223[s][2 * i], t223[s][2 * i + 1], bf16());
                    const Slot t225 = t31.take();
                    float t226[1][8];
                    pin_all(t226);
                    pin_all(t224);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t226[s], &t224[s][0], matrix(t225.address, 4096), 0, bf16());
                    products_commit();
                    const Slot t227 = t31.take();
                    pin_all(t226);
                    pin_all(t212);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_16(t226[s], &t212[s][4 * k], matrix(t227.address, 2048) + k * 128, 1, bf16());
                    products_commit();
                    barrier_wait(t227.full, t227.phase);
                    products_await<0>();
                    pin_all(t224);
                    pin_all(t226);
                    pin_all(t212);
                    release(t225);
                    release(t227);
                    pin_all(t222);
                    float t229[1][8];
                    EACH(1, 8) t229[s][i] = unpacked(t222[s][i >> 1], i & 1, bf16());
                    float t230[1][8];
                    EACH(1, 8) t230[s][i] = t229[s][i] + t226[s][i];
                    store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t230, view(a.v + 40, n9, n23, n82, 0LL, n13));
                }
                else {
                    release_read(t83);
                    const Slot t231 = t31.take();
                    float t232[1][8];
                    EACH(1, 8) t232[s][i] = t151[s][i];
                    pin_all(t232);
                    pin_all(t152);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t232[s], &t152[s][0], matrix(t231.address, 4096), 1, bf16());
                    products_commit();
                    float t234[1][2];
                    EACH(1, 2) t234[s][i] = max_nan(t150[s][i], 1.000000000e-37f);
                    float t236[1][2];
                    EACH(1, 2) t236[s][i] = __fdividef(1.000000000e+00f, t234[s][i]);
                    barrier_wait(t231.full, t231.phase);
                    products_await<0>();
                    pin_all(t232);
                    pin_all(t152);
                    release(t231);
                    float t237[1][8];
                    EACH(1, 8) t237[s][i] = t232[s][i] * t236[s][(i >> 1) & 1];
                    store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t237, view(a.v + 40, n9, n23, n82, 0LL, n13));
                }
            }
        }
    } else {
        give_registers<24>();
        if (warp_id() == 4) {
            if (lane_id() != 0) return;
            Ring<16, 4096u> t31(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t32(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[82]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n28 = rest % 1u; // group
                rest /= 1u;
                const i64 n16 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n21 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
                rest /= (u32)a.v[71];
                const i64 n9 = rest; // seq
                const i64 n0 = a.v[67];
                const i64 n3 = a.v[66];
                const i64 n10 = ((const int *)a.v[15])[n9];
                const i64 n11 = (i64)(-1LL < n10);
                const i64 n12 = ((const int *)a.v[20])[n9];
                const i64 n13 = n3 * n11;
                const i64 n14 = 0LL - n12;
                const i64 n15 = larger(n14, -6LL);
                const i64 n17 = n16 * 2LL;
                const i64 n20 = a.v[71];
                const i64 n23 = n21 * 32LL;
                const i64 n24 = (i64)(n23 < n13);
                if (n24) {
                    const i64 n30 = n28 * 2LL;
                    const i64 n33 = n17 + n30;
                    {
                        const Slot slot = t32.open(8192);
                        copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n33, (int)n23, (int)n9);
                        copy_box(slot.address + 4096, &maps.at[0], slot.full, 0, (int)n33 + 1, (int)n23, (int)n9);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 5) {
            if (lane_id() != 0) return;
            Ring<16, 4096u> t31(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t32(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[82]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n28 = rest % 1u; // group
                rest /= 1u;
                const i64 n16 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n21 = (u32)a.v[71] - 1 - rest % (u32)a.v[71]; // row
                rest /= (u32)a.v[71];
                const i64 n9 = rest; // seq
                const i64 n0 = a.v[67];
                const i64 n3 = a.v[66];
                const i64 n10 = ((const int *)a.v[15])[n9];
                const i64 n11 = (i64)(-1LL < n10);
                const i64 n12 = ((const int *)a.v[20])[n9];
                const i64 n13 = n3 * n11;
                const i64 n14 = 0LL - n12;
                const i64 n15 = larger(n14, -6LL);
                const i64 n17 = n16 * 2LL;
                const i64 n20 = a.v[71];
                const i64 n23 = n21 * 32LL;
                const i64 n24 = (i64)(n23 < n13);
                if (n24) {
                    const i64 n30 = n28 * 2LL;
                    const i64 n35 = n23 + -32LL;
                    const i64 n36 = n15 - n35;
                    const i64 n37 = floor_div(n36, 32LL);
                    const i64 n38 = larger(0LL, n37);
                    const i64 n39 = n38 + 1LL;
                    const i64 n40 = larger(2LL, n39);
                    const i64 n41 = larger(n38, 1LL);
                    const i64 n42 = larger(n41, n40);
                    const i64 n43 = smaller(n42, 1LL);
                    const i64 n44 = smaller(n41, 1LL);
                    const i64 n46 = 6LL + n23;
                    const i64 n47 = a.v[76];
                    {
                        const Slot slot = t31.open(4096);
                        const bool beyond = n46 >= 6;
                        copy_box(slot.address + 0, &maps.at[beyond ? 2 : 1], slot.full, 0, (int)n16, (int)n46 - (beyond ? 6 : 0), (int)n9);
                    }
                    const i64 n48_end = opaque(1LL);
                    #pragma unroll 1
                    for (i64 n48 = n43; n48 < n48_end; n48 += 1LL) { // key
                        const i64 n49 = n43 - n48;
                        const i64 n50 = n49 * 32LL;
                        const i64 n51 = n35 + n50;
                        const i64 n52 = 6LL + n51;
                        {
                            const Slot slot = t31.open(4096);
                            const bool beyond = n52 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 2 : 1], slot.full, 0, (int)n16, (int)n52 - (beyond ? 6 : 0), (int)n9);
                        }
                        const i64 n53 = n49 + 1LL;
                        const i64 n54 = n53 * 32LL;
                        const i64 n55 = n35 + n54;
                        const i64 n56 = 6LL + n55;
                        {
                            const Slot slot = t31.open(4096);
                            const bool beyond = n56 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n16, (int)n56 - (beyond ? 6 : 0), (int)n9);
                        }
                    }
                    const i64 n57 = n44 + n43;
                    const i64 n58 = n57 + -1LL;
                    const i64 n59_end = opaque(n43);
                    #pragma unroll 1
                    for (i64 n59 = n44; n59 < n59_end; n59 += 1LL) { // key
                        const i64 n60 = n58 - n59;
                        const i64 n61 = n60 * 32LL;
                        const i64 n62 = n35 + n61;
                        const i64 n63 = 6LL + n62;
                        {
                            const Slot slot = t31.open(4096);
                            const bool beyond = n63 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 2 : 1], slot.full, 0, (int)n16, (int)n63 - (beyond ? 6 : 0), (int)n9);
                        }
                        const i64 n64 = n60 + 1LL;
                        const i64 n65 = n64 * 32LL;
                        const i64 n66 = n35 + n65;
                        const i64 n67 = 6LL + n66;
                        {
                            const Slot slot = t31.open(4096);
                            const bool beyond = n67 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n16, (int)n67 - (beyond ? 6 : 0), (int)n9);
                        }
                    }
                    const i64 n68 = n44 * 32LL;
                    const i64 n69 = n35 + n68;
                    const i64 n70 = 6LL + n69;
                    const i64 n71 = (i64)(n38 < 1LL);
                    const i64 n72 = larger(n71, 1LL);
                    const i64 n73 = (i64)(n72 < 1LL);
                    if (n72) {
                        const i64 n75 = n23 + -10LL;
                        {
                            const Slot slot = t31.open(2048);
                            const bool beyond = n75 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 6 : 5], slot.full, 0, (int)n16, (int)n75 - (beyond ? 6 : 0), (int)n9);
                        }
                        {
                            const Slot slot = t31.open(4096);
                            const bool beyond = n70 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n16, (int)n70 - (beyond ? 6 : 0), (int)n9);
                        }
                        {
                            const Slot slot = t31.open(2048);
                            const bool beyond = n75 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 8 : 7], slot.full, 0, (int)n16, (int)n75 - (beyond ? 6 : 0), (int)n9);
                        }
                        {
                            const Slot slot = t31.open(4096);
                            copy_box(slot.address + 0, &maps.at[9], slot.full, 0, (int)n16, (int)n23, (int)n9);
                        }
                        {
                            const Slot slot = t31.open(4096);
                            const bool beyond = n23 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n16, (int)n23 - (beyond ? 6 : 0), (int)n9);
                        }
                        const i64 n76 = floor_div(n23, 32LL);
                        const i64 n77 = n9 * n3;
                        const i64 n78 = floor_div(n77, 32LL);
                        const i64 n79 = n78 + n9;
                        const i64 n80 = n79 + n76;
                        const i64 n81 = n16 * 16LL;
                        if (!awaited) await_earlier_kernels(), awaited = true;
                        {
                            const Slot slot = t31.open(2048);
                            copy_box(slot.address + 0, &maps.at[10], slot.full, 0, (int)n81, (int)n80, (int)0LL);
                        }
                    }
                    else {
                        {
                            const Slot slot = t31.open(4096);
                            const bool beyond = n70 >= 6;
                            copy_box(slot.address + 0, &maps.at[beyond ? 4 : 3], slot.full, 0, (int)n16, (int)n70 - (beyond ? 6 : 0), (int)n9);
                        }
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
    }
}

