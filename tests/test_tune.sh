#!/usr/bin/env bash
# rattan tune and rattan db from end to end, on a small layer: what is found is kept and picked up. Searches go on until they have
# found what is looked at and are told to end then, so that a busy machine takes longer and shows the same.
. "$(dirname "$0")/lib.sh"
spec="$SOURCE/specs/tiny.lua"
db=$RATTAN_DATA_DIR/tuning.db

records() { "$RATTAN" db export 2>/dev/null | grep -c '"schedule"'; }
tune=("$RATTAN" tune "$spec" --shapes B=1,T=256)
# begin DONE COMMAND...: starts a search and returns once `DONE` is true; its number is in $search. False if it ended before.
begin() {
    local reached=$1
    shift
    : >"$TMP/out" >"$TMP/err" # what a command before said is not its answer
    "$@" >"$TMP/out" 2>"$TMP/err" </dev/null &
    search=$!
    until $reached; do
        kill -0 $search 2>/dev/null || return 1
        sleep 0.1
    done
}
# search_until DONE COMMAND...: and tells it to end. False if it did not find that, or did not end as on Ctrl-C.
search_until() {
    local code=0
    begin "$1" "${@:2}" --budget 300s && kill -INT $search
    wait $search || code=$?
    [ $code = 130 ]
}
has_records() { [ "$(records)" -ge "$1" ]; }
# has_winner COUNT ARGUMENTS...: so many records, and a kernel takes one of them.
has_winner() { has_records "$1" && "$RATTAN" db explain "$spec" "${@:2}" | grep -q '^because   it took'; }
serves() { has_records 2 && "$RATTAN" db explain "$spec" "$@" | grep -q '^schedule  from '; }
# search_case NAME DONE COMMAND...: a search as a case.
search_case() { if search_until "${@:2}"; then ok "$1"; else not_ok "$1" "$(cat "$TMP/out" "$TMP/err")"; fi; }
schedule_of() { "$RATTAN" compile "$spec" --emit schedule "$@"; }
default=$(schedule_of --shape B=1,T=256)

# ---- Before anything is tuned
expect_text "an empty database says so" "$("$RATTAN" db list 2>&1)" 'the tuning database is empty'
equal "and an empty list is JSON" "[]" "$("$RATTAN" db list --json)"
expect_error 1 "strict mode wants a tuning" 'no tuned schedule for forward, .*rattan tune' \
    env RATTAN_TUNING=strict "$RATTAN" compile "$spec" --shape B=1,T=256
expect_error 1 "of a shape or of any" 'no tuned schedule for forward, .*, of any shape' env RATTAN_TUNING=strict "$RATTAN" compile "$spec"
check "which --no-tuning does not" env RATTAN_TUNING=strict "$RATTAN" compile "$spec" --no-tuning
expect_error 2 "RATTAN_TUNING has three values" 'RATTAN_TUNING.*on, off or strict' env RATTAN_TUNING=maybe "$RATTAN" compile "$spec"
[ -e "$db" ] && not_ok "looking makes no database" || ok "looking makes no database"

# ---- Whose tunings are shared: layers whose code differs in constants alone
hash_of() { "$RATTAN" db explain "$spec" "$@" --json | sed -n 's/^  "spec": "\(.*\)",$/\1/p'; }
shared() { equal "$1 $2 and $3 share tunings" "$(hash_of --set "$1=$2" "${@:4}")" "$(hash_of --set "$1=$3" "${@:4}")"; }
apart() { if [ "$(hash_of --set "$1=$2")" != "$(hash_of --set "$1=$3")" ]; then ok "$1 $2 and $3 do not"; else not_ok "$1 $2 and $3 do not"; fi; }
expect_text "a layer has a hash" "$(hash_of)" '^[0-9a-f]{32}$'
shared scale 0.3 1
shared softcap 5 50
shared rope '{ theta = 10000 }' '{ theta = 77.5 }' --set 'norm={ eps = 1e-6 }'
shared norm '{ eps = 1e-6 }' '{}'
apart softcap false 50
apart rope false '{ theta = 10000 }'
apart rope '{ theta = 10000 }' '{ theta = 10000, style = "half" }'
apart norm false '{}'
apart head_dim 8 16
apart qk_scale false true
apart window 4 5

# ---- Usage
expect_error 2 "a range that is none" 'shapes' "$RATTAN" tune "$spec" --shapes B=4..2
expect_error 2 "a letter that is none" 'no range' "$RATTAN" tune "$spec" --shapes Q=4
expect_error 2 "a budget that is none" 'budget' "$RATTAN" tune "$spec" --budget soon
expect_error 2 "threads that are none" 'threads' "$RATTAN" tune "$spec" --threads 0
expect_error 2 "a share that is none" 'share' "$RATTAN" tune "$spec" --shard 3/2
expect_error 2 "a range given twice" 'given twice' "$RATTAN" tune "$spec" --shapes T=128,T=256
expect_error 2 "a way to use tunings that is none" 'on, off or strict' env RATTAN_TUNING=foo "$RATTAN" tune "$spec"
expect_error 1 "shapes that are all too large" 'nothing was measured.*smaller' "$RATTAN" tune "$spec" --shapes B=1048576,T=1048576
expect_error 2 "full attention has no decode" 'full attention' "$RATTAN" tune "$SOURCE/specs/full_attention.lua" --kind decode
expect_error 4 "a target of another machine" 'does not run here' "$RATTAN" tune "$spec" --target aarch64
expect_error 2 "no action of db" 'no action' "$RATTAN" db
expect_error 2 "an unknown action of db" "no action 'frob'" "$RATTAN" db frob
expect_error 2 "import without a file" 'no FILE' "$RATTAN" db import
expect_error 2 "prune without a rule" 'what is to go' "$RATTAN" db prune

# ---- Tune, and what comes of it
search_case "tune" "has_winner 4 --shape B=1,T=256" "${tune[@]}"
expect_text "and reports" "$(cat "$TMP/out")" '^tiny  forward N=1 T=256: [0-9.]+ ms with the default, [0-9.]+ with the best: [0-9.]+ of its time'
first=$(records)
expect_text "db list knows the layer" "$("$RATTAN" db list)" '^tiny +forward +N=1 T=256 +[0-9]+ schedules'
expect_text "db explain says why" "$("$RATTAN" db explain "$spec" --shape B=1,T=256)" '^because   it took [0-9.]+ of the default'
picked=$("$RATTAN" db explain "$spec" --shape B=1,T=256 --json | sed -n 's/^  "schedule": "\(.*\)",$/\1/p')
equal "a kernel gets what db explain says" "$picked" "$(schedule_of --shape B=1,T=256)"
equal "shapes of a bucket share it" "$picked" "$(schedule_of --shape T=200)"
equal "--no-tuning takes the default" "$default" "$(schedule_of --shape B=1,T=256 --no-tuning)"
equal "so does RATTAN_TUNING=off" "$default" "$(RATTAN_TUNING=off schedule_of --shape B=1,T=256)"
expect_text "--schedule lies over the default" "$(schedule_of --shape B=1,T=256 --schedule unroll=3)" 'unroll=3'
check "strict mode has what it wants" env RATTAN_TUNING=strict "$RATTAN" bench "$spec" --shape T=256 --reps 1
check "and what was tuned is right" "$RATTAN" check "$spec" --shape B=1,T=256 --seed 1
check "a library of that shape" "$RATTAN" aot "$spec" --name tuned --shapes B=1,T=256 -o "$TMP/library"
expect_text "says that its kernel was tuned" "$(cat "$TMP/out")" '1 kernels, 1 of them tuned'
expect_text "and how" "$(cat "$TMP/library/share/tuned/tuned.json")" "\"schedule\": \"$picked\""
check "one with default schedules" "$RATTAN" aot "$spec" --name tuned --shapes B=1,T=256 --no-tuning -o "$TMP/untuned"
expect_text "says that, too" "$(cat "$TMP/out")" '1 kernels, 0 of them tuned'
check "db list is JSON" "$RATTAN" db list --json
expect_text "of one bucket" "$(cat "$TMP/out")" '"bucket": "N=1 T=256"'

# ---- On other threads there is another best schedule
threads=$(($(nproc) + 1))
equal "what was tuned for as many threads as cores is for them alone" "$(schedule_of --shape B=1,T=256 --threads $threads --no-tuning)" \
    "$(schedule_of --shape B=1,T=256 --threads $threads)"
equal "so says the variable" "$(RATTAN_NUM_THREADS=$threads schedule_of --shape B=1,T=256 --no-tuning)" \
    "$(RATTAN_NUM_THREADS=$threads schedule_of --shape B=1,T=256)"
expect_text "which db explain says" "$("$RATTAN" db explain "$spec" --shape B=1,T=256 --threads $threads)" \
    '^ignored   [0-9]+ records are of other cores or threads of this processor, as of .*cores, and are not taken: tune with'
expect_text "and explain" "$("$RATTAN" explain "$spec" --shape B=1,T=256 --threads $threads | tr -s ' \n' ' ')" \
    'Schedule, from the default .* [0-9]+ records are of other cores or threads'
RATTAN_DATA_DIR="$TMP/threads" search_case "tune for more threads" "serves --shape B=1,T=256 --threads $threads" "${tune[@]}" --threads $threads --json
expect_text "is another machine's" "$(cat "$TMP/out")" "\"machine\": \".* cores, $threads threads\""
picks() { RATTAN_DATA_DIR="$TMP/threads" "$RATTAN" db explain "$spec" --shape B=1,T=256 "$@" | grep -c '^schedule  from'; }
equal "kernels on so many threads get it" 1 "$(picks --threads $threads)"
equal "or as many as the variable says" 1 "$(RATTAN_NUM_THREADS=$threads picks)"
equal "and no others" "0 0" "$(picks) $(picks --threads $((threads + 1)))"
expect_text "explain says for how many" "$(RATTAN_DATA_DIR="$TMP/threads" "$RATTAN" explain "$spec" --shape B=1,T=256 --threads $threads | tr -s ' \n' ' ')" \
    "at N=1 T=256 on .* cores, $threads threads, by this build"

# ---- A second run goes on: what was measured stays, and the search does not begin anew
search_case "a second run goes on" "has_records $((first + 2))" "${tune[@]}" --json
expect_text "and knows the first's" "$(cat "$TMP/out")" '"known": [0-9]+'
number() { sed -n "s/^ *\"$1\": \([0-9.e-]*\),$/\1/p" "$TMP/out"; }
equal "and its numbers agree" 1 "$(awk "BEGIN { r = $(number ms_best) / $(number ms_default) / $(number ratio); print (r > 0.9999 && r < 1.0001) }")"

picked=$("$RATTAN" db explain "$spec" --shape B=1,T=256 --json | sed -n 's/^  "schedule": "\(.*\)",$/\1/p')

# ---- Carrying it elsewhere
check "export" "$RATTAN" db export -o "$TMP/lines"
all=$(sort "$TMP/lines")
check "import elsewhere" env RATTAN_DATA_DIR="$TMP/there" "$RATTAN" db import "$TMP/lines"
equal "brings all" "$all" "$(RATTAN_DATA_DIR="$TMP/there" "$RATTAN" db export | sort)"
{ echo 'garbage'; cat "$TMP/lines"; } >"$TMP/spoiled"
check "a line that cannot be read" env RATTAN_DATA_DIR="$TMP/there" "$RATTAN" db import "$TMP/spoiled"
expect_text "is counted and skipped" "$(cat "$TMP/out")" ' 1 lines skipped'
check "merge" env RATTAN_DATA_DIR="$TMP/merged" "$RATTAN" db merge "$db" "$TMP/there/tuning.db"
check "and again, in another order" env RATTAN_DATA_DIR="$TMP/merged" "$RATTAN" db merge "$TMP/there/tuning.db" "$db"
equal "changes nothing more" "$all" "$(RATTAN_DATA_DIR="$TMP/merged" "$RATTAN" db export | sort)"
mkdir -p "$TMP/system/rattan"
cp "$TMP/merged/tuning.db" "$TMP/system/rattan/"
equal "a system's database lies behind the user's" "$picked" \
    "$(RATTAN_DATA_DIR="$TMP/none" "$RATTAN" db explain "$spec" --shape B=1,T=256 --json | sed -n 's/^  "schedule": "\(.*\)",$/\1/p')"
rm -r "$TMP/system/rattan"
check "prune by age" env RATTAN_DATA_DIR="$TMP/there" "$RATTAN" db prune --older-than 0
equal "takes all" "" "$(RATTAN_DATA_DIR="$TMP/there" "$RATTAN" db export)"
check "prune of other builds" "$RATTAN" db prune --other-builds
equal "leaves this one's" "$all" "$("$RATTAN" db export | sort)"

# ---- Ctrl-C and kill
# background: a search in a database of its own, which has two records.
background() {
    rm -rf "$TMP/cut"
    RATTAN_DATA_DIR="$TMP/cut" begin "has_records 2" "${tune[@]}" --budget 301s
}
in_cut() { RATTAN_DATA_DIR="$TMP/cut" "$@"; }
# eventually COMMAND...: within a minute, at the latest.
eventually() {
    for _ in $(seq 1 600); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}
if background; then
    kill -INT $search
    wait $search
    equal "Ctrl-C ends with 130" 130 $?
    expect_text "keeps what is known" "$(in_cut "$RATTAN" db list)" 'tiny .* schedules'
    expect_text "and reports it" "$(cat "$TMP/out")" '^tiny  forward N=1 T=256'
else
    not_ok "Ctrl-C" "$(cat "$TMP/out" "$TMP/err")"
fi
if background; then
    known=$(in_cut records)
    children=$(pgrep -P $search | tr '\n' ' ')
    expect_text "a search has children" "$children" '^[0-9]+ '
    kill -KILL $search
    wait $search 2>/dev/null
    none_left() { [ -z "$(ps -o pid= -p "${children// /,}$search" 2>/dev/null)" ]; }
    eventually none_left
    equal "no child outlives a killed run" "" "$(ps -o pid=,stat=,args= -p "${children// /,}$search" 2>/dev/null)"
    after=$(in_cut records)
    if [ "$after" -ge "$known" ]; then ok "and its records stay"; else not_ok "and its records stay" "$known, then $after"; fi
    for budget in 5 20 80 320; do # the first in which something can be measured
        in_cut "${tune[@]}" --budget ${budget}s >"$TMP/out" 2>"$TMP/err" || ! grep -q 'nothing was measured' "$TMP/err" || continue
        break
    done
    expect_text "a run after it goes to its end" "$(cat "$TMP/out" "$TMP/err")" '^tiny  forward N=1 T=256: [0-9.]+ ms with the default'
else
    not_ok "kill" "$(cat "$TMP/out" "$TMP/err")"
fi

# A job's end reaches all of its processes: what a child was doing then is not held against its candidate.
if background; then
    known=$(in_cut records)
    kill -TERM $(pgrep -P $search)
    goes_on() { in_cut has_records $((known + 2)) || ! kill -0 $search 2>/dev/null; }
    eventually goes_on
    check "a run whose children are told to end goes on" in_cut has_records $((known + 2))
    kill -INT $search
    wait $search
    equal "until Ctrl-C" 130 $?
    equal "and nothing failed" "" "$(in_cut "$RATTAN" db export | grep '"verdict":"[^o]')"
else
    not_ok "children that are told to end" "$(cat "$TMP/out" "$TMP/err")"
fi

# ---- Shards
for shard in 1/2 2/2; do
    RATTAN_DATA_DIR="$TMP/shard${shard%/2}" search_case "shard $shard" "has_records 3" "${tune[@]}" --shard $shard
done
candidates() { RATTAN_DATA_DIR="$TMP/shard$1" "$RATTAN" db export | grep '"verdict":"ok"' | grep -v '"ratio":1.0,' | grep -o '"schedule":"[^"]*"' | sort; }
equal "shards try different candidates" "" "$(comm -12 <(candidates 1) <(candidates 2))"

# ---- Databases that cannot be used
mkdir "$TMP/bad"
head -c 9000 /dev/urandom >"$TMP/bad/tuning.db"
equal "a damaged database is no obstacle" "$default" "$(RATTAN_DATA_DIR="$TMP/bad" schedule_of --shape B=1,T=256)"
expect_error 1 "unless strict, which says so" 'no tuned schedule.*damaged' \
    env RATTAN_TUNING=strict RATTAN_DATA_DIR="$TMP/bad" "$RATTAN" compile "$spec" --shape B=1,T=256
expect_error 5 "db list names the damage" 'damaged.*move it away' env RATTAN_DATA_DIR="$TMP/bad" "$RATTAN" db list
expect_error 5 "tune touches it not" 'damaged' env RATTAN_DATA_DIR="$TMP/bad" "$RATTAN" tune "$spec" --budget 1s
expect_error 1 "a folder that cannot be made" 'RATTAN_DATA_DIR' env RATTAN_DATA_DIR=/proc/none "$RATTAN" tune "$spec" --budget 1s
equal "is no obstacle either" "$default" "$(RATTAN_DATA_DIR=/proc/none schedule_of --shape B=1,T=256)"

# ---- More shapes than there is time for
spent=$(RATTAN_DATA_DIR="$TMP/many" work_of "$RATTAN" tune "$SOURCE/specs/paper_bench.lua" --shapes B=1..65536,T=1..65536 --budget 4s)
if [ "$spent" -lt $((10 * $(nproc))) ]; then ok "the budget holds for all of them"; else not_ok "the budget holds for all of them" "$spent s of work"; fi
expect_text "beforehand it says for how many" "$(cat "$TMP/err")" 'enough for about [0-9]+ of [0-9]+: N='
expect_text "and afterwards what the others take" "$(cat "$TMP/err")" 'of [0-9]+ shapes: kernels of [0-9]+ take the schedule of'

# ---- Shards of many shapes: together they have all of them, and none twice
shares=0 first=""
says_shares() { grep -q 'enough for about' "$TMP/err"; }
for shard in 1/3 2/3 3/3; do
    RATTAN_DATA_DIR="$TMP/share" begin says_shares "$RATTAN" tune "$spec" --shapes B=1..4,T=64..1024 --budget 30s --shard $shard
    kill -INT $search
    wait $search
    shares=$((shares + $(sed -n 's/.*enough for about [0-9]* of \([0-9]*\): .*/\1/p' "$TMP/err"))) first="$first$(sed -n 's/.*enough for about [0-9]* of [0-9]*: \(N=[0-9]* T=[0-9]*\).*/\1;/p' "$TMP/err")"
done
equal "shards have all shapes" 15 "$shares"
equal "each its own" 3 "$(tr ';' '\n' <<<"$first" | grep . | sort -u | wc -l)"

# ---- Folders that killed searches left: those of processes that are gone, when they are old
mkdir -p "$TMP/left/rattan-tune-999999999-aaaaaa" "$TMP/left/rattan-tune-$$-aaaaaa" "$TMP/left/rattan-tune-999999999-bbbbbb"
touch "$TMP/left/rattan-tune-999999999-aaaaaa/entry"
touch -d '3 days ago' "$TMP/left/rattan-tune-999999999-aaaaaa" "$TMP/left/rattan-tune-$$-aaaaaa"
is_swept() { [ ! -e "$TMP/left/rattan-tune-999999999-aaaaaa" ]; }
RATTAN_DATA_DIR="$TMP/share" TMPDIR="$TMP/left" search_until is_swept "$RATTAN" tune "$spec" --shapes B=1,T=64
equal "what killed searches left goes when it is old" "rattan-tune-$$-aaaaaa rattan-tune-999999999-bbbbbb" "$(ls "$TMP/left" | sort | tr '\n' ' ' | sed 's/ $//')"

# ---- The progress line, drawn again and again, must not wrap
if command -v script >/dev/null; then
    RATTAN_DATA_DIR="$TMP/drawn" script -qec "stty cols 40; echo \$\$ >'$TMP/drawing'; exec '$RATTAN' tune '$spec' --shapes B=1,T=256 --budget 300s" \
        /dev/null >"$TMP/out" </dev/null &
    terminal=$!
    drawn() { tr '\r' '\n' <"$TMP/out" | sed -n '/ ms with the default/d; s/^\x1b\[K//p' | awk '{ if (length > most) most = length } END { print most + 0 }'; }
    is_drawn() { RATTAN_DATA_DIR="$TMP/drawn" has_records 2 && [ "$(drawn)" -ge 39 ]; }
    eventually is_drawn
    kill -INT "$(cat "$TMP/drawing")"
    wait $terminal
    equal "progress is cut to the terminal" 39 "$(drawn)"
else
    skip "progress is cut to the terminal" "no script(1)"
fi

# ---- Other kinds
for kind in decode extend backward; do
    RATTAN_DATA_DIR="$TMP/$kind" search_case "tune --kind $kind" "serves --kind $kind --shape B=2,T=2" \
        "$RATTAN" tune "$spec" --kind $kind --shapes B=2,T=2
done

# ---- Kernels that make or read what is saved: tunings of their own, and the plain kernel's where there are none
for kind in forward backward; do
    RATTAN_DATA_DIR="$TMP/saved" search_case "tune --kind $kind --with saved" "serves --kind $kind --with saved --shape B=2,T=200" \
        "$RATTAN" tune "$spec" --kind $kind --with saved --shapes B=2,T=200
    expect_text "says of which kind: $kind" "$(cat "$TMP/out")" "^tiny  $kind[+]saved N=2 T=256: "
    expect_text "list knows it: $kind" "$(RATTAN_DATA_DIR="$TMP/saved" "$RATTAN" db list --kind $kind --with saved)" "^tiny +$kind[+]saved +N=2 T=256"
    expect_text "it serves its own: $kind" \
        "$(RATTAN_DATA_DIR="$TMP/saved" "$RATTAN" db explain "$spec" --kind $kind --with saved --shape B=2,T=200)" '^schedule  from '
    expect_text "and no plain kernel: $kind" "$(RATTAN_DATA_DIR="$TMP/saved" "$RATTAN" db explain "$spec" --kind $kind --shape B=2,T=200)" \
        '^schedule  the default: nothing is known'
    RATTAN_TUNING=strict RATTAN_DATA_DIR="$TMP/saved" expect_error 1 "which strict mode says: $kind" "no tuned schedule for $kind," \
        "$RATTAN" compile "$spec" --kind $kind --shape B=2,T=200
    RATTAN_TUNING=strict RATTAN_DATA_DIR="$TMP/saved" check "strict mode has what it wants: $kind" \
        "$RATTAN" compile "$spec" --kind $kind --with saved --shape B=2,T=200
done
expect_text "without its own the plain kernel's serves" \
    "$(RATTAN_DATA_DIR="$TMP/backward" "$RATTAN" db explain "$spec" --kind backward --with saved --shape B=2,T=2)" \
    'measured without what is saved: there is nothing of backward[+]saved: tune with --with saved'
expect_error 2 "other parts have no tunings" "no tunings of 'lse'.*--with saved" "$RATTAN" tune "$spec" --with lse
expect_error 2 "nor is there anything to save in decode" 'kind decode saves nothing' "$RATTAN" tune "$spec" --kind decode --with saved
expect_error 2 "records of what is saved are of a kind" 'of which kind' "$RATTAN" db list --with saved
