#!/bin/sh
# What a search finds in how much time, on one layer and shape:
#   sh bench/budget.sh SPEC [OPTION...]
# OPTION: of 'rattan tune' and 'bench' both, such as --set window=256 --kind decode --dtype bf16 --threads 2.
# In:  BUDGETS, seconds of the searches (default "15 30 120 1800"); SHAPE (default B=1,T=4096); ROUNDS (default 12);
#      RATTAN (default build/release/rattan).
# Out: a table on stdout; exit code 1 if what the search before the last found has less than 0.9 of the last one's speed.
# Every budget is a search from scratch in a database of its own, none of which sees what another found. Then the default and
# all winners are timed in turns, each round in another order; their ratios are taken within rounds, so that a machine whose speed
# drifts compares like with like, and the median of the rounds is shown with its quartiles. What no round can tell apart shows as
# ratios whose quartiles meet. The searches' own figures are not used: those are what each chose its winner by.
set -eu
[ $# -ge 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
spec=$1
shift
RATTAN=${RATTAN:-build/release/rattan} shape=${SHAPE:-B=1,T=4096} rounds=${ROUNDS:-12}
budgets=${BUDGETS:-15 30 120 1800}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RATTAN_CACHE_DIR="$work/cache" RATTAN_SYSTEM_TUNINGS=

# field NAME FILE: a number of a report.
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\"]*[^\",]\)\"\{0,1\},*\$/\1/p" "$2" | head -n 1; }

for budget in $budgets; do
    RATTAN_DATA_DIR="$work/$budget" "$RATTAN" tune "$spec" "$@" --shapes "$shape" --budget "${budget}s" --seed "$budget" --json >"$work/$budget.tune"
    echo "$budget s: $(field known "$work/$budget.tune") schedules known, $(field changes "$work/$budget.tune")" >&2
done

# The names, begun at number $1: each is first as often as the others.
turned() { echo "$names" | awk -v first="$1" '{ for (i = 0; i < NF; i++) print $((first + i) % NF + 1) }'; }

names="default $budgets"
: >"$work/times"
round=0
while [ "$round" -lt "$rounds" ]; do
    for name in $(turned "$round"); do
        RATTAN_DATA_DIR="$work/$name" "$RATTAN" bench "$spec" "$@" --shape "$shape" --json >"$work/bench"
        echo "$round $name $(field ms_median "$work/bench")" >>"$work/times"
    done
    round=$((round + 1))
done

# ratios ONE OTHER: quartiles of ONE's time over OTHER's, of each round.
ratios() {
    awk -v one="$1" -v other="$2" '$2 == one { a[$1] = $3 } $2 == other { b[$1] = $3 } END { for (r in a) print a[r] / b[r] }' "$work/times" |
        sort -g | awk '{ v[NR] = $1 } END { printf "%.3f (%.3f to %.3f)", v[int((NR + 1) / 2)], v[int((NR + 3) / 4)], v[int((3 * NR + 3) / 4)] }'
}
median() { awk -v name="$1" '$2 == name { print $3 }' "$work/times" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

last=default before=default
for budget in $budgets; do before=$last last=$budget; done
echo "\`$spec${*:+ $*}\`, $shape, $rounds rounds; times are medians, ratios medians of rounds with their quartiles"
echo
echo "| search | ms | time over the default's | speed, of the $last s search's | tried | what differs |"
echo "|---|---|---|---|---|---|"
for name in $names; do
    known="" changes=""
    [ "$name" = default ] || { known=$(field known "$work/$name.tune") changes=$(field changes "$work/$name.tune"); }
    echo "| $name$([ "$name" = default ] || echo ' s') | $(median "$name") | $(ratios "$name" default) | $(ratios "$last" "$name") | $known | $changes |"
done
ratios "$last" "$before" | awk '{ exit $1 < 0.9 }'
