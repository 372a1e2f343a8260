#!/usr/bin/env bash
# rattan explain: every pass speaks, numbers agree with each other and with what is known, text fits a terminal.
. "$(dirname "$0")/lib.sh"
spec="$SOURCE/specs/tiny.lua"
paper="$SOURCE/specs/paper_d128.lua"
explain() { "$RATTAN" explain "$@"; }
# json EXPRESSION ARGUMENTS...: what the expression makes of the JSON, which is x; its numbers have eight digits.
json() {
    local expression=$1
    shift
    explain "$@" --json | python3 -c "
import json, sys
x = json.load(sys.stdin)
def close(a, b): return abs(a - b) <= 1e-6 * abs(b)
print($expression)"
}

# ---- Text
for kind in forward extend decode backward; do
    check "explain: $kind" explain "$paper" --kind "$kind"
    expect_text "$kind: the schedule and its origin" "$(cat "$TMP/out")" '^Schedule, from the default'
    expect_text "$kind: the predicted limit" "$(cat "$TMP/out")" '^Predicted limit: (matrix product|special functions|cache|memory)$'
    equal "$kind: at most 100 columns" "" "$(awk 'length > 100' "$TMP/out")"
    equal "$kind: no number that is none" "" "$(grep -iE '\b(nan|inf)\b' "$TMP/out")"
done
expect_text "backward shows what is stored" "$(cat "$TMP/out")" '^Stored and recomputed'
expect_text "with its tensors" "$(cat "$TMP/out")" '^ +lse +fp32 +512 KiB'
expect_text "and what the pass says" "$(cat "$TMP/out")" 'stored between kernels: lse, swa, rla'
expect_text "and why a CPU's kernels have no m" "$(cat "$TMP/out")" 'No m of 2, 4, 8, 16, 32, 64: only kinds forward and backward on GPUs'
saving() { RATTAN_NVRTC=/nowhere explain "$spec" --kind backward --dtype bf16 --set head_dim=16 --set value_dim=16 --shape T=4096 "$@"; }
saving --target cuda:sm_80 >"$TMP/out"
expect_text "and why there is no other m without roles" "$(cat "$TMP/out")" 'No m of 2, 4, 8, 16, 32, 64: warps without roles fetch no tiles'
saving --target cuda:sm_90a --schedule states_every=3 >"$TMP/out"
equal "with roles there is every m" "1 2 3 4 8 16 32 64" "$(awk '/^Stored/ { on = 1 } on && $1 ~ /^[0-9]+$/ { printf "%s%s", sep, $1; sep = " " }' "$TMP/out")"
equal "of which none is refused" "" "$(grep 'No m of' "$TMP/out")"
check "of no tokens" explain "$spec" --shape T=0
equal "no number that is none" "" "$(grep -iE 'nan|inf' "$TMP/out")"
check "packed" explain "$spec" --shape lengths=5,100,24
check "a GPU without NVRTC" env RATTAN_NVRTC=/nowhere "$RATTAN" explain "$paper" --set rope=false --target cuda:sm_90a
expect_text "says so" "$(cat "$TMP/out")" 'registers and spills: what the schedule claims: there is no NVRTC'
expect_text "and what the schedule leaves" "$(cat "$TMP/out")" '^ +main .* 384 +<=168 +-$'
expect_text "and what roles take" "$(cat "$TMP/out")" '8 warps compute with 240 registers'
equal "at most 100 columns on GPUs" "" "$(grep -vE '^ +(blocks|[a-z_]+ +[0-9]+ )' "$TMP/out" | awk 'length > 100')"
expect_text "a schedule laid over the default" "$(explain "$spec" --schedule chunk=32)" '^Schedule, from the default, with --schedule over it'
expect_text "is what passes work with" "$(explain "$spec" --schedule 'chunk=32 key_tile=16')" 'a row tile: 32 positions'
expect_text "passes say why not" "$(explain "$spec" --schedule ring=0)" 'no rings: the schedule asks for none'
# Knobs stand under the passes that read them, with what they could be; the sizes that matter most with their reason.
flat() { tr -s ' \n' ' ' <"$TMP/out"; }
check "knobs of a CPU" env RATTAN_TUNING=off "$RATTAN" explain "$paper" --shape B=1,T=8192 --threads 3
expect_text "chunk has a reason" "$(flat)" ' chunk 64: edge tiles are computed in full '
expect_text "so has key_tile" "$(flat)" ' key_tile 64: as many keys as a row tile has rows'
expect_text "and segment, with what it makes of the launch" "$(flat)" \
    ' segment 512: no shorter: .* Here [0-9]+ segments of [0-9]+ tokens: 8 pairs of sequence and key/value head, and 16 items are wanted'
expect_text "a pass says its knobs" "$(flat)" ' tile 1?[0-9]+ ops become .* knobs: chunk=64 \(or 16, 32, 48, 96, 128\), key_tile=64 \(or [0-9, ]*\), group_heads='
expect_text "what they could be is said once" "$(flat)" ' knobs: chunk=64, key_tile=64, segment=512 \(or 0, 1024, '
expect_text "code generation has some" "$(flat)" ' code knobs: tile_rows=0 \(or 2, 4, '
expect_text "launches, too" "$(flat)" ' launch knobs: even_items=3 \(or 0\), spread=1 '
equal "knobs of GPUs are not among them" "" "$(grep -oE '(warps|stages|roles)=[0-9]+ \(or' "$TMP/out")"
equal "at most 100 columns with knobs" "" "$(awk 'length > 100' "$TMP/out")"
explain "$paper" --shape B=1,T=8192 --schedule 'chunk=32 segment=0' >"$TMP/out"
expect_text "of what is asked for, so" "$(flat)" ' chunk 32: by --schedule; the default is 64: edge tiles'
expect_text "and no cut where none can be" "$(flat)" ' segment 0: by --schedule; the default is 512: no shorter: [^.]*Passes'
explain "$paper" --kind decode >"$TMP/out"
expect_text "decode says why it cuts nothing" "$(flat)" ' segment 0: rings and states are updated in place'
RATTAN_NVRTC=/nowhere explain "$paper" --set rope=false --target cuda:sm_90a >"$TMP/out"
expect_text "a GPU's tiles have their reason" "$(flat)" ' key_tile 128: twice a row tile.s rows: what lies between two products'
expect_text "its passes knobs" "$(flat)" 'knobs: chunk=64, blocks=1 \(or 2, 4\), roles=1, registers=240'
equal "and none of another kind" "" "$(grep -o 'gradient_[a-z]*=[0-9]*,* *' <<<"$(grep -A3 knobs: "$TMP/out")")"
# Register tiles are those of the functions that products call.
for kind in forward decode backward; do
    shown=$(explain "$spec" --target x86-64-v3 --kind $kind | grep -oE '[0-9]+ x [0-9]+ vectors of 8 floats' | sed 's/ x \([0-9]*\) .*/x\1/' | sort -u)
    emitted=$("$RATTAN" compile "$spec" --target x86-64-v3 --kind $kind --emit llvm | grep -o '@dot_[0-9]*x[0-9]*_' | sed 's/@dot_\(.*\)_/\1/' | sort -u)
    expect_text "$kind: register tiles" "$shown" '^[0-9]+x[0-9]+$'
    equal "$kind: are the code's" "" "$(comm -23 <(echo "$shown") <(echo "$emitted"))"
done
expect_text "tiles that are asked for" "$(explain "$paper" --schedule 'tile_rows=4 tile_vectors=2' --target x86-64-v3)" \
    '^  main +4 x 2 vectors of 8 floats: [0-9]+ products?, 11 of 16 vector registers'
expect_text "roles say what runs behind" "$(explain "$paper" --set rope=false --target cuda:sm_90a)" '^  delay .*always a turn behind, with roles|always a turn behind, with roles$'
check "of a model the layers that have the kind" "$RATTAN" explain "$SOURCE/specs/local_global.lua" --kind decode
expect_text "are explained" "$(cat "$TMP/out")" '^local_global_l \(l\)'
expect_text "the others named" "$(cat "$TMP/err")" 'local_global_g \(g\) is left out: full attention has no decode'
expect_text "items of a sweep" "$(explain "$SOURCE/specs/window_sweep.lua")" '^window_sweep \(head_dim=128,window=1024\)'

# ---- Errors
expect_error 2 "a kind that is none" 'no kind' "$RATTAN" explain "$spec" --kind sideways
expect_error 2 "no spec" 'no SPEC' "$RATTAN" explain
expect_error 2 "a schedule that cannot be" 'group_heads' "$RATTAN" explain "$spec" --schedule group_heads=7
for target in host cuda:sm_90a; do
    check "gradients of full attention, $target" "$RATTAN" explain "$SOURCE/specs/full_attention.lua" --kind backward --target $target
    expect_text "have no states" "$(cat "$TMP/out")" '^  Full attention has no residual branch, and so no states\.'
    equal "nor an m" "" "$(grep -E 'No m of|every m chunks' "$TMP/out")"
done
expect_error 2 "full attention has no decode" 'full attention' "$RATTAN" explain "$SOURCE/specs/full_attention.lua" --kind decode

# ---- Data
if ! command -v python3 >/dev/null; then
    skip "explain --json" "no python3"
    exit
fi
equal "all passes of a CPU, in order" "10 differentiate place" "$(json 'len(x["passes"]), x["passes"][0]["pass"], x["passes"][-1]["pass"]' "$spec" | tr -d "(),'")"
for kind in forward extend decode backward; do
    equal "$kind: every kernel's work adds up" "True" \
        "$(json 'close(sum(k["product_flops"] for k in x["kernels"]), x["work"]["product_flops"])' "$paper" --kind $kind)"
    equal "$kind: no less than the definition asks for" "True" "$(json 'x["work"]["product_flops"] >= x["useful_flops"]' "$paper" --kind $kind)"
    equal "$kind: the limit is the largest" "True" \
        "$(json 'x["limit"] == max(x["limits"], key=lambda l: l["cycles"])["limit"]' "$paper" --kind $kind)"
done
equal "cycles take time by the clock" "True" \
    "$(json 'x["clock_ghz"] > 0.2 and all(close(l["ms"] * x["clock_ghz"] * 1e6, l["cycles"]) for l in x["limits"])' "$paper")"
equal "elsewhere the clock is not known" "True" \
    "$(json 'x["clock_ghz"] is None and all(l["ms"] is None for l in x["limits"])' "$paper" --target aarch64)"
equal "ops chain from pass to pass" "True" \
    "$(json 'all(a["ops_after"] == b["ops_before"] for a, b in zip(x["passes"], x["passes"][1:]))' "$paper")"
equal "every knob of this kind is under a pass or behind them" "[]" \
    "$(json 'sorted({f for f in "chunk key_tile group_heads ring segment min_items even_items tile_vectors tile_rows unroll".split()}
        - {k["knob"] for p in x["passes"] for k in p["knobs"]} - {k["knob"] for r in x["knobs_behind"].values() for k in r})' "$paper")"
equal "a knob has other values that can be" "True" \
    "$(json 'all(k["value"] not in k["others"] for p in x["passes"] for k in p["knobs"]) and
        any(k["others"] == [0] for p in x["passes"] for k in p["knobs"] if k["knob"] == "ring")' "$paper")"
equal "a model's layers" "2" "$(json 'len(x)' "$SOURCE/specs/local_global.lua")"
equal "stored bytes are the tensors'" "True" \
    "$(json 'close(x["saving"][0]["stored_bytes"], sum(t["bytes"] for t in x["saving"][0]["tensors"]))' "$paper" --kind backward)"
# lse, and both branches in the layer's type.
saved=$((4096 * 32 * 4 + 2 * 4096 * 32 * 128 * 2))
equal "what forward saves for backward" "True True True" "$(for kind in forward backward; do
    json "x['saved_bytes'] == $saved" "$paper" --kind $kind --shape T=4096 --with saved
done | tr '\n' ' ')$(json 'x["saved_bytes"] == 0' "$paper" --kind backward)"
check "explain: by what forward saves" explain "$paper" --kind backward --shape T=4096 --with saved
expect_text "which is told" "$(cat "$TMP/out")" '^ +saved +64\.5 MiB that forward keeps for backward'
equal "main's kernel has nothing to do" "" "$(grep -E '^ +main: ' "$TMP/out")"
equal "m that there are not, with the reason" "6 2 True" \
    "$(json 'len(x["saving_refused"]), x["saving_refused"][0]["m"], "GPUs" in x["saving_refused"][0]["why"]' "$paper" --kind backward | tr -d '(),')"
# Full attention over T tokens: T (T + 1) / 2 pairs, which tiles round up by less than one tile a row.
equal "flops of full attention" "True" "$(json '1 <= x["work"]["product_flops"] / x["useful_flops"] < 1.02' "$SOURCE/specs/full_attention.lua" --shape T=8192)"
equal "twice the sequences, twice the work" "True" \
    "$(python3 -c "print(abs($(json 'x["work"]["product_flops"]' "$paper" --shape B=6) / $(json 'x["work"]["product_flops"]' "$paper" --shape B=3) - 2) < 1e-6)")"
if "$RATTAN" doctor 2>/dev/null | grep -qE 'NVRTC [0-9]'; then
    equal "registers of the cubin" "True" \
        "$(json 'all(k["registers"] > 0 and k["spilled_bytes"] == 0 for k in x["kernels"])' "$paper" --set rope=false --target cuda:sm_90a)"
else
    skip "registers of the cubin" "no NVRTC"
fi
