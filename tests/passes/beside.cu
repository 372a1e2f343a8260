        take_registers<232>();
        Ring<13, 16384u> t36(shared + 16384u, shared + 229376u);
        Ring<1, 16384u> t37(shared + 0u, shared + 229584u);
        const int group = warp_id() / 4;
        turns_open(group);
        Items items(shared + 229600u);
        UNROLL1
        for (u32 item, turn = 0; (item = items.take_all(turn & 1)) < (u32)a.v[92]; turn++) {
        for (u32 item, turn = 0; (item = items.take_all(turn & 1)) < (u32)a.v[92]; turn++) {
            u32 rest = (u32)item;
            const i64 n33 = rest % 2u; // group
            rest /= 2u;
            const i64 n21 = rest % 2u; // kv_head
            rest /= 2u;
            const i64 n26 = (u32)a.v[81] - 1 - rest % (u32)a.v[81]; // row
            rest /= (u32)a.v[81];
            const i64 n11 = rest; // seq
            const i64 n0 = a.v[77];
            const i64 n4 = a.v[76];
            const i64 n5 = a.v[87];
            const i64 n12 = ((const int *)a.v[15])[n11];
            const i64 n13 = (i64)(n12 < n5);
            const i64 n14 = (i64)(-1LL < n12);
            const i64 n15 = n13 * n14;
            const i64 n16 = n12 * n15;
            const i64 n17 = ((const int *)a.v[20])[n11];
            const i64 n18 = n4 * n15;
            const i64 n19 = 0LL - n17;
            const i64 n20 = larger(n19, -64LL);
            const i64 n22 = n21 * 4LL;
            const i64 n25 = a.v[81];
            const i64 n28 = n26 * 64LL;
            const i64 n29 = (i64)(n28 < n18);
            t37.phase = turn & 1;
            {
                const i64 n35 = n33 * 2LL;
                const i64 n81 = n22 + n35;
                const Slot t82 = t37.take();
                u32 t83[1][4];
                read_panels<8, 128, 0>(t83, t82.address);
                release_read(t82);
                pin_all(t83);
                float t84[1][8];
                EACH(1, 8) t84[s][i] = unpacked(t83[s][i >> 1], i & 1, bf16());
                const i64 n85 = n28 + -64LL;
                const i64 n87 = n20 - n85;
                const i64 n88 = floor_div(n87, 128LL);
                const i64 n89 = larger(0LL, n88);
                const i64 n93 = n89 + 1LL;
                const i64 n94 = larger(1LL, n93);
                const i64 n95 = larger(n89, n94);
                const i64 n96 = smaller(n95, 0LL);
                const i64 n97 = smaller(n89, 0LL);
                const Slot t98 = t36.take();
                turn_begin(group);
                float t99[1][64];
                pin_all(t99);
                pin_all(t83);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_128_k(t99[s], &t83[s][4 * k], matrix(t98.address, 16) + k / 4 * 1024 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const i64 n100 = 64LL + n20;
                const i64 n101 = larger(0LL, n87);
                turn_end(group);
                barrier_wait(t98.full, t98.phase);
                products_await<0>();
                products_await<0>();
                pin_all(t99);
                pin_all(t83);
                release(t98);
                    products_await<1>();
                    products_await<0>();
                    products_await<1>();
                    products_await<0>();
                    products_await<1>();
                    products_await<2>();
                    products_await<0>();
                    products_await<0>();
            bool awaited = false;
            for (u32 item; (item = atomicAdd((u32 *)a.v[70], 1u)) < (u32)a.v[92];) {
                    await_made((const int *)a.v[65] + ((u32)n11 * 2u + (u32)n21) * 1u, 1, 3);
                    items.hand_out(item, t37.phase);
            items.hand_out(~0u, t37.phase);
            if (!awaited) await_earlier_kernels();
            bool awaited = false;
            for (u32 item; (item = items.take(1)) < (u32)a.v[92];) {
            if (!awaited) await_earlier_kernels();
            bool awaited = false;
            for (u32 item; (item = items.take(2)) < (u32)a.v[92];) {
            if (!awaited) await_earlier_kernels();
