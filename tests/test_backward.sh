#!/usr/bin/env bash
# Kind backward beyond what random layers show: launch after launch the same bits, long sequences of which every element is
# compared, inputs that are tiny or huge. test_gradient_scaling.c has what is more exact of the last.
. "$(dirname "$0")/lib.sh"
RUN=("$RATTAN" check --kind backward --seed 1)
SMALL=("$SOURCE/specs/tiny.lua" --set head_dim=16 --set value_dim=16)
FULL=("$SOURCE/specs/tiny.lua" --set heads=6 --set kv_heads=2 --set head_dim=24 --set value_dim=40 --set window=20
    --set sink=true --set softcap=20 --set qk_scale=true --set 'rope={theta=10000,style="half"}' --set 'initial_state="input"')

check "1000 repeats" "${RUN[@]}" "${SMALL[@]}" --shape B=2,T=100 --repeats 1000
check "1000 repeats, everything, packed" "${RUN[@]}" "${FULL[@]}" --shape lengths=70,0,31 --repeats 1000
for dtype in fp32 bf16; do
    check "65536 tokens, $dtype" "${RUN[@]}" "${SMALL[@]}" --dtype $dtype --shape B=1,T=65536
    for n in -40 -20 20 40; do
        check "magnitude 2^$n, $dtype" "${RUN[@]}" "${FULL[@]}" --dtype $dtype --shape B=2,T=90 "--magnitude=$n"
    done
done
check "magnitude 2^-10, fp16" "${RUN[@]}" "${FULL[@]}" --dtype fp16 --shape B=2,T=90 --magnitude=-10
# One row sees a key in the residual branch, and what its norm leaves is next to nothing: the bound is what float32 itself loses.
NARROW=("${SMALL[@]}" --set heads=2 --set kv_heads=1 --set head_dim=64 --set value_dim=64 --set qk_scale=true --dtype fp32)
check "a row with a residual branch" "${RUN[@]}" "${NARROW[@]}" --set window=100 --set feature_map=identity --shape B=1,T=101
