#!/usr/bin/env bash
# Gradients of parameters over a long sequence against float64: their sums over tokens must not lose what short ones keep.
. "$(dirname "$0")/lib.sh"
cat >"$TMP/all.lua" <<'EOF'
return rattention { name = "all", heads = 6, kv_heads = 2, head_dim = 24, value_dim = 40, window = 20, sink = true, softcap = 20,
    qk_scale = true, initial_state = "input", feature_map = "softmax2", rope = { theta = 10000, style = "half" }, dtype = "fp32" }
EOF
for seed in 1 2; do
    check "65536 tokens, seed $seed" "$RATTAN" check "$TMP/all.lua" --kind backward --shape B=1,T=65536 --seed "$seed"
done
