#!/usr/bin/env bash
# Libraries with kernels for GPUs, on a driver without a GPU (fake_cuda.c, which says that it is an sm_90): which kernel is
# taken, and what is said where there is none.
. "$(dirname "$0")/lib.sh"
# shellcheck source=resources.sh
. "$SOURCE/tests/resources.sh"
cd "$SOURCE" || exit 1
[ "$(uname -m)" = x86_64 ] || { skip "libraries for GPUs" "these tests build for x86-64"; exit 0; }
nvrtc_here "libraries for GPUs" || exit 0
fake=$(find "$BUILD/tests" -name 'libfake_cuda.so' | head -n 1)
flags=()
[ -z "${RATTAN_SANITIZED:-}" ] || flags=(-fsanitize=address,undefined)
aot() { "$RATTAN" aot specs/tiny.lua --name layers --kinds forward --targets "$1" -o "$TMP/$2"; }
probe() { # probe LIBRARY QUESTION
    LD_LIBRARY_PATH="$TMP/$1/lib" RATTAN_LIBCUDA="$fake" "$TMP/probe" "$2" 2>&1
}

check "a library for two GPUs and a CPU" aot sm_80,sm_90a,x86-64-v3 both
check "one for older GPUs" aot sm_80,sm_89 older
check "one for another GPU" aot sm_120a other
check "the probe builds" cc -std=c11 "${flags[@]}" -D_GNU_SOURCE -I"$TMP/both/include" tests/aot_probe.c -o "$TMP/probe" -L"$TMP/both/lib" \
    -llayers -lrattan_rt
found=$(probe both device=cuda)
expect_text "the GPU's own code is taken" "$found" '^runs: cuda:sm_90a$'
expect_text "it is launched and waited for" "$found" '^waited: 0 done$'
expect_text "and enqueued" "$found" '^enqueued: 0 done$'
found=$(probe both capture)
expect_text "a kernel's first launch in a capture is refused" "$found" '^unprepared: 2 layers_tiny_forward: needs a kernel that is not loaded yet .*call _prepare'
expect_text "so is making it ready there" "$found" '^unready: 2 layers_tiny_forward: needs a kernel'
expect_text "elsewhere it is made ready beside a capture" "$found" '^elsewhere: 0 done$'
expect_text "and can be captured then" "$found" '^prepared: 0 done$'
expect_text "no capture was ended" "$found" '^ended: 0$'
expect_text "the CPU's is taken as well" "$(probe both target=x86-64-v3)" '^runs: x86-64-v3$'
expect_text "the GPU that is not there" "$(probe both device=cuda:7)" '^device=cuda:7: 4 .*7'

# Another header: the probes of these libraries are their own.
for library in older other; do
    check "its probe" cc -std=c11 "${flags[@]}" -D_GNU_SOURCE -I"$TMP/$library/include" tests/aot_probe.c -o "$TMP/probe" -L"$TMP/$library/lib" \
        -llayers -lrattan_rt
    found=$(probe $library device=cuda)
    case $library in
    older)
        expect_text "PTX is the last resort" "$found" '^runs: cuda:sm_80$'
        expect_text "it is launched" "$found" '^waited: 0 done$'
        ;;
    other) expect_text "no kernel for the GPU" "$found" '^device=cuda: 4 layers: has kernels for cuda:sm_120a, none of which runs on device 0, a .* \(sm_90\)' ;;
    esac
    expect_text "nor for this CPU" "$(probe $library interface; probe $library forward)" '^open: 4 layers: has kernels for cuda:sm_.*none of which runs on this CPU'
done

# How large: code and little else, with the PTX of one chip.
check "sizes" "$RATTAN" aot specs/tiny.lua --name layers --kinds forward --targets sm_80,sm_89,sm_90a,sm_120a,x86-64-v3 -o "$TMP/sizes" --json
read -r code all < <(sed -n 's/.*"\(code\|library\)_bytes": \([0-9]*\).*/\2/p' "$TMP/out" | tr '\n' ' ')
[ "$((all * 10))" -le "$((code * 12))" ] && ok "at most 1.2 times the sum of cubins and objects" ||
    not_ok "at most 1.2 times the sum of cubins and objects" "$all bytes for $code"

# ---- Tuned schedules: what is known of any GPU of the architecture, in the shape that it was tuned for
"$RATTAN" compile specs/tiny.lua --target cuda:sm_90a --emit schedule >"$TMP/default" 2>&1
tuned=$(sed 's/key_tile=[0-9]*/key_tile=16/; s/stages=[0-9]*/stages=1/' "$TMP/default")
key=$("$RATTAN" db explain specs/tiny.lua)
hash=$(sed -n 's/^spec      \([0-9a-f]*\),.*/\1/p' <<<"$key") space=$(sed -n 's/.*search space \([0-9]*\),.*/\1/p' <<<"$key")
printf '{"machine":"%s","driver":"CUDA 12.4","compiler":"%s; NVRTC 1.0","build":"another","space":%s,"spec":"%s","kind":"forward","bucket":"N=1 T=256","schedule":"%s","verdict":"ok","samples":40,"seconds":0.001,"ratio":%s,"spread":0.001,"when":1700000000,"note":""}\n' \
    "GPU of another place" cuda:sm_90a "$space" "$hash" "$tuned" 0.9 "GPU of another kind" cuda:sm_80 "$space" "$hash" "$(sed 's/stages=1/stages=3/' <<<"$tuned")" 0.5 >"$TMP/lines"
RATTAN_DATA_DIR="$TMP/tuned" "$RATTAN" db import "$TMP/lines" >/dev/null
RATTAN_DATA_DIR="$TMP/tuned" check "a library for a shape that was tuned for" "$RATTAN" aot specs/tiny.lua --name layers --kinds forward \
    --targets sm_90a --shapes B=1,T=256 -o "$TMP/library"
schedules() { grep -o '"schedule": "[^"]*"' "$TMP/library/share/layers/layers.json" | sed 's/.*: "\(.*\)"/\1/' | sort -u; }
equal "has the tuned schedule" "$tuned" "$(schedules | head -n 1)"
RATTAN_DATA_DIR="$TMP/tuned" check "one without tunings" "$RATTAN" aot specs/tiny.lua --name layers --kinds forward --targets sm_90a \
    --shapes B=1,T=256 --no-tuning -o "$TMP/library"
equal "has the default" "$(cat "$TMP/default")" "$(schedules | head -n 1)"
RATTAN_TUNING=strict expect_error 1 "strict mode wants one" 'no tuned schedule' "$RATTAN" aot specs/tiny.lua --name layers --kinds forward \
    --targets sm_90a --shapes B=1,T=256 -o "$TMP/library"

# ---- A tuned schedule that this build refuses: its kernel needs more shared memory than there is
wide=(--set rope=false --set head_dim=256 --set value_dim=256 --dtype bf16)
hash=$("$RATTAN" db explain specs/paper_d128.lua "${wide[@]}" | sed -n 's/^spec      \([0-9a-f]*\),.*/\1/p')
sed -n 1p "$TMP/lines" | sed "s/\"spec\":\"[^\"]*\"/\"spec\":\"$hash\"/; s/\"schedule\":\"[^\"]*\"/\"schedule\":\"roles=0 stages=2 key_tile=128\"/" >"$TMP/refused"
RATTAN_DATA_DIR="$TMP/refusing" "$RATTAN" db import "$TMP/refused" >/dev/null
wide() { "$RATTAN" aot specs/paper_d128.lua "${wide[@]}" --name layers --kinds forward --targets sm_90a --shapes B=1,T=256 -o "$TMP/library"; }
RATTAN_DATA_DIR="$TMP/refusing" check "a library for a tuned schedule that is refused" wide
expect_text "is none that is tuned" "$(cat "$TMP/out")" ' 0 of them tuned'
default=$("$RATTAN" compile specs/paper_d128.lua "${wide[@]}" --target cuda:sm_90a --emit schedule)
equal "has the default" "$default" "$(schedules | grep -Fx "$default")" # beside that for tensors without its alignment
RATTAN_TUNING=strict RATTAN_DATA_DIR="$TMP/refusing" expect_error 1 "strict mode says so" 'the tuned schedule for forward is refused' wide
