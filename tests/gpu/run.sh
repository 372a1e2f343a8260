#!/usr/bin/env bash
# Everything that needs a GPU, one command:   bash tests/gpu/run.sh [PART...]
# PART: runtime, kernels, aot, vectors, random, gradients (golden ones, 300 random layers, sanitizers), backward (repeats, long
# sequences, magnitudes), shapes, folds, steps (decoding: code without clusters, groups of many heads, maps), wide, memcheck,
# racecheck, synccheck; default: all; sanitizer: the last three. RATTAN_RANDOM_CASES: how many (default 500; of gradients 300),
# half of them layers for warps with roles; RATTAN_RANDOM_SEED: the first one's number (default 1), so that several calls share
# them. RATTAN_ONLY: a regular expression; of single cases those whose name it matches. With RATTAN_QUIET=1 cases that passed are
# only counted. Where there are several GPUs, each gets its share of the cases.
# In:  RATTAN and BUILD as for the other tests, or .carry/programs.tar.xz as scripts/device_pack makes it.
# Out: a line a case, as tests/lib.sh says, then the counts; exit code 1 if a case failed, 77 without a device.
if [ -z "${RATTAN:-}" ] && [ -r "$(dirname "$0")/../../.carry/programs.tar.xz" ]; then
    BUILD=$(mktemp -d)
    tar -C "$BUILD" -xJf "$(dirname "$0")/../../.carry/programs.tar.xz"
    export BUILD RATTAN="$BUILD/rattan" GOLDEN="$PWD/.carry/golden"
fi
SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../lib.sh
. "$SOURCE/tests/lib.sh"
[ $# -gt 0 ] || set -- runtime kernels aot vectors random gradients backward shapes folds steps wide memcheck racecheck synccheck
JOBS=$(nproc)
GPUS=$(nvidia-smi -L 2>/dev/null | grep -c .)
[ "$GPUS" -gt 0 ] || GPUS=1

# on NUMBER COMMAND...: on the GPU whose turn it is.
on() {
    local gpu=$(($1 % GPUS))
    shift
    if [ -n "${CUDA_VISIBLE_DEVICES:-}" ]; then "$@"; else CUDA_VISIBLE_DEVICES=$gpu "$@"; fi
}

"$RATTAN" doctor | grep -E '^(GPU|CUDA|NVRTC)'
"$RATTAN" doctor | grep -q '^GPU 0 *ok' || {
    echo "skip all (no GPU that works)"
    exit 77
}

[ -z "${RATTAN_QUIET:-}" ] || ok() { cases=$((cases + 1)); }

# A program that prints its own cases: they count here.
program() {
    "$@" >"$TMP/program" 2>&1
    local code=$?
    if [ -z "${RATTAN_QUIET:-}" ]; then cat "$TMP/program"; else grep -v '^ok ' "$TMP/program"; fi
    take "$TMP/program"
    case $code in
    0) ;;
    1) grep -q '^not ok ' "$TMP/program" || not_ok "$(basename "$1")" "$(tail -n 1 "$TMP/program")" ;;
    77) grep -q '^skip ' "$TMP/program" || skip "$(basename "$1")" "$(tail -n 1 "$TMP/program")" ;;
    *) not_ok "$(basename "$1")" "exit code $code" ;;
    esac
}

# queue NAME COMMAND...: as check does, beside others; `collect` waits for all and gives the verdicts.
queued=() pids=()
queue() {
    local number=${#queued[@]}
    [[ $1 =~ ${RATTAN_ONLY:-} ]] || return 0
    queued+=("$1")
    shift
    while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n; done
    (
        code=0 began=$SECONDS
        RATTAN_NUM_THREADS=2 on "$number" "$@" >"$TMP/queue.$number" 2>&1 </dev/null || code=$?
        [ $code = 0 ] || echo "exit code $code: $*" >>"$TMP/queue.$number"
        echo "$code $((SECONDS - began))" >"$TMP/code.$number"
    ) &
    pids+=($!)
}
# In their order, each as soon as it has ended: a run that is cut off has said what it found. Slow ones by name and seconds.
collect() {
    local number code took
    for number in "${!queued[@]}"; do
        wait "${pids[number]}" 2>/dev/null
        read -r code took <"$TMP/code.$number"
        if [ "$code" = 0 ]; then
            ok "${queued[number]}"
        elif grep -qE 'for GPUs yet|schedule: shared memory' "$TMP/queue.$number"; then
            skip "${queued[number]}" "$(grep -hE 'for GPUs yet|schedule: shared memory' "$TMP/queue.$number")"
        else
            not_ok "${queued[number]}" "$(grep -v ' ok$' "$TMP/queue.$number" | tail -n 20)"
        fi
        [ "$took" -lt 60 ] || echo "# $took s: ${queued[number]}"
    done
    queued=() pids=()
}

part_runtime() {
    program "$BUILD/gpu_runtime"
    program "$BUILD/gpu_phases"
}
part_kernels() {
    program "$BUILD/gpu_kernels"
    program "$BUILD/gpu_kinds"
}

# Ahead-of-time libraries: captures and host time beside a kernel that is compiled at run time, and --check of all kinds.
part_aot() {
    local interface paper=("$SOURCE/specs/paper_d128.lua" --set heads=4 --set kv_heads=2)
    command -v ld >/dev/null || command -v ld.lld >/dev/null || { skip "ahead-of-time libraries" "no linker"; return; }
    "$BUILD/gpu_aot" --spec >"$TMP/layer.lua"
    check "a library is built" "$RATTAN" aot "$TMP/layer.lua" --name layers --targets sm_80,sm_90a --kinds forward -o "$TMP/layers"
    interface=$(sed -n 's/.*layers_INTERFACE UINT64_C(\(.*\))/\1/p' "$TMP/layers/include/layers.h")
    program "$BUILD/gpu_aot" "$TMP/layers/lib/liblayers.so.1" "$interface"
    check "one of all kinds" "$RATTAN" aot "${paper[@]}" --name all --targets sm_90a --kinds forward+lse+final-state,decode,extend,backward \
        -o "$TMP/all"
    check "is right" "$RATTAN" aot --check "$TMP/all" --targets cuda
    check "one of packed steps of one shape" "$RATTAN" aot "${paper[@]}" --name steps --targets sm_90a \
        --kinds forward+packed,decode+packed,extend+packed --shapes B=4,T=16 -o "$TMP/steps"
    check "is right" "$RATTAN" aot --check "$TMP/steps" --targets cuda
    check "one that has PTX alone for this GPU" "$RATTAN" aot "${SMALL[@]}" --name text --targets sm_80 --kinds forward,decode -o "$TMP/text"
    check "is right" "$RATTAN" aot --check "$TMP/text" --targets cuda
}

# Files of reference vectors, by name, so that none is taken twice.
golden_files() {
    local file
    local -A files=()
    for file in "$SOURCE"/tests/golden/*.safetensors "$GOLDEN"/*.safetensors; do
        [ ! -r "$file" ] || files[$(basename "$file" .safetensors)]=$file
    done
    printf '%s\n' "${files[@]}"
}

part_vectors() {
    local dtype file files name
    mapfile -t files < <(golden_files)
    for file in "${files[@]}"; do
        name=$(basename "$file" .safetensors)
        for dtype in fp32 bf16 fp16; do
            queue "$dtype $name" "$RATTAN" check - --target cuda --dtype $dtype --vectors "$file"
            [ $dtype != fp32 ] || queue "tf32 $name" "$RATTAN" check - --target cuda --dtype fp32 --set tf32=true \
                --vectors "$file"
            [ $dtype = fp32 ] || queue "$dtype $name, roles=0" "$RATTAN" check - --target cuda --dtype $dtype \
                --schedule roles=0 --vectors "$file"
        done
    done
    collect
}

# In slices, each with its own cache: compiling is the most of it.
random_layers() { # COUNT PROGRAM
    local count=$1 first=${RATTAN_RANDOM_SEED:-1} slice each
    each=$(((count + JOBS - 1) / JOBS))
    for ((slice = 0; slice < JOBS; slice++)); do
        RATTAN_RANDOM_TARGET=cuda RATTAN_RANDOM_CASES=$each RATTAN_RANDOM_SEED=$((first + slice * each)) RATTAN_NUM_THREADS=1 \
            RATTAN_RANDOM_WIDE=$((slice / GPUS % 2)) on $slice bash "$SOURCE/tests/$2" 2>&1 |
            tee "$TMP/random.$slice" | grep --line-buffered -vE '^(ok|skip) ' &
    done
    wait
    for ((slice = 0; slice < JOBS; slice++)); do
        take "$TMP/random.$slice"
    done
}
part_random() { random_layers "${RATTAN_RANDOM_CASES:-500}" test_random.sh; }

# Those that compile for longest come first.
part_gradients() {
    local dtype file files name tool size
    local words run=("$RATTAN" check --kind backward --target cuda)
    mapfile -t files < <(golden_files | xargs -d '\n' ls -S)
    for file in "${files[@]}"; do
        name=$(basename "$file" .safetensors)
        for dtype in fp32 bf16 fp16; do
            [ "$dtype $name" = "fp32 mqa_d256" ] || # compiles for minutes
                queue "gradients $dtype $name" "${run[@]}" - --dtype $dtype --vectors "$file"
        done
        for dtype in bf16 fp16; do
            queue "gradients $dtype $name, saved" "${run[@]}" - --dtype $dtype --with saved --vectors "$file"
        done
        queue "gradients bf16 $name, no roles" "${run[@]}" - --dtype bf16 --schedule 'roles=0 gradient_roles=0' --vectors "$file"
    done
    for tool in memcheck racecheck synccheck; do
        queue "gradients $tool" compute-sanitizer --tool $tool --error-exitcode 9 "${run[@]}" "${SMALL[@]}" --seed 1 --shape B=2,T=100
        queue "gradients $tool, D 64" compute-sanitizer --tool $tool --error-exitcode 9 "${run[@]}" "$SOURCE/specs/paper_d128.lua" \
            --set head_dim=64 --set value_dim=64 --set heads=4 --set kv_heads=2 --set window=100 --seed 1 --shape B=1,T=200
        queue "gradients $tool, D 128" compute-sanitizer --tool $tool --error-exitcode 9 "${run[@]}" "$SOURCE/specs/paper_d128.lua" \
            --set heads=2 --set kv_heads=1 --set window=70 --seed 1 --shape B=1,T=150
    done
    for tool in memcheck racecheck synccheck; do
        queue "gradients $tool, packed" compute-sanitizer --tool $tool --error-exitcode 9 "${run[@]}" "${SMALL[@]}" --seed 1 \
            --shape lengths=70,0,130
        queue "gradients $tool, packed, D 128" compute-sanitizer --tool $tool --error-exitcode 9 "${run[@]}" \
            "$SOURCE/specs/paper_d128.lua" --set heads=2 --set kv_heads=1 --set window=70 --seed 1 --shape lengths=70,150
    done
    local saved=("${run[@]}" --with saved --seed 2)
    for size in 64 128 256; do
        queue "gradients by what forward saves, D $size" "${saved[@]}" "$SOURCE/specs/paper_d128.lua" --set head_dim=$size \
            --set value_dim=$size --set heads=4 --set kv_heads=2 --set window=100 --shape B=2,T=333
    done
    queue "gradients by what forward saves, packed" "${saved[@]}" "$SOURCE/specs/paper_d128.lua" --set heads=4 --set kv_heads=2 \
        --set window=100 --set sink=true --set qk_scale=true --set 'initial_state="input"' --shape lengths=70,0,301
    queue "gradients by what forward saves, no roles" "${saved[@]}" "$SOURCE/specs/paper_d128.lua" --set heads=4 --set kv_heads=2 \
        --set window=100 --shape B=2,T=333 --schedule 'roles=0 gradient_roles=0'
    queue "gradients by what forward saves, states_every" "${saved[@]}" "$SOURCE/specs/paper_d128.lua" --set heads=4 --set kv_heads=2 \
        --set window=100 --shape B=2,T=333 --schedule 'states_every=2'
    queue "gradients by what forward saves, slices of the heads" "${saved[@]}" "$SOURCE/specs/paper_d128.lua" --set heads=4 \
        --set kv_heads=2 --set window=100 --dtype fp16 --shape B=2,T=333 --schedule 'head_slices=2'
    queue "gradients by what forward saves, memcheck" compute-sanitizer --tool memcheck --error-exitcode 9 "${saved[@]}" \
        "$SOURCE/specs/paper_d128.lua" --set heads=2 --set kv_heads=1 --set window=70 --shape B=1,T=150
    queue "gradients of the paper's layer" "${run[@]}" "$SOURCE/specs/paper_d128.lua" --set heads=8 --set kv_heads=2 --shape B=1,T=1100
    local wide=("${run[@]}" "$SOURCE/specs/paper_d128.lua" --set head_dim=256 --set value_dim=256 --set heads=4 \
        --set kv_heads=2 --seed 2)
    queue "gradients, 256 wide" "${wide[@]}" --set rope=false --shape B=1,T=1101
    queue "gradients, 256 wide, roped, window of no tile" "${wide[@]}" --set window=100 --shape B=2,T=333
    queue "gradients, 256 wide, softcap, sink" "${wide[@]}" --set softcap=30 --set sink=true --set window=300 --shape B=1,T=500
    queue "gradients, 256 wide, one part of features" "${wide[@]}" --set feature_map=softmax --set window=128 --shape B=1,T=500
    queue "gradients, 160 wide" "${wide[@]}" --set head_dim=160 --set value_dim=160 --set window=64 --dtype fp16 \
        --shape B=2,T=400
    for size in 56 120; do
        queue "gradients, $size wide" "${run[@]}" "$SOURCE/specs/tiny.lua" --dtype bf16 --set head_dim=$size --set value_dim=$size \
            --seed 2 --shape B=2,T=200
    done
    queue "gradients, 120 features in a tile" "${run[@]}" "$SOURCE/specs/tiny.lua" --dtype bf16 --set head_dim=40 --set value_dim=4 \
        --set 'feature_map=function(x) return concat(sigmoid(x), tanh(x), relu(x)) end' --set 'initial_state="input"' --seed 124 \
        --shape B=2,T=92
    for words in fp32 bf16 "bf16 --set head_dim=16 --set value_dim=16"; do
        # shellcheck disable=SC2086
        queue "gradients, features that begin with numbers, $words" "${run[@]}" "$SOURCE/specs/custom_map.lua" --seed 3 --shape B=2,T=300 \
            --set 'feature_map=function(x) return concat(1, mean(x), relu(x)) end' --dtype $words
        # shellcheck disable=SC2086
        queue "gradients, a key as nine features, $words" "${run[@]}" "$SOURCE/specs/custom_map.lua" --seed 3 --shape B=2,T=300 \
            --set 'feature_map=function(x) return concat(x, x, x, x, x, x, x, x, x) end' --set norm=false --dtype $words
        # shellcheck disable=SC2086
        queue "gradients of full attention, $words" "${run[@]}" "$SOURCE/specs/full_attention.lua" --seed 3 --shape B=2,T=300 --dtype $words
        # shellcheck disable=SC2086
        queue "gradients of full attention, packed, saved, $words" "${run[@]}" "$SOURCE/specs/full_attention.lua" --seed 3 \
            --shape lengths=70,0,301 --with saved --dtype $words
    done
    queue "gradients of packed sequences" "${run[@]}" "$SOURCE/specs/paper_d128.lua" --set head_dim=64 --set value_dim=64 \
        --set heads=4 --set kv_heads=2 --set sink=true --set softcap=20 --set qk_scale=true --set 'initial_state="input"' \
        --shape lengths=70,0,301
    local some=("$SOURCE/specs/paper_d128.lua" --set heads=8 --set kv_heads=2)
    queue "gradients of packed sequences, roles" "${run[@]}" "${some[@]}" --shape lengths=1000,0,63,301,64,1
    queue "gradients of packed sequences, no rope, final state" "${run[@]}" "${some[@]}" --set rope=false --with packed,final-state \
        --shape lengths=1000,0,63,301,64,1
    queue "gradients of packed sequences, scales" "${run[@]}" "${some[@]}" --set qk_scale=true --set sink=true --set softcap=20 \
        --set window=100 --shape lengths=70,129,301,1,0
    queue "gradients of packed sequences, D 64" "${run[@]}" "${some[@]}" --set head_dim=64 --set value_dim=64 --set window=64 \
        --shape lengths=70,129,301,1,0
    queue "gradients of packed sequences, D 256" "${wide[@]}" --set rope=false --shape lengths=70,129,301,1,0
    queue "gradients of packed sequences, groups of one head" "${run[@]}" "${some[@]}" --set heads=2 --shape lengths=70,129,301,1,0
    for size in 64 128; do
        queue "gradients without roles, D $size" "${run[@]}" "$SOURCE/specs/paper_d128.lua" --dtype fp16 --set head_dim=$size \
            --set value_dim=$size --set heads=4 --set kv_heads=2 --set window=100 --seed 2 --shape B=2,T=333 \
            --schedule 'roles=0 gradient_roles=0'
    done
    queue "gradients by slices of the heads" "${run[@]}" "$SOURCE/specs/paper_d128.lua" --set head_dim=64 --set value_dim=64 \
        --set heads=4 --set kv_heads=2 --set sink=true --set 'initial_state="input"' --shape lengths=70,0,301 \
        --schedule head_slices=2
    for size in 16 64 128; do
        local initial=("${run[@]}" "$SOURCE/specs/paper_d128.lua" --set head_dim=$size --set value_dim=$size --set heads=4
            --set kv_heads=2 --set initial_state=input --set window=100)
        queue "gradients, initial states, D $size" "${initial[@]}" --shape B=2,T=333
        queue "gradients, initial states, D $size, no rope, fp16" "${initial[@]}" --set rope=false --set norm=false --dtype fp16 \
            --shape B=1,T=700
        queue "gradients, initial states, D $size, scaled" "${initial[@]}" --set qk_scale=true --set sink=true --shape B=2,T=333
    done
    queue "gradients, initial states, between saved states" "${initial[@]}" --shape B=1,T=700 --schedule states_every=3
    queue "gradients by slices of the heads, roles" "${run[@]}" "$SOURCE/specs/paper_d128.lua" --set head_dim=64 --set value_dim=64 \
        --set heads=4 --set kv_heads=2 --shape B=2,T=333 --schedule head_slices=2
    # Seeds without a gradient of the final state (4, 6), and with one.
    local plain=("$SOURCE/specs/paper_d128.lua" --set rope=false --set heads=8 --set kv_heads=2 --set window=128 --shape B=2,T=700)
    queue "gradients in the place of results" "${run[@]}" "${plain[@]}" --seed 4
    queue "gradients in the place of results, final state" "${run[@]}" "${plain[@]}" --seed 1
    queue "gradients between saved states" "${run[@]}" "${plain[@]}" --seed 4 --schedule states_every=2
    queue "gradients between saved states, slices" "${run[@]}" "${plain[@]}" --seed 6 --schedule 'states_every=4 head_slices=2'
    queue "gradients between saved states, final state" "${run[@]}" "${plain[@]}" --seed 1 --schedule states_every=3
    collect
    random_layers "${RATTAN_RANDOM_CASES:-300}" test_random_gradients.sh
}

# Kind backward beyond what random layers show.
part_backward() {
    local n dtype run=("$RATTAN" check --kind backward --target cuda)
    local paper=("$SOURCE/specs/paper_d128.lua" --set heads=2 --set kv_heads=1)
    local narrow=("$SOURCE/specs/paper_d128.lua" --set head_dim=64 --set value_dim=64 --set heads=4 --set kv_heads=2)
    queue "1000 repeats, small" "${run[@]}" "${SMALL[@]}" --shape B=2,T=100 --seed 1 --repeats 1000
    queue "1000 repeats, D 64, packed" "${run[@]}" "${narrow[@]}" --set window=70 --shape lengths=70,0,301 --seed 1 --repeats 1000
    queue "1000 repeats, the paper's layer" "${run[@]}" "${paper[@]}" --shape B=1,T=600 --seed 1 --repeats 1000
    for dtype in bf16 fp32; do
        queue "65536 tokens, $dtype" "${run[@]}" "$SOURCE/specs/tiny.lua" --dtype $dtype --set head_dim=16 --set value_dim=16 \
            --shape B=1,T=65536 --seed 1
        for n in -40 -20 20 40; do
            queue "magnitude 2^$n, $dtype" "${run[@]}" "${narrow[@]}" --set window=70 --dtype $dtype --shape B=2,T=300 --seed 1 \
                "--magnitude=$n"
        done
    done
    queue "65536 tokens, D 64" "${run[@]}" "${narrow[@]}" --set heads=2 --set window=64 --shape B=1,T=65536 --seed 1
    collect
}

# The smallest layer for warps with roles, and one whose groups are odd.
SMALL=("$SOURCE/specs/tiny.lua" --dtype bf16 --set head_dim=16 --set value_dim=16)
ODD=("$SOURCE/specs/tiny.lua" --dtype fp16 --set head_dim=48 --set value_dim=80 --set heads=6 --set kv_heads=2 --set window=70
    --set 'rope={theta=10000,style="half"}' --set sink=true --set softcap=30 --set qk_scale=true)

# More columns than registers hold beside a product's sum.
WIDE=("$SOURCE/specs/paper_d128.lua" --set rope=false --set heads=4 --set kv_heads=2 --set window=100 --set head_dim=256
    --set value_dim=256)

SHAPES="B=2,T=0 B=0,T=5 B=1,T=1 B=3,T=63 B=3,T=64 B=3,T=65 B=2,T=129"

part_shapes() {
    local shape many how
    many=$(seq -s, 0 200 | sed 's/,/,1,0,7,/g')
    queue "a long sequence" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --shape B=1,T=20000
    queue "a long sequence, roles=0" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --shape B=1,T=20000 \
        --schedule roles=0
    queue "a long sequence in segments" "$RATTAN" check "${SMALL[@]}" --target cuda --shape B=1,T=9000 --schedule segment=256
    queue "many sequences" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --shape B=70000,T=3
    queue "many sequences, roles" "$RATTAN" check "${SMALL[@]}" --target cuda --shape B=70000,T=3
    queue "a long sequence, tf32" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --shape B=1,T=5000 \
        --dtype fp32 --set tf32=true
    queue "packed sequences, tf32" "$RATTAN" check "$SOURCE/specs/odd.lua" --target cuda --shape lengths=0,70,1,300 \
        --set tf32=true
    for how in fp32 bf16 fp16; do
        queue "full attention, $how" "$RATTAN" check "$SOURCE/specs/full_attention.lua" --target cuda --shape B=2,T=700 --dtype $how
        queue "full attention, packed, $how" "$RATTAN" check "$SOURCE/specs/full_attention.lua" --target cuda --shape lengths=333,0,1,700 \
            --dtype $how
    done
    queue "a longer ring" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --shape B=3,T=200,ring=77
    queue "a group of many heads" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --set heads=48 --set kv_heads=1
    queue "a group of one head" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --set head_dim=64 --set value_dim=64
    queue "a group of one head, fp16" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --set value_dim=128 --dtype fp16
    queue "many short packed sequences" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --shape "lengths=$many"
    queue "many short packed sequences, roles" "$RATTAN" check "${SMALL[@]}" --target cuda --shape "lengths=$many"
    for shape in lengths=0,1,63,64,65,70,301 lengths=0,0 lengths=0,5,0 lengths=300,1,0,129; do
        queue "$shape, roles" "$RATTAN" check "${SMALL[@]}" --target cuda --shape $shape
        queue "$shape, roles, odd" "$RATTAN" check "${ODD[@]}" --target cuda --shape $shape
    done
    for how in "feature_groups=1 segment=0" "feature_groups=2 segment=256" fuse_phi=0 turns=1 roles=0; do
        queue "packed, $how" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --set heads=8 --set kv_heads=2 --target cuda \
            --shape lengths=700,0,1300,64,511,513,1 --schedule "$how"
    done
    queue "packed, paper" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --shape lengths=1000,0,63,1301,2048
    queue "packed, paper, no rope" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --set rope=false --target cuda \
        --shape lengths=1000,0,63,1301,2048
    queue "packed, a group of one head" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --set kv_heads=32 --target cuda \
        --shape lengths=600,0,63,801
    queue "packed, a short window" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --set heads=8 --set kv_heads=2 --set window=40 \
        --target cuda --shape lengths=65,70,301,1,128
    for how in 64 128 256; do # in steps of forward, extend and decode, where some sequences have one token or none
        queue "packed chunks, D $how" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --set heads=8 --set kv_heads=2 \
            --set head_dim=$how --set value_dim=$how --set window=128 --set softcap=30 --set sink=true --shape lengths=333,0,1,700,64
        queue "packed chunks, D $how, no rope, fp16" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --set heads=8 \
            --set kv_heads=2 --set head_dim=$how --set value_dim=$how --set window=100 --set rope=false --dtype fp16 \
            --shape lengths=1,333,0,0,129,65
    done
    queue "packed chunks, initial states by one group of warps" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda \
        --set heads=6 --set kv_heads=2 --set initial_state=input --shape lengths=333,0,1,700,64
    queue "packed, a long sequence" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --shape lengths=20000,77
    queue "chunks, roles" "$RATTAN" check "${SMALL[@]}" --target cuda --shape B=3,T=500
    queue "chunks, roles, odd" "$RATTAN" check "${ODD[@]}" --target cuda --shape B=2,T=300,ring=83
    queue "chunks, roles, paper" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --shape B=2,T=1300
    for how in "feature_groups=1 segment=0" "feature_groups=2 segment=0" "feature_groups=1 segment=256" \
        "feature_groups=2 segment=1024" fuse_phi=0 "fuse_phi=0 segment=256"; do
        queue "chunks, roles, $how" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --shape B=1,T=1300 \
            --schedule "$how"
    done
    queue "chunks, roles, a ring of few rows" "$RATTAN" check "${SMALL[@]}" --target cuda --set window=7 --shape B=3,T=300
    queue "chunks, roles, a window of no whole tiles" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda \
        --set window=100 --shape B=1,T=330
    queue "chunks, roles=0" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --shape B=2,T=1300 --schedule roles=0
    local initial=("$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --set initial_state=input --set heads=8 --set kv_heads=2)
    for how in 64 128 256; do
        queue "initial states, D $how" "${initial[@]}" --set head_dim=$how --set value_dim=$how --shape B=2,T=1300
        queue "initial states, D $how, no rope, fp16" "${initial[@]}" --set head_dim=$how --set value_dim=$how --set rope=false \
            --set norm=false --dtype fp16 --set window=100 --shape B=2,T=333
        queue "initial states, D $how, packed" "${initial[@]}" --set head_dim=$how --set value_dim=$how \
            --shape lengths=700,0,1300,64,511,513,1
    done
    for how in 'group_heads=1 warps=4 blocks=2 registers=232 key_tile=64 turns=0' \
        segment=256 fuse_phi=0 roles=0; do
        queue "initial states, $how" "${initial[@]}" --shape B=1,T=1300 --schedule "$how"
    done
    queue "initial states, groups of three" "${initial[@]}" --set heads=6 --shape B=2,T=700
    for shape in $SHAPES; do
        queue "$shape, initial states" "$RATTAN" check "${SMALL[@]}" --set initial_state=input --target cuda --shape $shape
        queue "$shape, initial states, odd" "$RATTAN" check "${ODD[@]}" --set initial_state=input --target cuda --shape $shape
    done
    for shape in $SHAPES; do
        queue "$shape" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --shape $shape
        queue "$shape, roles" "$RATTAN" check "${ODD[@]}" --target cuda --shape $shape
    done
    collect
}

part_folds() {
    local fold
    for fold in 2 16 64; do
        queue "a fold of $fold" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --set fold=$fold --shape B=3,T=200
        queue "a fold of $fold, packed" "$RATTAN" check "$SOURCE/specs/odd.lua" --target cuda --set fold=$fold \
            --shape lengths=0,70,1,300
        queue "a fold of $fold, roles" "$RATTAN" check "${SMALL[@]}" --target cuda --set fold=$fold --shape B=3,T=300
        queue "a fold of $fold, packed, roles" "$RATTAN" check "${SMALL[@]}" --target cuda --set fold=$fold --shape lengths=0,333,1,0,64,130
        queue "a fold of $fold, packed, no tokens, roles" "$RATTAN" check "${SMALL[@]}" --target cuda --set fold=$fold --shape lengths=0,0
        queue "a fold of $fold, initial states, roles" "$RATTAN" check "${SMALL[@]}" --target cuda --set fold=$fold \
            --set initial_state=input --shape B=3,T=300
        queue "a fold of $fold, a state a head" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --set fold=$fold \
            --set initial_state=input --shape B=2,T=150
        queue "a fold of $fold, paper" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --set fold=$fold \
            --shape B=2,T=900
    done
    collect
}

# What decoding steps alone have. Code for sm_80 runs on newer GPUs through its PTX: there the last block to end merges.
part_steps() {
    local target shape words map fields number=0 check=("$RATTAN" check)
    program "$BUILD/gpu_arrivals"
    for target in cuda cuda:sm_80; do
        for shape in B=1,T=300 B=3,T=70 lengths=1,0,130,64 B=200,T=5; do
            queue "steps, $target, $shape" "${check[@]}" "${ODD[@]}" --target $target --shape $shape
        done
        queue "steps, $target, paper" "${check[@]}" "$SOURCE/specs/paper_d128.lua" --target $target --shape B=2,T=900
        queue "steps, $target, a state a head" "${check[@]}" "$SOURCE/specs/tiny.lua" --target $target --set initial_state=input \
            --shape B=1,T=150
        queue "steps, $target, wide" "${check[@]}" "${WIDE[@]}" --target $target --shape B=1,T=300
        for words in '128 128' '64 256' '71 64'; do # heads of a group, columns: of 71 tiles have 24, one twice
            for fields in fold=1 fold=8; do
                queue "steps, $target, a group of $words, $fields" "${check[@]}" "$SOURCE/specs/paper_d128.lua" --target $target \
                    --set heads="${words% *}" --set kv_heads=1 --set head_dim="${words#* }" --set value_dim="${words#* }" --set window=100 \
                    --set $fields --shape B=2,T=230
            done
        done
        for map in 'x / sqrt(sum(x * x))' '1 / (abs(x) + abs(x))' 'concat(log(abs(x)), x)' 'concat(x, sum(x), mean(x))' 'concat(1, x, x * x)' \
            'concat(mean(x), max(x))'; do
            for fields in fold=1 fold=4 'qk_scale=true, initial_state="input"'; do
                number=$((number + 1))
                echo "return rattention { name = \"map\", heads = 4, kv_heads = 2, head_dim = 32, value_dim = 24, window = 32, dtype = \"fp32\"," \
                    "feature_map = function(x) return $map end, $fields }" >"$TMP/map$number.lua"
                queue "steps, $target, $map, $fields" "${check[@]}" "$TMP/map$number.lua" --target $target --shape B=2,T=90 --seed 5
            done
        done
    done
    collect
}

part_wide() {
    local shape dims how
    for shape in $SHAPES; do
        queue "$shape, roles, wide" "$RATTAN" check "${WIDE[@]}" --target cuda --shape $shape
    done
    for dims in "64 256" "256 64" "144 192" "192 192" "208 240"; do
        queue "wide, $dims" "$RATTAN" check "${WIDE[@]}" --set head_dim="${dims% *}" --set value_dim="${dims#* }" \
            --target cuda --shape B=2,T=500
    done
    # Slices of 64 columns leave a single one over: of rows, or of features.
    for dims in "129 129" "193 64" "64 193"; do
        queue "wide, $dims" "$RATTAN" check "${WIDE[@]}" --set head_dim="${dims% *}" --set value_dim="${dims#* }" --target cuda \
            --shape B=2,T=300
        queue "gradients, wide, $dims" "$RATTAN" check --kind backward "${WIDE[@]}" --set head_dim="${dims% *}" \
            --set value_dim="${dims#* }" --target cuda --seed 2 --shape B=2,T=300
    done
    for how in 'x, sum(x)' '1, x' 'x, max(x), relu(x)'; do
        queue "wide, features $how" "$RATTAN" check "${WIDE[@]}" --set "feature_map=function(x) return concat($how) end" --target cuda \
            --shape B=2,T=300
    done
    queue "wide values, queries among the features" "$RATTAN" check "${WIDE[@]}" --set head_dim=40 --target cuda --shape B=2,T=300 \
        --set 'feature_map=function(x) return concat(relu(x), x, -x) end'
    for how in segment=0 segment=256 fuse_phi=0; do
        queue "wide, $how" "$RATTAN" check "${WIDE[@]}" --set window=512 --target cuda --shape B=1,T=1500 --schedule "$how"
    done
    queue "wide, relu2" "$RATTAN" check "${WIDE[@]}" --set feature_map=relu2 --set softcap=20 --set sink=true --target cuda \
        --shape B=2,T=500
    queue "wide, scaled, no norm" "$RATTAN" check "${WIDE[@]}" --set qk_scale=true --set norm=false --dtype fp16 --target cuda \
        --shape B=2,T=500
    queue "wide values, rope" "$RATTAN" check "${WIDE[@]}" --set head_dim=64 --set 'rope={theta=10000,style="half"}' \
        --set qk_scale=true --target cuda --shape B=2,T=500
    queue "wide, roles=0" "$RATTAN" check "${WIDE[@]}" --target cuda --schedule roles=0 --shape B=2,T=500
    queue "wide, a fold" "$RATTAN" check "${WIDE[@]}" --set fold=16 --target cuda --shape B=2,T=300
    queue "wide, packed" "$RATTAN" check "${WIDE[@]}" --target cuda --shape lengths=0,500,1,65,330
    queue "wide, a long window" "$RATTAN" check "${WIDE[@]}" --set window=512 --target cuda --shape B=1,T=1500
    collect
}

# Small shapes: each access is looked at. Two sequences, more tiles than a window has, the last one not full.
sanitize() {
    local tool=$1 spec
    command -v compute-sanitizer >/dev/null || {
        skip "compute-sanitizer" "not on PATH"
        return
    }
    local run=(compute-sanitizer --tool $tool --error-exitcode 9 "$RATTAN" check)
    for spec in tiny odd custom_map; do
        queue "$tool $spec" "${run[@]}" "$SOURCE/specs/$spec.lua" --target cuda --seed 1 --shape B=2,T=100
    done
    queue "$tool tf32" "${run[@]}" "$SOURCE/specs/odd.lua" --set tf32=true --target cuda --seed 1 --shape B=2,T=100
    queue "$tool fold" "${run[@]}" "$SOURCE/specs/odd.lua" --set fold=16 --target cuda --seed 1 --shape B=2,T=100
    queue "$tool packed" "${run[@]}" "$SOURCE/specs/odd.lua" --target cuda --seed 1 --shape lengths=0,70,1,45
    queue "$tool packed, roles" "${run[@]}" "${SMALL[@]}" --target cuda --seed 1 --shape lengths=0,70,1,145
    queue "$tool packed, roles, paper" "${run[@]}" "$SOURCE/specs/paper_d128.lua" --set heads=2 --set kv_heads=1 --set window=128 \
        --target cuda --seed 1 --shape lengths=70,0,300
    queue "$tool packed, roles, a short window" "${run[@]}" "${ODD[@]}" --set window=40 --target cuda --seed 1 --shape lengths=70,0,130
    queue "$tool roles" "${run[@]}" "${SMALL[@]}" --target cuda --seed 1 --shape B=2,T=150
    queue "$tool roles, chunks" "${run[@]}" "${SMALL[@]}" --target cuda --seed 1 --shape B=2,T=150 --schedule roles=1
    queue "$tool parts without keys" "${run[@]}" "$SOURCE/specs/tiny.lua" --target cuda --seed 1 --shape B=2,T=230,ring=83 \
        --dtype fp16 --set head_dim=48 --set value_dim=80 --set heads=6 --set kv_heads=2 --set window=70
    queue "$tool roles, odd" "${run[@]}" "${ODD[@]}" --target cuda --seed 1 --shape B=2,T=230
    queue "$tool roles, paper" "${run[@]}" "$SOURCE/specs/paper_d128.lua" --set heads=4 --set kv_heads=2 --set window=100 \
        --target cuda --seed 1 --shape B=1,T=330
    queue "$tool roles, signals" "${run[@]}" "$SOURCE/specs/paper_d128.lua" --set heads=2 --set kv_heads=1 --set window=128 \
        --target cuda --seed 1 --shape B=1,T=330
    queue "$tool roles, initial states" "${run[@]}" "$SOURCE/specs/paper_d128.lua" --set heads=4 --set kv_heads=2 --set window=100 \
        --set initial_state=input --target cuda --seed 1 --shape B=1,T=330
    queue "$tool roles, wide" "${run[@]}" "${WIDE[@]}" --target cuda --seed 1 --shape B=1,T=330
    collect
}
part_memcheck() { sanitize memcheck; }
part_racecheck() { sanitize racecheck; }
part_synccheck() { sanitize synccheck; }
part_sanitizer() {
    sanitize memcheck
    sanitize racecheck
    sanitize synccheck
}

summary=()
for part in "$@"; do
    began=$SECONDS before=($cases $failures $skips)
    "part_$part"
    counts="$((cases - before[0])) cases, $((failures - before[1])) failed, $((skips - before[2])) skipped"
    summary+=("$part: $counts, $((SECONDS - began)) s")
done
printf '# %s\n' "${summary[@]}"
echo "$((cases - failures - skips)) passed, $failures failed, $skips skipped"
