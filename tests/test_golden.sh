#!/usr/bin/env bash
# Every reference vector, in every type: the kernels keep RATTENTION's accuracy rule. The large vectors are not in the tree.
. "$(dirname "$0")/lib.sh"
files=("$SOURCE"/tests/golden/*.safetensors)
for name in mqa_d256 paper_small paper_d128 odd_everything; do
    [ -r "$GOLDEN/$name.safetensors" ] && files+=("$GOLDEN/$name.safetensors")
done

# Most of the time is LLVM's, in which sanitizers see nothing: there one of four is drawn, of each type others.
drawn=0
is_drawn() { [ -z "${RATTAN_SANITIZED:-}" ] || [ $((drawn++ % 4)) = 0 ]; }

# A case a file and type, so that one miss does not hide the others.
for dtype in fp32 bf16 fp16; do
    for file in "${files[@]}"; do
        is_drawn || continue
        check "$dtype $(basename "$file" .safetensors)" "$RATTAN" check - --dtype $dtype --vectors "$file"
    done
done

# Their gradients.
for dtype in fp32 bf16 fp16; do
    for file in "${files[@]}"; do
        is_drawn || continue
        check "backward $dtype $(basename "$file" .safetensors)" "$RATTAN" check - --kind backward --dtype $dtype --vectors "$file"
    done
done

# And by what forward saves.
for file in "${files[@]}"; do
    check "backward bf16 $(basename "$file" .safetensors), saved" "$RATTAN" check - --kind backward --with saved --dtype bf16 --vectors "$file"
done

# The check can fail: a wrong expectation is a miss, exit code 3.
sed 's/\\"softcap\\": 30.0/\\"softcap\\": 29.0/' "$SOURCE/tests/golden/softcap_sink.safetensors" >"$TMP/wrong.safetensors"
expect_exit 3 "a wrong softcap is a miss" "$RATTAN" check - --vectors "$TMP/wrong.safetensors"
expect_text "the miss is named" "$(cat "$TMP/out")" 'wrong +o .*MISS'
expect_text "what holds is told apart" "$(cat "$TMP/out")" 'wrong +rla .*ok'

expect_exit 3 "so are its gradients" "$RATTAN" check - --kind backward --vectors "$TMP/wrong.safetensors"
expect_text "the gradients that miss are named" "$(cat "$TMP/out")" 'wrong +backward dv .*MISS'
sed 's/"grad\.\([kq]\|rla_norm\|swa_norm\)"/"left.\1"/g' "$SOURCE/tests/golden/relu.safetensors" >"$TMP/one.safetensors"
check "one gradient alone" "$RATTAN" check - --kind backward --vectors "$TMP/one.safetensors"
sed 's/"grad\.k"/"grad.+"/; s/"grad\.q"/"grad.k"/; s/"grad\.+"/"grad.q"/' "$SOURCE/tests/golden/window1.safetensors" >"$TMP/dims.safetensors"
expect_error 2 "a gradient of other dims" 'grad\.[qk]: it is fp32.*the kernel writes' "$RATTAN" check - --kind backward --vectors "$TMP/dims.safetensors"

# A spec that is not the case's is refused, not compared.
cat >"$TMP/other.lua" <<'EOF'
return rattention { heads = 2, head_dim = 32, window = 17, feature_map = "relu", rope = { theta = 500000, style = "interleaved" },
                    dtype = "fp32" }
EOF
expect_error 2 "another window is refused" 'window.* 17 .*16' "$RATTAN" check "$TMP/other.lua" --vectors "$SOURCE/tests/golden/relu.safetensors"
sed -i 's/window = 17/window = 16/' "$TMP/other.lua"
check "the case's spec is taken" "$RATTAN" check "$TMP/other.lua" --vectors "$SOURCE/tests/golden/relu.safetensors"
sed -i 's/"relu"/"softmax"/' "$TMP/other.lua"
expect_error 2 "another map is refused" 'feature_map.*softmax.*relu' "$RATTAN" check "$TMP/other.lua" --vectors "$SOURCE/tests/golden/relu.safetensors"

# JSON says the same.
"$RATTAN" check - --json --vectors "$SOURCE/tests/golden/packed.safetensors" >"$TMP/json"
expect_text "json: every output" "$(grep -c '"tensor"' "$TMP/json")" '^5$'
expect_text "json: verdict" "$(cat "$TMP/json")" '"misses": 0'
