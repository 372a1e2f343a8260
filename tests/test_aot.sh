#!/usr/bin/env bash
# Libraries that `rattan aot` writes: built into programs as their users do it, right, the same at each build, and never a crash.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE" || exit 1
[ "$(uname -m)" = x86_64 ] || { skip "ahead-of-time libraries" "these tests build for x86-64"; exit 0; }
LIB=$TMP/lib1
strict=(-std=c11 -Wall -Wextra -Wpedantic -Werror)
export LD_LIBRARY_PATH="$LIB/lib:${LLVM_LIBRARY_DIR:-/usr/lib/llvm-19/lib}"
export PKG_CONFIG_PATH="$LIB/lib/pkgconfig"

# The slice: a library, a program, the right number.
aot() { "$RATTAN" aot specs/tiny.lua --name layers --targets x86-64-v3,x86-64-v4 --kinds forward,decode,extend,backward "$@"; }
check "a library is built" aot -o "$LIB"
expect_text "what was written is listed" "$(cat "$TMP/out")" 'lib/liblayers\.so\.1$'
[ -f "$LIB/lib/liblayers.so.1" ] || exit 1
wanted=$("$BUILD/example_launch" specs/tiny.lua 200)
# shellcheck disable=SC2046 # a list of options
{
    check "the consumer builds with pkg-config" cc -std=c11 examples/consumer/consumer.c -o "$TMP/consumer" \
        $(pkg-config --cflags --libs layers)
    check "a C++ program can include the header" g++ -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags layers) \
        "$LIB/include/layers.h"
    check "the header is strict C11" cc "${strict[@]}" -x c -fsyntax-only $(pkg-config --cflags layers) "$LIB/include/layers.h"
    check "the probe builds" cc "${strict[@]}" -D_GNU_SOURCE tests/aot_probe.c -o "$TMP/probe" $(pkg-config --cflags --libs layers)
}
check "the consumer runs" "$TMP/consumer"
equal "and computes what a kernel compiled at run time does" "$wanted" "$(cat "$TMP/out")"
check "the consumer configures with CMake" cmake -S examples/consumer -B "$TMP/build" -DCMAKE_PREFIX_PATH="$LIB"
check "and builds" cmake --build "$TMP/build"
for program in consumer consumer_static; do
    check "$program runs" env -u LD_LIBRARY_PATH "$TMP/build/$program"
    equal "$program computes the same" "$wanted" "$(cat "$TMP/out")"
done
needs=$(readelf -d "$LIB/lib/librattan_rt.so.1" "$LIB/lib/liblayers.so.1" | sed -n 's/.*NEEDED.*\[\(.*\)\].*/\1/p' | sort -u | grep -vE '^(libc|libm|ld-linux-x86-64)\.so|^librattan_rt\.so\.1$')
equal "a program needs the C library alone" "" "$needs"
equal "librattan_rt shows what its header declares, versioned" \
    "$(sed -n 's/^RATTAN_RT_API .*\b\(rattan_rt_[a-z_]*\)(.*/\1@@RATTAN_RT_1/p' include/rattan/rattan_rt.h | sort)" \
    "$(nm -D --defined-only "$LIB/lib/librattan_rt.so.1" | awk '$2 == "T" { print $3 }' | sort)"
equal "its archive shows no more" "" "$(nm --defined-only --extern-only "$LIB/lib/librattan_rt.a" | awk 'NF == 3 { print $3 }' | grep -v '^rattan_rt_')"

# Questions to a library: the answer begins with the status.
says() { # says NAME PATTERN QUESTION: one answer
    local got code=0
    got=$("$TMP/probe" "$3" 2>&1) || code=$?
    if [ "$code" = 0 ]; then expect_text "$1" "$got" "$2"; else not_ok "$1" "exit code $code: $got"; fi
}
says "a launch" '^forward: 0 done$' forward
says "a launch of interleaved tensors" '^interleaved: 0 the same$' interleaved
says "memory and prepare" '^memory: 0 some$' memory
says "no arguments" '^null: 2 args: is NULL' null
says "no context" '^nowhere: 2 context: is NULL' nowhere
says "a missing tensor" '^data: 2 k: has no data' data
says "strides that put all rows in one place" '^strides: 2 o: is written, but its strides' strides
says "a last stride that is not 1" '^last-stride: 2 q: has stride 2 in its last dim' last-stride
says "a size that no memory holds" '^huge: 2 ' huge
says "a negative size" '^negative: 2 T: is -1' negative
says "an output over an input" '^overlap: 2 o: is written, but shares memory with q' overlap
says "a place on a CPU" '^place: 2 place: ' place
says "another version of the header" '^interface: 8 layers: was built with other functions' interface
says "a GPU that is not there" '^device=cuda: 4 ' device=cuda
says "a device of no kind" "^device=tpu: 2 device: 'tpu' is none" device=tpu
says "a target can be chosen" '^runs: x86-64-v3$' target=x86-64-v3
says "a target that the library lacks" '^target=z80: 4 layers: .*x86-64-v4, x86-64-v3' target=z80

# Damage: each cut gives a status, or the dynamic linker's word; changed bytes are seen before they are run.
cp -r "$LIB" "$TMP/cut"
size=$(stat -c %s "$LIB/lib/liblayers.so.1")
first=$(readelf -SW "$LIB/lib/liblayers.so.1" | sed -n 's/.* \.rattan  *PROGBITS *[0-9a-f]* \([0-9a-f]*\).*/\1/p')
first=$((16#$first))
for cut in $((first + 10)) $((first + 200)) $((first + 5000)) $((size - size / 4)) $((size - 3000)); do
    head -c "$cut" "$LIB/lib/liblayers.so.1" >"$TMP/cut/lib/liblayers.so.1"
    LD_LIBRARY_PATH="$TMP/cut/lib" says "a library cut to $cut of $size bytes" '^open: 5 library: its file has been cut short' forward
done
cp "$LIB/lib/liblayers.so.1" "$TMP/cut/lib/"
printf 'x' | dd of="$TMP/cut/lib/liblayers.so.1" bs=1 seek=$((first + 150)) conv=notrunc status=none
LD_LIBRARY_PATH="$TMP/cut/lib" says "a changed table" '^open: 5 ' forward
cp "$LIB/lib/liblayers.so.1" "$TMP/cut/lib/"
printf '\377\377\377\377' | dd of="$TMP/cut/lib/liblayers.so.1" bs=1 seek=$((first + 8)) conv=notrunc status=none
LD_LIBRARY_PATH="$TMP/cut/lib" says "a library of another version" '^open: 8 library: is of version 4294967295' forward

# The same bytes at each build, from the cache or not, whatever the folder, the time and the environment.
expect_exit 1 "a folder whose parent is missing" aot -o "$TMP/no/such/folder"
mkdir "$TMP/else"
check "a second build, without the cache" env TZ=Asia/Tokyo LC_ALL=C "$RATTAN" aot specs/tiny.lua --name layers \
    --targets x86-64-v4,x86-64-v3 --kinds forward,decode,extend,backward --no-cache -o "$TMP/else/where"
equal "two builds agree to the last byte" "" "$(diff -r "$LIB" "$TMP/else/where" 2>&1)"
absolute=$(grep -rlF -e "$TMP" -e "$SOURCE" "$LIB")
equal "no path of this machine is in it" "" "$absolute"
