#!/bin/sh
# What tuning gains on this machine's CPU, on ten layers and shapes that the defaults were not made with:
#   sh bench/tune_layers.sh [SECONDS] [FOLDER]
# SECONDS: to search for each layer (default 60). FOLDER: where the table goes (default: bench/results).
# Each is tuned into a database of its own; then the default and what was found are timed in turns, three times each, and
# the medians of these runs are compared: the search's own times are those it chose by.
# In:  RATTAN (default build/release/rattan).
# Out: FOLDER/tune-cpu.md, a row a layer and the geometric mean; exit code 1 if a tuned kernel is slower than 1.03 of its
#      default, or 1.3 times as fast as it: then the default is to be mended.
set -eu
cd "$(dirname "$0")/.."
RATTAN=${RATTAN:-build/release/rattan}
seconds=${1:-60}
folder=${2:-bench/results}
mkdir -p "$folder"
table=$folder/tune-cpu.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RATTAN_DATA_DIR="$work/data" RATTAN_CACHE_DIR="$work/cache" RATTAN_SYSTEM_TUNINGS=

# field NAME FILE: a number of a report.
field() { sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*\$/\1/p" "$2" | head -n 1; }
middle() { printf '%s\n' "$@" | sort -g | sed -n 2p; }

echo 'return rattention { name = "layer", heads = 8, head_dim = 64, window = 256 }' >"$work/layer.lua"
{
    echo "# Tuned kernels beside default ones"
    echo
    echo "\`sh bench/tune_layers.sh $seconds\` on $("$RATTAN" doctor | sed -n 's/^processor  *ok  *//p' | head -n 1)"
    echo
    echo "| layer | kind, shape | default, ms | tuned, ms | gain | by the search | tried | what differs |"
    echo "|---|---|---|---|---|---|---|---|"
} >"$table"

# layer KIND SHAPE FIELD=VALUE...
layer() {
    kind=$1 shape=$2
    shift 2
    sets=""
    for set in "$@"; do sets="$sets --set $set"; done
    # shellcheck disable=SC2086 # sets holds words
    "$RATTAN" tune "$work/layer.lua" $sets --kind "$kind" --shapes "$shape" --budget "${seconds}s" --json >"$work/tune" 2>"$work/log" || {
        echo "| $* | $kind $shape | failed: $(tail -n 1 "$work/log") | | | | | |" >>"$table"
        return
    }
    default="" tuned=""
    for turn in 1 2 3; do
        # shellcheck disable=SC2086
        "$RATTAN" bench "$work/layer.lua" $sets --kind "$kind" --shape "$shape" --no-tuning --json >"$work/default.$turn"
        # shellcheck disable=SC2086
        "$RATTAN" bench "$work/layer.lua" $sets --kind "$kind" --shape "$shape" --json >"$work/tuned.$turn"
        default="$default $(field ms_median "$work/default.$turn")" tuned="$tuned $(field ms_median "$work/tuned.$turn")"
    done
    # shellcheck disable=SC2086
    default=$(middle $default) tuned=$(middle $tuned)
    found=$(field ratio "$work/tune")
    gain=$(echo "$default $tuned" | awk '{ printf "%.3f", $1 / $2 }')
    echo "$gain" >>"$work/gains"
    echo "| $* | $kind $shape | $default | $tuned | $gain | $(echo "$found" | awk '{ printf "%.3f", 1 / $1 }') | $(field tried "$work/tune") |" \
        "$(sed -n 's/^ *"changes": "\(.*\)",*$/\1/p' "$work/tune") |" | tee -a "$table"
}

layer forward B=1,T=2048 dtype=fp32 kv_heads=4 head_dim=96 value_dim=96 window=300
layer forward B=4,T=1024 dtype=bf16 feature_map=relu2
layer forward B=1,T=4096 dtype=fp32 heads=16 kv_heads=2 head_dim=128 value_dim=64 window=1024 softcap=30
layer forward B=2,T=3000 dtype=fp16 heads=10 kv_heads=5 head_dim=80 value_dim=64 window=200 feature_map=elu1
layer forward B=1,T=2048 dtype=fp32 heads=4 kv_heads=1 head_dim=256 value_dim=64 window=128
layer forward B=1,T=8192 dtype=bf16 head_dim=32 value_dim=64 window=64 sink=true
layer decode B=8,T=1 dtype=bf16 heads=32 kv_heads=8 head_dim=128 value_dim=64 window=512
layer decode B=1,T=1 dtype=fp32 heads=16 window=2048
layer extend B=4,T=128 dtype=bf16 heads=16 kv_heads=4 head_dim=128 value_dim=64 window=384
layer backward B=2,T=1024 dtype=fp32 kv_heads=2

{
    echo
    awk '{ sum += log($1); least = NR == 1 || $1 < least ? $1 : least } END { printf "Geometric mean of %d: %.3f, least %.3f\n", NR, exp(sum / NR), least }' \
        "$work/gains"
} | tee -a "$table"
awk '$1 < 1 / 1.03 || $1 > 1.3 { missed = 1 } END { exit missed }' "$work/gains"
