#!/bin/sh
# Times rattan's GPU kernels, and with --peers what users run today, in one call on one machine:
#   sh bench/gpu.sh [--peers] [--seconds N] [--only EXPRESSION] [--reps N] [FOLDER]
# FOLDER: where the tables go (default: bench/results). --seconds: what the peers may take (default 150), --only: some rows.
# In:  RATTAN, or .carry/ as scripts/device_pack makes it (--peers wants its --peers).
# Out: FOLDER/gpu-DEVICE.json and .md.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${RATTAN:-}" ] && [ -r .carry/programs.tar.xz ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    tar -C "$folder" -xJf .carry/programs.tar.xz
    RATTAN=$folder/rattan
fi
RATTAN=${RATTAN:-build/release/rattan} python3 bench/gpu_bench.py "$@"
