        u32 next = items.take_all(0);
        for (u32 item, turn = 0; (item = next) < (u32)a.v[92]; turn++) {
                products_await<0>();
                    products_await<0>();
                    products_await<0>();
                    products_await<0>();
                    products_await<0>();
                    next = items.take_all((turn + 1) & 1);
                    products_await<0>();
                    next = items.take_all((turn + 1) & 1);
                    products_await<0>();
