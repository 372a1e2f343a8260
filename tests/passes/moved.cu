        if (warp_here() == 8) {
            for (u32 item, turn = 0; (item = items.take_all(turn & 1)) < (u32)a.v[92]; turn++) {
                    await_made<2, 3>((const int *)a.v[65] + ((u32)n11 * 2u + (u32)n21) * 2u);
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 64, 32>, 192>(view(a.v + 5, n11, n270, n21, 0LL, n18), view(a.v + 25, n16, n21, n271, n17, n272));
        if (warp_here() == 9) {
            for (u32 item, turn = 0; (item = items.take_all(turn & 1)) < (u32)a.v[92]; turn++) {
                    await_made<2, 3>((const int *)a.v[65] + ((u32)n11 * 2u + (u32)n21) * 2u);
                        move_rows<bf16, Rows<1, -1, 32, 0, 32>, Rows<2, -1, 32, 64, 32>, 192>(view(a.v + 5, n11, n295, n21, 0LL, n18), view(a.v + 25, n16, n21, n296, n17, n293));
