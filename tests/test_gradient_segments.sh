#!/usr/bin/env bash
# Gradients on CPUs where sequences are cut into segments that run at the same time: against the float64 reference, and the same
# bits launch after launch and from one thread. Random layers of this kind: test_random_gradients.sh; each pass: test_passes.c.
. "$(dirname "$0")/lib.sh"
TINY=$SOURCE/specs/tiny.lua
FULL=(--set heads=6 --set kv_heads=2 --set head_dim=24 --set value_dim=40 --set window=20 --set sink=true --set softcap=20
    --set qk_scale=true --set 'rope={theta=10000,style="half"}' --set 'initial_state="input"')
CUT="min_items=10000 even_items=0 spread=0"

# cut NAME SCHEDULE OPTION...: a layer whose sequences are always cut.
cut() {
    local name=$1 schedule=$2
    shift 2
    check "$name" "$RATTAN" check "$TINY" --kind backward --seed 3 --schedule "$schedule $CUT" "$@"
}

for T in 23 24 25 96 247; do
    cut "everything, T $T in segments of 24" "chunk=8 key_tile=8 segment=24" "${FULL[@]}" --with final-state --shape "B=2,T=$T"
done
cut "segments longer than they are asked for" "chunk=8 key_tile=8 segment=1" "${FULL[@]}" --shape B=1,T=200
cut "packed" "chunk=8 key_tile=8 segment=24" "${FULL[@]}" --with final-state --shape lengths=70,0,24,1,150,49
cut "key tiles longer than row tiles" "chunk=8 key_tile=32 segment=64" "${FULL[@]}" --shape B=1,T=300
cut "row tiles longer than the window" "chunk=32 key_tile=8 segment=32" "${FULL[@]}" --set window=3 --set fold=8 --shape lengths=200,64
cut "a window of one key" "chunk=4 key_tile=4 segment=4" "${FULL[@]}" --set window=1 --shape B=2,T=61
cut "one head of keys, bf16" "chunk=16 key_tile=16 segment=32" --set heads=4 --set kv_heads=1 --set window=17 --dtype bf16 --shape B=1,T=500
cut "heads stacked, no norm, fp16" "chunk=16 key_tile=4 group_heads=4 segment=48" --set heads=8 --set kv_heads=2 --set window=31 --set norm=false \
    --dtype fp16 --shape lengths=300,95,96,97
cut "sums over tokens, of which segments have none or few" "chunk=4 key_tile=4 segment=24" "${FULL[@]}" --set 'initial_state="zero"' --shape B=2,T=700
cut "the same, packed" "chunk=4 key_tile=4 segment=72" "${FULL[@]}" --set 'initial_state="zero"' --with final-state --shape lengths=300,0,63,64,65,129
cut "500 launches" "chunk=8 key_tile=8 segment=24" "${FULL[@]}" --with final-state --shape lengths=70,0,131 --repeats 500
check "as long sequences are by default" "$RATTAN" check "$TINY" --kind backward --seed 3 --set heads=2 --set kv_heads=1 --shape B=1,T=3000

expect_error 2 "full attention" 'segment: .*see all keys before it.*use 0' \
    "$RATTAN" compile "$SOURCE/specs/full_attention.lua" --kind backward --schedule segment=512

# What is told of them.
"$RATTAN" explain "$TINY" --kind backward --set window=700 --shape T=4096 --no-tuning >"$TMP/out"
expect_text "explain: segments no shorter than the window" "$(tr -s ' \n' ' ' <"$TMP/out")" 'segments of 736 tokens while there are fewer'
"$RATTAN" explain "$TINY" --kind backward --shape T=4096 --no-tuning >"$TMP/out"
expect_text "explain: when sequences are cut" "$(tr -s ' \n' ' ' <"$TMP/out")" 'sequences are cut into segments of 512 tokens while there are fewer'
expect_text "explain: the sums of keys" "$(tr -s ' \n' ' ' <"$TMP/out")" 'rows: sums of keys are there twice'
for kernel in segment_state segment_scan segment_keys key_state key_scan; do
    expect_text "explain: kernel $kernel" "$(cat "$TMP/out")" "^  $kernel  *[0-9]"
done
