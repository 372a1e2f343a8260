#!/usr/bin/env bash
# Feature maps of one line each that random layers do not draw, in every kind and type against float64 (`rattan check`): joined
# single columns, features that are the same for every row, sums, and maps that give no number for zeros.
. "$(dirname "$0")/lib.sh"

# check_map MAP HEAD_DIM WINDOW DTYPE [FIELDS]: all kinds of a layer with this map. Most of the time is LLVM's, in which sanitizers
# see nothing: there a map that has three layers gets one of them, another one than the map before.
calls=0
check_map() {
    local map=$1 dim=$2 window=$3 dtype=$4 fields=${5:-} shape call=$calls
    calls=$((calls + 1))
    [ -n "${RATTAN_SANITIZED:-}" ] && [ $(((call + call / 3) % 3)) != 0 ] && return
    echo "return rattention { name = \"map\", heads = 4, kv_heads = 2, head_dim = $dim, value_dim = 24, window = $window," \
        "feature_map = function(x) return $map end, dtype = \"$dtype\", $fields }" >"$TMP/map.lua"
    for shape in B=2,T=60 lengths=13,1,0,20; do
        check "$map, D $dim, $dtype, $shape" "$RATTAN" check "$TMP/map.lua" --shape "$shape" --seed 5
        check "$map, D $dim, $dtype, $shape: gradients" "$RATTAN" check "$TMP/map.lua" --kind backward --shape "$shape" --seed 5
    done
}

# A single column beside others is taken out again by the gradient.
number=0
for map in 'concat(sum(x), mean(x))' 'concat(sum(x), x)' 'concat(sum(x), max(x))' 'concat(x, sum(x), mean(x))' \
    'concat(x * sum(x), min(x), tanh(x))'; do
    number=$((number + 1))
    check_map "$map" 16 8 fp32 "norm = false"
    check_map "$map" $((8 * number)) 5 fp32
    check_map "$map" 24 7 bf16 "norm = false, qk_scale = true, initial_state = \"input\""
done
check_map 'concat(sum(x), x)' 200 5 fp32 "norm = false"

# Features that are the same for every row stand beside those that are not.
check_map 'concat(x, 1)' 8 5 fp32
check_map 'concat(concat(0.5, exp(1)), x)' 16 8 bf16 "norm = false, qk_scale = true, initial_state = \"input\""
check_map 'exp(concat(x, -1) - max(concat(x, -1)))' 24 7 fp32 "fold = 4"

# A map that begins with a sum: where decoding reads keys from their rings, this is none of an old row and a new one.
check_map 'relu(x + 1)' 16 8 fp32
check_map 'tanh(x + x)' 24 7 bf16 "norm = false, fold = 4"

# Rows that are not there (before the first token, behind the last one) are loaded as zeros: what these maps give for them is no
# number, and must not reach a sum.
number=0
for map in 'x / sqrt(sum(x * x))' 'abs(x) / sum(abs(x))' '1 / (abs(x) + abs(x))' 'concat(log(abs(x)), x)' 'x / max(abs(x))'; do
    number=$((number + 1))
    check_map "$map" 16 8 fp32
    check_map "$map" $((8 * number)) 5 fp32 "fold = 4, rope = { theta = 10000, style = \"half\" }"
    check_map "$map" 24 7 bf16 "norm = false, qk_scale = true, initial_state = \"input\""
done
check_map 'x / sqrt(sum(x * x))' 200 5 fp32 "norm = false, qk_scale = true, initial_state = \"input\""

# Maps that are finite for no row of equal numbers.
norm='(x - mean(x)) / sqrt(sum((x - mean(x)) * (x - mean(x))))'
check_map "$norm" 16 8 fp32
check_map "$norm" 8 5 fp32 "fold = 4, rope = { theta = 10000, style = \"half\" }"
check_map "$norm" 24 7 bf16 "norm = false, qk_scale = true, initial_state = \"input\""
check_map 'concat((x - min(x)) / (max(x) - min(x)), x)' 32 5 bf16 "norm = false"

# Roots of what is flat at 0: their gradient there is 0, not 0 times what is infinite.
check_map 'sqrt(relu(x))' 16 8 fp32
check_map 'concat(sqrt(relu(x)), sqrt(max(-x, 0)))' 24 7 bf16 "norm = false, qk_scale = true, initial_state = \"input\""
