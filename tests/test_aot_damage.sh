#!/usr/bin/env bash
# The runtime on libraries that are damaged, by accident or on purpose: a status each time, and under sanitizers no read behind an
# image, no leak, nothing undefined.
. "$(dirname "$0")/lib.sh"
# shellcheck source=resources.sh
. "$SOURCE/tests/resources.sh"
cd "$SOURCE" || exit 1
[ "$(uname -m)" = x86_64 ] || { skip "damaged libraries" "these tests build for x86-64"; exit 0; }
if [ -n "${RATTAN_SANITIZED:-}" ]; then
    skip "damaged libraries" "the fuzzer is built here, with sanitizers beside every build"
    exit 0
fi
if ! echo 'int main(void) { return 0; }' | cc -fsanitize=address,undefined -x c - -o "$TMP/sanitized" 2>/dev/null; then
    skip "damaged libraries" "the compiler has no sanitizers"
    exit 0
fi
sources=$(printf '%s\n' base/*.c runtime/*.c | grep -vE '/(cache|cache_disk|cache_sweep|key|suggest)\.c$')
# shellcheck disable=SC2046,SC2086 # lists
check "the fuzzer builds" cc -std=c11 -O1 -g -Wall -Wextra -Wpedantic -Werror -fsanitize=address,undefined -fno-sanitize-recover=undefined \
    -D_GNU_SOURCE -Dwrite=unwatched_write '-DRATTAN_VERSION="test"' -I. -Iinclude $(pkg-config --cflags libxxhash) \
    tests/library_fuzz.c $sources -o "$TMP/fuzz" -lm -lpthread -ldl
export ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=1024
fuzz() { # fuzz NAME TARGETS KINDS: a line of the fuzzer's own is a case
    check "a library for $2" "$RATTAN" aot specs/tiny.lua --name fuzzed --targets "$2" --kinds "$3" -o "$TMP/$1"
    check "its runtime never reads what is not there" "$TMP/fuzz" "$TMP/$1/lib/libfuzzed.so.1" "$TMP"
    expect_text "a library that is cut short is refused" "$(cat "$TMP/out")" '^cut short: [0-9]+ tries, 1 taken$'
    expect_text "changed tables are refused" "$(cat "$TMP/out")" '^tables changed: [0-9]+ tries, 0 taken$'
    expect_text "forged code is looked at" "$(cat "$TMP/out")" '^code forged: [0-9]+ tries'
}
fuzz cpu x86-64-v3 forward,decode
nvrtc_here "a library for GPUs" || exit 0
fuzz gpu x86-64-v3,sm_80,sm_90a forward
