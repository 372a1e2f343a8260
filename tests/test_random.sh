#!/usr/bin/env bash
# Random layers, shapes, types and schedules: forward, chunks and steps against the float64 reference (`rattan check`).
# RATTAN_RANDOM_CASES: how many (default 40, of gradients 300; the accuracy rule is stated for 500). RATTAN_RANDOM_SEED: the first case's number.
# RATTAN_RANDOM_TARGET: the target of every case, with its default schedule, instead of those that run here; what it says it
# cannot do yet is skipped. RATTAN_RANDOM_KIND: backward, instead of the other kinds. RATTAN_RANDOM_SAVED=n: of every n-th case's
# gradients also those by what forward has saved. RATTAN_RANDOM_WIDE=1: 16-bit layers of whole tiles, up to large windows and groups.
. "$(dirname "$0")/lib.sh"
CASES=${RATTAN_RANDOM_CASES:-40}
FIRST=${RATTAN_RANDOM_SEED:-1}
SCHEDULED=4 # one case in so many has a schedule of its own; of gradients half, as sequences of this length are cut by these alone
[ "${RATTAN_RANDOM_KIND:-}" != backward ] || SCHEDULED=2

# maybe LINE: a line of the spec, in half of the cases.
maybe() { [ $((RANDOM % 2)) = 0 ] || printf '  %s,\n' "$1"; }

# Other values for what write_spec drew.
widen() {
    group=$((1 + RANDOM % 8))
    pick dim 16 32 48 64 80 96 112 128
    value_dim=$dim
    [ $((RANDOM % 3)) = 0 ] && pick value_dim 16 32 48 64 80 96 112 128
    [ $((RANDOM % 2)) = 0 ] && pick WINDOW 5 17 40 127 192 200 256 300
    pick dtype bf16 fp16
}

write_spec() {
    local kv=$((1 + RANDOM % 3)) group=$((1 + RANDOM % 4)) dim value_dim map theta style cap dtype
    pick dim 8 16 24 32 40 48 64 72 80 96 128
    [ $((RANDOM % 16)) = 0 ] && pick dim 1 2 3 5 7 13 33 100 192 256
    pick WINDOW 1 2 3 7 8 16 31 32 33 48 63 64 65 100 128
    pick map '"softmax2"' '"softmax2"' '"relu2"' '"softmax"' '"relu"' '"elu1"' '"exp"' '"identity"' '"squared_relu"' '"exp2"' \
        'function(x) return concat(sigmoid(x), tanh(x), abs(x) / (1 + sum(abs(x)))) end' \
        'function(x) return exp(x - max(x)) end'
    pick FOLD 1 1 1 2 4 8 16 64
    pick theta 10000 500000
    pick style interleaved half
    pick cap 5 30 50
    pick dtype fp32 fp32 bf16 fp16
    value_dim=$dim
    [ $((RANDOM % 3)) = 0 ] && pick value_dim 1 4 8 16 24 40 64 72 96 128
    [ "${RATTAN_RANDOM_WIDE:-0}" = 0 ] || widen
    echo "return rattention {"
    echo "  name = \"random\", heads = $((kv * group)), kv_heads = $kv, head_dim = $dim, window = $WINDOW,"
    echo "  value_dim = $value_dim,"
    echo "  feature_map = $map, fold = $FOLD,"
    [ $((dim % 2)) = 0 ] && maybe "rope = { theta = $theta, style = \"$style\" }"
    maybe "softcap = $cap"
    maybe "sink = true"
    maybe "qk_scale = true"
    [ "${RATTAN_RANDOM_WIDE:-0}" != 0 ] || maybe "initial_state = \"input\""
    # rms over a single value is its sign, which jumps at 0: there float32 itself, evaluated densely, exceeds 1e-5 now and then.
    if [ $((RANDOM % 4)) = 0 ] || [ "$value_dim" = 1 ]; then echo "  norm = false,"; fi
    echo "  dtype = \"$dtype\","
    echo "}"
}

# SHAPE, SCHEDULE: those of a case.
draw_shape() {
    local count
    SHAPE="B=$((1 + RANDOM % 3)),T=$((RANDOM % (3 * WINDOW + 90)))"
    [ $((RANDOM % 3)) = 0 ] || return
    SHAPE="lengths=$((RANDOM % (2 * WINDOW + 40)))"
    for ((count = RANDOM % 5; count > 0; count--)); do SHAPE+=",$((RANDOM % (2 * WINDOW + 40)))"; done
}

draw_schedule() {
    local chunk key_tile segment
    pick chunk 8 16 32 64
    pick key_tile 16 32 64 128
    pick segment 0 64 128 192
    [ "$FOLD" -le "$chunk" ] || chunk=$FOLD
    SCHEDULE="chunk=$chunk key_tile=$key_tile"
    [ $((RANDOM % 2)) = 0 ] || return
    [ "${RATTAN_RANDOM_KIND:-}" != backward ] || pick segment 1 1 80 144 # as short as can be
    SCHEDULE+=" segment=$segment min_items=100 even_items=0"
}

mapfile -t TARGETS < <("$RATTAN" targets | awk '/runs here/ { print $1 }')

# judge LABEL OPTION...
judge() {
    local label=$1
    shift
    if "$RATTAN" check "$TMP/random.lua" "$@" >"$TMP/out" 2>"$TMP/err"; then
        ok "$label"
    elif [ -n "${RATTAN_RANDOM_TARGET:-}" ] && grep -qE 'for GPUs yet|schedule: shared memory' "$TMP/err"; then
        skip "$label" "$(cat "$TMP/err")"
    else
        not_ok "$label" "rattan check random.lua $*
$(cat "$TMP/random.lua" "$TMP/err")
$(grep -v ' ok$' "$TMP/out")"
    fi
}

# A case is the seed and what follows from it, so that one line repeats it.
run_case() {
    local seed=$1 target parts=saved options=()
    RANDOM=$seed
    write_spec >"$TMP/random.lua"
    draw_shape
    draw_schedule
    pick target host host "${TARGETS[@]}"
    [ $((RANDOM % SCHEDULED)) = 0 ] && options=(--schedule "$SCHEDULE")
    [ $((RANDOM % 4)) = 0 ] && options+=(--target "$target")
    [ -z "${RATTAN_RANDOM_TARGET:-}" ] || options=(--target "$RATTAN_RANDOM_TARGET")
    [ -z "${RATTAN_RANDOM_KIND:-}" ] || options=(--kind "$RATTAN_RANDOM_KIND" "${options[@]}")
    judge "case $seed" --shape "$SHAPE" --seed "$seed" "${options[@]}"
    [ "${RATTAN_RANDOM_SAVED:-0}" != 0 ] && [ $((seed % RATTAN_RANDOM_SAVED)) = 0 ] || return 0
    [ $((seed / RATTAN_RANDOM_SAVED % 2)) = 0 ] && parts=saved,final-state
    judge "case $seed, saved" --shape "$SHAPE" --seed "$seed" "${options[@]}" --with $parts
}

for ((number = FIRST; number < FIRST + CASES; number++)); do run_case "$number"; done
