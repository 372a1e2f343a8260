#!/usr/bin/env bash
# The command line: help from the tables, exit codes, what is written where, and everything that bad input can be.
. "$(dirname "$0")/lib.sh"
SPEC="$SOURCE/specs/tiny.lua"
CASE="$SOURCE/tests/golden/window1.safetensors"

# spec NAME TEXT: a spec file.
spec() { printf '%s\n' "$2" >"$TMP/$1.lua"; }

# ---- Help, manual page, completions -----------------------------------------------------------------------------------
check "help" "$RATTAN" --help
expect_text "help names the commands" "$(cat "$TMP/out")" '^  bench '
for command in compile run check bench explain explore passes targets doctor cache help; do
    check "$command --help" "$RATTAN" "$command" --help
    expect_text "$command --help lists options" "$(cat "$TMP/out")" '--help +show help'
done
check "version" "$RATTAN" --version
expect_text "version's form" "$(cat "$TMP/out")" '^rattan [0-9]+\.[0-9]+\.[0-9]+$'
for variable in RATTAN_NVRTC RATTAN_LIBCUDA CUDA_HOME CUDA_VISIBLE_DEVICES RATTAN_CACHE_DIR RATTAN_TUNING; do
    expect_text "manual: $variable" "$("$RATTAN" help --man)" "^\\.B $variable\$"
done
for result in loop-ir tile-ir schedule llvm asm obj cuda ptx cubin sass resources code; do
    expect_text "compile --help says what $result is for" "$("$RATTAN" compile --help | sed '/^Options/,$d')" "(^|[ ,])$result([ ,]|\$)"
done
check "doc/rattan.1 is what the tables say" diff -u "$SOURCE/doc/rattan.1" <("$RATTAN" help --man)
check "bash completion is what the tables say" diff -u "$SOURCE/doc/completion/rattan.bash" <("$RATTAN" help --completion bash)
check "zsh completion is what the tables say" diff -u "$SOURCE/doc/completion/_rattan" <("$RATTAN" help --completion zsh)
check "bash reads its completion" bash -n "$SOURCE/doc/completion/rattan.bash"
complete_words() {
    (
        # shellcheck source=/dev/null
        . "$SOURCE/doc/completion/rattan.bash"
        PATH="$(dirname "$RATTAN"):$PATH" COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _rattan
        echo "${COMPREPLY[*]}"
    )
}
equal "completion of a command" "doctor" "$(complete_words rattan doc)"
equal "completion of an option" "--vectors" "$(complete_words rattan check --vec)"
equal "completion of a target" "x86-64-v3 x86-64-v4" "$(complete_words rattan compile --target x86)"

# ---- A cache that cannot be used: kernels are made nevertheless, and one line says why they are not kept -----------------
mkdir -m 777 "$TMP/shared"
for words in "/proc/none: cannot be made: No such file or directory" "$TMP/shared: is not a folder that belongs to this user alone"; do
    for command in "compile $SPEC" "check $SPEC --shape T=9 --seed 1" "bench $SPEC --shape T=9 --reps 1"; do
        # shellcheck disable=SC2086
        RATTAN_CACHE_DIR=${words%%:*} expect_error 0 "${command%% *}, ${words#*: }" "^rattan: warning: cache $words" "$RATTAN" $command
    done
    RATTAN_CACHE_DIR=${words%%:*} check "doctor, ${words#*: }" "$RATTAN" doctor
    expect_text "which it finds" "$(cat "$TMP/out")" "^cache +absent +cache $words"
    RATTAN_CACHE_DIR=${words%%:*} check "without a cache, ${words#*: }" "$RATTAN" compile "$SPEC" --no-cache
    equal "nothing is to be said" "" "$(cat "$TMP/err")"
done
RATTAN_CACHE_DIR=$TMP/first/here check "doctor makes the folder" "$RATTAN" doctor
expect_text "and finds it good" "$(cat "$TMP/out")" "^cache +ok +$TMP/first/here, 0 entries"
equal "leaving nothing in it" "" "$(ls -A "$TMP/first/here")"

# ---- Wrong usage: exit code 2, one line, a remedy ---------------------------------------------------------------------
expect_error 2 "no command" '--help' "$RATTAN"
expect_error 2 "unknown command" "did you mean 'rattan check'" "$RATTAN" chek
expect_error 2 "unknown option" "did you mean '--target'" "$RATTAN" compile "$SPEC" --taget host
expect_error 2 "option of another command" "unknown option" "$RATTAN" compile "$SPEC" --vectors x
expect_error 2 "option without its value" "needs a value" "$RATTAN" compile "$SPEC" --target
expect_error 2 "no spec" "no SPEC" "$RATTAN" compile
expect_error 2 "two specs" "more than one SPEC" "$RATTAN" compile "$SPEC" "$SPEC"
expect_error 2 "unknown target" "^rattan: --target: there is no target 'cray'.*x86-64-v3.*aarch64.*cuda:sm_90a" "$RATTAN" compile "$SPEC" --target cray
expect_error 2 "a target that is nearly one" "did you mean x86-64-v3\?" "$RATTAN" compile "$SPEC" --target x86-64v3
expect_error 2 "a GPU without its prefix" "did you mean cuda:sm_90a\?" "$RATTAN" compile "$SPEC" --target sm_90a
expect_error 2 "an unknown GPU" "^rattan: --target: there is no target 'cuda:sm_35'.*cuda:sm_80" "$RATTAN" compile "$SPEC" --target cuda:sm_35
expect_error 2 "unknown kind" "forward, decode, extend or backward" "$RATTAN" compile "$SPEC" --kind sideways
expect_error 2 "unknown result" "loop-ir" "$RATTAN" compile "$SPEC" --emit perl
expect_error 2 "unknown pass" "no pass is named 'typo'" "$RATTAN" compile "$SPEC" --dump-after typo
expect_error 2 "unknown type" "^rattan: --dtype: .*fp32" "$RATTAN" compile "$SPEC" --dtype fp8
expect_error 2 "bad shape" "B=2,T=1000" "$RATTAN" check "$SPEC" --shape 7x7
expect_error 2 "bad count" "0 to" "$RATTAN" check "$SPEC" --shape T=many
expect_error 2 "a size twice" "^rattan: --shape: T is given twice" "$RATTAN" check "$SPEC" --shape T=3,B=2,T=4
expect_error 2 "lengths twice" "^rattan: --shape: lengths is given twice" "$RATTAN" check "$SPEC" --shape lengths=3,4,lengths=5
if [ -n "${RATTAN_SANITIZED:-}" ]; then
    skip "tensors that no memory holds" "the sanitizers' allocator has words of its own for that"
else
    expect_error 1 "tensors that no memory holds" "^rattan: --shape: out of memory for 'B=100000,T=100000000'.*smaller" \
        "$RATTAN" bench "$SPEC" --shape B=100000,T=100000000
fi
expect_error 2 "bad threads" "whole number" "$RATTAN" bench "$SPEC" --threads none
expect_error 2 "unknown item" "the items are" "$RATTAN" compile "$SOURCE/specs/window_sweep.lua" --item nine
expect_error 2 "unknown schedule field" "no field \"speed\" .fields are chunk" "$RATTAN" compile "$SPEC" --schedule speed=9
expect_error 2 "a schedule field that is nearly one" "did you mean key_tile\?" "$RATTAN" compile "$SPEC" --schedule keytile=16
expect_error 2 "impossible schedule" "schedule" "$RATTAN" compile "$SPEC" --schedule "chunk=99999"
expect_error 2 "set nothing" "FIELD=VALUE" "$RATTAN" compile "$SPEC" --set window
expect_error 2 "set an unknown field" "^rattan: --set: windw: .*did you mean window" "$RATTAN" compile "$SPEC" --set windw=3
expect_error 2 "set a wrong value" "^rattan: --set: window: 0 is out of range" "$RATTAN" compile "$SPEC" --set window=0
expect_error 2 "set no Lua" "^rattan: --set: .* near .*a spec is Lua" "$RATTAN" compile "$SPEC" --set 'norm={'
expect_error 2 "an empty name for output" "^rattan: -o: .*name a file or a folder" "$RATTAN" compile "$SPEC" --emit asm -o ''
expect_error 2 "an empty name for a spec" "SPEC is an empty word" "$RATTAN" compile ''
expect_text "doctor: threads that are no number" "$(RATTAN_NUM_THREADS=many "$RATTAN" doctor 2>/dev/null)" "^threads +BROKEN .*RATTAN_NUM_THREADS is 'many': .*whole number"
RATTAN_NUM_THREADS=many expect_error 1 "doctor: and fails" "^rattan: rattan doctor: 1 thing does not work .see the lines marked BROKEN" "$RATTAN" doctor
expect_text "doctor: threads" "$(RATTAN_NUM_THREADS=3 "$RATTAN" doctor 2>/dev/null)" "^threads +ok +3 .RATTAN_NUM_THREADS"
expect_error 2 "cache does not dance" "info, clear or gc" "$RATTAN" cache dance

# ---- Bad specs -------------------------------------------------------------------------------------------------------
spec unknown_field 'return rattention { heads = 2, head_dim = 8, window = 4, widow = 4 }'
spec wrong_type 'return rattention { heads = "two", head_dim = 8, window = 4 }'
spec not_multiple 'return rattention { heads = 6, kv_heads = 4, head_dim = 8, window = 4 }'
spec window0 'return rattention { heads = 2, head_dim = 8, window = 0 }'
spec nan_scale 'return rattention { heads = 2, head_dim = 8, window = 4, scale = 0/0 }'
spec giant_string 'return rattention { heads = 2, head_dim = 8, window = 4, name = string.rep("x", 1 << 30) }'
spec endless 'while true do end'
spec syntax 'return rattention { heads = = 2 }'
spec empty_map 'return rattention { heads = 2, head_dim = 8, window = 4, feature_map = function(x) end }'
expect_error 2 "unknown field" "unknown_field.lua:1:.*widow.*window" "$RATTAN" compile "$TMP/unknown_field.lua"
expect_error 2 "wrong type" "wrong_type.lua:1:.*heads" "$RATTAN" compile "$TMP/wrong_type.lua"
expect_error 2 "heads no multiple of kv_heads" "heads.*kv_heads" "$RATTAN" compile "$TMP/not_multiple.lua"
expect_error 2 "window 0" "window" "$RATTAN" compile "$TMP/window0.lua"
expect_error 2 "NaN scale" "scale" "$RATTAN" compile "$TMP/nan_scale.lua"
expect_error 2 "1 GB string" "giant_string.lua" "$RATTAN" compile "$TMP/giant_string.lua"
expect_error 2 "endless loop" "endless.lua" "$RATTAN" compile "$TMP/endless.lua"
expect_error 2 "syntax error" "syntax.lua:1: .*a spec is Lua: fields end with a comma" "$RATTAN" compile "$TMP/syntax.lua"
expect_error 2 "map that returns nothing" "feature_map" "$RATTAN" compile "$TMP/empty_map.lua"
expect_error 1 "no such spec" "nowhere.lua" "$RATTAN" compile "$TMP/nowhere.lua"

# ---- Bad tensors -----------------------------------------------------------------------------------------------------
head -c 5000 "$CASE" >"$TMP/cut.safetensors"
head -c 5 "$CASE" >"$TMP/stub.safetensors"
printf 'not a tensor file, whatever its name may say' >"$TMP/text.safetensors"
sed 's/"in.q":{"dtype":"F32"/"in.q":{"dtype":"F99"/; s/"in.q": {"dtype": "F32"/"in.q": {"dtype": "F99"/' "$CASE" >"$TMP/type.safetensors"
sed 's/\\"D\\": 16, \\"Dv\\"/\\"D\\": 18, \\"Dv\\"/' "$CASE" >"$TMP/shape.safetensors"
expect_error 5 "truncated data" "truncated" "$RATTAN" check - --vectors "$TMP/cut.safetensors"
expect_error 5 "truncated length" "truncated" "$RATTAN" check - --vectors "$TMP/stub.safetensors"
expect_error 5 "not safetensors" "not a safetensors file" "$RATTAN" check - --vectors "$TMP/text.safetensors"
expect_error 2 "unknown dtype" "in.q.*F99" "$RATTAN" check - --vectors "$TMP/type.safetensors"
expect_error 2 "shapes that do not fit the spec" "q.*it is fp32.*call for" "$RATTAN" check - --vectors "$TMP/shape.safetensors"
expect_error 1 "no such vectors" "cannot open" "$RATTAN" check - --vectors "$TMP/nowhere.safetensors"
expect_error 1 "a folder is no file" "$TMP" "$RATTAN" check - --vectors "$TMP"
expect_error 2 "vectors without --vectors" "--vectors" "$RATTAN" check "$SPEC" "$CASE"

# ---- run -------------------------------------------------------------------------------------------------------------
cat >"$TMP/window1.lua" <<'EOF'
return rattention { name = "window1", heads = 2, kv_heads = 1, head_dim = 16, window = 1, dtype = "fp32",
                    rope = { theta = 500000, style = "interleaved" } }
EOF
check "run" "$RATTAN" run "$TMP/window1.lua" --input "$CASE" --with lse,parts,final-state -o "$TMP/out.safetensors"
header=$(head -c 2000 "$TMP/out.safetensors" | tr -c '[:print:]' ' ')
for output in o lse swa rla final_state; do
    expect_text "run wrote $output" "$header" "\"$output\":"
done
check "run again" "$RATTAN" run "$TMP/window1.lua" --input "$CASE" --with lse,parts,final-state -o "$TMP/again.safetensors"
check "run twice, the same bytes" cmp "$TMP/out.safetensors" "$TMP/again.safetensors"
check "run: gradients" "$RATTAN" run "$TMP/window1.lua" --kind backward --input "$CASE" -o "$TMP/gradients.safetensors"
sed 's/"out.final_state"/"dfinal_state"   /' "$CASE" >"$TMP/final.safetensors"
check "run: gradients, with the final state's" "$RATTAN" run "$TMP/window1.lua" --kind backward --input "$TMP/final.safetensors" \
    -o "$TMP/both.safetensors"
check "check: gradients of small numbers" "$RATTAN" check "$SPEC" --kind backward --repeats 3 --magnitude=-20 --shape B=1,T=20 --seed 1
expect_text "check: repeats" "$(cat "$TMP/out")" 'backward, 3 times with 1 thread *equal *ok'
expect_exit 1 "run: the gradient of a final state counts" cmp "$TMP/gradients.safetensors" "$TMP/both.safetensors"
expect_error 2 "run: wrong type of q" "q.*bf16|q.*fp32" "$RATTAN" run "$TMP/window1.lua" --dtype bf16 --input "$CASE" -o "$TMP/never.safetensors"
expect_error 2 "run: mismatched dims" "q" "$RATTAN" run "$SPEC" --input "$CASE" -o "$TMP/never.safetensors"
expect_error 2 "run: no input" "--input" "$RATTAN" run "$TMP/window1.lua" -o "$TMP/never.safetensors"
expect_error 2 "run: no output" "-o FILE" "$RATTAN" run "$TMP/window1.lua" --input "$CASE"
expect_error 1 "run: unwritable output" "cannot write" "$RATTAN" run "$TMP/window1.lua" --input "$CASE" -o "$TMP/no/such/folder"
equal "nothing half-written" "" "$(find "$TMP" -name 'never*' -o -name '*.tmp')"

# ---- compile's outputs -----------------------------------------------------------------------------------------------
check "compile: all results" "$RATTAN" compile "$SPEC" -o "$TMP/all"
equal "compile: their names" "tiny.forward.ll tiny.forward.loop.ir tiny.forward.o tiny.forward.rattan tiny.forward.s \
tiny.forward.schedule tiny.forward.tile.ir" "$(cd "$TMP/all" && echo *)"
check "compile: one result to a file" "$RATTAN" compile "$SPEC" --emit asm -o "$TMP/tiny.s"
expect_text "compile: assembly" "$(cat "$TMP/tiny.s")" 'rattan_tiny'
"$RATTAN" compile "$SPEC" --emit loop-ir >"$TMP/tiny.ir"
expect_text "compile: loop IR on stdout" "$(cat "$TMP/tiny.ir")" '^module "tiny'
expect_text "compile: dump after a pass" "$("$RATTAN" compile "$SPEC" --dump-after canonicalize)" '^# after canonicalize'
check "compile: another target's object" "$RATTAN" compile "$SPEC" --target aarch64 --emit obj -o "$TMP/tiny.o"
equal "compile: it is ELF" "$(printf '\177ELF')" "$(head -c 4 "$TMP/tiny.o")"
mkfifo "$TMP/pipe"
cat "$TMP/pipe" >"$TMP/piped" &
check "compile: to a pipe" timeout 60 "$RATTAN" compile "$SPEC" --emit schedule -o "$TMP/pipe"
wait
expect_text "which takes what is written" "$(cat "$TMP/piped")" '^chunk='
[ -p "$TMP/pipe" ] && ok "and stays one" || not_ok "and stays one" "$(ls -l "$TMP/pipe")"
expect_error 1 "compile: unwritable folder" "cannot" "$RATTAN" compile "$SPEC" -o "$TMP/no/such/folder"
if [ "$(id -u)" != 0 ]; then
    mkdir -m 500 "$TMP/readonly"
    expect_error 1 "compile: read-only folder" "cannot write" "$RATTAN" compile "$SPEC" --emit asm -o "$TMP/readonly/x.s"
fi
if [ -w /dev/full ]; then
    "$RATTAN" compile "$SPEC" --emit asm >/dev/full 2>"$TMP/err"
    equal "compile: a full disk behind stdout" 1 $?
fi
check "compile: every item of a sweep" "$RATTAN" compile "$SOURCE/specs/window_sweep.lua" --json
expect_text "compile: items have labels" "$(cat "$TMP/out")" '"label": ".*window='
check "check: a window longer than any ring" "$RATTAN" check "$SPEC" --set window=1099511627776 --kind backward --with saved --shape B=1,T=70
expect_error 2 "compile: a ring longer than any" "2147483648 rows has more than the 2147483647.*smaller window" "$RATTAN" compile "$SPEC" --set window=2147483648 --kind decode
check "compile: --set" "$RATTAN" compile "$SPEC" --set window=7 --set feature_map=relu --emit loop-ir
check "compile: --set of fields that only fit together" "$RATTAN" compile "$SPEC" --set heads=9 --set kv_heads=3
expect_error 2 "compile: --set of fields that do not" "heads.*kv_heads" "$RATTAN" compile "$SPEC" --set heads=9 --set kv_heads=2
# follows NAME WRITTEN FILE OPTION...: with these options the file is the layer that is written out.
follows() {
    local name=$1
    printf 'return %s\n' "$2" >"$TMP/written.lua"
    shift 2
    equal "compile: --set, $name" "$("$RATTAN" compile "$TMP/written.lua" --emit loop-ir 2>&1)" "$("$RATTAN" compile "$@" --emit loop-ir 2>&1)"
}
spec given 'return rattention { name = "given", heads = 2, kv_heads = 2, head_dim = 8, value_dim = 8, window = 4, scale = 8 ^ -0.5 }'
spec swept 'return rattention { name = "swept", heads = 2, head_dim = sweep { 8, 4 }, value_dim = sweep { 8, 6 }, window = 4 }'
spec deep 'return model { name = "deep", layers = 2, pattern = { "l", "g" }, l = rattention { heads = 2, head_dim = 8, window = 4 },
  g = attention { heads = 2, head_dim = 8 } }'
follows "value_dim and scale follow head_dim" 'rattention { name = "tiny", heads = 2, head_dim = 16, window = 4 }' "$SPEC" --set head_dim=16
follows "in any order and behind a type" 'rattention { name = "tiny", heads = 2, head_dim = 16, value_dim = 4, window = 4, dtype = "bf16" }' \
    "$SPEC" --set value_dim=4 --dtype bf16 --set head_dim=16
follows "kv_heads follows heads" 'rattention { name = "tiny", heads = 3, head_dim = 8, window = 4 }' "$SPEC" --set heads=3
follows "what is written stays, be it the default" \
    'rattention { name = "given", heads = 4, kv_heads = 2, head_dim = 16, value_dim = 8, window = 4, scale = 8 ^ -0.5 }' \
    "$TMP/given.lua" --set head_dim=16 --set heads=4
follows "what is swept is written" 'rattention { name = "swept", heads = 2, head_dim = 16, value_dim = 6, window = 4 }' \
    "$TMP/swept.lua" --item 1 --set head_dim=16
follows "a model's layers" 'rattention { name = "deep_l", heads = 2, head_dim = 16, window = 4 }' "$TMP/deep.lua" --item l --set head_dim=16
spec sized 'return rattention { name = "sized", heads = 2, head_dim = 8, window = 4, feature_map = function(x) return exp(x / #x) end }'
spec plain 'return rattention { name = "plain", heads = 2, head_dim = 8, window = 4, feature_map = function(x) return concat(exp(x), x) end }'
expect_error 2 "compile: --set, a map with constants of head_dim" 'length of its vectors' "$RATTAN" compile "$TMP/sized.lua" --set head_dim=16
check "compile: --set, other fields of its layer" "$RATTAN" compile "$TMP/sized.lua" --set window=5
follows "another map with head_dim" 'rattention { name = "sized", heads = 2, head_dim = 16, window = 4, feature_map = "relu" }' \
    "$TMP/sized.lua" --set head_dim=16 --set feature_map=relu
follows "a map without such constants" \
    'rattention { name = "plain", heads = 2, head_dim = 16, window = 4, feature_map = function(x) return concat(exp(x), x) end }' \
    "$TMP/plain.lua" --set head_dim=16
follows "full attention" 'attention { name = "deep_g", heads = 2, head_dim = 16 }' "$TMP/deep.lua" --item g --set head_dim=16
equal "compile: the same twice" "$("$RATTAN" compile "$SPEC" --emit asm | cksum)" "$("$RATTAN" compile "$SPEC" --emit asm | cksum)"

# ---- Data as JSON, colour, devices -----------------------------------------------------------------------------------
json_ok() { if command -v python3 >/dev/null; then python3 -m json.tool "$1" >/dev/null; else grep -q '[]}]' "$1"; fi; }
for command in "passes --json" "targets --json" "doctor --json" "cache info --json" "compile $SPEC --json" \
    "check $SPEC --shape T=20 --json" "bench $SPEC --shape T=64 --reps 3 --json"; do
    # shellcheck disable=SC2086 # words of the command
    "$RATTAN" $command >"$TMP/json" 2>"$TMP/err"
    check "JSON: $command" json_ok "$TMP/json"
done
keys=$("$RATTAN" bench "$SPEC" --shape T=64 --reps 3 --json)
for key in ms_median ms_min ms_max useful_flops bytes share_of_fma_peak share_of_read_bandwidth; do
    expect_text "bench: $key" "$keys" "\"$key\": [0-9.e+-]+"
done
# 2 heads of dim 8, window 4, F 16, T 64: pairs 1+2+3+61*4 a head, by the definition.
flops=$((2 * (8 + 8) * 2 * (1 + 2 + 3 + 61 * 4) + 2 * 16 * 8 * 64 * 2 + 2 * 16 * 8 * 64 * 2))
expect_text "bench: flops by the definition" "$keys" "\"useful_flops\": $flops\\.0"
for kind in decode extend; do
    check "bench: $kind" "$RATTAN" bench "$SPEC" --kind $kind --shape B=2 --reps 3
done
# Optional parts: lse of 2 heads, branches of 2 heads of 8, a state of 2 x 16 x 8, each number four bytes.
bench_bytes() { "$RATTAN" bench "$SPEC" --shape T=64 --reps 3 --json "$@" | sed -n 's/^ *"bytes": \([0-9]*\)\.0,*$/\1/p'; }
bytes=$(bench_bytes)
equal "bench: --with lse,final-state" $((bytes + 4 * 2 * 64 + 4 * 2 * 16 * 8)) "$(bench_bytes --with lse,final-state)"
equal "bench: --with parts" $((bytes + 4 * 2 * 2 * 8 * 64)) "$(bench_bytes --with parts)"
equal "bench: --with saved" $((bytes + 4 * 2 * 64 + 4 * 2 * 2 * 8 * 64)) "$(bench_bytes --with saved)"
equal "bench: backward --with saved" $(($(bench_bytes --kind backward) + 4 * 2 * 64 + 4 * 2 * 2 * 8 * 64)) "$(bench_bytes --kind backward --with saved)"
check "bench: parts are told" "$RATTAN" bench "$SPEC" --kind backward --with final-state --shape T=64 --reps 3
expect_text "in the first line" "$(cat "$TMP/out")" '^tiny  backward with final-state '
expect_error 2 "bench: --with of another kind" "lse.*no outputs of kind backward" "$RATTAN" bench "$SPEC" --kind backward --with lse
expect_error 2 "bench: packed without lengths" "give --shape lengths=" "$RATTAN" bench "$SPEC" --with packed
expect_error 2 "bench: compile times are without parts" "leave out one" "$RATTAN" bench "$SPEC" --with lse --compile-times
check "check: --with parts" "$RATTAN" check "$SPEC" --with parts --shape T=30 --seed 1
equal "which are compared, and no others" "o swa rla" "$(sed -n 's/^tiny *forward \([a-z_]*\) *[0-9].*/\1/p' "$TMP/out" | tr '\n' ' ' | sed 's/ $//')"
check "check: of gradients" "$RATTAN" check "$SPEC" --kind backward --with final-state --shape T=30 --seed 1
check "check: of gradients by what forward saves" "$RATTAN" check "$SPEC" --kind backward --with saved,final-state --shape T=30 --seed 1
check "check: of vectors" "$RATTAN" check - --kind backward --with saved --vectors "$CASE"
check "check: what forward saves" "$RATTAN" check "$SPEC" --with saved --shape T=30 --seed 1
equal "which is compared" "o lse swa rla" "$(sed -n 's/^tiny *forward \([a-z_]*\) *[0-9].*/\1/p' "$TMP/out" | tr '\n' ' ' | sed 's/ $//')"
expect_error 2 "compile: parts are not saved" "ask for one of the two" "$RATTAN" compile "$SPEC" --with parts,saved
expect_error 2 "compile: steps save nothing" "outputs of kind forward only" "$RATTAN" compile "$SPEC" --kind decode --with saved
expect_error 2 "compile: gradients have no parts" "^rattan: backward: swa and rla .* \(ask for saved" "$RATTAN" compile "$SPEC" --kind backward --with parts
expect_error 2 "check: --with no gradient" "ask for final-state or saved" "$RATTAN" check "$SPEC" --kind backward --with parts
expect_error 2 "check: packed without lengths" "give --shape lengths=" "$RATTAN" check "$SPEC" --with packed
expect_error 2 "check: files have their parts" "leave it out" "$RATTAN" check - --with lse --vectors "$CASE"
expect_error 2 "bench: dense is for forward" "--dense" "$RATTAN" bench "$SPEC" --kind decode --dense --reps 3
if "$RATTAN" check "$SPEC" --shape T=9 | grep -q "$(printf '\033')"; then not_ok "no escape sequences"; else ok "no escape sequences"; fi
expect_exit 4 "a kernel for another machine does not run here" "$RATTAN" check "$SPEC" --target aarch64 --shape T=9

# ---- The cache through the CLI ---------------------------------------------------------------------------------------
check "cache clear" "$RATTAN" cache clear
check "cache: a check fills it" "$RATTAN" check "$SPEC" --shape T=9
expect_text "cache info" "$("$RATTAN" cache info)" '^entries +3$'
check "cache: --no-cache leaves it" "$RATTAN" check "$SPEC" --shape T=9 --set window=5 --no-cache
expect_text "cache info again" "$("$RATTAN" cache info)" '^entries +3$'
check "cache gc" "$RATTAN" cache gc --max-size 1
expect_text "cache is empty" "$("$RATTAN" cache info)" '^entries +0$'
check "cache: compile fills it" "$RATTAN" compile "$SPEC" --emit code,schedule,obj -o "$TMP/made/"
expect_text "cache: with one entry" "$("$RATTAN" cache info)" '^entries +1$'
check "cache: compile takes from it" "$RATTAN" compile "$SPEC" --emit code,schedule,obj -o "$TMP/found/"
check "cache: what it takes is what it made" diff -r "$TMP/made" "$TMP/found"
expect_text "cache: it says so" "$("$RATTAN" compile "$SPEC")" 'bytes, from the cache in [0-9]+ ms'
expect_text "cache: also as JSON" "$("$RATTAN" compile "$SPEC" --json)" '"cached": true'
expect_text "cache: --no-cache compiles" "$("$RATTAN" compile "$SPEC" --no-cache)" 'bytes, compiled in [0-9]+ ms'
check "cache: --no-cache makes the same" "$RATTAN" compile "$SPEC" --emit code,schedule,obj -o "$TMP/fresh/" --no-cache
check "cache: the very same" diff -r "$TMP/made" "$TMP/fresh"
check "cache: what is timed is what was compiled" "$RATTAN" bench "$SPEC" --shape T=64 --reps 3
check "cache: texts of the compiler leave it" "$RATTAN" compile "$SPEC" --set window=5 --emit asm,code -o "$TMP/asm/"
expect_text "cache: still one entry" "$("$RATTAN" cache info)" '^entries +1$'
expect_error 2 "cache: bad size" "max-size" "$RATTAN" cache gc --max-size lots

# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------
timeout --foreground --preserve-status -s INT 2 "$RATTAN" bench "$SOURCE/specs/paper_bench.lua" --reps 100000 >/dev/null 2>&1
equal "Ctrl-C ends with 130" 130 $?
