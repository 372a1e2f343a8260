#!/usr/bin/env bash
# rattan db and what its options choose: records of a few layers, kinds, shapes and machines, none of which is measured here.
. "$(dirname "$0")/lib.sh"
export RATTAN_LIBCUDA="$TMP/no-driver.so"
spec() { printf 'return %s\n' "$2" >"$TMP/$1.lua"; }
spec one 'rattention { name = "twin", heads = 2, head_dim = 8, window = 4 }'
spec two 'rattention { name = "twin", heads = 2, head_dim = 8, window = 4, rope = { theta = 10000 } }'
spec deep 'model { name = "deep", layers = 2, pattern = { "l", "g" }, l = rattention { heads = 2, head_dim = 8, window = 4 },
  g = attention { heads = 2, head_dim = 8 } }'
one=$TMP/one.lua two=$TMP/two.lua deep=$TMP/deep.lua

explained() { "$RATTAN" db explain "$@" --json | sed -n 's/^ \{2,4\}"spec": "\(.*\)",$/\1/p'; }
"$RATTAN" db explain "$one" >"$TMP/key"
space=$(sed -n 's/.*search space \([0-9]*\), build.*/\1/p' "$TMP/key") here=$(sed -n 's/^machine   //p' "$TMP/key")
build=$(sed -n 's/.*, build \(.*\)/\1/p' "$TMP/key") first=$(explained "$one") second=$(explained "$two")
CPU='"machine":"Board (generic), 4 cores","driver":"","compiler":"LLVM 19.1.7"'
GPU='"machine":"NVIDIA H200","driver":"CUDA 13.0","compiler":"cuda:sm_90a; NVRTC 13.0"'
HERE="\"machine\":\"$here\",\"driver\":\"\",\"compiler\":\"LLVM 19.1.7\""
# record MACHINE SPEC KIND BUCKET FIELDS [RATIO] [VERDICT] [SPREAD]: a line.
record() {
    printf '{%s,"build":"%s","space":%s,"spec":"%s","kind":"%s","bucket":"%s","schedule":"%s",' "$1" "$build" "$space" "$2" "$3" "$4" "$5"
    printf '"verdict":"%s","samples":40,"seconds":0.001,"ratio":%s,"spread":%s,"when":1700000000,"note":""}\n' "${7:-ok}" "${6:-0.9}" "${8:-0.001}"
}
{
    for machine in "$CPU" "$GPU" "$HERE"; do
        record "$machine" "$first" forward "N=1 T=256" "chunk=16 unroll=3"
        record "$machine" "$first" decode "N=16 T=1" "chunk=16 unroll=3"
        record "$machine" "$first" forward "N=4 T=256" "chunk=16 unroll=4" 0.9 wrong
        record "$machine" "$second" forward "N=1 T=256" "chunk=16 unroll=3"
        record "$machine" "$second" backward "N=1 T=256" "chunk=16 unroll=2"
        record "$machine" "$second" backward+saved "N=1 T=256" "chunk=16 unroll=3"
        record "$machine" "$second" forward "N=1 T=256" "chunk=16 unroll=1" 1.0 ok 0.0
    done
    printf '{"spec":"%s","name":"twin","text":"return rattention {\\n  rope = false,\\n  fold = 1,\\n}\\n"}\n' "$first"
    printf '{"spec":"%s","name":"twin","text":"return rattention {\\n  rope = { theta = 500000, style = \\"half\\" },\\n  fold = 1,\\n}\\n"}\n' "$second"
} >"$TMP/lines"
fresh() { rm -rf "$RATTAN_DATA_DIR" && "$RATTAN" db import "$TMP/lines" >/dev/null; }
records() { "$RATTAN" db export "$@" 2>&1 | grep '"schedule"'; }
fresh
equal "all records" 21 "$(records | wc -l)"

# ---- From another program's output
"$RATTAN" db export | RATTAN_DATA_DIR="$TMP/piped" "$RATTAN" db import - >"$TMP/out"
equal "what another program writes is imported" "$("$RATTAN" db export)" "$(RATTAN_DATA_DIR="$TMP/piped" "$RATTAN" db export)"
expect_text "and counted" "$(cat "$TMP/out")" '^21 records read, 0 lines skipped$'
expect_error 5 "nothing but noise there is a mistake" '^rattan: -: all of its lines are neither records nor specs' \
    env RATTAN_DATA_DIR="$TMP/piped" sh -c 'echo noise | "$0" db import -' "$RATTAN"

# ---- chosen NAME PATTERN OPTION...: export and list show the records that match the pattern, and prune takes them alone
chosen() {
    local name=$1 pattern=$2 wanted rest
    shift 2
    fresh
    wanted=$(records | grep -E "$pattern") rest=$(records | grep -vE "$pattern")
    equal "export: $name" "$wanted" "$(records "$@")"
    equal "list: $name" "$(grep -c . <<<"$wanted")" \
        "$("$RATTAN" db list --json "$@" | sed -n 's/^ *"records": \([0-9]*\),$/\1/p' | awk '{ n += $1 } END { print n + 0 }')"
    check "prune: $name" "$RATTAN" db prune --older-than 0 "$@"
    equal "prune leaves the rest: $name" "$rest" "$(records)"
}
chosen "a kind" '"kind":"decode"' --kind decode
chosen "a kind that reads what is saved" 'backward.saved' --kind backward --with saved
chosen "a kind that reads nothing saved" '"kind":"backward"' --kind backward
chosen "a GPU" 'cuda:sm_90a;' --target cuda:sm_90a
chosen "another CPU" 'Board' --target aarch64
chosen "this CPU" "\"machine\":\"${here//[()]/.}\"" --target host
chosen "a bucket" 'N=1 T=256' --shape B=1,T=200
chosen "a bucket of packed sequences" 'N=4 T=256' --shape lengths=200,200,200,129
chosen "a layer" "$second" "$two"
chosen "a layer by its fields" "$second" "$one" --set 'rope={ theta = 3 }'
chosen "a model's layers" "$first" "$deep"
chosen "all at once" "Board.*$first.*decode.*N=16 T=1\"" "$one" --kind decode --target aarch64 --shape B=16,T=1
fresh
equal "export has the chosen layers' texts" "$second" "$("$RATTAN" db export "$two" | sed -n 's/^{"spec":"\([0-9a-f]*\)","name".*/\1/p')"
equal "export has every layer's text" 2 "$("$RATTAN" db export | grep -c '"text"')"
equal "no record of a name's beginning" "" "$(records --target cuda:sm_90)"
equal "no record of a layer of another type" "" "$(records "$one" --dtype bf16)"
expect_text "of what is not there list says so" "$("$RATTAN" db list --kind extend 2>&1)" 'has no such records'
all=$(records)
check "prune what is not there" "$RATTAN" db prune --older-than 0 --kind extend
equal "takes nothing" "$all" "$(records)"
check "prune failures of a kind" "$RATTAN" db prune --failures --kind decode
equal "takes no others" "$all" "$(records)"
check "prune failures of a layer" "$RATTAN" db prune --failures "$one"
equal "takes them" "$(grep -v '"wrong"' <<<"$all")" "$(records)"

# A schedule that failed in a bucket that is not asked for is not shipped, either.
fresh
record "$GPU" "$first" forward "N=4 T=256" "chunk=16 unroll=3" 0.9 wrong >"$TMP/failed" && "$RATTAN" db import "$TMP/failed" >/dev/null
equal "export --best knows all failures" "" "$(records "$one" --best --target cuda:sm_90a --kind forward --shape B=1,T=256)"

# ---- What an action would not heed is refused, and nothing is lost
fresh
expect_error 2 "prune by a filter alone" 'what is to go' "$RATTAN" db prune --kind decode
expect_error 2 "a field without a layer" 'no SPEC' "$RATTAN" db prune --older-than 0 --dtype bf16
expect_error 2 "a field without a layer to set it in" 'no SPEC' "$RATTAN" db list --set window=3
expect_error 2 "a shape without tokens" 'how many tokens' "$RATTAN" db prune --older-than 0 --shape B=4
expect_error 2 "a target that is none" 'cray' "$RATTAN" db prune --older-than 0 --target cray
expect_error 2 "a kind that is none" 'sideways' "$RATTAN" db prune --older-than 0 --kind sideways
expect_error 2 "two layers' files" 'one SPEC' "$RATTAN" db prune --older-than 0 "$one" "$two"
expect_error 1 "a layer's file that is none" 'absent' "$RATTAN" db prune --older-than 0 "$TMP/absent.lua"
expect_error 2 "prune --best" 'export alone' "$RATTAN" db prune --older-than 0 --best
expect_error 2 "prune -o" 'export, pack alone' "$RATTAN" db prune --older-than 0 -o "$TMP/there"
expect_error 2 "list --older-than" 'prune alone' "$RATTAN" db list --older-than 3
expect_error 2 "export --failures" 'prune alone' "$RATTAN" db export --failures
expect_error 2 "import --kind" 'list, explain, export, prune alone' "$RATTAN" db import "$TMP/lines" --kind decode
expect_error 2 "merge --target" 'list, explain, export, prune alone' "$RATTAN" db merge "$TMP/lines" --target host
equal "nothing was lost" "$all" "$(records)"

# ---- Files that are others than were meant
fresh
expect_error 5 "import of a database" 'neither records nor specs .*merge' "$RATTAN" db import "$RATTAN_DATA_DIR/tuning.db"
expect_error 1 "or of a file that is not there" 'absent' "$RATTAN" db import "$TMP/absent"
: >"$TMP/nothing"
check "a file without a line has none that says nothing" "$RATTAN" db import "$TMP/nothing"
{ cat "$TMP/lines"; echo; echo '{"spec": 3}'; } >"$TMP/spoiled"
check "one line that says nothing" "$RATTAN" db import "$TMP/spoiled"
expect_text "is named" "$(cat "$TMP/err")" "spoiled: 1 of 25 lines are neither records nor specs, the first of them line 25$"
equal "nothing was lost by it" "$all" "$(records)"
# Records of an older search are carried, and ignored: that is said where they come in.
sed "s/\"space\":$space,/\"space\":1,/" "$TMP/lines" >"$TMP/older"
rm -r "$RATTAN_DATA_DIR"
check "records of another search space" "$RATTAN" db import "$TMP/older"
expect_text "are said to be ignored" "$(cat "$TMP/out")" '^21 of them are of other search spaces'
expect_text "as they are" "$("$RATTAN" db explain "$two" --shape T=256)" '^ignored   2 records of other search spaces'
cp "$RATTAN_DATA_DIR/tuning.db" "$TMP/older.db"
expect_text "merge says it, too" "$(RATTAN_DATA_DIR="$TMP/into" "$RATTAN" db merge "$TMP/older.db" --json)" '"records": 21, .*"other_spaces": 21'

# ---- Places that take no more: one line, with what to do
mkdir -p "$TMP/place/tuning.db"
expect_error 1 "a folder where the database is" 'tuning.db: .*RATTAN_DATA_DIR' env RATTAN_DATA_DIR="$TMP/place" "$RATTAN" db import "$TMP/lines"
expect_error 1 "which cannot be read, either" 'tuning.db: .*RATTAN_DATA_DIR' env RATTAN_DATA_DIR="$TMP/place" "$RATTAN" db list
if unshare -rm true 2>/dev/null && mkdir "$TMP/full" && unshare -rm mount -t tmpfs -o size=80k none "$TMP/full" 2>/dev/null; then
    for _ in $(seq 40); do cat "$TMP/lines"; done | awk '{ gsub(/chunk=16/, "chunk=16 delay=" NR); print }' >"$TMP/much"
    # What was put before is there when the disk is full, and more when there is room.
    cat >"$TMP/filled.sh" <<'FILLED'
mount -t tmpfs -o size=80k none "$TMP/full"
export RATTAN_DATA_DIR="$TMP/full"
"$RATTAN" db import "$TMP/lines" >/dev/null && "$RATTAN" db import "$TMP/much"
echo "status $?, $("$RATTAN" db export | grep -c '"schedule"') records"
mount -o remount,size=8m "$TMP/full"
"$RATTAN" db import "$TMP/much" >/dev/null
echo "then $("$RATTAN" db export | grep -c '"schedule"')"
FILLED
    full=$(export TMP RATTAN && unshare -rm bash "$TMP/filled.sh" 2>&1)
    expect_text "a full disk is named, with what to do" "$full" 'tuning.db: tuning database: .*full \(make room'
    expect_text "what was put before is kept" "$full" '^status 1, 21 records$'
    expect_text "and with room the rest comes in" "$full" '^then [0-9]{3}$'
else
    skip "a full disk" "no file system of one's own"
fi

# ---- What list and explain say
fresh
expect_text "layers of a name are told apart" "$("$RATTAN" db list)" '^  rope = false$'
expect_text "by what differs" "$("$RATTAN" db list)" '^  rope = \{ style = "half" \}$'
expect_text "a schedule is what differs from the default" "$("$RATTAN" db list "$two")" '^  unroll=3$'
expect_text "all of it where the default is not known" "$("$RATTAN" db list "$one")" '^  chunk=16 unroll=3$'
grep -v '"ratio":0.9' "$TMP/lines" >"$TMP/default"
rm -r "$RATTAN_DATA_DIR" && "$RATTAN" db import "$TMP/default" >/dev/null
expect_text "or nothing" "$("$RATTAN" db list "$two")" '^  the default$'
# Why it won: beside the default, the next best, one that was timed too little, and what has the default's code.
fresh
{
    record "$GPU" "$second" forward "N=1 T=256" "chunk=32 segment=512 unroll=1" 0.95
    record "$GPU" "$second" forward "N=1 T=256" "chunk=16 unroll=2" 0.5 | sed 's/"samples":40/"samples":5/'
    record "$GPU" "$second" forward "N=1 T=256" "chunk=16 aaa=0 unroll=1" 1.0 ok 0.0 | sed 's/"note":""/"note":"same code as another schedule"/'
    record "$GPU" "$second" forward "N=1 T=256" "chunk=64 unroll=1" 0.9 hung
} | sed 's/"build":"[^"]*"/"build":"elsewhere"/' >"$TMP/why"
sed 's/"build":"[^"]*"/"build":"elsewhere"/' "$TMP/lines" >>"$TMP/why"
rm -r "$RATTAN_DATA_DIR" && "$RATTAN" db import "$TMP/why" >/dev/null
why() { "$RATTAN" db explain "$two" --target cuda:sm_90a --shape B=1,T=256; }
expect_text "explain says what differs from the default, and how" "$(why)" '^differs   unroll=3 \(1\)$'
expect_text "in how many pairs, by how much, how sure" "$(why)" '^because   it took 0\.900 .*\(spread 0\.001, 40 pairs of runs, 1\.000 ms\), at worst 0\.906'
expect_text "what came next" "$(why)" '^next      chunk=32 segment=512: 0\.950 of .*\(spread 0\.001, 40 pairs of runs\), at worst 0\.956$'
expect_text "what may be better" "$(why)" '^          and unroll=2, which took 0\.500 in 5 pairs: too few to tell$'
expect_text "the others by what differs" "$(why)" '^    0\.956  0\.950 \+- 0\.001,  40 runs  chunk=32 segment=512$'
expect_text "those that fail with what happened" "$(why)" '^  hung \(\)  chunk=64$'
expect_text "what has the code of another is counted, not told" "$(why)" '^tried     6 schedules in this bucket, 1 of them the same code as another; at worst'
grep -vE '"ratio":0|"verdict":"[^o]' "$TMP/why" >"$TMP/twins"
rm -r "$RATTAN_DATA_DIR" && "$RATTAN" db import "$TMP/twins" >/dev/null
equal "a default with a twin is not shown as the twin" "chunk=16 unroll=1" \
    "$("$RATTAN" db list "$two" --target cuda:sm_90a --json | sed -n 's/^ *"schedule": "\(.*\)",$/\1/p')"
fresh
equal "explain goes through a model" "$first $(explained "$deep" --item g)" "$(explained "$deep" | tr '\n' ' ' | sed 's/ $//')"
expect_text "and names its layers" "$("$RATTAN" db explain "$deep")" '^layer     deep_g \(g\)$'
expect_text "of a kind that one has not the others" "$("$RATTAN" db explain "$deep" --kind decode 2>/dev/null)" '^layer     deep_l \(l\)$'
expect_text "which it says" "$("$RATTAN" db explain "$deep" --kind decode 2>&1)" 'warning: deep_g \(g\) is left out: full attention has no decode'
expect_error 2 "but no layer is too few" 'full attention has no decode' "$RATTAN" db explain "$deep" --item g --kind decode
expect_text "of a GPU that is not here, what is known" "$("$RATTAN" db explain "$one" --target cuda:sm_90a --shape T=256)" 'measured on NVIDIA H200'
expect_text "on any machine" "$("$RATTAN" db explain "$one" --target cuda:sm_90a --shape T=256)" '^machine   any that code for cuda:sm_90a runs on$'
expect_text "as JSON" "$("$RATTAN" db explain "$one" --target cuda:sm_90a --shape T=256 --json)" '"machine": null'
expect_error 4 "of another CPU nothing" 'nothing is known' "$RATTAN" db explain "$one" --target aarch64

# ---- Shapes near one that was tuned: without cuts two sequences of 8192 tokens take 0.9 of the default's time on an H200, and one of
# 32768, which the default cuts into four, more than that
spec long 'rattention { name = "long", heads = 32, kv_heads = 8, head_dim = 128, window = 512, dtype = "bf16" }'
long=$TMP/long.lua
gpu() { RATTAN_NVRTC="$TMP/none" "$RATTAN" "$1" ${2:+"$2"} "$long" --target cuda:sm_90a "${@:3}" 2>&1; }
layer=$(gpu db explain --json | sed -n 's/^  "spec": "\(.*\)",$/\1/p')
uncut=$(gpu compile "" --emit schedule --no-tuning | sed 's/min_items=[0-9]*/min_items=1/')
rm -rf "$RATTAN_DATA_DIR"
record "$GPU" "$layer" forward "N=2 T=8192" "$uncut" | "$RATTAN" db import - >/dev/null
gets() { if [ "$(gpu compile "" --emit schedule --shape "$1")" = "$uncut" ]; then echo tuned; else echo default; fi; }
equal "the bucket that was tuned" tuned "$(gets B=2,T=8192)"
equal "all of it" tuned "$(gets B=2,T=5000)"
equal "the same number of longer sequences" tuned "$(gets B=2,T=16384)"
equal "packed sequences of that mean length" tuned "$(gets lengths=30000,1000)"
equal "fewer sequences" default "$(gets B=1,T=32768)"
equal "more sequences, packed" default "$(gets lengths=16000,16000,100,100)"
equal "any shape" default "$(if [ "$(gpu compile "" --emit schedule)" = "$uncut" ]; then echo tuned; else echo default; fi)"
cuts='the schedule of N=2 T=8192, the nearest that is known, is left alone: there it cuts each of 2 sequences into 1 and the default into 2, here each of 1 into 1 and 4'
out=$(gpu db explain --shape B=1,T=32768)
expect_text "db explain says that nothing serves" "$out" '^schedule  the default: nothing that is known for forward serves N=1 T=32768$'
expect_text "and why" "$out" "^because   $cuts$"
expect_text "as JSON" "$(gpu db explain --shape B=1,T=32768 --json)" "\"left_alone\": \"$cuts\""
expect_text "or that something does" "$(gpu db explain --shape B=2,T=16384)" \
    'the nearest to N=2 T=16384 that serves it, 1 step of a factor of two away: launches are alike, and it gains enough for that distance$'
expect_text "explain says it, too" "$(gpu explain "" --shape B=1,T=32768 | tr -s ' \n' ' ')" "Not from the tuning database: $cuts"
expect_text "as JSON" "$(gpu explain "" --shape B=1,T=32768 --json)" "\"schedule_left_alone\": \"$cuts\""
RATTAN_TUNING=strict expect_error 1 "strict mode takes no default there" "no tuned schedule for forward, .*: $cuts" \
    "$RATTAN" compile "$long" --target cuda:sm_90a --emit schedule --shape B=1,T=32768
equal "and what it took before" "$uncut" "$(RATTAN_TUNING=strict gpu compile "" --emit schedule --shape B=2,T=8192)"
record "$GPU" "$layer" forward "N=1 T=16384" "$uncut" 1.1 | "$RATTAN" db import - >/dev/null
expect_text "a slower one near by counts" "$(gpu db explain --shape B=1,T=8192)" 'it took 1\.100 of the default.s time in N=1 T=16384, which is as near$'
record "$GPU" "$layer" forward "N=1 T=16384" "$uncut" 0.95 | sed 's/"when":17/"when":18/' | "$RATTAN" db import - >/dev/null
expect_text "neighbours on both sides agree" "$(gpu db explain --shape B=1,T=8192)" 'on the other side of it that schedule is no slower, either$'
