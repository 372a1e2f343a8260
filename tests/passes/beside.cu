        take_registers<232>();
        Ring<13, 16384u> t32(shared + 16384u, shared + 229376u);
        Ring<1, 16384u> t33(shared + 0u, shared + 229584u);
        const int group = warp_id() / 4;
        turns_open(group);
        Items items(shared + 229600u);
        UNROLL1
        for (u32 item, turn = 0; (item = items.take_all(turn & 1)) < (u32)a.v[92]; turn++) {
        for (u32 item, turn = 0; (item = items.take_all(turn & 1)) < (u32)a.v[92]; turn++) {
            u32 rest = (u32)item;
            const i64 n29 = rest % 2u; // group
            rest /= 2u;
            const i64 n17 = rest % 2u; // kv_head
            rest /= 2u;
            const i64 n22 = (u32)a.v[81] - 1 - rest % (u32)a.v[81]; // row
            rest /= (u32)a.v[81];
            const i64 n10 = rest; // seq
            const i64 n0 = a.v[77];
            const i64 n4 = a.v[76];
            const i64 n11 = ((const int *)a.v[15])[n10];
            const i64 n12 = (i64)(-1LL < n11);
            const i64 n13 = ((const int *)a.v[20])[n10];
            const i64 n14 = n4 * n12;
            const i64 n15 = 0LL - n13;
            const i64 n16 = larger(n15, -64LL);
            const i64 n18 = n17 * 4LL;
            const i64 n21 = a.v[81];
            const i64 n24 = n22 * 64LL;
            const i64 n25 = (i64)(n24 < n14);
            t33.phase = turn & 1;
            {
                const i64 n31 = n29 * 2LL;
                const i64 n77 = n18 + n31;
                const Slot t78 = t33.take();
                u32 t79[1][4];
                read_panels<8, 128, 0>(t79, t78.address);
                release_read(t78);
                pin_all(t79);
                float t80[1][8];
                EACH(1, 8) t80[s][i] = unpacked(t79[s][i >> 1], i & 1, bf16());
                const i64 n81 = n24 + -64LL;
                const i64 n83 = n16 - n81;
                const i64 n84 = floor_div(n83, 128LL);
                const i64 n85 = larger(0LL, n84);
                const i64 n89 = n85 + 1LL;
                const i64 n90 = larger(1LL, n89);
                const i64 n91 = larger(n85, n90);
                const i64 n92 = smaller(n91, 0LL);
                const i64 n93 = smaller(n85, 0LL);
                const Slot t94 = t32.take();
                turn_begin(group);
                float t95[1][64];
                pin_all(t95);
                pin_all(t79);
                products_begin();
                UNROLL for (int s = 0, k = 0; s < 1; s++)
                    wgmma_128_k(t95[s], &t79[s][4 * k], matrix(t94.address, 16) + k / 4 * 1024 + k % 4 * 2, k > 0, bf16());
                products_commit();
                const i64 n96 = 64LL + n16;
                const i64 n97 = larger(0LL, n83);
                turn_end(group);
                barrier_wait(t94.full, t94.phase);
                products_await<0>();
                products_await<0>();
                pin_all(t95);
                pin_all(t79);
                release(t94);
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
                    await_made((const int *)a.v[65] + ((u32)n10 * 2u + (u32)n17) * 1u, 1, 3);
                    items.hand_out(item, t33.phase);
            items.hand_out(~0u, t33.phase);
            if (!awaited) await_earlier_kernels();
            bool awaited = false;
            for (u32 item; (item = items.take(1)) < (u32)a.v[92];) {
            if (!awaited) await_earlier_kernels();
            bool awaited = false;
            for (u32 item; (item = items.take(2)) < (u32)a.v[92];) {
            if (!awaited) await_earlier_kernels();
