#!/usr/bin/env bash
# examples/train: a model trained by the kernels learns, and as sums written out in float64 do: losses are equal to 1e-3.
. "$(dirname "$0")/lib.sh"
TRAIN=$BUILD/example_train
LAYER=$SOURCE/examples/train/train.lua
TEXT=$SOURCE/examples/train/weaving.txt

STEPS=100
[ -z "${RATTAN_SANITIZED:-}" ] || STEPS=20 # sums written out take seven times as long there
check "kernels train" "$TRAIN" "$LAYER" "$TEXT" --steps $STEPS
cp "$TMP/out" "$TMP/kernels"
check "sums written out train" "$TRAIN" --dense "$LAYER" "$TEXT" --steps $STEPS
cp "$TMP/out" "$TMP/dense"
# Of the trained text and of the text that is held out.
apart() {
    paste "$TMP/kernels" "$TMP/dense" | awk 'function far(a, b) { return a - b > 1e-3 || b - a > 1e-3 }
        NF != 6 || $1 != $4 || far($2, $5) || far($3, $6)'
}
equal "the curves have a point for ten steps, and the first one" "$(wc -l <"$TMP/kernels")" $((STEPS / 10 + 1))
equal "and are equal" "$(apart)" ""
# At first all of the 48 kinds of characters are about as likely, ln 48 = 3.9.
falls() {
    awk -v column="$1" -v low="$([ $STEPS = 100 ] && echo 2.5 || echo 3.5)" '{ loss[NR] = $column }
        END { print (loss[1] > 3.5 && loss[NR] < low && loss[NR] > 0.5) }' "$TMP/kernels"
}
equal "the loss falls" "$(falls 2)" 1
equal "so does that of the text held out" "$(falls 3)" 1
check "one step more" "$TRAIN" "$LAYER" "$TEXT" --steps 1
equal "the first step is the same" "$(cat "$TMP/out")" "$(head -n 1 "$TMP/kernels")"

# A change of the last tenth changes nothing of what is trained.
{ head -c 10300 "$TEXT" && tail -c +10301 "$TEXT" | tr 'a-y' 'b-z'; } >"$TMP/other.txt"
check "another end" "$TRAIN" "$LAYER" "$TMP/other.txt" --steps 10
equal "is not trained on" "$(cut -c 1-12 "$TMP/out")" "$(head -n 2 "$TMP/kernels" | cut -c 1-12)"
expect_exit 1 "but its loss is printed" cmp "$TMP/out" <(head -n 2 "$TMP/kernels")

check "--help" "$TRAIN" --help
expect_text "which names the options" "$(cat "$TMP/out")" '--steps N'
for steps in 0 -5 foo 10x '' 1000001; do
    expect_error 2 "--steps '$steps'" "--steps '$steps': give a whole number" "$TRAIN" "$LAYER" "$TEXT" --steps "$steps"
done
expect_error 2 "an unknown option" "--cuda" "$TRAIN" "$LAYER" "$TEXT" --cuda
expect_error 2 "no text" "give LAYER.lua and TEXT" "$TRAIN" "$LAYER"
expect_error 2 "two texts" "give LAYER.lua and TEXT" "$TRAIN" "$LAYER" "$TEXT" "$TEXT"
expect_error 2 "a text that is too short" "0 characters .at least 650" "$TRAIN" "$LAYER" /dev/null
expect_error 1 "a text that is not there" "nowhere.txt" "$TRAIN" "$LAYER" "$TMP/nowhere.txt"
expect_error 1 "a layer that is not there" "nowhere.lua" "$TRAIN" nowhere.lua "$TEXT"
printf 'a caf\303\251' >"$TMP/bytes.txt"
expect_error 2 "characters that are no ASCII" "character 6 is the byte 0xc3" "$TRAIN" "$LAYER" "$TMP/bytes.txt"
printf %b "$(printf '\\0%o' {33..97})" >"$TMP/kinds.txt"
expect_error 2 "more kinds than the model takes" "character 65, .* 65th kind" "$TRAIN" "$LAYER" "$TMP/kinds.txt"
