#!/usr/bin/env bash
# The CUDA C++ of one small layer, word for word behind the prelude: what changes there shows here. RATTAN_BLESS=1 accepts it.
. "$(dirname "$0")/lib.sh"
WANTED="$SOURCE/tests/passes/layer.cu"
"$RATTAN" compile "$SOURCE/tests/passes/layer.lua" --target cuda:sm_80 --dtype bf16 --no-cache --emit cuda \
    --schedule 'chunk=16 key_tile=16 group_heads=1 warps=1 stages=2' | sed -n '/^struct Args/,$p' >"$TMP/layer.cu"
[ -z "${RATTAN_BLESS:-}" ] || cp "$TMP/layer.cu" "$WANTED"
check "there is code" grep -q 'product<bf16' "$TMP/layer.cu"
check "the code of tests/passes/layer.lua" cmp "$TMP/layer.cu" "$WANTED"
