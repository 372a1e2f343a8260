#!/usr/bin/env bash
# Gradients of parameters over a long sequence against float64: their sums over tokens must not lose what short ones keep.
. "$(dirname "$0")/lib.sh"
cat >"$TMP/all.lua" <<'EOF'
return rattention { name = "all", heads = 6, kv_heads = 2, head_dim = 24, value_dim = 40, window = 20, sink = true, softcap = 20,
    qk_scale = true, initial_state = "input", feature_map = "softmax2", rope = { theta = 10000, style = "half" }, dtype = "fp32" }
EOF
tokens=65536
[ -z "${RATTAN_SANITIZED:-}" ] || tokens=8192 # what sums lose is the same code's with and without: there only accesses are of interest
for seed in 1 2; do
    check "$tokens tokens, seed $seed" "$RATTAN" check "$TMP/all.lua" --kind backward --shape B=1,T=$tokens --seed "$seed"
done
