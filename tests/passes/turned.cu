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
            const i64 n70 = n5 + 6LL;
            const i64 n71 = n12 + 1LL;
            const i64 n72 = (i64)(n5 < n71);
            const i64 n73 = (i64)(0LL < n5);
            const i64 n74 = n72 * n73;
            const i64 n75 = n70 * n74;
            const i64 n76 = larger(n12, n75);
            const i64 n79_end = opaque(n76);
            #pragma unroll 1
            for (i64 n79 = n10; n79 < n79_end; n79 += 64LL) { // row
                const i64 n80 = floor_div(n79, 64LL);
                const i64 n81 = floor_mod(n80, 1LL);
                const i64 n82 = n81 - n8;
                const i64 n83 = (i64)(-1LL < n82);
                const i64 n84 = (i64)(n82 < 1LL);
                const i64 n85 = n84 * n83;
                if (n85) {
                    const Slot t86 = t13.take();
                    u32 t87[1][16];
                    read_panels<4, 64, 0>(t87, t86.address);
                    release_read(t86);
                    pin_all(t87);
                    float t88[1][32];
                    EACH(1, 32) t88[s][i] = unpacked(t87[s][i >> 1], i & 1, bf16());
                    const i64 n90 = n79 + -6LL;
                    const i64 n92 = a.v[53];
                    const i64 n93 = n92 + n90;
                    static const __device__ u64 turns0[] = {2935890503282001226u, 2201607287645322119u, 1650972556229361475u, 1238054759683200493u, 928410095122917244u, 696209354218470130u, 522083363211519328u, 391507290861131643u, 293589050328200122u, 220160728764532211u, 165097255622936147u, 123805475968320049u, 92841009512291724u, 69620935421847013u, 52208336321151932u, 39150729086113164u, 29358905032820012u, 22016072876453221u, 16509725562293614u, 12380547596832004u, 9284100951229172u, 6962093542184701u, 5220833632115193u, 3915072908611316u, 2935890503282001u, 2201607287645322u, 1650972556229361u, 1238054759683200u, 928410095122917u, 696209354218470u, 522083363211519u, 391507290861131u};
                    static const __device__ float frequency0[] = {1.000000000e+00f, 7.498942093e-01f, 5.623413252e-01f, 4.216965034e-01f, 3.162277660e-01f, 2.371373706e-01f, 1.778279410e-01f, 1.333521432e-01f, 1.000000000e-01f, 7.498942093e-02f, 5.623413252e-02f, 4.216965034e-02f, 3.162277660e-02f, 2.371373706e-02f, 1.778279410e-02f, 1.333521432e-02f, 1.000000000e-02f, 7.498942093e-03f, 5.623413252e-03f, 4.216965034e-03f, 3.162277660e-03f, 2.371373706e-03f, 1.778279410e-03f, 1.333521432e-03f, 1.000000000e-03f, 7.498942093e-04f, 5.623413252e-04f, 4.216965034e-04f, 3.162277660e-04f, 2.371373706e-04f, 1.778279410e-04f, 1.333521432e-04f};
                    float t94[1][32];
                    rope<4, 64, 64, 1>(t94, t88, n93, Pairs{turns0, frequency0});
                    const i64 n95 = n79 + 58LL;
                    const i64 n96 = smaller(n5, n95);
                    store_tile<bf16, Rows<1, -1, 64, 0, 64>, 4, 64>(t94, view(a.v + 25, n6, n90, n7, 0LL, n96));
                }
                const i64 n97 = (i64)(n85 < 1LL);
                if (n97) {
                    release(t13.take());
                }
            }
        }
    } else {
        give_registers<32>();
