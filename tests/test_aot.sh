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
    for c in c99 c2x; do
        check "and strict $c" cc -std=$c "${strict[@]:1}" -x c -fsyntax-only $(pkg-config --cflags layers) "$LIB/include/layers.h"
    done
    check "and C++98" g++ -x c++ -std=c++98 "${strict[@]:1}" -fsyntax-only $(pkg-config --cflags layers) "$LIB/include/layers.h"
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

# Memory that runs out, at each request for some.
check "a program with a malloc of its own builds" cc "${strict[@]}" -I"$LIB/include" tests/aot_no_memory.c -o "$TMP/no_memory" \
    "$LIB/lib/liblayers.a" "$LIB/lib/librattan_rt.a" -Wl,--wrap={malloc,calloc,realloc,aligned_alloc,strndup,free} -lm -lpthread -ldl
check "the runtime does without memory, and leaves none" "$TMP/no_memory"
expect_text "at every request" "$(cat "$TMP/out")" '^[2-9][0-9] requests$'

# Questions to a library: the answer begins with the status.
says() { # says NAME PATTERN QUESTION: one answer
    local got code=0
    got=$("$TMP/probe" "$3" 2>&1) || code=$?
    if [ "$code" = 0 ]; then expect_text "$1" "$got" "$2"; else not_ok "$1" "exit code $code: $got"; fi
}
says "a launch" '^forward: 0 done$' forward
says "a launch of interleaved tensors" '^interleaved: 0 the same$' interleaved
says "launches of 8 threads at once" '^threads: 8, 0 failed, 0 rows unlike$' threads
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
says "a target that the library lacks" "^target=z80: 4 layers: has kernels for x86-64-v4, x86-64-v3, and none for the target 'z80'" target=z80
says "a negative number of threads" '^threads=-5: 2 threads: is -5' threads=-5
says "the target of no context" "^untargeted: ''$" untargeted

# What runs follows the CPU's features: of emulated ones.
emulator=$(command -v qemu-x86_64-static || command -v qemu-x86_64)
if [ -z "$emulator" ] || [ -n "${RATTAN_SANITIZED:-}" ]; then
    skip "a CPU without AVX-512" "no qemu-x86_64, or sanitizers, which it does not run"
else
    check "a CPU without AVX-512" "$emulator" -cpu Haswell-v1 "$TMP/consumer"
    expect_text "runs the lesser kernels" "$(cat "$TMP/err")" 'runs kernels for x86-64-v3$'
    equal "which compute the same" "$wanted" "$(cat "$TMP/out")"
    expect_exit 4 "a CPU without AVX2" "$emulator" -cpu Westmere "$TMP/consumer"
    expect_text "is told why not" "$(cat "$TMP/err")" 'has kernels for x86-64-v4, x86-64-v3, none of which runs on this CPU'
fi

# Damage: each cut gives a status, or the dynamic linker's word; changed bytes are seen before they are run.
cp -r "$LIB" "$TMP/cut"
size=$(stat -c %s "$LIB/lib/liblayers.so.1")
first=$(readelf -SW "$LIB/lib/liblayers.so.1" | sed -n 's/.* \.rattan  *PROGBITS *[0-9a-f]* \([0-9a-f]*\).*/\1/p')
first=$((16#$first))
for cut in $((first + 10)) $((first + 200)) $((first + 5000)) $((size - size / 4)) $((size - 3000)); do
    head -c "$cut" "$LIB/lib/liblayers.so.1" >"$TMP/cut/lib/liblayers.so.1"
    LD_LIBRARY_PATH="$TMP/cut/lib" says "a library cut to $cut of $size bytes" '^open: 5 library: its file has been cut short' forward
done
cuts=0 crashes=""
for ((cut = 1; cut < first + 64; cut += 301)); do # before the image: the dynamic linker says so, or the runtime
    head -c "$cut" "$LIB/lib/liblayers.so.1" >"$TMP/cut/lib/liblayers.so.1"
    code=0
    LD_LIBRARY_PATH="$TMP/cut/lib" "$TMP/probe" forward >"$TMP/out" 2>&1 || code=$?
    case $code in
    127) grep -qE 'file too short|cannot read file data' "$TMP/out" || crashes+=" $cut" ;;
    0) grep -q '^open: 5 library: its file has been cut short' "$TMP/out" || crashes+=" $cut" ;;
    *) crashes+=" $cut:$code" ;;
    esac
    cuts=$((cuts + 1))
done
if command -v strip >/dev/null; then
    strip -o "$TMP/cut/lib/liblayers.so.1" "$LIB/lib/liblayers.so.1"
    LD_LIBRARY_PATH="$TMP/cut/lib" says "a library that was stripped" '^forward: 0 done$' forward
fi
equal "a library cut short at $cuts places before the image" "" "$crashes"
cp "$LIB/lib/liblayers.so.1" "$TMP/cut/lib/"
printf 'x' | dd of="$TMP/cut/lib/liblayers.so.1" bs=1 seek=$((first + 150)) conv=notrunc status=none
LD_LIBRARY_PATH="$TMP/cut/lib" says "a changed table" '^open: 5 ' forward
for at in 16 48 52 56 60 72 80 88 96; do # of the header: the interface, the name, counts, places
    cp "$LIB/lib/liblayers.so.1" "$TMP/cut/lib/"
    byte=$(od -An -tu1 -j $((first + at)) -N 1 "$LIB/lib/liblayers.so.1")
    printf "\\x$(printf %02x $((byte ^ 16)))" | dd of="$TMP/cut/lib/liblayers.so.1" bs=1 seek=$((first + at)) conv=notrunc status=none
    LD_LIBRARY_PATH="$TMP/cut/lib" says "a header changed at $at" '^open: 5 ' forward
done
cp "$LIB/lib/liblayers.so.1" "$TMP/cut/lib/"
printf '\377\377\377\377' | dd of="$TMP/cut/lib/liblayers.so.1" bs=1 seek=$((first + 8)) conv=notrunc status=none
LD_LIBRARY_PATH="$TMP/cut/lib" says "a library of another version" '^open: 8 library: is of version 4294967295' forward

# The same bytes at each build, from the cache or not, whatever the folder, the time and the environment.
expect_exit 1 "a folder whose parent is missing" aot -o "$TMP/no/such/folder"
mkdir "$TMP/else" "$TMP/own"
mkdir "$TMP/linking"
limited() { (ulimit -f "$1" && TMPDIR=$TMP/linking "$RATTAN" aot specs/tiny.lua --name layers --targets x86-64-v3 -o "$TMP/own"); }
expect_error 1 "no room to write" 'cannot write: File too large' limited 64
expect_error 1 "no room to link" 'File too large|did not link' limited 16
equal "the linker's folder goes" "" "$(ls -A "$TMP/linking")"
[ -d "$TMP/own" ] && [ -z "$(ls -A "$TMP/own")" ] && ok "one's own folder stays, and empty" || not_ok "one's own folder stays, and empty" "$(cat "$TMP/out")"
small() { "$RATTAN" aot specs/tiny.lua --name layers --targets x86-64-v3 "$@"; }
touch "$TMP/file"
expect_error 1 "a file where the folder belongs" 'cannot make the folder: (Not a directory|File exists)' small -o "$TMP/file"
mkdir -p "$TMP/own/lib/liblayers.so"
expect_error 1 "a folder where a file belongs" 'lib/liblayers\.so: is a folder where a file belongs' small -o "$TMP/own"
equal "nothing is written beside it" "lib lib/liblayers.so" "$(cd "$TMP/own" && find . -mindepth 1 | sed 's/^..//' | sort | xargs)"
check "a name that is no UTF-8" small --json -o "$TMP/odd"$'\xff'
expect_text "is told without it" "$(cat "$TMP/out")" '"folder": ".*odd\?"'
alone() { if unshare -pf true 2>/dev/null; then unshare -pf "$@"; else "$@"; fi; } # as in containers: all are process 2
check "a build" small -o "$TMP/once"
for i in 1 2 3 4 5 6; do alone "$RATTAN" aot specs/tiny.lua --name layers --targets x86-64-v3 -o "$TMP/shared" >"$TMP/shared.$i" 2>&1 & done
code=0
for i in 1 2 3 4 5 6; do wait -n || code=$?; done
equal "six builds into one folder at once" 0 "$code"
equal "give what one gives, and nothing else" "" "$(diff -r "$TMP/once" "$TMP/shared" 2>&1)"
check "a second build, without the cache" env TZ=Asia/Tokyo LC_ALL=C "$RATTAN" aot specs/tiny.lua --name layers \
    --targets x86-64-v4,x86-64-v3 --kinds forward,decode,extend,backward --no-cache -o "$TMP/else/where"
equal "two builds agree to the last byte" "" "$(diff -r "$LIB" "$TMP/else/where" 2>&1)"
absolute=$(grep -rlF -e "$TMP" -e "$SOURCE" "$LIB")
equal "no path of this machine is in it" "" "$absolute"

# Two libraries of one name, other kernels behind the same header.
check "another library of the name" aot --schedule chunk=16 -o "$TMP/other"
says "two libraries of one name" '^two: 9 layers: another library of this name, with other kernels' "two=$TMP/other/lib/liblayers.so.1"
equal "a copy that is unloaded first" "$(printf 'gone: 0 done\n%.0s' 1 2 3)" "$("$TMP/probe" "gone=$TMP/else/where/lib/liblayers.so.1" 2>&1)"
says "a library beside its own copy" '^two: 0 done' "two=$TMP/else/where/lib/liblayers.so.1"

# Against float64: its own functions, all parts, both targets of this machine.
check "a library with parts of signatures" "$RATTAN" aot specs/tiny.lua --set rope=false --name parts --targets x86-64-v3,x86-64-v4 \
    --kinds forward,forward+packed+lse+final-state,decode,extend,backward,backward+final-state,forward+saved,backward+saved -o "$TMP/parts"
check "is right" "$RATTAN" aot --check "$TMP/parts"
check "is right with the lesser target" "$RATTAN" aot --check "$TMP/parts" --targets x86-64-v3
expect_error 2 "a folder without a library" 'holds no library' "$RATTAN" aot --check "$TMP/else"
tr '\0' '\1' < <(dd if="$TMP/parts/lib/libparts.so.1" bs=1 skip=$((first + 20000)) count=64 status=none) |
    dd of="$TMP/parts/lib/libparts.so.1" bs=1 seek=$((first + 20000)) conv=notrunc status=none
expect_error 5 "a library whose kernel was changed is found out" 'the checksum does not match|cut short or changed' "$RATTAN" aot --check "$TMP/parts" --json
expect_error 5 "what is no library" 'is no such library' "$RATTAN" aot --check "$RATTAN"

# With fold L the final state is not that of the last token.
check "a library whose state is written in turns" "$RATTAN" aot specs/tiny.lua --set fold=8 --name turns --targets x86-64-v3 \
    --kinds forward+final-state -o "$TMP/turns"
expect_text "its header says of which tokens" "$(cat "$TMP/turns/include/turns.h")" \
    'float \*final_state; .*: states after the first n - n mod 8 of a sequence.s n tokens, as decode and extend take them'
expect_text "else of all" "$(cat "$TMP/parts/include/parts.h")" 'float \*final_state; .*: states after the last token, as decode'

# Shapes.
check "a library of two shapes" "$RATTAN" aot specs/tiny.lua --name layers --targets x86-64-v3 --kinds forward --shapes B=1..2,T=20 \
    -o "$TMP/shapes"
expect_text "its header says which" "$(cat "$TMP/shapes/include/layers.h")" 'Shapes .*: 1 x 32, 2 x 32\. Others'
cc -std=c11 -I"$TMP/shapes/include" examples/consumer/consumer.c -o "$TMP/few" -L"$TMP/shapes/lib" -llayers -lrattan_rt
LD_LIBRARY_PATH="$TMP/shapes/lib" check "a shape of the set" "$TMP/few" 31
LD_LIBRARY_PATH="$TMP/shapes/lib" expect_exit 7 "a shape outside the built set" "$TMP/few" 33
expect_text "says what is built" "$(cat "$TMP/err")" 'has no kernel for 2 sequences of 33 tokens; rounded up .* 1 x 32, 2 x 32'
check "the probe builds for it" cc "${strict[@]}" -D_GNU_SOURCE -I"$TMP/shapes/include" tests/aot_probe.c -o "$TMP/probe" -L"$TMP/shapes/lib" \
    -llayers -lrattan_rt -lpthread -ldl
LD_LIBRARY_PATH="$TMP/shapes/lib" says "sizes that cannot be are no shape outside it" '^negative: 2 T: is -1' negative
LD_LIBRARY_PATH="$TMP/shapes/lib" says "nor are those that no memory holds" '^huge: 2 B: is 9223372036854775807' huge
check "a library of steps of two shapes" "$RATTAN" aot specs/tiny.lua --name steps --targets x86-64-v3 --kinds decode,extend --shapes B=3,T=1..2 \
    -o "$TMP/steps"
check "is right" "$RATTAN" aot --check "$TMP/steps" --seed 3
equal "in each of its shapes" "2 decode 2 extend" "$(grep -oE '(decode|extend) o ' "$TMP/out" | cut -d' ' -f1 | sort | uniq -c | xargs)"
check "a library of packed steps of one shape" "$RATTAN" aot specs/tiny.lua --name packed --targets x86-64-v3 \
    --kinds decode+packed,extend+packed --shapes B=3,T=7 -o "$TMP/packed"
check "is right" "$RATTAN" aot --check "$TMP/packed" --seed 4
equal "in both kinds" "1 decode 1 extend" "$(grep -oE '(decode|extend) o ' "$TMP/out" | cut -d' ' -f1 | sort | uniq -c | xargs)"

# Two libraries in a program: linked at run time, linked into it, and each with a runtime of its own.
for name in one two; do
    check "a library named $name" "$RATTAN" aot specs/tiny.lua --set window=$([ $name = one ] && echo 4 || echo 9) --name $name \
        --targets x86-64-v3 --kinds forward -o "$TMP/both"
    check "it is linked with its runtime" cc -shared -Wl,--whole-archive "$TMP/both/lib/lib$name.a" -Wl,--no-whole-archive \
        "$TMP/both/lib/librattan_rt.a" -o "$TMP/lib_$name.so" -lm -lpthread -ldl
done
two() { cc "${strict[@]}" -I"$TMP/both/include" tests/aot_two.c -o "$TMP/two" "$@"; }
check "a program links both" two -L"$TMP/both/lib" -lone -ltwo -lrattan_rt
LD_LIBRARY_PATH="$TMP/both/lib" check "both run" "$TMP/two"
check "a program takes both in" two "$TMP/both/lib/libone.a" "$TMP/both/lib/libtwo.a" "$TMP/both/lib/librattan_rt.a" -lm -lpthread -ldl
check "both run in it" env -u LD_LIBRARY_PATH "$TMP/two"
check "a program links both with their runtimes" two "$TMP/lib_one.so" "$TMP/lib_two.so"
check "both run on their own" env -u LD_LIBRARY_PATH "$TMP/two"

# What cannot be built, and builds that end early, leave nothing.
while read -r name code pattern arguments; do
    # shellcheck disable=SC2086 # a list of arguments
    expect_error "$code" "refused: $name" "$pattern" "$RATTAN" aot $arguments -o "$TMP/none"
done <<'REFUSED'
no-name          2  no.name                         specs/tiny.lua
bad-name         2  cannot.be.part.of.C.names       specs/tiny.lua --name a-b
rattan's         2  rattan's.own                    specs/tiny.lua --name rattan_rt
unknown-target   2  --targets:.there.is.no.target.'z80' specs/tiny.lua --name x --targets z80
unknown-GPU      2  --targets:.there.is.no.target.'cuda:sm_35' specs/tiny.lua --name x --targets sm_35
unknown-kind     2  --kinds:.there.is.no.kind.'sideways' specs/tiny.lua --name x --kinds sideways
twice            2  would.have.this.name            specs/tiny.lua specs/tiny.lua --name x
nothing          2  nothing.to.build                --name x
no-linker        1  install.binutils                specs/tiny.lua --name x --linker no-such-linker
bad-linker       1  did.not.link                    specs/tiny.lua --name x --linker false
REFUSED
expect_error 1 "no linker at all" 'neither ld nor ld.lld is there.*install binutils or lld' env PATH=/nowhere "$RATTAN" aot specs/tiny.lua --name x -o "$TMP/none"
printf 'return rattention { name = "many", heads = 2, head_dim = 8, window = sweep { 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 } }\n' >"$TMP/many.lua"
many() { "$RATTAN" aot "$TMP/many.lua" --name many --targets x86-64-v3,x86-64-v4,aarch64 --kinds forward,decode,extend,backward -o "$1"; }
entries() { find "$TMP/fresh" -name '*.rattan' 2>/dev/null | wc -l; }
RATTAN_CACHE_DIR=$TMP/fresh "$RATTAN" aot "$TMP/many.lua" --name many --targets x86-64-v3,x86-64-v4 --kinds forward,decode,extend,backward \
    -o "$TMP/none" >"$TMP/out" 2>&1 &
builder=$!
while kill -0 $builder && [ "$(entries)" -le 3 ]; do sleep 0.02; done
kill -INT $builder
code=0
wait $builder || code=$?
equal "a build is interrupted" 130 "$code"
[ ! -e "$TMP/none" ] && ok "nothing is left behind" || not_ok "nothing is left behind" "$(find "$TMP/none")"
[ "$(entries)" -gt 3 ] && ok "the cache has what was compiled" || not_ok "the cache has what was compiled"

before=$(entries)
RATTAN_CACHE_DIR=$TMP/fresh "$RATTAN" aot "$TMP/many.lua" --name many --targets x86-64-v3,x86-64-v4 --kinds forward,decode,extend,backward \
    -o "$TMP/none" >"$TMP/out" 2>&1 &
builder=$!
while kill -0 $builder && [ "$(entries)" -le $((before + 3)) ]; do sleep 0.02; done
kill -KILL $builder
wait $builder 2>/dev/null
[ ! -e "$TMP/none" ] && ok "nothing is left behind by one that was killed" || not_ok "nothing is left behind by one that was killed" "$(find "$TMP/none")"
[ "$(entries)" -gt $((before + 3)) ] && ok "the next one went on from the cache" || not_ok "the next one went on from the cache"
RATTAN_CACHE_DIR=$TMP/fresh check "and is finished by a third" "$RATTAN" aot "$TMP/many.lua" --name many --targets x86-64-v3 --kinds decode -o "$TMP/third"
check "a build that had no cache" "$RATTAN" aot "$TMP/many.lua" --name many --targets x86-64-v3 --kinds decode --no-cache -o "$TMP/whole"
equal "gives the same bytes" "" "$(diff -r "$TMP/third" "$TMP/whole" 2>&1)"

# 40 functions for three kinds of CPU: loaded in no time, and read where it is used.
if ! command -v aarch64-linux-gnu-gcc >/dev/null || [ ! -f "$BUILD/rt/aarch64/librattan_rt.a" ]; then
    skip "libraries of two machines" "no aarch64-linux-gnu-gcc when rattan was built"
    exit 0
fi
RATTAN_CACHE_DIR=$TMP/fresh check "40 functions for three machines" many "$TMP/many"
expect_text "as many kernels" "$(cat "$TMP/out")" '^many: 40 functions, 120 kernels'
check "the loader builds" cc "${strict[@]}" -D_GNU_SOURCE -I"$TMP/many/include" tests/aot_timing.c -o "$TMP/load"
interface=$(sed -n 's/.*many_INTERFACE UINT64_C(\(.*\))/\1/p' "$TMP/many/include/many.h")
load() { # the best of three: other programs may be running
    local times
    times=$(for _ in 1 2 3; do
        "$TMP/load" "$TMP/many/lib/libmany.so.1" many_open_interface many_many_window_5_forward "$interface" || exit
    done) || return
    sort -n <<<"$times" | head -n 1
}
LD_LIBRARY_PATH="$TMP/many/lib" check "it loads" load
cat "$TMP/out"
if [ -n "${RATTAN_SANITIZED:-}" ]; then
    skip "in under 20 ms" "sanitizers take longer"
else
    awk '{ fine = $1 < 20 } END { exit !fine }' "$TMP/out" && ok "in under 20 ms" || not_ok "in under 20 ms" "$(cat "$TMP/out")"
fi
awk '{ fine = 2 * $3 < $5 } END { exit !fine }' "$TMP/out" && ok "less than half of it is touched" || not_ok "less than half of it is touched" "$(cat "$TMP/out")"

# aarch64, run by qemu.
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
[ -n "$qemu" ] || { skip "a library for aarch64" "no qemu-aarch64"; exit 0; }
check "a library for aarch64" "$RATTAN" aot specs/tiny.lua --name layers --targets aarch64 --kinds forward,decode -o "$TMP/arm"
check "the consumer is cross-built" aarch64-linux-gnu-gcc -std=c11 -I"$TMP/arm/include" examples/consumer/consumer.c -o "$TMP/arm/consumer" \
    -L"$TMP/arm/lib" -llayers -lrattan_rt
check "it runs" "$qemu" -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$TMP/arm/lib" "$TMP/arm/consumer"
close=$(awk -v a="${wanted#o = }" '{ d = ($3 - a) / a; print (d < 1e-5 && d > -1e-5) ? "close" : $0 }' "$TMP/out")
equal "and computes the same" close "$close"
check "the static one is cross-built" aarch64-linux-gnu-gcc -std=c11 -static -w -I"$TMP/arm/include" examples/consumer/consumer.c \
    -o "$TMP/arm/consumer_static" "$TMP/arm/lib/liblayers.a" "$TMP/arm/lib/librattan_rt.a" -lm -lpthread
check "it runs, too" "$qemu" "$TMP/arm/consumer_static"
