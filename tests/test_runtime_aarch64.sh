#!/usr/bin/env bash
# The runtime on aarch64: built by a cross compiler, run under qemu.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE" || exit 1
if [ -n "${RATTAN_SANITIZED:-}" ]; then
    skip "the runtime on aarch64" "it is built here, the same way beside every build"
    exit 0
fi
cross=aarch64-linux-gnu-gcc
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
if ! command -v $cross >/dev/null || [ -z "$qemu" ]; then
    skip "the runtime on aarch64" "no $cross or qemu-aarch64"
    exit 0
fi
headers=$(dirname "$(echo '#include <xxhash.h>' | cc -E - | sed -n 's/^# 1 "\(.*xxhash\.h\)".*/\1/p' | head -n 1)")
mkdir "$TMP/include" && ln -s "$headers/xxhash.h" "$TMP/include/"
flags=(-std=c11 -O2 -D_GNU_SOURCE '-DRATTAN_VERSION="test"' -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Werror
    -I. -Iinclude -isystem "$TMP/include")
check "the runtime compiles for aarch64 without a warning" \
    $cross "${flags[@]}" -static tests/runtime_probe.c base/*.c runtime/*.c -o "$TMP/probe" -lm -lpthread
for options in "-fPIC" "-fPIC -O3" "-fno-pic" "-fPIC -mno-outline-atomics -fvisibility=hidden"; do
    # shellcheck disable=SC2086 # a list of options
    check "an object made with $options" $cross -O2 -ffreestanding -fno-stack-protector $options -I. -c tests/loader_sample.c -o "$TMP/sample.o"
    check "runs on aarch64" "$qemu" "$TMP/probe" "$TMP/sample.o"
    equal "and is right" ok "$(cat "$TMP/out")"
done
cc -O2 -ffreestanding -I. -c tests/loader_sample.c -o "$TMP/host.o"
[ "$(uname -m)" = aarch64 ] || expect_error 4 "an object for this machine is refused there" 'is for x86-64, this machine is aarch64' \
    "$qemu" "$TMP/probe" "$TMP/host.o"
