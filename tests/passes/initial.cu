extern "C" __global__ void __launch_bounds__(32, 1) rattan_layer_forward_initial(const __grid_constant__ Args a) {
    u32 rest = blockIdx.x;
    const i64 n11 = rest % 1u; // row
    rest /= 1u;
    const i64 n9 = rest % 2u; // group
    rest /= 2u;
    const i64 n7 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n6 = rest; // seq
    const i64 n1 = a.v[47];
    const i64 n8 = n7 * 2LL;
    const i64 n10 = n8 + n9;
    const i64 n12 = n11 * 16LL;
    float t13[1][8];
    load_tile<float, Rows<2, -1, 16, 0, 16>, 1, 16, 1>(t13, view(a.v + 15, n6, n10, n12, 0LL, 1152921504606846976LL));
    store_tile<bf16, Rows<2, -1, 16, 0, 16>, 1, 16>(t13, view(a.v + 30, n6, n10, n12, 0LL, 1152921504606846976LL));
}
