extern "C" __global__ void __launch_bounds__(256, 2) rattan_layer_extend_main(const __grid_constant__ Args a, const __grid_constant__ Maps9 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    if (threadIdx.x == 0) {
        Ring<16, 4096u> t45(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t46(shared + 0u, shared + 73984u);
        t45.make(1, 4);
        t46.make(1, 4);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<232>();
        Ring<16, 4096u> t45(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t46(shared + 0u, shared + 73984u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n42 = rest % 1u; // group
            rest /= 1u;
            const i64 n29 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n34 = (u32)a.v[76] - 1 - rest % (u32)a.v[76]; // row
            rest /= (u32)a.v[76];
            const i64 n10 = rest; // seq
            const i64 n0 = a.v[72];
            const i64 n3 = a.v[71];
            const i64 n4 = a.v[82];
            const i64 n11 = ((const int *)a.v[15])[n10];
            const i64 n12 = larger(n11, 0LL);
            const i64 n13 = smaller(n12, n3);
            const i64 n14 = n10 + 1LL;
            const i64 n15 = ((const int *)a.v[15])[n14];
            const i64 n16 = larger(n15, 0LL);
            const i64 n17 = smaller(n16, n3);
            const i64 n18 = larger(n13, n17);
            const i64 n19 = n18 - n13;
            const i64 n20 = ((const int *)a.v[20])[n10];
            const i64 n21 = (i64)(n20 < n4);
            const i64 n22 = (i64)(-1LL < n20);
            const i64 n23 = n21 * n22;
            const i64 n24 = ((const int *)a.v[25])[n10];
            const i64 n25 = n19 * n23;
            const i64 n26 = n13 + n25;
            const i64 n27 = 0LL - n24;
            const i64 n28 = larger(n27, -6LL);
            const i64 n30 = n29 * 2LL;
            const i64 n33 = a.v[76];
            const i64 n36 = n34 * 32LL;
            const i64 n37 = (i64)(n36 < n25);
            const i64 n38 = n13 + n36;
            if (n37) {
                const i64 n44 = n42 * 2LL;
                const i64 n108 = n30 + n44;
                const Slot t109 = t46.take();
                u32 t110[1][4];
                read_panels<4, 64, 0>(t110, t109.address);
                pin_all(t110);
                float t111[1][8];
                EACH(1, 8) t111[s][i] = unpacked(t110[s][i >> 1], i & 1, bf16());
                const i64 n113 = n36 + -32LL;
                const i64 n114 = n28 - n113;
                const i64 n115 = floor_div(n114, 32LL);
                const i64 n116 = larger(0LL, n115);
                const i64 n120 = n116 + 1LL;
                const i64 n121 = larger(2LL, n120);
                const i64 n122 = larger(n116, 1LL);
                const i64 n123 = larger(n122, n121);
                const i64 n124 = smaller(n123, 1LL);
                const i64 n125 = smaller(n122, 1LL);
                const i64 n127 = n14 * 6LL;
                const i64 n128 = n127 + n13;
                const Slot t129 = t45.take();
                float t130[1][16];
                pin_all(t130);
                pin_all(t110);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_32_k(t130[s], &t110[s][4 * k], matrix(t129.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const i64 n131 = n128 + n28;
                const i64 n132 = n28 - n36;
                const i64 n133 = larger(0LL, n132);
                barrier_wait(t129.full, t129.phase);
                products_await<0>();
                pin_all(t130);
                pin_all(t110);
                release(t129);
                float t134[1][16];
                mask_fixed<4, 32, -5, 0, 1>(t134, t130, n133, -INFINITY);
                float t135[1][2];
                rowmax<32>(t135, t134);
                float t136[1][2];
                EACH(1, 2) t136[s][i] = max_nan(-1.000000000e+37f, t135[s][i]);
                float t138[1][2];
                EACH(1, 2) t138[s][i] = t136[s][i] * -3.606737602e-01f;
                float t140[1][16];
                EACH(1, 16) t140[s][i] = fmaf(t134[s][i], 3.606737602e-01f, t138[s][(i >> 1) & 1]);
                float t141[1][16];
                EACH(1, 16) t141[s][i] = exp2_fast(t140[s][i]);
                float t142[1][2];
                EACH(1, 2) t142[s][i] = -1.000000000e+37f - t136[s][i];
                float t143[1][2];
                EACH(1, 2) t143[s][i] = t142[s][i] * 3.606737602e-01f;
                float t144[1][2];
                EACH(1, 2) t144[s][i] = exp2_fast(t143[s][i]);
                float t145[1][2];
                rowsum<32>(t145, t141);
                float t146[1][2];
                EACH(1, 2) t146[s][i] = 0.000000000e+00f * t144[s][i];
                float t147[1][2];
                EACH(1, 2) t147[s][i] = t146[s][i] + t145[s][i];
                u32 t148[1][8];
                EACH(1, 8) t148[s][i] = pack(t141[s][2 * i], t141[s][2 * i + 1], bf16());
                float t149[1][2];
                EACH(1, 2) t149[s][i] = t136[s][i];
                float t150[1][2];
                EACH(1, 2) t150[s][i] = t147[s][i];
                float t151[1][8];
                EACH(1, 8) t151[s][i] = 0.000000000e+00f;
                u32 t152[1][8];
                EACH(1, 8) t152[s][i] = t148[s][i];
                const i64 n153_end = opaque(1LL);
                #pragma unroll 1
                for (i64 n153 = n124; n153 < n153_end; n153 += 1LL) { // key
                    const Slot t158 = t45.take();
                    float t159[1][16];
                    pin_all(t159);
                    pin_all(t110);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_32_k(t159[s], &t110[s][4 * k], matrix(t158.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const Slot t160 = t45.take();
                    pin_all(t151);
                    pin_all(t152);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t151[s], &t152[s][0], matrix(t160.address, 4096), 1, bf16());
                    products_commit();
                    products_await<1>();
                    pin_all(t159);
                    pin_all(t110);
                    release(t158);
                    float t162[1][2];
                    rowmax<32>(t162, t159);
                    float t163[1][2];
                    EACH(1, 2) t163[s][i] = max_nan(t149[s][i], t162[s][i]);
                    float t164[1][2];
                    EACH(1, 2) t164[s][i] = t163[s][i] * -3.606737602e-01f;
                    float t165[1][16];
                    EACH(1, 16) t165[s][i] = fmaf(t159[s][i], 3.606737602e-01f, t164[s][(i >> 1) & 1]);
                    float t166[1][16];
                    EACH(1, 16) t166[s][i] = exp2_fast(t165[s][i]);
                    float t167[1][2];
                    EACH(1, 2) t167[s][i] = t149[s][i] - t163[s][i];
                    float t168[1][2];
                    EACH(1, 2) t168[s][i] = t167[s][i] * 3.606737602e-01f;
                    float t169[1][2];
                    EACH(1, 2) t169[s][i] = exp2_fast(t168[s][i]);
                    float t170[1][2];
                    rowsum<32>(t170, t166);
                    float t171[1][2];
                    EACH(1, 2) t171[s][i] = t150[s][i] * t169[s][i];
                    float t172[1][2];
                    EACH(1, 2) t172[s][i] = t171[s][i] + t170[s][i];
                    barrier_wait(t160.full, t160.phase);
                    products_await<0>();
                    pin_all(t151);
                    pin_all(t152);
                    release(t160);
                    float t173[1][8];
                    EACH(1, 8) t173[s][i] = t151[s][i] * t169[s][(i >> 1) & 1];
                    u32 t174[1][8];
                    EACH(1, 8) t174[s][i] = pack(t166[s][2 * i], t166[s][2 * i + 1], bf16());
                    EACH(1, 2) t149[s][i] = t163[s][i];
                    EACH(1, 2) t150[s][i] = t172[s][i];
                    EACH(1, 8) t151[s][i] = t173[s][i];
                    EACH(1, 8) t152[s][i] = t174[s][i];
                }
                const i64 n175 = n125 + n124;
                const i64 n176 = n175 + -1LL;
                float t177[1][2];
                EACH(1, 2) t177[s][i] = t149[s][i];
                float t178[1][2];
                EACH(1, 2) t178[s][i] = t150[s][i];
                float t179[1][8];
                EACH(1, 8) t179[s][i] = t151[s][i];
                u32 t180[1][8];
                EACH(1, 8) t180[s][i] = t152[s][i];
                const i64 n181_end = opaque(n124);
                #pragma unroll 1
                for (i64 n181 = n125; n181 < n181_end; n181 += 1LL) { // key
                    const i64 n186 = n176 - n181;
                    const i64 n187 = n186 * 32LL;
                    const i64 n188 = n113 + n187;
                    const Slot t189 = t45.take();
                    float t190[1][16];
                    pin_all(t190);
                    pin_all(t110);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_32_k(t190[s], &t110[s][4 * k], matrix(t189.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const Slot t191 = t45.take();
                    pin_all(t179);
                    pin_all(t180);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t179[s], &t180[s][0], matrix(t191.address, 4096), 1, bf16());
                    products_commit();
                    const i64 n193 = n188 - n36;
                    const i64 n194 = n28 - n188;
                    const i64 n195 = larger(0LL, n194);
                    products_await<1>();
                    pin_all(t190);
                    pin_all(t110);
                    release(t189);
                    float t196[1][16];
                    mask<4, 32, 1, 0, 1>(t196, t190, n193, -5LL, 0LL, n195, -INFINITY);
                    float t197[1][2];
                    rowmax<32>(t197, t196);
                    float t198[1][2];
                    EACH(1, 2) t198[s][i] = max_nan(t177[s][i], t197[s][i]);
                    float t199[1][2];
                    EACH(1, 2) t199[s][i] = t198[s][i] * -3.606737602e-01f;
                    float t200[1][16];
                    EACH(1, 16) t200[s][i] = fmaf(t196[s][i], 3.606737602e-01f, t199[s][(i >> 1) & 1]);
                    float t201[1][16];
                    EACH(1, 16) t201[s][i] = exp2_fast(t200[s][i]);
                    float t202[1][2];
                    EACH(1, 2) t202[s][i] = t177[s][i] - t198[s][i];
                    float t203[1][2];
                    EACH(1, 2) t203[s][i] = t202[s][i] * 3.606737602e-01f;
                    float t204[1][2];
                    EACH(1, 2) t204[s][i] = exp2_fast(t203[s][i]);
                    float t205[1][2];
                    rowsum<32>(t205, t201);
                    float t206[1][2];
                    EACH(1, 2) t206[s][i] = t178[s][i] * t204[s][i];
                    float t207[1][2];
                    EACH(1, 2) t207[s][i] = t206[s][i] + t205[s][i];
                    barrier_wait(t191.full, t191.phase);
                    products_await<0>();
                    pin_all(t179);
                    pin_all(t180);
                    release(t191);
                    float t208[1][8];
                    EACH(1, 8) t208[s][i] = t179[s][i] * t204[s][(i >> 1) & 1];
                    u32 t209[1][8];
                    EACH(1, 8) t209[s][i] = pack(t201[s][2 * i], t201[s][2 * i + 1], bf16());
                    EACH(1, 2) t177[s][i] = t198[s][i];
                    EACH(1, 2) t178[s][i] = t207[s][i];
                    EACH(1, 8) t179[s][i] = t208[s][i];
                    EACH(1, 8) t180[s][i] = t209[s][i];
                }
                const i64 n210 = (i64)(n116 < 1LL);
                const i64 n211 = n36 + -6LL;
                const i64 n212 = larger(n210, 1LL);
                const i64 n213 = (i64)(n212 < 1LL);
                if (n212) {
                    const Slot t214 = t45.take();
                    float t215[1][8];
                    pin_all(t215);
                    pin_all(t110);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_16_k(t215[s], &t110[s][4 * k], matrix(t214.address, 16) + k / 4 * 128 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const Slot t216 = t45.take();
                    float t217[1][8];
                    EACH(1, 8) t217[s][i] = t179[s][i];
                    pin_all(t217);
                    pin_all(t180);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t217[s], &t180[s][0], matrix(t216.address, 4096), 1, bf16());
                    products_commit();
                    const i64 n218 = larger(0LL, n114);
                    const i64 n220 = n218 + -16LL;
                    const i64 n221 = larger(0LL, n220);
                    products_await<1>();
                    pin_all(t215);
                    pin_all(t110);
                    release(t214);
                    float t222[1][8];
                    mask_fixed<4, 32, 11, 1048576, 1>(t222, t215, n221, -INFINITY);
                    float t223[1][2];
                    rowmax<16>(t223, t222);
                    float t224[1][2];
                    EACH(1, 2) t224[s][i] = max_nan(t177[s][i], t223[s][i]);
                    float t225[1][2];
                    EACH(1, 2) t225[s][i] = t177[s][i] - t224[s][i];
                    float t226[1][2];
                    EACH(1, 2) t226[s][i] = t225[s][i] * 3.606737602e-01f;
                    float t227[1][2];
                    EACH(1, 2) t227[s][i] = exp2_fast(t226[s][i]);
                    float t228[1][2];
                    EACH(1, 2) t228[s][i] = t178[s][i] * t227[s][i];
                    float t229[1][2];
                    EACH(1, 2) t229[s][i] = t224[s][i] * -3.606737602e-01f;
                    float t230[1][8];
                    EACH(1, 8) t230[s][i] = fmaf(t222[s][i], 3.606737602e-01f, t229[s][(i >> 1) & 1]);
                    float t231[1][8];
                    EACH(1, 8) t231[s][i] = exp2_fast(t230[s][i]);
                    u32 t232[1][4];
                    EACH(1, 4) t232[s][i] = pack(t231[s][2 * i], t231[s][2 * i + 1], bf16());
                    float t233[1][2];
                    rowsum<16>(t233, t231);
                    float t234[1][2];
                    EACH(1, 2) t234[s][i] = t228[s][i] + t233[s][i];
                    if (all_bits(t234)) barrier_wait(t216.full, t216.phase);
                    if (all_bits(t232)) barrier_wait(t216.full, t216.phase);
                    barrier_wait(t216.full, t216.phase);
                    products_await<0>();
                    pin_all(t217);
                    pin_all(t180);
                    release(t216);
                    float t235[1][8];
                    EACH(1, 8) t235[s][i] = t217[s][i] * t227[s][(i >> 1) & 1];
                    const Slot t236 = t45.take();
                    pin_all(t235);
                    pin_all(t232);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_16(t235[s], &t232[s][4 * k], matrix(t236.address, 2048) + k * 128, 1, bf16());
                    products_commit();
                    const i64 n238 = n13 + n211;
                    const i64 n239 = n127 + n238;
                    u32 t240[1][4];
                    read_panels<4, 64, 0>(t240, t109.address);
                    release_read(t109);
                    pin_all(t240);
                    float t241[1][8];
                    EACH(1, 8) t241[s][i] = unpacked(t240[s][i >> 1], i & 1, bf16());
                    float t242[1][8];
                    EACH(1, 8) t242[s][i] = max_nan(t241[s][i], 0.f);
                    u32 t243[1][4];
                    EACH(1, 4) t243[s][i] = pack(t242[s][2 * i], t242[s][2 * i + 1], bf16());
                    const Slot t244 = t45.take();
                    float t245[1][16];
                    pin_all(t245);
                    pin_all(t243);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_32_k(t245[s], &t243[s][4 * k], matrix(t244.address, 16) + k / 4 * 256 + k % 4 * 2, k > 0, bf16());
                    products_commit();
                    const i64 n246 = n131 - n239;
                    const i64 n247 = larger(0LL, n246);
                    float t250[1][2];
                    EACH(1, 2) t250[s][i] = max_nan(t234[s][i], 1.000000000e-37f);
                    float t251[1][2];
                    EACH(1, 2) t251[s][i] = __fdividef(1.000000000e+00f, t250[s][i]);
                    products_await<1>();
                    pin_all(t235);
                    pin_all(t232);
                    release(t236);
                    float t252[1][8];
                    EACH(1, 8) t252[s][i] = t235[s][i] * t251[s][(i >> 1) & 1];
                    u32 t253[1][4];
                    EACH(1, 4) t253[s][i] = pack(t252[s][2 * i], t252[s][2 * i + 1], bf16());
                    if (all_bits(t253)) barrier_wait(t244.full, t244.phase);
                    barrier_wait(t244.full, t244.phase);
                    products_await<0>();
                    pin_all(t245);
                    pin_all(t243);
                    release(t244);
                    float t254[1][16];
                    mask_fixed<4, 32, -1048576, 0, 1>(t254, t245, n247, 0.000000000e+00f);
                    u32 t255[1][8];
                    EACH(1, 8) t255[s][i] = pack(t254[s][2 * i], t254[s][2 * i + 1], bf16());
                    const Slot t256 = t45.take();
                    float t257[1][8];
                    pin_all(t257);
                    pin_all(t255);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t257[s], &t255[s][0], matrix(t256.address, 4096), 0, bf16());
                    products_commit();
                    const Slot t258 = t45.take();
                    pin_all(t257);
                    pin_all(t243);
                    products_begin();
                    UNROLL for (int s = 0, k = 0; s < 1; s++)
                        wgmma_16(t257[s], &t243[s][4 * k], matrix(t258.address, 2048) + k * 128, 1, bf16());
                    products_commit();
                    barrier_wait(t258.full, t258.phase);
                    products_await<0>();
                    pin_all(t255);
                    pin_all(t257);
                    pin_all(t243);
                    release(t256);
                    release(t258);
                    pin_all(t253);
                    float t260[1][8];
                    EACH(1, 8) t260[s][i] = unpacked(t253[s][i >> 1], i & 1, bf16());
                    float t261[1][8];
                    EACH(1, 8) t261[s][i] = t260[s][i] + t257[s][i];
                    store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t261, view(a.v + 45, 0LL, n38, n108, n13, n26));
                }
                else {
                    release_read(t109);
                    const Slot t262 = t45.take();
                    float t263[1][8];
                    EACH(1, 8) t263[s][i] = t179[s][i];
                    pin_all(t263);
                    pin_all(t180);
                    products_begin();
                    UNROLL for (int s = 0; s < 1; s++)
                        wgmma_16_x2<0, 0>(t263[s], &t180[s][0], matrix(t262.address, 4096), 1, bf16());
                    products_commit();
                    float t265[1][2];
                    EACH(1, 2) t265[s][i] = max_nan(t178[s][i], 1.000000000e-37f);
                    float t267[1][2];
                    EACH(1, 2) t267[s][i] = __fdividef(1.000000000e+00f, t265[s][i]);
                    barrier_wait(t262.full, t262.phase);
                    products_await<0>();
                    pin_all(t263);
                    pin_all(t180);
                    release(t262);
                    float t268[1][8];
                    EACH(1, 8) t268[s][i] = t263[s][i] * t267[s][(i >> 1) & 1];
                    store_tile<bf16, Rows<1, 2, 32, 0, 64>, 4, 16>(t268, view(a.v + 45, 0LL, n38, n108, n13, n26));
                }
            }
        }
    } else {
        give_registers<24>();
        if (warp_id() == 4) {
            if (lane_id() != 0) return;
            Ring<16, 4096u> t45(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t46(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n42 = rest % 1u; // group
                rest /= 1u;
                const i64 n29 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n34 = (u32)a.v[76] - 1 - rest % (u32)a.v[76]; // row
                rest /= (u32)a.v[76];
                const i64 n10 = rest; // seq
                const i64 n0 = a.v[72];
                const i64 n3 = a.v[71];
                const i64 n4 = a.v[82];
                const i64 n11 = ((const int *)a.v[15])[n10];
                const i64 n12 = larger(n11, 0LL);
                const i64 n13 = smaller(n12, n3);
                const i64 n14 = n10 + 1LL;
                const i64 n15 = ((const int *)a.v[15])[n14];
                const i64 n16 = larger(n15, 0LL);
                const i64 n17 = smaller(n16, n3);
                const i64 n18 = larger(n13, n17);
                const i64 n19 = n18 - n13;
                const i64 n20 = ((const int *)a.v[20])[n10];
                const i64 n21 = (i64)(n20 < n4);
                const i64 n22 = (i64)(-1LL < n20);
                const i64 n23 = n21 * n22;
                const i64 n24 = ((const int *)a.v[25])[n10];
                const i64 n25 = n19 * n23;
                const i64 n26 = n13 + n25;
                const i64 n27 = 0LL - n24;
                const i64 n28 = larger(n27, -6LL);
                const i64 n30 = n29 * 2LL;
                const i64 n33 = a.v[76];
                const i64 n36 = n34 * 32LL;
                const i64 n37 = (i64)(n36 < n25);
                const i64 n38 = n13 + n36;
                if (n37) {
                    const i64 n44 = n42 * 2LL;
                    const i64 n47 = n30 + n44;
                    {
                        const Slot slot = t46.open(8192);
                        copy_box(slot.address + 0, &maps.at[0], slot.full, 0, (int)n47, (int)n38, (int)0LL);
                        copy_box(slot.address + 4096, &maps.at[0], slot.full, 0, (int)n47 + 1, (int)n38, (int)0LL);
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
        if (warp_id() == 5) {
            if (lane_id() != 0) return;
            Ring<16, 4096u> t45(shared + 8192u, shared + 73728u);
            Ring<1, 8192u> t46(shared + 0u, shared + 73984u);
            bool awaited = false;
            UNROLL1
            for (i64 item = blockIdx.x; item < a.v[87]; item += gridDim.x) {
                u32 rest = (u32)item;
                const i64 n42 = rest % 1u; // group
                rest /= 1u;
                const i64 n29 = rest % 1u; // kv_head
                rest /= 1u;
                const i64 n34 = (u32)a.v[76] - 1 - rest % (u32)a.v[76]; // row
                rest /= (u32)a.v[76];
                const i64 n10 = rest; // seq
                const i64 n0 = a.v[72];
                const i64 n3 = a.v[71];
                const i64 n4 = a.v[82];
                const i64 n11 = ((const int *)a.v[15])[n10];
                const i64 n12 = larger(n11, 0LL);
                const i64 n13 = smaller(n12, n3);
                const i64 n14 = n10 + 1LL;
                const i64 n15 = ((const int *)a.v[15])[n14];
                const i64 n16 = larger(n15, 0LL);
                const i64 n17 = smaller(n16, n3);
                const i64 n18 = larger(n13, n17);
                const i64 n19 = n18 - n13;
                const i64 n20 = ((const int *)a.v[20])[n10];
                const i64 n21 = (i64)(n20 < n4);
                const i64 n22 = (i64)(-1LL < n20);
                const i64 n23 = n21 * n22;
                const i64 n24 = ((const int *)a.v[25])[n10];
                const i64 n25 = n19 * n23;
                const i64 n26 = n13 + n25;
                const i64 n27 = 0LL - n24;
                const i64 n28 = larger(n27, -6LL);
                const i64 n30 = n29 * 2LL;
                const i64 n33 = a.v[76];
                const i64 n36 = n34 * 32LL;
                const i64 n37 = (i64)(n36 < n25);
                const i64 n38 = n13 + n36;
                if (n37) {
                    const i64 n44 = n42 * 2LL;
                    const i64 n49 = n36 + -32LL;
                    const i64 n50 = n28 - n49;
                    const i64 n51 = floor_div(n50, 32LL);
                    const i64 n52 = larger(0LL, n51);
                    const i64 n53 = n52 + 1LL;
                    const i64 n54 = larger(2LL, n53);
                    const i64 n55 = larger(n52, 1LL);
                    const i64 n56 = larger(n55, n54);
                    const i64 n57 = smaller(n56, 1LL);
                    const i64 n58 = smaller(n55, 1LL);
                    const i64 n60 = n14 * 6LL;
                    const i64 n61 = n60 + n13;
                    const i64 n62 = n61 + n28;
                    const i64 n63 = n60 + n26;
                    const i64 n64 = n60 + n38;
                    const i64 n65 = a.v[79];
                    {
                        const Slot slot = t45.open(4096);
                        copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n29, (int)n64, (int)0LL);
                    }
                    const i64 n66_end = opaque(1LL);
                    #pragma unroll 1
                    for (i64 n66 = n57; n66 < n66_end; n66 += 1LL) { // key
                        const i64 n67 = n57 - n66;
                        const i64 n68 = n67 * 32LL;
                        const i64 n69 = n49 + n68;
                        const i64 n70 = n13 + n69;
                        const i64 n71 = n60 + n70;
                        {
                            const Slot slot = t45.open(4096);
                            copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n29, (int)n71, (int)0LL);
                        }
                        const i64 n72 = n67 + 1LL;
                        const i64 n73 = n72 * 32LL;
                        const i64 n74 = n49 + n73;
                        const i64 n75 = n13 + n74;
                        const i64 n76 = n60 + n75;
                        {
                            const Slot slot = t45.open(4096);
                            copy_between<32, 1, 64, 32>(slot.address, RowMaps{maps.at, 4, 4, 3, 2}, slot.full, 0, (int)n29, (int)n76, (int)n62, (int)n63, (int)0LL);
                        }
                    }
                    const i64 n77 = n58 + n57;
                    const i64 n78 = n77 + -1LL;
                    const i64 n79_end = opaque(n57);
                    #pragma unroll 1
                    for (i64 n79 = n58; n79 < n79_end; n79 += 1LL) { // key
                        const i64 n80 = n78 - n79;
                        const i64 n81 = n80 * 32LL;
                        const i64 n82 = n49 + n81;
                        const i64 n83 = n13 + n82;
                        const i64 n84 = n60 + n83;
                        {
                            const Slot slot = t45.open(4096);
                            copy_box(slot.address + 0, &maps.at[1], slot.full, 0, (int)n29, (int)n84, (int)0LL);
                        }
                        const i64 n85 = n80 + 1LL;
                        const i64 n86 = n85 * 32LL;
                        const i64 n87 = n49 + n86;
                        const i64 n88 = n13 + n87;
                        const i64 n89 = n60 + n88;
                        {
                            const Slot slot = t45.open(4096);
                            copy_between<32, 1, 64, 32>(slot.address, RowMaps{maps.at, 4, 4, 3, 2}, slot.full, 0, (int)n29, (int)n89, (int)n62, (int)n63, (int)0LL);
                        }
                    }
                    const i64 n90 = n58 * 32LL;
                    const i64 n91 = n49 + n90;
                    const i64 n92 = n13 + n91;
                    const i64 n93 = n60 + n92;
                    const i64 n94 = (i64)(n52 < 1LL);
                    const i64 n95 = n36 + -6LL;
                    const i64 n96 = larger(n94, 1LL);
                    const i64 n97 = (i64)(n96 < 1LL);
                    if (n96) {
                        const i64 n98 = n13 + n49;
                        const i64 n99 = n60 + n98;
                        const i64 n100 = n99 + 16LL;
                        {
                            const Slot slot = t45.open(2048);
                            copy_box(slot.address + 0, &maps.at[5], slot.full, 0, (int)n29, (int)n100, (int)0LL);
                        }
                        {
                            const Slot slot = t45.open(4096);
                            copy_between<32, 1, 64, 32>(slot.address, RowMaps{maps.at, 4, 4, 3, 2}, slot.full, 0, (int)n29, (int)n93, (int)n62, (int)n63, (int)0LL);
                        }
                        {
                            const Slot slot = t45.open(2048);
                            copy_between<16, 1, 64, 16>(slot.address, RowMaps{maps.at, 6, 6, 3, 2}, slot.full, 0, (int)n29, (int)n100, (int)n62, (int)n63, (int)0LL);
                        }
                        const i64 n101 = n13 + n95;
                        const i64 n102 = n60 + n101;
                        {
                            const Slot slot = t45.open(4096);
                            copy_box(slot.address + 0, &maps.at[7], slot.full, 0, (int)n29, (int)n102, (int)0LL);
                        }
                        {
                            const Slot slot = t45.open(4096);
                            copy_between<32, 1, 64, 32>(slot.address, RowMaps{maps.at, 4, 4, 3, 2}, slot.full, 0, (int)n29, (int)n102, (int)n62, (int)n63, (int)0LL);
                        }
                        const i64 n103 = floor_div(n36, 32LL);
                        const i64 n104 = floor_div(n13, 32LL);
                        const i64 n105 = n104 + n10;
                        const i64 n106 = n105 + n103;
                        const i64 n107 = n29 * 16LL;
                        if (!awaited) await_earlier_kernels(), awaited = true;
                        {
                            const Slot slot = t45.open(2048);
                            copy_box(slot.address + 0, &maps.at[8], slot.full, 0, (int)n107, (int)n106, (int)0LL);
                        }
                    }
                    else {
                        {
                            const Slot slot = t45.open(4096);
                            copy_between<32, 1, 64, 32>(slot.address, RowMaps{maps.at, 4, 4, 3, 2}, slot.full, 0, (int)n29, (int)n93, (int)n62, (int)n63, (int)0LL);
                        }
                    }
                }
            }
            if (!awaited) await_earlier_kernels();
            return;
        }
    }
}

