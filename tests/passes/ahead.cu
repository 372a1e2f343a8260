        for (u32 item, turn = 0; (item = next) < (u32)a.v[62]; turn++) {
            u32 rest = (u32)item;
            const i64 n20 = rest % 2u; // group
            rest /= 2u;
            const i64 n8 = rest % 2u; // kv_head
            rest /= 2u;
            const i64 n13 = (u32)a.v[51] - 1 - rest % (u32)a.v[51]; // row
            rest /= (u32)a.v[51];
            const i64 n7 = rest; // seq
            products_await<0>();
                products_await<1>();
                products_await<0>();
                products_await<1>();
                products_await<0>();
                products_await<1>();
                products_await<2>();
                products_await<0>();
                products_await<0>();
            bool awaited = false;
            for (u32 item; (item = atomicAdd((u32 *)a.v[40], 1u)) < (u32)a.v[62];) {
                u32 rest = (u32)item;
                const i64 n20 = rest % 2u; // group
                rest /= 2u;
                const i64 n8 = rest % 2u; // kv_head
                rest /= 2u;
                const i64 n13 = (u32)a.v[51] - 1 - rest % (u32)a.v[51]; // row
                rest /= (u32)a.v[51];
                const i64 n7 = rest; // seq
                items.hand_out(item, t24.phase);
                bool there = false;
            items.hand_out(~0u, t24.phase);
            if (!awaited) await_earlier_kernels();
            bool awaited = false;
            for (u32 item; (item = items.take(1)) < (u32)a.v[62];) {
                u32 rest = (u32)item;
                const i64 n20 = rest % 2u; // group
                rest /= 2u;
                const i64 n8 = rest % 2u; // kv_head
                rest /= 2u;
                const i64 n13 = (u32)a.v[51] - 1 - rest % (u32)a.v[51]; // row
                rest /= (u32)a.v[51];
                const i64 n7 = rest; // seq
                bool there = false;
                    if (!there) {
                        await_made((const int *)a.v[35] + ((u32)n7 * 2u + (u32)n8) * 1u, 1, 2);
                        there = true;
                    if (!there) {
                        await_made((const int *)a.v[35] + ((u32)n7 * 2u + (u32)n8) * 1u, 1, 2);
                        there = true;
            if (!awaited) await_earlier_kernels();
