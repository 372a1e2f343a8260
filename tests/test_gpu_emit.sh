#!/usr/bin/env bash
# Code for every GPU without a GPU: each layer of specs/ is emitted for each kind and architecture; where NVRTC is present, a
# small one is compiled for each and the paper's for the one whose warps have roles, without spills. RATTAN_COMPILE_ALL=1
# compiles all. What does not fit an architecture's shared memory, or is not done yet, must say so.
# RATTAN_TEST_JOBS: how many at a time (default 2).
. "$(dirname "$0")/lib.sh"
# shellcheck source=resources.sh
. "$SOURCE/tests/resources.sh"
ARCHS=$("$RATTAN" targets | awk '/^cuda:/ { print $1 }')
# Of two that code generation makes the same for, sanitizers look at one.
[ -z "${RATTAN_SANITIZED:-}" ] || ARCHS=$(grep -vE '_(89|103a)$' <<<"$ARCHS")
JOBS=${RATTAN_TEST_JOBS:-2}
export RATTAN_LIBCUDA="$TMP/no-driver.so"

# emit NAME ARGUMENTS...: source comes out, or a refusal that names the resource or what is missing.
emit() {
    local name=$1 code=0
    shift
    "$RATTAN" compile "$@" --emit cuda -o "$TMP/out.cu" >"$TMP/out" 2>"$TMP/err" || code=$?
    if [ $code = 2 ] && grep -qE 'schedule: shared memory|for GPUs yet' "$TMP/err"; then
        skip "$name" "$(cat "$TMP/err")"
    elif [ $code = 0 ] && grep -q '__global__' "$TMP/out.cu"; then
        ok "$name"
    else
        not_ok "$name" "exit code $code: $(cat "$TMP/err")"
    fi
}

# What all jobs do with a layer: emit it or, where everything is to be compiled, that.
layer() {
    emit "$@"
    [ -n "${RATTAN_COMPILE_ALL:-}" ] && [ -e "$TMP/out.cu" ] && compiles "$1 compiles" "${@:2}"
}

KINDS=
for kind in forward decode extend backward; do
    if "$RATTAN" compile "$SOURCE/specs/mistral_7b.lua" --kind $kind --target cuda:sm_90 --emit cuda >/dev/null 2>"$TMP/err"; then
        KINDS+=" $kind"
    elif grep -q 'kernels for GPUs yet' "$TMP/err"; then
        skip "kind $kind" "$(cat "$TMP/err")"
    else
        not_ok "kind $kind" "$(cat "$TMP/err")"
    fi
done
for spec in "$SOURCE"/specs/*.lua; do
    for item in $(seq 0 15); do # of a sweep or model; the first that is not there ends it
        "$RATTAN" compile "$spec" --item "$item" --emit schedule >/dev/null 2>"$TMP/err" || break
        for kind in $KINDS; do
            # Full attention has one kind, whatever the target.
            "$RATTAN" compile "$spec" --item "$item" --kind "$kind" --emit schedule >/dev/null 2>"$TMP/err"
            grep -q 'full attention has no ring' "$TMP/err" && continue
            for arch in $ARCHS; do
                later layer "$(basename "$spec" .lua) $item, $kind for $arch" "$spec" --item "$item" --kind "$kind" --target "$arch"
            done
        done
    done
done

# Defaults fit for every mix of head dims and groups: a kernel without room for roles has none.
fits() {
    local name=$1 code=0
    shift
    "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind backward --no-cache --emit cuda "$@" \
        >"$TMP/out.cu" 2>"$TMP/err" || code=$?
    if [ $code = 0 ] && grep -q '__global__' "$TMP/out.cu"; then ok "$name"; else not_ok "$name" "exit code $code: $(cat "$TMP/err")"; fi
}
# few_registers NAME KERNEL MOST ARGUMENTS...: a thread of that kernel has no more, and spills none.
few_registers() {
    local name=$1 kernel=$2 most=$3 line
    shift 3
    line=$("$RATTAN" compile "$@" --no-cache --emit resources 2>"$TMP/err" | grep "_$kernel: ")
    if awk -v most="$most" 'END { exit !(NR == 1 && $4 <= most && / 0 \+ 0 bytes spilled/) }' <<<"$line"; then
        ok "$name"
    else
        not_ok "$name" "$line$(cat "$TMP/err")"
    fi
}
for heads in "32 32" "12 4" "16 2"; do
    for dims in "48 128" "96 80" "96 96" "112 32" "112 128" "128 112" "144 256" "208 64" "256 128" "256 256"; do
        later fits "gradients, ${heads/ / heads on }, ${dims/ / x }" --set heads="${heads% *}" --set kv_heads="${heads#* }" \
            --set head_dim="${dims% *}" --set value_dim="${dims#* }"
    done
done
# Left sides of wide rows that follow each other have one place, but not those that are still read.
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set head_dim=256 --set value_dim=256 --set feature_map=softmax --set rope=false \
    --target cuda:sm_90a --kind backward --no-cache --emit tile-ir >"$TMP/left.ir"
expect_text "places of left sides" \
    "$(awk '/^kernel @/ { rows = $2 == "@rows" } rows' "$TMP/left.ir" | grep -c 'ring<1, bf16<128x256>')" '^2$'
# Without roles, products of wide gradients find left sides in shared memory, and features are put there by slices.
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set head_dim=256 --set value_dim=256 --target cuda:sm_90 --kind backward \
    --no-cache --emit tile-ir >"$TMP/plain.ir"
expect_text "left sides of wide gradients without roles" \
    "$(echo $(awk '/^kernel @/ { at = $2 } / ring_put / { print at }' "$TMP/plain.ir" | uniq -c | awk '$2 ~ /rows|window/ { print $2 $1 }'))" \
    '^@rows2 @window_keys1 @window_values1$'
expect_text "features of wide gradients that are put as a whole" \
    "$(awk '/^kernel @/ { at = $2 } at ~ /key_(segments|states)/' "$TMP/plain.ir" | grep -cE 'ring_put %[0-9]+, %[0-9]+, %[0-9]+$')" '^0$'
# Registers hold one sum of 256 columns and half as much: left sides are loaded in the 16 bits that memory has, those that stay there
# behind those that are put into shared memory; what a block made apart multiplied by is not known behind it; dk's part from the
# window is turned where it lies; kernel prepare makes features slice by slice.
"$RATTAN" compile "$SOURCE/specs/gemma2_9b.lua" --target cuda:sm_80 --kind backward --no-cache --emit cuda |
    awk '/__global__/ { p = 1 } p' >"$TMP/plain.cu"
expect_text "left sides that are loaded as floats" \
    "$(awk '/__global__/ { split("", loaded) } / load_tile</ { split($0, a, /[(,]/); for (i in a) if (a[i] ~ /^t[0-9]+$/) loaded[a[i]] = 1 }
        match($0, / = pack\(t[0-9]+/) { n += substr($0, RSTART + 8, RLENGTH - 8) in loaded } END { print n + 0 }' "$TMP/plain.cu")" '^0$'
expect_text "left sides that are loaded packed" "$(grep -c ' load_packed<' "$TMP/plain.cu")" '^[1-9]'
expect_text "blocks made apart in main whose columns are not known behind them" \
    "$(awk '/__global__/ { main = /_backward_main\(/ } main && / forget\(\);/ { getline; n += /made_here/ } END { print n + 0 }' "$TMP/plain.cu")" '^[1-9]'
expect_text "dk is turned where it lies" \
    "$(awk '/__global__/ { keys = /_backward_keys\(/ } keys && / rope</ { getline; print /store_tile<float/ }' "$TMP/plain.cu")" '^1$'
expect_text "tiles of 256 columns in prepare" \
    "$(awk '/__global__/ { at = /_backward_prepare\(/ } at' "$TMP/plain.cu" | grep -cE 'load_tile<[^(]*, 256, ')" '^0$'
expect_text "features of 256 columns that kernel keys holds from product to product" \
    "$("$RATTAN" compile "$SOURCE/specs/gemma2_9b.lua" --target cuda:sm_86 --kind backward --no-cache --emit tile-ir |
        awk '/^kernel @/ { keys = $2 == "@keys" } keys' | grep -c 'f32<32x256> = exp2')" '^0$'
expect_text "products in window_keys that start from what rows subtract" \
    "$(awk '/__global__/ { at = /_backward_window_keys\(/ } at && / = 0\.0*e\+00f - t[0-9]+\[/ { n++ } END { print n + 0 }' "$TMP/plain.cu")" '^3$'
expect_text "a left side that stays in registers is loaded behind that which does not" \
    "$("$RATTAN" compile "$SOURCE/specs/gemma2_9b.lua" --target cuda:sm_80 --kind backward --no-cache --emit tile-ir |
        awk '/^kernel @/ { rows = $2 == "@rows" } rows && / ring_put / { put = 1 } rows && /axis="key"/ { exit }
        put && / = load .*param="swa_gradient"/ { print "behind" }')" '^behind$'
# Pairs of floats are added where each row begins with one.
for words in "256 1" "129 0"; do
    read -r dim there <<<"$words"
    "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set rope=false --set head_dim=$dim --set value_dim=$dim --target cuda:sm_90 \
        --kind backward --no-cache --emit cuda | sed -n '/^struct Args/,$p' >"$TMP/pairs.cu"
    expect_text "pairs of floats added, $dim columns" "$(grep -q ' add_tile<' "$TMP/pairs.cu" && echo 1 || echo 0)" "^$there\$"
done
# Wide gradients have no roles with initial states, nor registers for floats of a state beside main's sums.
"$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set head_dim=256 --set value_dim=256 --set 'initial_state="input"' \
    --target cuda:sm_90a --kind backward --no-cache --emit tile-ir >"$TMP/initial.ir"
expect_text "loads of wide initial states" \
    "$(echo $(awk '/^kernel @/ { at = $2 } / = load .*param="h0"/ { print at }' "$TMP/initial.ir"))" '^@initial$'
later fits "wide initial states by slices, products in two parts" --set head_dim=256 --set value_dim=256 --set 'initial_state="input"' \
    --set qk_scale=true --target cuda:sm_86
for dims in "64 64" "96 80" "128 112" "208 64" "256 256"; do
    later fits "gradients by what forward saves, ${dims/ / x }" --set head_dim="${dims% *}" --set value_dim="${dims#* }" --with saved
done
later fits "gradients of wide values and the final state" --set head_dim=128 --set value_dim=256 --with final-state
for scales in false true; do
    later fits "gradients of wide heads and the final state, scales $scales" --set head_dim=256 --set value_dim=256 \
        --set qk_scale=$scales --with final-state
done

for arch in cuda:sm_90 cuda:sm_90a; do
    for dtype in fp32 fp16; do
        later layer "gradients with saved, $dtype for $arch" "$SOURCE/specs/odd.lua" --target $arch --kind backward \
            --with saved,packed,final-state --dtype $dtype
    done
    for parts in packed lse final-state parts saved packed,lse,final-state,parts; do
        for dtype in fp32 bf16; do
            later layer "with $parts, $dtype for $arch" "$SOURCE/specs/odd.lua" --target $arch --with $parts --dtype $dtype \
                --set head_dim=16 --set value_dim=32 --set 'initial_state="zero"'
        done
    done
done
for dtype in fp32 bf16 fp16; do
    for dim in 1 2 8 24 80 256; do
        later layer "$dtype, head_dim and value_dim $dim" "$SOURCE/specs/tiny.lua" --target cuda:sm_90 --dtype $dtype \
            --set rope=false --set head_dim=$dim --set value_dim=$dim --set norm=false
    done
    for dim in 2 5 8 24 80; do
        later layer "gradients, $dtype, head_dim and value_dim $dim" "$SOURCE/specs/odd.lua" --target cuda:sm_90a --dtype $dtype \
            --kind backward --set rope=false --set head_dim=$dim --set value_dim=$dim --with final-state
    done
done
# Wide heads, or features of such, that slices of 64 columns leave a single column of.
for dim in 129 193; do
    for kind in forward extend backward; do
        for arch in cuda:sm_80 cuda:sm_90a; do
            later layer "head_dim $dim, $kind for $arch" "$SOURCE/specs/tiny.lua" --target $arch --kind $kind --dtype bf16 --set rope=false \
                --set head_dim=$dim --set value_dim=$dim
        done
    done
done
for map in 'x, sum(x)' '1, x' 'x, max(x), relu(x)'; do
    for kind in forward extend backward; do
        later layer "head_dim 192, features $map, $kind" "$SOURCE/specs/tiny.lua" --target cuda:sm_90a --kind $kind --dtype bf16 \
            --set head_dim=192 --set value_dim=192 --set "feature_map=function(x) return concat($map) end"
    done
done
# Features that are no whole multiples of head_dim, one by itself; such that are not finite where rows are not there.
for map in 'concat(e / sum(e), log(sum(e)) + max(x))' 'concat(e / sum(e), -x, x / sum(x * x))'; do
    for dim in 7 24 64; do
        later layer "gradients, head_dim $dim, $map" "$SOURCE/specs/odd.lua" --target cuda:sm_90a --dtype bf16 --kind backward \
            --set rope=false --set head_dim=$dim --set "feature_map=function(x) local e = exp(x - max(x)) return $map end"
    done
done
for kind in $KINDS; do
    for fold in 4 16 64; do
        later layer "fold $fold, $kind for cuda:sm_90a" "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind "$kind" \
            --set fold=$fold
        later layer "fold $fold, odd, $kind for cuda:sm_80" "$SOURCE/specs/odd.lua" --target cuda:sm_80 --kind "$kind" \
            --set fold=$fold
    done
done
for kind in $KINDS; do
    for arch in cuda:sm_80 cuda:sm_90a; do
        later layer "tf32, $kind for $arch" "$SOURCE/specs/odd.lua" --target $arch --kind "$kind" --set tf32=true
    done
done
gather

# Keys that a kernel before main turned come alone: nothing is fetched that no product reads.
"$RATTAN" compile "$SOURCE/specs/mistral_7b.lua" --target cuda:sm_80 --no-cache --emit tile-ir >"$TMP/turned.ir"
expect_text "turned keys are fetched" "$(awk '/^kernel @/ { main = $2 == "@main" } main' "$TMP/turned.ir" | grep -c 'fetch.*param="keys"')" '^4$'
expect_text "and not what they were made of" "$(awk '/^kernel @/ { main = $2 == "@main" } main' "$TMP/turned.ir" | grep -c 'fetch.*param="k"')" '^0$'

# New tokens are added to the keys of a ring where registers do not hold both; narrower ones are loaded beside them.
for words in "gemma2_9b 1" "paper_d128 0"; do
    "$RATTAN" compile "$SOURCE/specs/${words% *}.lua" --target cuda:sm_90a --kind decode --no-cache --emit cuda | sed -n '/^struct Args/,$p' >"$TMP/keys.cu"
    expect_text "new tokens added to keys of ${words% *}" "$(grep -c ' add_rows<' "$TMP/keys.cu")" "^${words#* }\$"
done

# Of keys whose pairs lie half a row apart both halves are multiplied in turns, so that no pair waits in registers.
for words in "mistral_7b 1" "paper_d128 0"; do
    "$RATTAN" compile "$SOURCE/specs/${words% *}.lua" --target cuda:sm_90a --kind decode --no-cache --emit cuda | sed -n '/^struct Args/,$p' >"$TMP/halves.cu"
    expect_text "halves of turned keys in turns, ${words% *}" "$(grep -cE ' product<bf16, 1, 256, true>' "$TMP/halves.cu")" "^${words#* }\$"
done

# A map that no tile of columns can be put through: the leaving keys, which wait in registers, come before queries.
"$RATTAN" compile "$SOURCE/specs/custom_map.lua" --target cuda:sm_80 --kind decode --no-cache --emit cuda | sed -n '/^struct Args/,$p' >"$TMP/rows.cu"
expect_text "features of rows: keys first" "$(echo $(grep -oE ' put<4, [24], (64|129), |load_tile<.*a\.v \+ 0,' "$TMP/rows.cu" | grep -oE '^ put<4, [24], [0-9]+|^load' | head -n 4))" \
    '^put<4, 2, 129 load put<4, 4, 64 put<4, 4, 129$'

# Without roles extend's blocks compute where their results go from their number, behind the loops; others hold it.
for words in "extend sm_80 1" "extend sm_90a 0" "forward sm_80 0"; do
    read -r kind arch count <<<"$words"
    "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:$arch --kind "$kind" --no-cache --emit cuda >"$TMP/again.cu"
    expect_text "places computed again, $kind for $arch" "$(grep -c 'u32 rest = block_here()' "$TMP/again.cu")" "^$count\$"
done

# Who says nothing gets products of floats; tf32 is for floats alone.
for how in "fp32 false float_product" "fp32 true tf32_product" "bf16 true product"; do
    read -r dtype tf32 call <<<"$how"
    "$RATTAN" compile "$SOURCE/specs/tiny.lua" --target cuda:sm_80 --dtype "$dtype" --set "tf32=$tf32" --emit cuda |
        sed -n '/^struct Args/,$p' | grep -oE '[a-z0-9_]*product[a-z_]*<' | sed -E 's/_(transposed|left)?<|<//' | sort -u >"$TMP/products"
    expect_text "products of $dtype, tf32 = $tf32" "$(cat "$TMP/products")" "^$call$"
done

# The same source each time: nothing of the process gets into it.
"$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_90 --emit cuda >"$TMP/first.cu"
"$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_90 --emit cuda >"$TMP/second.cu"
check "the same source twice" cmp "$TMP/first.cu" "$TMP/second.cu"
expect_text "the source includes nothing" "$(grep -c '#include' "$TMP/first.cu")" '^0$'

if nvrtc_here "compiling"; then
    for arch in $ARCHS; do later compiles "tiny compiles for $arch" "$SOURCE/specs/tiny.lua" --target "$arch"; done
    for kind in $KINDS; do
        later compiles "tiny compiles for $kind" "$SOURCE/specs/tiny.lua" --target cuda:sm_80 --kind $kind --set head_dim=16
        later compiles "the paper's layer compiles for $kind" "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind $kind
    done
    for arch in cuda:sm_80 cuda:sm_90a; do
        later compiles "the gradients of the paper's layer, 64 wide, compile for $arch by what forward saves" \
            "$SOURCE/specs/paper_d128.lua" --target $arch --kind backward --set head_dim=64 --set value_dim=64 --with saved
    done
    for dtype in bf16 fp16 fp32; do
        later few_registers "main of the paper's layer by what forward saves, $dtype, leaves room for a second block" main 128 \
            "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind backward --with saved --dtype $dtype
    done
    later compiles "the paper's layer compiles where it saves" "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --with saved
    for dim in 5 24; do
        later compiles "odd, $dim wide, compiles for backward" "$SOURCE/specs/odd.lua" --target cuda:sm_90a --kind backward \
            --set rope=false --set head_dim=$dim --set value_dim=$dim
    done
    later compiles "the paper's layer without RoPE compiles with main beside its states" "$SOURCE/specs/paper_d128.lua" \
        --set rope=false --target cuda:sm_90a --schedule 'segment=0 beside=44'
    later compiles "the paper's layer compiles for extend without roles" "$SOURCE/specs/paper_d128.lua" --target cuda:sm_80 \
        --kind extend
    for arch in cuda:sm_80 cuda:sm_86 cuda:sm_90 cuda:sm_100a; do
        later compiles "the gradients of the paper's layer compile without roles for $arch" "$SOURCE/specs/paper_d128.lua" \
            --target $arch --kind backward
    done
    later compiles "gradients of 64 columns with a sink compile without roles" "$SOURCE/specs/gpt_oss.lua" --target cuda:sm_90 \
        --kind backward
    later compiles "the paper's layer without RoPE compiles for extend" "$SOURCE/specs/paper_d128.lua" --set rope=false \
        --target cuda:sm_90a --kind extend
    later compiles "packed chunks of prompt of the paper's layer compile" "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a \
        --kind extend --with packed
    later compiles "chunks of prompt on initial states of the paper's layer, 64 wide, compile" "$SOURCE/specs/paper_d128.lua" \
        --target cuda:sm_90a --kind extend --set initial_state=input --set head_dim=64 --set value_dim=64
    later compiles "the paper's layer with halves roped compiles" "$SOURCE/specs/paper_d128.lua" \
        --set 'rope={theta=10000,style="half"}' --target cuda:sm_90a
    later compiles "a layer whose roped halves are no whole steps compiles" "$SOURCE/specs/paper_d128.lua" \
        --set 'rope={theta=10000,style="half"}' --set head_dim=80 --target cuda:sm_90a
    for arch in cuda:sm_80 cuda:sm_90a cuda:sm_120a; do
        later compiles "tiny compiles with tf32 for $arch" "$SOURCE/specs/tiny.lua" --target $arch --set tf32=true
    done
    later compiles "the paper's layer compiles without roles" "$SOURCE/specs/paper_d128.lua" --set rope=false \
        --target cuda:sm_90
    later compiles "floats of 128 columns compile" "$SOURCE/specs/paper_bench.lua" --target cuda:sm_120a
    for arch in cuda:sm_80 cuda:sm_90a cuda:sm_120a; do
        later compiles "keys of 256 columns compile for decode, $arch" "$SOURCE/specs/gemma2_9b.lua" --target $arch --kind decode
    done
    for layer in mistral_7b custom_map; do
        later compiles "$layer compiles for decode" "$SOURCE/specs/$layer.lua" --target cuda:sm_120a --kind decode
    done
    for arch in cuda:sm_80 cuda:sm_90a cuda:sm_120a; do
        later compiles "gradients of floats of 128 columns compile for $arch" "$SOURCE/specs/paper_bench.lua" --target $arch \
            --kind backward
    done
    later compiles "gradients of floats of 128 columns compile with tf32" "$SOURCE/specs/paper_bench.lua" --target cuda:sm_90a \
        --kind backward --set tf32=true
    later compiles "floats of 128 columns compile for decode" "$SOURCE/specs/paper_bench.lua" --target cuda:sm_120a --kind decode
    later compiles "the paper's layer, 64 wide, compiles" "$SOURCE/specs/paper_d128.lua" --set head_dim=64 --set value_dim=64 \
        --target cuda:sm_90a
    # Of wide heads what follows main's keys goes by slices: beside a sum of 256 columns registers hold no second one.
    for kind in forward extend; do
        later compiles "wide heads compile without roles, $kind" "$SOURCE/specs/gemma2_9b.lua" --target cuda:sm_86 --kind $kind
    done
    later compiles "wide heads compile in another form, without spills" "$SOURCE/specs/gemma2_9b.lua" --target cuda:sm_90
    gather
    # Kernels before main spill yet where a layer with roles is as wide.
    "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set rope=false --set heads=16 --set head_dim=256 --set value_dim=256 \
        --target cuda:sm_90a --no-cache --emit resources >"$TMP/wide" 2>&1
    expect_text "the paper's layer, 256 wide, compiles" "$(grep '_main:' "$TMP/wide")" ' 0 \+ 0 bytes spilled, 0 bytes of stack'
    expect_text "and none of its products is held up" "$(grep -c 'held up' "$TMP/wide")" '^0$'
    "$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --set rope=false --set heads=16 --set head_dim=256 --set value_dim=256 \
        --kind backward --target cuda:sm_90a --no-cache --emit resources >"$TMP/wide" 2>&1
    expect_text "its sums of keys do not spill" "$(grep -E '_(window_keys|window_values|values|keys):' "$TMP/wide" | grep -vc ' 0 + 0 bytes')" '^0$'
    expect_text "and none of its gradients' products is held up" "$(grep -c 'held up' "$TMP/wide")" '^0$'
    check "a code object for a GPU" "$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_80 --emit code,cubin,ptx -o "$TMP/odd/"
    expect_text "the cubin is one" "$(head -c 4 "$TMP/odd/odd.forward.cubin" | tr -d '\177')" '^ELF$'
    expect_text "the PTX is for it" "$(cat "$TMP/odd/odd.forward.ptx")" '^\.target sm_80'
    mkdir "$TMP/bin" "$TMP/file's"
    printf '#!/bin/sh\nhead -c 4 "$1" | tr -d "\\177"; echo " in $1"\n' >"$TMP/bin/nvdisasm"
    chmod +x "$TMP/bin/nvdisasm"
    expect_text "nvdisasm gets a file below TMPDIR" "$(TMPDIR="$TMP/file's" PATH="$TMP/bin:$PATH" "$RATTAN" compile "$SOURCE/specs/odd.lua" \
        --target cuda:sm_80 --emit sass)" "^ELF in $TMP/file's/"
    equal "which is gone then" "" "$(ls "$TMP/file's")"
    check "a kernel into the cache" "$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_80
    expect_text "once more, from the cache" "$("$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_80)" 'from the cache in'
    expect_text "once more, without NVRTC" "$(RATTAN_NVRTC="$TMP/none" "$RATTAN" compile "$SOURCE/specs/odd.lua" --target cuda:sm_80)" \
        'from the cache in'
fi
