#!/usr/bin/env bash
# Everything that needs a GPU, one command:   bash tests/gpu/run.sh [PART...]
# PART: runtime, kernels, vectors, random, shapes, sanitizer; default: all. RATTAN_RANDOM_CASES: how many (default 500).
# What `check` runs is all three kinds: whole sequences, chunks of prompt, and steps.
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
[ $# -gt 0 ] || set -- runtime kernels vectors random shapes sanitizer
JOBS=$(($(nproc) > 8 ? 8 : $(nproc)))

"$RATTAN" doctor | grep -E '^(GPU|CUDA|NVRTC)'
"$RATTAN" doctor | grep -q '^GPU 0 *ok' || {
    echo "skip all (no GPU that works)"
    exit 77
}

# A program that prints its own cases: they count here.
program() {
    "$1" >"$TMP/program" 2>&1
    local code=$?
    cat "$TMP/program"
    cases=$((cases + $(grep -cE '^(not )?ok ' "$TMP/program")))
    failures=$((failures + $(grep -c '^not ok ' "$TMP/program")))
    if [ $code = 77 ]; then
        skip "$(basename "$1")" "$(tail -n 1 "$TMP/program")"
        return
    fi
    [ $code = 0 ] || [ $code = 1 ] || not_ok "$(basename "$1")" "exit code $code"
}

# queue NAME COMMAND...: as check does, beside others; `collect` waits for all and gives the verdicts.
queued=()
queue() {
    local number=${#queued[@]}
    queued+=("$1")
    shift
    while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n; done
    (
        code=0
        RATTAN_NUM_THREADS=2 "$@" >"$TMP/queue.$number" 2>&1 </dev/null || code=$?
        [ $code = 0 ] || echo "exit code $code: $*" >>"$TMP/queue.$number"
        echo $code >"$TMP/code.$number"
    ) &
}
collect() {
    local number
    wait
    for number in "${!queued[@]}"; do
        if [ "$(cat "$TMP/code.$number")" = 0 ]; then
            ok "${queued[number]}"
        elif grep -qE 'for GPUs yet|schedule: shared memory' "$TMP/queue.$number"; then
            skip "${queued[number]}" "$(grep -hE 'for GPUs yet|schedule: shared memory' "$TMP/queue.$number")"
        else
            not_ok "${queued[number]}" "$(grep -v ' ok$' "$TMP/queue.$number" | tail -n 20)"
        fi
    done
    queued=()
}

part_runtime() {
    program "$BUILD/gpu_runtime"
    program "$BUILD/gpu_phases"
}
part_kernels() { program "$BUILD/gpu_kernels"; }

part_vectors() {
    local dtype file
    for dtype in fp32 bf16 fp16; do
        for file in "$SOURCE"/tests/golden/*.safetensors "$GOLDEN"/*.safetensors; do
            [ -r "$file" ] || continue
            queue "$dtype $(basename "$file" .safetensors)" "$RATTAN" check - --target cuda --dtype $dtype --vectors "$file"
        done
    done
    collect
}

# In slices, each with its own cache: compiling is the most of it.
part_random() {
    local count=${RATTAN_RANDOM_CASES:-500} slice each
    each=$(((count + JOBS - 1) / JOBS))
    for ((slice = 0; slice < JOBS; slice++)); do
        RATTAN_RANDOM_TARGET=cuda RATTAN_RANDOM_CASES=$each RATTAN_RANDOM_SEED=$((1 + slice * each)) RATTAN_NUM_THREADS=2 \
            bash "$SOURCE/tests/test_random.sh" >"$TMP/random.$slice" 2>&1 &
    done
    wait
    for ((slice = 0; slice < JOBS; slice++)); do
        grep -v '^ok ' "$TMP/random.$slice"
        cases=$((cases + $(grep -cE '^(not )?ok ' "$TMP/random.$slice")))
        failures=$((failures + $(grep -c '^not ok ' "$TMP/random.$slice")))
        cases=$((cases + $(grep -c '^skip ' "$TMP/random.$slice")))
        skips=$((skips + $(grep -c '^skip ' "$TMP/random.$slice")))
    done
    echo "# $((each * JOBS)) random cases"
}

part_shapes() {
    queue "a long sequence" "$RATTAN" check "$SOURCE/specs/paper_d128.lua" --target cuda --shape B=1,T=20000
    queue "many sequences" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --shape B=70000,T=3
    queue "many short packed sequences" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda \
        --shape "lengths=$(seq -s, 0 200 | sed 's/,/,1,0,7,/g')"
    queue "a longer ring" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --shape B=3,T=200,ring=77
    queue "decoding a group of many heads" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --set heads=48 --set kv_heads=1
    queue "no token" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --shape B=2,T=0
    queue "no sequence" "$RATTAN" check "$SOURCE/specs/tiny.lua" --target cuda --shape B=0,T=5
    collect
}

part_sanitizer() {
    local tool spec
    command -v compute-sanitizer >/dev/null || {
        skip "compute-sanitizer" "not on PATH"
        return
    }
    for tool in memcheck racecheck synccheck; do
        for spec in tiny odd custom_map; do
            queue "$tool $spec" compute-sanitizer --tool $tool --error-exitcode 9 "$RATTAN" check "$SOURCE/specs/$spec.lua" \
                --target cuda --seed 1 --shape B=2,T=100
        done
        queue "$tool packed" compute-sanitizer --tool $tool --error-exitcode 9 "$RATTAN" check "$SOURCE/specs/odd.lua" \
            --target cuda --seed 1 --shape lengths=0,70,1,45
    done
    collect
}

for part in "$@"; do
    began=$SECONDS
    "part_$part"
    echo "# $part: $((SECONDS - began)) s"
done
echo "$((cases - failures - skips)) passed, $failures failed, $skips skipped"
