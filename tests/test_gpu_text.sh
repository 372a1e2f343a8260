#!/usr/bin/env bash
# The CUDA C++ of one small layer, word for word behind the prelude: what changes there shows here. RATTAN_BLESS=1 accepts it.
. "$(dirname "$0")/lib.sh"
export RATTAN_LIBCUDA="$TMP/no-driver.so"

# text NAME PIECE RANGE OPTIONS...: tests/passes/NAME.cu is that range of the layer's code, which holds the piece.
text() {
    local wanted="$SOURCE/tests/passes/$1.cu" piece=$2 range=$3
    "$RATTAN" compile "$SOURCE/tests/passes/layer.lua" --dtype bf16 --no-cache --emit cuda "${@:4}" | sed -n "$range" >"$TMP/$1.cu"
    [ -z "${RATTAN_BLESS:-}" ] || cp "$TMP/$1.cu" "$wanted"
    check "$1: there is code" grep -qF "$piece" "$TMP/$1.cu"
    check "$1: the code of tests/passes/layer.lua" cmp "$TMP/$1.cu" "$wanted"
}

text layer 'product<bf16' '/^struct Args/,$p' --target cuda:sm_80 --schedule 'chunk=16 key_tile=16 group_heads=1 warps=1 stages=2'
# The kernel whose warps have roles; those before it have none, as above.
text roles 'take_registers<' '/ rattan_layer_forward_main(/,$p' --target cuda:sm_90a --set head_dim=16 --set value_dim=16 \
    --schedule 'chunk=32 key_tile=32 group_heads=2 ring=0 segment=1024 min_items=54 warps=4 stages=2 blocks=2 registers=232 roles=1'
# Kernels that make states and compute features: groups of warps that take turns, tiles that are given, stored from where they lie.
text states 'store_box(' '/ rattan_layer_forward_states(/,/ rattan_layer_forward_main(/p' --target cuda:sm_90a --set head_dim=64 \
    --set value_dim=64 --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 segment=0 warps=8 stages=2 roles=1 fuse_phi=1'
# Its role that turns keys: those of other blocks of the head it passes over.
text turned 'release(t' '/ rattan_layer_forward_states(/,/give_registers/{/warp_id() < 12/,$p}' --target cuda:sm_90a --set head_dim=64 \
    --set value_dim=64 --set 'rope={theta=10000,style="half"}' \
    --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 segment=0 warps=8 stages=2 roles=1 fuse_phi=1 feature_groups=1'
# Tiles of turned keys that are signalled one by one, and main's thread that waits for those it sends.
text signals 'expect<' '/ rattan_layer_forward_states(/,$ { /clear(/p; /cleared/p; /signal/p; /expect</p; /awaited/p; /store_tile/p }' \
    --target cuda:sm_90a --set head_dim=128 --set value_dim=64 --set window=64 --set 'rope={theta=10000,style="half"}' \
    --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 segment=0 warps=8 stages=2 roles=1 fuse_phi=1 feature_groups=1'
# What follows the key loop of one whose columns are too many for registers.
text wide 'load_own<' '/[/][/] slice$/,$p' --target cuda:sm_90a --set head_dim=192 --set value_dim=144 --set feature_map=softmax \
    --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 segment=1024 min_items=54 warps=8 stages=2 slices=3 roles=1'
# Gradients: what keys get of the rows in whose window they are, with tiles whose positions fall.
text gradients ', 16, 1>, ' '/ rattan_layer_backward_window_keys(/,/^}/p' --kind backward --target cuda:sm_80 --set head_dim=16 \
    --set value_dim=16 --schedule 'chunk=16 key_tile=16 group_heads=1 warps=1 stages=2'
# What forward saves: a warp alone stores it, from a slot that it gives back at once.
text saves 'release_now(' '/ rattan_layer_forward_main(/,$ { /write_panels</p; /store_box(/p; /release_now(/p; /Ring<1, /p }' --with saved \
    --target cuda:sm_90a --set head_dim=64 --set value_dim=64 \
    --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 segment=0 warps=8 stages=2 roles=1'
# What has no products, where forward has saved its sums: tiles go by lines.
text lines 'LineAt<' '/ rattan_layer_backward_main(/,/^}/p' --kind backward --with saved --target cuda:sm_80 --set head_dim=64 \
    --set value_dim=64 --set 'norm={kind="rms",eps=1e-8}' --schedule 'chunk=32 key_tile=32 group_heads=1 warps=2 stages=2'
# Of floats: left sides of the loops over queries lie in shared memory, as many as have room, and are read from memory elsewhere.
text float_keys 'float_product_left<' '/ rattan_layer_backward_window_keys(/,/^}/p' --dtype fp32 --kind backward --target cuda:sm_80 \
    --set head_dim=16 --set value_dim=16 --schedule 'chunk=32 key_tile=32 group_heads=1 warps=2 stages=2'
text float_rows 'float_product_loaded<' '/ rattan_layer_backward_rows(/,/^}/p' --dtype fp32 --kind backward --target cuda:sm_80 \
    --set head_dim=16 --set value_dim=16 --schedule 'chunk=32 key_tile=32 group_heads=1 warps=2 stages=2'
# Those with roles: what rows hand on is summed up head by head, and stored from where it lies.
text key_states 'Stored stored;' '/ rattan_layer_backward_key_states(/,/^}/p' --kind backward --target cuda:sm_90a --set head_dim=16 \
    --set value_dim=64 --schedule 'chunk=64 key_tile=64 group_heads=2 segment=1024 min_items=54 warps=8 stages=2 roles=1 fuse_phi=1'
# Two sums of the same tiles, by roles of their own; tiles lie upwards where positions fell.
text key_sums 'wgmma' '/ rattan_layer_backward_keys(/,/^}/p' --kind backward --target cuda:sm_90a --set head_dim=16 \
    --set value_dim=64 --schedule 'chunk=64 key_tile=64 group_heads=2 segment=1024 min_items=54 warps=8 stages=2 roles=1 fuse_phi=1'
# Initial states of two heads, which a kernel stores in 16 bits: one below another in a slot, a group of warps takes its own.
text initial 'Rows<2, ' '/ rattan_layer_forward_initial(/,/^}/p' --target cuda:sm_90a --set head_dim=16 --set value_dim=16 \
    --set initial_state=input --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 segment=0 warps=8 stages=2 blocks=1 roles=1 registers=240'
text stacked 'own_group * ' '/ rattan_layer_forward_main(/,$p' --target cuda:sm_90a --set head_dim=16 --set value_dim=16 \
    --set initial_state=input --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 segment=0 warps=8 stages=2 blocks=1 roles=1 registers=240'
# The same on top of rings: tiles of one sequence side by side, new tokens from where the caller has them.
text extend 'maps.at[beyond ? ' '/ rattan_layer_extend_main(/,$p' --kind extend --target cuda:sm_90a --set head_dim=16 --set value_dim=16 \
    --schedule 'chunk=32 key_tile=32 group_heads=2 ring=0 warps=4 stages=2 blocks=2 registers=232 copy_registers=24 roles=1'
# Of packed sequences old tokens and new ones lie in one row: tiles come between the bounds of their sequence.
text extend_packed 'copy_between<' '/ rattan_layer_extend_main(/,$p' --kind extend --with packed --target cuda:sm_90a --set head_dim=16 \
    --set value_dim=16 --schedule 'chunk=32 key_tile=32 group_heads=2 ring=0 warps=4 stages=2 blocks=2 registers=232 copy_registers=24 roles=1'
# Warps of it that write the rings.
text rings 'move_rows<' '/if (warp_here() == /,/warp_id() == /p' --kind extend --target cuda:sm_90a --set head_dim=16 --set value_dim=16 \
    --set heads=8 --set kv_heads=2 --set 'rope={theta=10000,style="half"}' \
    --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 warps=8 stages=2 roles=1'
# Keys that are not turned: the thread that stores them from where products read them, piece by piece where a ring wraps.
text stored 'store_rows<' '/warp_id() == 10/,$p' --kind extend --target cuda:sm_90a --set head_dim=16 --set value_dim=16 \
    --set heads=8 --set kv_heads=2 --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 warps=8 stages=2 roles=1'
# Its kernel that makes states: threads that send old keys from the rings, and store them to where main reads them.
text gathered 'copy_rows<' '/ rattan_layer_extend_states(/,/ rattan_layer_extend_main(/{/give_registers/,$p}' --kind extend \
    --target cuda:sm_90a --set head_dim=16 --set value_dim=16 --set window=64 \
    --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 warps=8 stages=2 roles=1 fuse_phi=1'
# Both beside each other: blocks of main take items as they get done, and wait for what was made for them.
text beside 'items.hand_out(' '/ rattan_layer_extend_main(/,${/take_registers/,/release(/p;/hand_out(/p;/for (u32 item/p;/await/p}' \
    --kind extend --target cuda:sm_90a --set head_dim=16 --set value_dim=16 --set heads=8 --set kv_heads=2 --set window=64 \
    --schedule 'chunk=64 key_tile=128 group_heads=2 ring=0 warps=8 stages=2 roles=1 fuse_phi=1 beside=2'
# Where every way through an item ends with a wait for products: its warps take the next one while the last products run.
text taken 'next = ' '/ rattan_layer_extend_main(/,${/take_all/p;/(item = next)/p;/products_await<0>/p}' --kind extend \
    --target cuda:sm_90a --set head_dim=64 --set value_dim=64 --set window=128 \
    --schedule 'chunk=64 key_tile=128 group_heads=2 ring=0 warps=8 stages=2 roles=1 fuse_phi=1 beside=2'
text making 'stored.made(' '/ rattan_layer_extend_states(/,/ rattan_layer_extend_main(/{/none_made/,/launch_dependents/p;/stored/p}' \
    --kind extend --target cuda:sm_90a --set head_dim=16 --set value_dim=16 --set heads=8 --set kv_heads=2 --set window=64 \
    --schedule 'chunk=64 key_tile=128 group_heads=2 ring=0 warps=8 stages=2 roles=1 fuse_phi=1 beside=2'
# Of forward: main walks over one sequence after another, and its thread that sends what was made waits where it needs the first of it.
text ahead 'there = true' '/ rattan_layer_forward_main(/,${/u32 item/,/ seq$/p;/hand_out(/p;/there/p;/await/p}' \
    --target cuda:sm_90a --set head_dim=16 --set value_dim=16 --set heads=8 --set kv_heads=2 --set window=64 \
    --schedule 'chunk=64 key_tile=128 group_heads=2 ring=0 segment=0 warps=8 stages=2 roles=1 fuse_phi=1 beside=2'
text making_ahead 'stored.made(' '/ rattan_layer_forward_states(/,/ rattan_layer_forward_main(/{/none_made/,/launch_dependents/p;/stored/p}' \
    --target cuda:sm_90a --set head_dim=16 --set value_dim=16 --set heads=8 --set kv_heads=2 --set window=64 \
    --schedule 'chunk=64 key_tile=128 group_heads=2 ring=0 segment=0 warps=8 stages=2 roles=1 fuse_phi=1 beside=2'
# The first product of one whose left side is roped, all of it before the product.
text rope 'turn_step<' '/ rattan_layer_forward_main(/,/products_commit/p' --target cuda:sm_90a --set head_dim=32 --set value_dim=16 \
    --set 'rope={theta=10000,style="half"}' \
    --schedule 'chunk=32 key_tile=32 group_heads=2 ring=0 segment=1024 min_items=54 warps=4 stages=2 blocks=2 registers=232 copy_registers=24 roles=1'
# Queries of wide heads, roped on their way from memory to memory.
text queries 'TurnedRows<' '/ rattan_layer_forward_queries(/,/^}/p' --target cuda:sm_90a --set head_dim=192 --set value_dim=144 \
    --set feature_map=softmax --set 'rope={theta=10000,style="half"}' \
    --schedule 'chunk=64 key_tile=64 group_heads=2 ring=0 segment=1024 min_items=54 warps=8 stages=2 slices=3 roles=1'
# A decoding step: the query rows stand in columns, and so do its masks.
text decode 'mask_transposed<' '/ rattan_layer_decode_main(/,$p' --kind decode --target cuda:sm_90 --schedule 'stages=2 warps=4'
# Its end where blocks cannot wait for each other: the last one to come merges.
text arrived 'arrive(' '/ = arrive(/,$p' --kind decode --target cuda:sm_80 --schedule 'stages=2 warps=4'
# Its end where the columns of a value fill all warps: parts' results are read in runs of rows.
text merge 'load_sides<' '/^    cluster_sync();$/,$p' --kind decode --target cuda:sm_90 --schedule 'stages=2 warps=4' --set value_dim=64
# A head of a group by itself: its norms' weights are a column, which lies as those rows do.
text column 'load_sides_column<' '/load_sides_column</p' --kind decode --target cuda:sm_90 --schedule 'stages=2 warps=4' \
    --set kv_heads=2 --set value_dim=64 --set 'norm={kind="rms",eps=1e-8}'

# The head's command, on the spec that the head holds, gives the very code, wherever that is.
again() {
    local name=$1 program command
    shift
    program=$(realpath "$RATTAN")
    "$RATTAN" compile "$@" --no-cache --emit cuda >"$TMP/once.cu" 2>"$TMP/err"
    sed -n 's|^//   ||p' "$TMP/once.cu" >"$TMP/spec.lua"
    command=$(sed -n 's|^// rattan compile SPEC ||p' "$TMP/once.cu")
    (cd "$TMP" && eval "'$program' compile spec.lua $command" >again.cu 2>>"$TMP/err")
    check "$name: there is code" grep -q '^struct Args' "$TMP/once.cu"
    check "$name: its command makes it again" cmp "$TMP/once.cu" "$TMP/again.cu"
    expect_text "$name: no paths of this machine" "$(grep -cF -e "$SOURCE" -e "$TMP" "$TMP/once.cu")" '^0$'
    expect_text "$name: what it has to do" "$(head -n 60 "$TMP/once.cu")" '^// A launch of B=.* has to do [0-9.e+]+ Gflop of products and to move [0-9.e+]+ MB\.$'
    equal "$name: registers of each kernel" "$(grep -c '^extern "C" __global__' "$TMP/once.cu")" \
        "$(grep -cE '^// [0-9]+ threads, at most [0-9]+ registers each, [0-9]+ bytes of shared memory$' "$TMP/once.cu")"
}
again "forward" "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a
again "a part and a field" "$SOURCE/specs/tiny.lua" --target cuda:sm_80 --with lse,packed --set window=77 --schedule chunk=64
again "a map of the spec's" "$SOURCE/specs/custom_map.lua" --target cuda:sm_120a
again "decode" "$SOURCE/specs/gpt_oss.lua" --target cuda:sm_90 --kind decode --shape ring=3000
again "extend" "$SOURCE/specs/tiny.lua" --target cuda:sm_86 --kind extend
again "backward" "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind backward --with final-state
again "backward by what forward saves" "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --kind backward --with saved
equal "one launch's flops" "$("$RATTAN" compile "$SOURCE/specs/paper_d128.lua" --target cuda:sm_90a --no-cache --emit cuda |
    sed -n 's|^// A launch of B=1,T=4096 has to do \([0-9.]*\) Gflop.*|\1|p')" \
    "$(awk 'BEGIN { for (t = 1; t <= 4096; t++) pairs += t < 512 ? t : 512
        printf "%.4g", 1e-9 * (32 * 2 * (128 + 128) * pairs + 4096 * 2 * 256 * 128 * (32 + 8)) }')"

# What decoding counts fits 32 bits, but for windows that hardly a machine holds.
for words in '512 1' '1500000000 0'; do
    "$RATTAN" compile "$SOURCE/tests/passes/layer.lua" --kind decode --target cuda:sm_90 --set window="${words% *}" --no-cache \
        --emit cuda >"$TMP/counts.cu"
    expect_text "short numbers with a window of ${words% *}" "$(grep -c '^#define SHORT_NUMBERS' "$TMP/counts.cu")" "^${words#* }\$"
done
