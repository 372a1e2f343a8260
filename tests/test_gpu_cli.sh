#!/usr/bin/env bash
# GPU targets on the command line of a machine that has no GPU: what works without one, and what is refused how.
. "$(dirname "$0")/lib.sh"
SPEC="$SOURCE/specs/tiny.lua"
export RATTAN_LIBCUDA="$TMP/no-driver.so"

"$RATTAN" targets >"$TMP/targets"
for arch in sm_80 sm_86 sm_89 sm_90 sm_100a sm_103a sm_120a; do
    expect_text "targets: $arch" "$(cat "$TMP/targets")" "^cuda:$arch .*shared memory"
done
"$RATTAN" targets --json >"$TMP/json"
expect_text "targets: json" "$(cat "$TMP/json")" '"warp_size": 32'

expect_error 4 "no driver" 'no-driver.so cannot be opened.*cuda:sm_XX' "$RATTAN" compile "$SPEC" --target cuda
expect_error 4 "no driver for check" 'cannot be opened' "$RATTAN" check "$SPEC" --target cuda
expect_error 4 "no driver for bench" 'cannot be opened' "$RATTAN" bench "$SPEC" --target cuda
expect_error 2 "unknown GPU" 'cuda:sm_80.*cuda:sm_120a' "$RATTAN" compile "$SPEC" --target cuda:sm_35
expect_error 2 "no LLVM for a GPU" "no 'llvm' for the target cuda:sm_90.*ptx" "$RATTAN" compile "$SPEC" --target cuda:sm_90 --emit llvm
expect_error 2 "no CUDA for a CPU" "no 'cuda' for the target host" "$RATTAN" compile "$SPEC" --emit cuda
expect_error 2 "no SASS for a CPU" "no 'sass' for the target host" "$RATTAN" compile "$SPEC" --emit sass

# doctor on a driver that runs nothing: nvidia-smi is asked for the device by its bus, for it knows nothing of
# CUDA_VISIBLE_DEVICES; the toolkit is where CUDA_HOME says; a kernel goes all the way where there is NVRTC.
mkdir -p "$TMP/smi" "$TMP/toolkit/bin"
printf '#!/bin/sh\necho "asked for $2"\n' >"$TMP/smi/nvidia-smi"
printf '#!/bin/sh\n' | tee "$TMP/toolkit/bin/nvdisasm" >"$TMP/toolkit/bin/compute-sanitizer"
chmod +x "$TMP/smi/nvidia-smi" "$TMP"/toolkit/bin/*
with_driver() {
    env RATTAN_LIBCUDA="$BUILD/tests/libfake_cuda.so" FAKE_CUDA_DEVICES=2 CUDA_HOME="$TMP/toolkit" PATH="$TMP/smi:$PATH" "$@" \
        "$RATTAN" doctor 2>&1
}
with_driver RATTAN_NVRTC="$TMP/none" >"$TMP/doctor"
for tool in nvdisasm compute-sanitizer; do expect_text "doctor: $tool" "$(cat "$TMP/doctor")" "^$tool +ok"; done
for device in 0 1; do
    expect_text "doctor: clocks of GPU $device" "$(cat "$TMP/doctor")" "^GPU $device +ok .*Fake GPU, target cuda:sm_90a.*: asked for 0000:1$device:00\.0"
done
if "$RATTAN" doctor | grep -q '^NVRTC *ok'; then
    expect_text "doctor: a kernel runs" "$(with_driver)" '^GPU 1 +ok .*an empty kernel ran'
    expect_text "doctor: a driver older than NVRTC" "$(with_driver FAKE_CUDA_LOAD=222)" \
        '^GPU 0 +BROKEN .*the driver is older than the NVRTC .*install a newer driver'
else
    skip "doctor: a kernel runs" "no NVRTC"
fi

# What needs neither NVRTC nor a GPU.
check "loop IR without anything" env RATTAN_NVRTC="$TMP/none" "$RATTAN" compile "$SPEC" --target cuda:sm_90 --emit loop-ir,schedule
"$RATTAN" doctor >"$TMP/doctor"
expect_text "doctor: no driver is no failure" "$(cat "$TMP/doctor")" '^CUDA driver +absent'
RATTAN_NVRTC="$TMP/none" "$RATTAN" doctor >"$TMP/doctor"
expect_text "doctor: no NVRTC says how to get it" "$(cat "$TMP/doctor")" '^NVRTC +absent .*RATTAN_NVRTC'
for kind in decode extend; do
    check "$kind for a GPU" "$RATTAN" compile "$SPEC" --target cuda:sm_90 --kind $kind --emit tile-ir,cuda -o "$TMP/$kind/"
done
check "gradients of a map that is not finite at zero" "$RATTAN" compile "$SPEC" --kind backward --target cuda:sm_90 --emit tile-ir,cuda \
    --set 'feature_map=function(x) local b = relu(x) return b / sum(b) end' -o "$TMP/zero/"
check "gradients of a map that is finite for no row of equal numbers" "$RATTAN" compile "$SPEC" --kind backward --target cuda:sm_90 \
    --set 'feature_map=function(x) local y = x - mean(x) return y / sqrt(sum(y * y)) end' --emit tile-ir,cuda -o "$TMP/norm/"
expect_error 2 "gradients of a map that is finite for no row" 'feature_map: .*finite for none .*add a small number' \
    "$RATTAN" compile "$SPEC" --set 'feature_map=function(x) return log(-abs(x)) end' --kind backward --target cuda:sm_90 --emit tile-ir
expect_error 2 "parts are doubled" "schedule: parts: the parts of a step are doubled" "$RATTAN" compile "$SPEC" --target cuda:sm_90 \
    --kind decode --schedule parts=3 --emit cuda

# Heads of a large group take turns: as few tiles as registers hold well, of like size.
for words in '16 16 128' '128 16 128' '71 24 64' '64 8 256' '71 9 200'; do
    read -r heads tile dim <<<"$words"
    for arch in sm_80 sm_86 sm_90a sm_120a; do
        "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --no-tuning --kind decode --target cuda:$arch --set heads="$heads" --set kv_heads=1 \
            --set head_dim="$dim" --set value_dim="$dim" --emit schedule,cuda >"$TMP/many" 2>&1
        expect_text "$heads heads of $dim columns on $arch: the tile" "$(cat "$TMP/many")" "^chunk=2 .*group_heads=$tile "
        expect_text "$heads heads of $dim columns on $arch: one launch" "$(grep -c __global__ "$TMP/many")" '^1$'
    done
done
expect_error 2 "more heads than a group has" "schedule: group_heads: a group has no more heads" "$RATTAN" compile "$SPEC" --target cuda:sm_90 \
    --kind decode --schedule group_heads=64 --emit cuda

# Without roles the default is that of a GPU that has none, whether they are refused or cannot be.
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90 --emit schedule >"$TMP/plain"
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --emit schedule >"$TMP/roles"
expect_text "roles by default" "$(cat "$TMP/roles")" 'roles=1'
for words in 'head_dim=128 1' 'head_dim=64 0' 'rope=false 0' 'heads=8 0'; do # two groups of warps that turn queries
    "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --set "${words% *}" --emit schedule >"$TMP/turns"
    expect_text "turns by default, ${words% *}" "$(cat "$TMP/turns")" "turns=${words#* } "
done
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --schedule roles=0 --emit schedule >"$TMP/other"
check "the default with roles=0" cmp "$TMP/plain" "$TMP/other"
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --with packed --emit schedule >"$TMP/other"
check "packed sequences have roles" cmp "$TMP/roles" "$TMP/other"
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind extend --emit schedule >"$TMP/plain"
expect_text "chunks of prompt have them" "$(cat "$TMP/plain")" 'roles=1'
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind extend --with packed --emit schedule >"$TMP/other"
check "packed chunks of prompt, too" cmp "$TMP/plain" "$TMP/other"
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind extend --set initial_state=input --emit schedule >"$TMP/other"
expect_text "chunks of prompt on initial states, two heads a tile" "$(cat "$TMP/other")" 'group_heads=2 .*roles=1'
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind extend --set fold=16 --emit schedule >"$TMP/other"
expect_text "chunks of prompt with a fold" "$(cat "$TMP/other")" 'roles=1'

# Wide layers: two heads at a time.
WIDE=("$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --set head_dim=256 --set value_dim=256 --emit schedule)
"$RATTAN" compile "${WIDE[@]}" >"$TMP/wide"
expect_text "roles for a wide layer" "$(cat "$TMP/wide")" '^chunk=64 key_tile=64 group_heads=2 .*roles=1'
for words in "dtype=fp32" "value_dim=256"; do # row tiles are as tall as the fold
    check "small tiles with a fold of 64, $words" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --kind extend \
        --target cuda:sm_90a --set fold=64 --set "$words" --emit cuda
done
for words in 'rope={theta=10000,style="half"}' rope=false; do # queries are not cut, values are
    check "wide values alone, $words" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --emit cuda --set head_dim=64 \
        --set value_dim=256 --set feature_map=softmax --set qk_scale=true --set "$words"
done
expect_error 2 "odd groups of a wide layer" "schedule: roles: .* must be even" "$RATTAN" compile "${WIDE[@]}" --set heads=8 \
    --schedule roles=1

# Warps that wait for registers that a block does not have wait for ever.
for words in 'registers=240 copy_registers=32' 'chunk=64 group_heads=4 warps=16 registers=120 key_tile=32' 'blocks=2 registers=112 key_tile=32'; do
    expect_error 2 "too many registers: $words" "schedule: registers: .* take more than the [0-9]+ each" "$RATTAN" compile \
        "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --schedule "$words" --emit cuda
done
expect_error 2 "a long key tile" "schedule: key_tile: with roles" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" \
    --target cuda:sm_90a --schedule key_tile=272 --emit cuda
expect_error 2 "many warps" "schedule: warps: with roles" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" \
    --target cuda:sm_90a --schedule 'chunk=96 group_heads=4 warps=24 registers=80 key_tile=16' --emit cuda
check "floats of eight pieces and a state given" "$RATTAN" compile "$SOURCE/specs/tiny.lua" --target cuda:sm_90a --dtype fp32 \
    --set head_dim=64 --set value_dim=64 --set heads=1 --set kv_heads=1 --set 'initial_state="input"' --set rope=false \
    --set 'feature_map=function(x) return concat(x,x,x,x,x,x,x,x) end' --emit cuda
for kind in forward extend; do
    check "$kind with a state given" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind $kind \
        --set 'initial_state="input"' --emit cuda
done
for words in registers=128 'group_heads=1 warps=4'; do
    expect_error 2 "too few registers: $words" "schedule: registers: with blocks=1 a thread starts with" "$RATTAN" compile \
        "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --schedule "$words" --emit cuda
done

# A side of a product is written over one that an earlier product read behind a barrier only: warps read at their own pace.
# In:  the tile IR after all passes. Out: each `ring_put` that no barrier parts from a reader of that ring.
overwritten() {
    awk '/^kernel /{ delete read; delete of }
        { line = $0; sub(/^ */, "", line) }
        line ~ /^barrier/ { delete read }
        line ~ /= ring_get %/ { split(line, word, /[ ,:]+/); match(line, /ring_get %[0-9]+/); of[word[1]] = substr(line, RSTART + 9, RLENGTH - 9) }
        line !~ /ring_get/ { n = split(line, word, /[ ,]+/); for (i = 1; i <= n; i++) if (word[i] in of) read[of[word[i]]] = 1 }
        line ~ /^ring_put %/ { match(line, /ring_put %[0-9]+/); if (substr(line, RSTART + 9, RLENGTH - 9) in read) print line }' "$1"
}
scaled=(--set head_dim=32 --set value_dim=32 --set heads=4 --set kv_heads=2 --set window=32 --set qk_scale=true)
for target in sm_80 sm_90a; do
    for kind in forward extend backward; do
        for state in zero input; do
            "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" "${scaled[@]}" --set "initial_state=\"$state\"" --kind $kind \
                --target cuda:$target --emit tile-ir >"$TMP/tiles" 2>&1
            [ -s "$TMP/tiles" ] && equal "sides wait for their readers: $kind, state $state, $target" "" "$(overwritten "$TMP/tiles")"
        done
    done
done
for words in '' 'stages=1'; do
    "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set heads=4 --set kv_heads=2 --set head_dim=256 --set value_dim=256 \
        --set 'initial_state="input"' --kind backward --with final-state --target cuda:sm_90a ${words:+--schedule "$words"} \
        --emit tile-ir >"$TMP/tiles" 2>&1
    [ -s "$TMP/tiles" ] && equal "few sides wait for their readers: ${words:-default}" "" "$(overwritten "$TMP/tiles")"
done

# Rows of a tile of which a part is padding are as far apart where it is written as where it is read.
for size in 56 120; do
    "$RATTAN" compile "$SOURCE/specs/tiny.lua" --dtype bf16 --set head_dim=$size --set value_dim=$size --kind backward \
        --target cuda:sm_90a --emit cuda >"$TMP/tiles" 2>&1
    equal "a padded side, $size columns" "put<4, 64, $size, $(((size + 15) / 16 * 32))>" "$(grep -oE "put<4, 64, $size, [0-9]+>" "$TMP/tiles" | sort -u)"
done

# The default gives way where shared memory is short; what is asked for does not.
for target in sm_80 sm_90a sm_120a; do
    for state in zero input; do
        for variant in lse final-state; do
            kind=$([ $variant = lse ] && echo forward || echo backward)
            for size in 128 192 256; do
                check "$size wide, state $state, $variant, $target" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set heads=4 \
                    --set kv_heads=2 --set head_dim=$size --set value_dim=$size --set "initial_state=\"$state\"" --kind $kind \
                    --with $variant --target cuda:$target --emit cuda
            done
            check "128 wide, fp32, state $state, $variant, $target" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set heads=4 \
                --set kv_heads=2 --set "initial_state=\"$state\"" --dtype fp32 --kind $kind --with $variant --target cuda:$target \
                --emit cuda
        done
    done
done
check "a tile that is fetched where it was loaded" "$RATTAN" compile "$SOURCE/specs/tiny.lua" --kind backward --target cuda:sm_120a \
    --dtype fp32 --set head_dim=96 --set value_dim=96 --set heads=2 --set kv_heads=1 --set window=1 --set qk_scale=true --set norm=false \
    --set softcap=50 --set sink=true --set 'initial_state="input"' --set 'feature_map="exp"' --set rope=false --emit cuda
check "unaligned tensors' kernel of a wide layer" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set head_dim=256 --set value_dim=256 \
    --kind backward --with final-state --target cuda:sm_80 --schedule 'roles=0 gradient_roles=0' --emit cuda
expect_error 2 "as many blocks as are asked for" "schedule: shared memory" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" \
    --set head_dim=256 --set value_dim=256 --kind backward --with final-state --target cuda:sm_120a --schedule blocks=2 --emit cuda
expect_error 2 "as many stages as are asked for" "schedule: shared memory" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --dtype fp32 \
    --kind backward --target cuda:sm_120a --schedule stages=4 --emit cuda

# Where nothing that the default could be fits, a smaller tile is no advice.
expect_error 2 "floats of 256 columns in 99 KiB" "main needs .*smaller tiles do not fit either: use a 16-bit dtype, a GPU with more" "$RATTAN" \
    compile "$SOURCE/specs/gemma2_9b.lua" --dtype fp32 --kind decode --target cuda:sm_86 --emit cuda
expect_error 2 "512 columns in 99 KiB" "main needs .*smaller tiles do not fit either: use a GPU with more" "$RATTAN" compile \
    "$SOURCE/specs/gemma2_9b.lua" --set head_dim=512 --set value_dim=512 --kind decode --target cuda:sm_86 --emit cuda
expect_error 2 "what is asked for" "main needs .*use a smaller chunk or key_tile" "$RATTAN" compile "$SOURCE/specs/gemma2_9b.lua" \
    --dtype fp32 --kind decode --target cuda:sm_86 --schedule key_tile=32 --emit cuda
# Each value of this map is used twice by the next one: who follows uses one by one never ends.
for dim in 24 192; do
    for kind in forward decode extend backward; do
        for target in sm_80 sm_90a; do
            check "values that are used twice, $dim wide, $kind, $target" timeout 100 "$RATTAN" compile "$SOURCE/specs/tiny.lua" --kind $kind \
                --target cuda:$target --dtype bf16 --set head_dim=$dim --set value_dim=$dim --emit cuda \
                --set 'feature_map=function(x) local y = x for i = 1, 24 do y = y * y + 0.1 * y end return y / (1 + sum(y)) end'
        done
    done
done
# A map may begin with a single number, or be made of such.
for map in 'sum(exp(x)), relu(x)' '1, x, x * x' 'mean(x), max(x)' 'mean(x), max(x), sum(exp(x)), relu(x), sum(x)'; do
    for kind in forward decode extend backward; do
        for target in sm_80 sm_90a; do
            check "single columns first: $map, $kind, $target" "$RATTAN" compile "$SOURCE/specs/tiny.lua" --target cuda:$target --kind $kind \
                --dtype bf16 --set head_dim=24 --set "feature_map=function(x) return concat($map) end" --emit cuda
        done
    done
done
# A key's gradient adds up one term a part, and the window's.
for parts in 7 8 9 12; do
    check "gradients of $parts parts that are the key itself" "$RATTAN" compile "$SOURCE/specs/tiny.lua" --target cuda:sm_90a --kind backward \
        --set head_dim=24 --set value_dim=64 --set "feature_map=function(x) return concat($(yes x | head -n $parts | paste -sd,)) end" --emit cuda
done
check "a map that is scaled" "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind backward --set rope=false \
    --set head_dim=64 --set value_dim=64 --set 'feature_map=function(x) return exp(x*2) / sum(exp(x)) end' --emit cuda
