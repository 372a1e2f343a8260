#!/usr/bin/env bash
# examples/train: a model trained by the kernels learns, and as sums written out in float64 do: losses are equal to 1e-3.
. "$(dirname "$0")/lib.sh"
FILES=("$SOURCE/examples/train/train.lua" "$SOURCE/examples/train/house.txt")
check "kernels train" "$BUILD/example_train" "${FILES[@]}" 100
cp "$TMP/out" "$TMP/kernels"
check "sums written out train" "$BUILD/example_train" "${FILES[@]}" 100 --dense
cp "$TMP/out" "$TMP/dense"
apart() { paste "$TMP/kernels" "$TMP/dense" | awk '{ d = $2 - $4; if ($1 != $3 || d > 1e-3 || d < -1e-3) print }'; }
equal "the curves have eleven points" "$(wc -l <"$TMP/kernels")" 11
equal "and are equal" "$(apart)" ""
expect_text "the loss falls" "$(tail -1 "$TMP/kernels")" '^ 100 0\.'
expect_error 2 "a text that is too short" "has no more than" "$BUILD/example_train" "${FILES[0]}" /dev/null
expect_error 1 "a layer that is not there" "nowhere.lua" "$BUILD/example_train" nowhere.lua "${FILES[1]}"
