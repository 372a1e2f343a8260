    } else if (warp_id() < 12) {
        take_registers<168>();
        Ring<4, 8192u> t13(shared + 0u, shared + 131072u);
        Ring<6, 8192u> t14(shared + 32768u, shared + 131136u);
        Ring<3, 8192u> t15(shared + 81920u, shared + 131232u);
        Ring<3, 8192u> t16(shared + 106496u, shared + 131280u);
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[54]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n8 = rest % 1u; // part
            rest /= 1u;
            const i64 n7 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n6 = rest % (u32)a.v[42]; // seq
            rest /= (u32)a.v[42];
            const i64 n9 = (u32)a.v[43] - 1 - rest; // segment
            const i64 n1 = a.v[42];
            const i64 n3 = a.v[43];
            const i64 n4 = a.v[45];
            const i64 n5 = a.v[41];
            const i64 n10 = n9 * n4;
            const i64 n11 = n10 + n4;
            const i64 n12 = smaller(n5, n11);
            const i64 n84 = n5 + 6LL;
            const i64 n85 = n12 + 1LL;
            const i64 n86 = (i64)(n5 < n85);
            const i64 n87 = (i64)(0LL < n5);
            const i64 n88 = n86 * n87;
            const i64 n89 = n84 * n88;
            const i64 n90 = larger(n12, n89);
            const i64 n93_end = opaque(n90);
            #pragma unroll 1
            for (i64 n93 = n10; n93 < n93_end; n93 += 64LL) { // row
                const i64 n94 = floor_div(n93, 64LL);
                const i64 n95 = floor_mod(n94, 1LL);
                const i64 n96 = n95 - n8;
                const i64 n97 = (i64)(-1LL < n96);
                const i64 n98 = (i64)(n96 < 1LL);
                const i64 n99 = n98 * n97;
                if (n99) {
                    const Slot t100 = t13.take();
                    u32 t101[1][16];
                    read_panels<4, 64, 0>(t101, t100.address);
                    release_read(t100);
                    pin_all(t101);
                    float t102[1][32];
                    EACH(1, 32) t102[s][i] = unpacked(t101[s][i >> 1], i & 1, bf16());
                    const i64 n104 = n93 + -6LL;
                    const i64 n106 = a.v[53];
                    const i64 n107 = n106 + n104;
                    static const __device__ u64 turns0[] = {2935890503282001226u, 2201607287645322119u, 1650972556229361475u, 1238054759683200493u, 928410095122917244u, 696209354218470130u, 522083363211519328u, 391507290861131643u, 293589050328200122u, 220160728764532211u, 165097255622936147u, 123805475968320049u, 92841009512291724u, 69620935421847013u, 52208336321151932u, 39150729086113164u, 29358905032820012u, 22016072876453221u, 16509725562293614u, 12380547596832004u, 9284100951229172u, 6962093542184701u, 5220833632115193u, 3915072908611316u, 2935890503282001u, 2201607287645322u, 1650972556229361u, 1238054759683200u, 928410095122917u, 696209354218470u, 522083363211519u, 391507290861131u};
                    static const __device__ float frequency0[] = {1.000000000e+00f, 7.498942093e-01f, 5.623413252e-01f, 4.216965034e-01f, 3.162277660e-01f, 2.371373706e-01f, 1.778279410e-01f, 1.333521432e-01f, 1.000000000e-01f, 7.498942093e-02f, 5.623413252e-02f, 4.216965034e-02f, 3.162277660e-02f, 2.371373706e-02f, 1.778279410e-02f, 1.333521432e-02f, 1.000000000e-02f, 7.498942093e-03f, 5.623413252e-03f, 4.216965034e-03f, 3.162277660e-03f, 2.371373706e-03f, 1.778279410e-03f, 1.333521432e-03f, 1.000000000e-03f, 7.498942093e-04f, 5.623413252e-04f, 4.216965034e-04f, 3.162277660e-04f, 2.371373706e-04f, 1.778279410e-04f, 1.333521432e-04f};
                    float t108[1][32];
                    rope<4, 64, 64, 1>(t108, t102, n107, Pairs{turns0, frequency0});
                    const i64 n109 = n93 + 58LL;
                    const i64 n110 = smaller(n5, n109);
                    store_tile<bf16, Rows<1, -1, 64, 0, 64>, 4, 64>(t108, view(a.v + 25, n6, n104, n7, 0LL, n110));
                }
                const i64 n111 = (i64)(n99 < 1LL);
                if (n111) {
                    release(t13.take());
                }
            }
        }
    } else {
        give_registers<32>();
