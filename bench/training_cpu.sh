#!/bin/sh
# What training costs on this machine's CPU: forward, forward with what a training step may keep, backward.
#   sh bench/training_cpu.sh [THREADS] [FOLDER]
# THREADS: of the kernels (default 1, as every core of a machine has heads of its own). FOLDER: where the table goes (default:
# bench/results). All kinds of a layer are timed in turns, three times each; of a kind the medians of the three are shown. A machine
# that does other things meanwhile gives no numbers worth keeping.
# In:  RATTAN (default build/release/rattan).
# Out: FOLDER/training-cpu.md, a row a layer.
set -eu
cd "$(dirname "$0")/.."
RATTAN=${RATTAN:-build/release/rattan}
threads=${1:-1}
folder=${2:-bench/results}
mkdir -p "$folder"
table=$folder/training-cpu.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RATTAN_DATA_DIR="$work/data" RATTAN_CACHE_DIR="$work/cache" RATTAN_SYSTEM_TUNINGS=
mkdir -m 700 "$work/cache"

# field NAME FILE: a number of a report. middle FILE: of three lines.
field() { sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*\$/\1/p" "$2" | head -n 1; }
middle() { sort -g "$1" | sed -n 2p; }

# time_kind NAME ARGUMENTS...: a turn of it; $work/NAME.ms and $work/NAME.share get a line.
time_kind() {
    name=$1
    shift
    "$RATTAN" bench specs/paper_bench.lua --threads "$threads" --json "$@" >"$work/report"
    field ms_median "$work/report" >>"$work/$name.ms"
    field share_of_fma_peak "$work/report" >>"$work/$name.share"
}

# layer TITLE ARGUMENTS...
layer() {
    title=$1
    shift
    rm -f "$work"/*.ms "$work"/*.share
    for turn in 1 2 3; do
        time_kind forward "$@"
        time_kind kept --with lse,final-state "$@"
        time_kind backward --kind backward "$@"
    done
    echo "$(middle "$work/forward.ms") $(middle "$work/kept.ms") $(middle "$work/backward.ms")" \
        "$(middle "$work/forward.share") $(middle "$work/backward.share") $title" |
        awk '{ ms = sprintf("%.1f | %.1f | %.2f | %.1f | %.2f | %.2f", $1, $2, $2 / $1, $3, $4, $5); $1 = $2 = $3 = $4 = $5 = ""
               sub(/^ */, ""); print "| " $0 " | " ms " |" }' | tee -a "$table"
}

{
    echo "# Training on a CPU"
    echo
    echo "\`sh bench/training_cpu.sh $threads\` on $("$RATTAN" doctor | sed -n 's/^processor  *ok  *//p' | head -n 1), threads: $threads"
    echo
    echo "\`specs/paper_bench.lua\` (8 heads on 2, D 128, W 512, softmax2, RoPE), T 4096, and one thing else at a time. Peak: what FMAs on"
    echo "registers reach in the same process; useful flops by the definition, as \`rattan bench --help\` counts them."
    echo
    echo "| layer | forward, ms | with lse and final state, ms | ratio | backward, ms | forward of peak | backward of peak |"
    echo "|---|---|---|---|---|---|---|"
} >"$table"
layer "the paper's, fp32"
layer "T 16384" --shape T=16384
layer "D 64" --set head_dim=64 --set value_dim=64
layer "W 128" --set window=128
layer "relu2" --set feature_map=relu2
layer "8 heads on 8" --set kv_heads=8
layer "bf16" --dtype bf16
