        t21.make(1, 5);
        t22.make(1, 5);
        t23.make(4, 5);
        t24.make(4, 1);
            const i64 n16 = rest % 1u; // part
            load_tile<float, Rows<2, -1, 64, 0, 64>, 4, 128, 0>(t95, view(a.v + 35, n91, n15, n94, 0LL, n93));
                    wgmma_128_t_x4<0, 0, 0, 0>(t96[s], matrix(t100.address + s * 8192, 8192), matrix(t101.address, 8192), 1, bf16());
                store_tile<float, Rows<2, -1, 64, 0, 64>, 4, 128>(t96, view(a.v + 35, n91, n15, n94, 0LL, n93));
            const i64 n16 = rest % 1u; // part
                const int n16 = rest % 1u; // part
                    prefetch_rows<4, 128, 64>(a.v + 35, n91, n15, n94);
                const int n16 = rest % 1u; // part
                        store_box(t62.address + 0, &maps.at[8], 0, (int)n71, (int)n61, (int)n9);
                const int n16 = rest % 1u; // part
                        store_box(t86.address + 0, &maps.at[9], 0, (int)n15, (int)n77, (int)n9);
                        store_box(t89.address + 0, &maps.at[10], 0, (int)n15, (int)n77, (int)n9);
                        store_box(t89.address + 8192, &maps.at[10], 64, (int)n15, (int)n77, (int)n9);
                const int n16 = rest % 1u; // part
                    store_box(t131.address + 0, &maps.at[11], 0, (int)n128, (int)n133, (int)0);
                    store_box(t131.address + 8192, &maps.at[11], 64, (int)n128, (int)n133, (int)0);
