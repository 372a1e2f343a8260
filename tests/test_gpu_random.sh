#!/usr/bin/env bash
# Random layers for warps with roles, compiled without a GPU: NVRTC takes them, no thread spills, registers are the schedule's,
# and ptxas holds no product up; what spills today is in known_spills.txt. RATTAN_RANDOM_CASES: how many (default 10).
# RATTAN_RANDOM_SEED: the first one's number. RATTAN_RANDOM_TARGET: the target (default cuda:sm_90a). RATTAN_TEST_JOBS: how many
# at a time (default 2).
. "$(dirname "$0")/lib.sh"
# shellcheck source=resources.sh
. "$SOURCE/tests/resources.sh"
CASES=${RATTAN_RANDOM_CASES:-10}
FIRST=${RATTAN_RANDOM_SEED:-1}
TARGET=${RATTAN_RANDOM_TARGET:-cuda:sm_90a}
JOBS=${RATTAN_TEST_JOBS:-2}
export RATTAN_LIBCUDA="$TMP/no-driver.so"
nvrtc_here "random layers" || exit 0

# maybe ODDS LINE: a line of the spec, once in ODDS cases.
maybe() { [ $((RANDOM % $1)) != 0 ] || printf '  %s,\n' "$2"; }

write_spec() {
    local kv=$((1 + RANDOM % 3)) group=$((1 + RANDOM % 8)) dim value_dim window map theta style dtype
    pick dim 16 32 48 64 64 80 96 112 128 128
    value_dim=$dim
    [ $((RANDOM % 3)) = 0 ] && pick value_dim 16 32 48 64 80 96 112 128
    window=$((1 + RANDOM % 40))
    [ $((RANDOM % 2)) = 0 ] && pick window 64 100 127 128 129 192 256 300 511 512 600
    pick map '"softmax2"' '"softmax2"' '"softmax2"' '"relu2"' '"softmax"' '"relu"' '"elu1"' '"exp"' '"identity"' \
        '"squared_relu"' '"exp2"' 'function(x) return concat(sigmoid(x), tanh(x)) end' \
        'function(x) return exp(x - max(x)) end' 'function(x) return abs(x) / (1 + sum(abs(x))) end'
    pick theta 10000 500000
    pick style interleaved half
    pick dtype bf16 bf16 fp16
    echo "return rattention {"
    echo "  name = \"random\", heads = $((kv * group)), kv_heads = $kv, head_dim = $dim, value_dim = $value_dim, window = $window,"
    echo "  feature_map = $map,"
    maybe 2 "rope = { theta = $theta, style = \"$style\" }"
    maybe 4 "softcap = 30"
    maybe 3 "sink = true"
    maybe 3 "qk_scale = true"
    maybe 4 "norm = false"
    echo "  dtype = \"$dtype\","
    echo "}"
}

# A case is its seed and what follows from it: one line repeats it.
run_case() {
    local with words=()
    RANDOM=$1
    write_spec >"$TMP/random.lua"
    sed 's/^/    /' "$TMP/random.lua" >"$TMP/indented"
    pick with lse parts final-state lse,parts lse,final-state parts,final-state saved saved,packed packed,lse
    [ $((RANDOM % 2)) = 0 ] || words=(--with "$with")
    compiles "random $1 for $TARGET" "$TMP/random.lua" --target "$TARGET" "${words[@]}" | sed "/^not ok/r $TMP/indented"
}

for ((seed = FIRST; seed < FIRST + CASES; seed++)); do later run_case "$seed"; done
gather
