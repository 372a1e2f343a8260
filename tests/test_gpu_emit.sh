#!/usr/bin/env bash
# Code for every GPU without a GPU: each layer of specs/ is emitted for each kind and architecture; where NVRTC is present,
# small ones are compiled for each, without spills. What does not fit an architecture's shared memory, or is not done yet, must say so.
. "$(dirname "$0")/lib.sh"
ARCHS=$("$RATTAN" targets | awk '/^cuda:/ { print $1 }')
export RATTAN_LIBCUDA="$TMP/no-driver.so"

# emit NAME ARGUMENTS...: source comes out, or a refusal that names the resource or what is missing.
emit() {
    local name=$1 code=0
    shift
    "$RATTAN" compile "$@" -o "$TMP/out.cu" >"$TMP/out" 2>"$TMP/err" || code=$?
    if [ $code = 2 ] && grep -qE 'schedule: shared memory|for GPUs yet|no ring of bounded size' "$TMP/err"; then
        skip "$name" "$(cat "$TMP/err")"
    elif [ $code = 0 ] && grep -q '__global__' "$TMP/out.cu"; then
        ok "$name"
    else
        not_ok "$name" "exit code $code: $(cat "$TMP/err")"
    fi
}

for spec in "$SOURCE"/specs/*.lua; do
    for item in $(seq 0 15); do # of a sweep or model; the first that is not there ends it
        "$RATTAN" compile "$spec" --item "$item" --emit schedule >/dev/null 2>"$TMP/err" || break
        for kind in forward extend decode; do
            for arch in $ARCHS; do
                emit "$(basename "$spec" .lua) $item, $kind for $arch" "$spec" --item "$item" --kind $kind --target "$arch" --emit cuda
            done
        done
    done
done

for parts in packed lse final-state parts packed,lse,final-state,parts; do
    emit "with $parts" "$SOURCE/specs/odd.lua" --target cuda:sm_90 --with $parts --emit cuda
done
for kind in extend decode; do
    for parts in packed lse packed,lse; do
        emit "$kind with $parts" "$SOURCE/specs/odd.lua" --target cuda:sm_90 --kind $kind --with $parts --emit cuda
    done
    emit "$kind on a longer ring" "$SOURCE/specs/tiny.lua" --target cuda:sm_80 --kind $kind --shape ring=200 --emit cuda
done
for kind in forward extend decode; do
    for dtype in fp32 bf16 fp16; do
        for dim in 1 2 8 24 80 256; do
            emit "$kind, $dtype, head_dim and value_dim $dim" "$SOURCE/specs/tiny.lua" --target cuda:sm_90 --kind $kind --dtype $dtype \
                --set rope=false --set head_dim=$dim --set value_dim=$dim --set norm=false --emit cuda
        done
    done
done

# The same source each time: nothing of the process gets into it.
"$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_90 --emit cuda >"$TMP/first.cu"
"$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_90 --emit cuda >"$TMP/second.cu"
check "the same source twice" cmp "$TMP/first.cu" "$TMP/second.cu"
expect_text "the source includes nothing" "$(grep -c '#include' "$TMP/first.cu")" '^0$'

if "$RATTAN" doctor | grep -qE '^NVRTC +ok'; then
    for arch in $ARCHS; do
        for kind in forward extend decode; do
            check "tiny, $kind compiles for $arch" "$RATTAN" compile "$SOURCE/specs/tiny.lua" --kind $kind --target "$arch" --emit resources
            expect_text "tiny, $kind spills nothing on $arch" "$(grep -c ' 0 + 0 bytes spilled' "$TMP/out")" "^$(wc -l <"$TMP/out")\$"
        done
    done
    check "a code object for a GPU" "$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_80 --emit code,cubin,ptx -o "$TMP/odd/"
    expect_text "the cubin is one" "$(head -c 4 "$TMP/odd/odd.forward.cubin" | tr -d '\177')" '^ELF$'
    expect_text "the PTX is for it" "$(cat "$TMP/odd/odd.forward.ptx")" '^\.target sm_80'
    check "once more, from the cache" "$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_80
else
    skip "compiling" "NVRTC is not on this machine"
fi
