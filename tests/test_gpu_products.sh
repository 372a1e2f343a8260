#!/usr/bin/env bash
# Products of floats as kernels on GPUs do them, on the host: which thread reads what from where, and gets which sums.
. "$(dirname "$0")/lib.sh"
CXX=${CXX:-c++}
if ! command -v "$CXX" >/dev/null; then
    skip "products of floats" "there is no C++ compiler"
    exit
fi
# Without what is one instruction: host_products.cc has it.
sed -n '/^\/\/ Products of floats, on the plain units/,$p' "$SOURCE/codegen/ptx/prelude.cuh" |
    sed -e '/^#if __CUDA_ARCH__/,/^#endif/d' -e '/^DEVICE void mma_tf32(/,/^}/d' -e '/^DEVICE void mma_words(/,/^}/d' >"$TMP/products.inc"
check "they compile" "$CXX" -std=c++17 -O1 -w -pthread -I"$TMP" "$SOURCE/tests/host_products.cc" -o "$TMP/products"
check "each is the product" "$TMP/products"
