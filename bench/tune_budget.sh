#!/bin/sh
# How much of what a long search finds a short one finds, on this machine's CPU:
#   sh bench/tune_budget.sh [SHORT] [LONG] [FOLDER]
# SHORT, LONG: seconds (default 120 and 1800, what the project holds itself to; what a smaller pair says holds for layers whose
# candidates take as much less time to build and run). FOLDER: where the table goes (default: bench/results).
# A search of SHORT seconds is one of LONG that was stopped: the long one goes on where the short one ended. Then the default
# and what each found are timed in turns, five times each; medians are compared.
# In:  RATTAN (default build/release/rattan); LAYERS, how many of the layers below (default all).
# Out: FOLDER/tune-budget.md; exit code 1 if the short search's kernels have less than 0.9 of the long one's speed.
set -eu
cd "$(dirname "$0")/.."
RATTAN=${RATTAN:-build/release/rattan}
short=${1:-120} long=${2:-1800} folder=${3:-bench/results} left=${LAYERS:-99}
mkdir -p "$folder"
table=$folder/tune-budget.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RATTAN_CACHE_DIR="$work/cache" RATTAN_SYSTEM_TUNINGS=
: >"$work/kept"

# field NAME FILE: a number of a report.
field() { sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*\$/\1/p" "$2" | head -n 1; }
middle() { printf '%s\n' "$@" | sort -g | sed -n 3p; }
# milliseconds DATABASE KIND SHAPE ARGUMENTS...: of one bench.
milliseconds() {
    data=$1 kind=$2 shape=$3
    shift 3
    RATTAN_DATA_DIR=$data "$RATTAN" bench "$work/layer.lua" "$@" --kind "$kind" --shape "$shape" --json >"$work/bench"
    field ms_median "$work/bench"
}

echo 'return rattention { name = "layer", heads = 8, head_dim = 64, window = 256 }' >"$work/layer.lua"
{
    echo "# What a short search finds of what a long one finds"
    echo
    echo "\`sh bench/tune_budget.sh $short $long\` on $("$RATTAN" doctor | sed -n 's/^processor  *ok  *//p' | head -n 1)"
    echo
    echo "| layer | kind, shape | default, ms | after $short s | after $long s | of the long search's speed | tried | what differs |"
    echo "|---|---|---|---|---|---|---|---|"
} >"$table"

# layer KIND SHAPE FIELD=VALUE...
layer() {
    [ "$left" -gt 0 ] || return 0
    left=$((left - 1))
    kind=$1 shape=$2
    shift 2
    sets=""
    for set in "$@"; do sets="$sets --set $set"; done
    rm -rf "$work/short" "$work/long"
    # shellcheck disable=SC2086 # sets holds words
    RATTAN_DATA_DIR="$work/short" "$RATTAN" tune "$work/layer.lua" $sets --kind "$kind" --shapes "$shape" --budget "${short}s" --json >"$work/first"
    cp -r "$work/short" "$work/long"
    # shellcheck disable=SC2086
    RATTAN_DATA_DIR="$work/long" "$RATTAN" tune "$work/layer.lua" $sets --kind "$kind" --shapes "$shape" --budget "$((long - short))s" --json >"$work/second"
    by_default="" by_short="" by_long=""
    for turn in 1 2 3 4 5; do
        # shellcheck disable=SC2086
        by_default="$by_default $(milliseconds "$work/none" "$kind" "$shape" $sets)"
        # shellcheck disable=SC2086
        by_short="$by_short $(milliseconds "$work/short" "$kind" "$shape" $sets)"
        # shellcheck disable=SC2086
        by_long="$by_long $(milliseconds "$work/long" "$kind" "$shape" $sets)"
    done
    # shellcheck disable=SC2086
    by_default=$(middle $by_default) by_short=$(middle $by_short) by_long=$(middle $by_long)
    kept=$(echo "$by_long $by_short" | awk '{ printf "%.3f", $1 / $2 }')
    echo "$kept" >>"$work/kept"
    echo "| $* | $kind $shape | $by_default | $by_short | $by_long | $kept | $(field known "$work/first"), $(field known "$work/second") |" \
        "$(sed -n 's/^ *"changes": "\(.*\)",*$/\1/p' "$work/first"); $(sed -n 's/^ *"changes": "\(.*\)",*$/\1/p' "$work/second") |" | tee -a "$table"
}

layer forward B=1,T=2048 dtype=fp32 heads=4 kv_heads=1 head_dim=256 value_dim=64 window=128
layer backward B=2,T=1024 dtype=fp32 kv_heads=2
layer forward B=2,T=3000 dtype=fp16 heads=10 kv_heads=5 head_dim=80 value_dim=64 window=200 feature_map=elu1
layer decode B=8,T=1 dtype=bf16 heads=32 kv_heads=8 head_dim=128 value_dim=64 window=512

{
    echo
    awk '{ sum += log($1); least = NR == 1 || $1 < least ? $1 : least } END { printf "Geometric mean of %d: %.3f, least %.3f\n", NR, exp(sum / NR), least }' \
        "$work/kept"
} | tee -a "$table"
awk '{ sum += log($1) } END { exit exp(sum / NR) < 0.9 }' "$work/kept"
