#!/usr/bin/env bash
# The tuning database that comes with rattan: what is in it, and how programs find it and what they take from it.
. "$(dirname "$0")/lib.sh"
spec="$SOURCE/specs/tiny.lua"
shape=(--shape "B=1,T=256")
[ -f "$BUILD/share/rattan/tuning.db" ] || { skip "the database" "it is not built"; exit 0; }

# ---- The one that is built: every line of tunings/ is in it, and is of a layer that there is
unset RATTAN_SYSTEM_TUNINGS
cp "$BUILD/share/rattan/tuning.db" "$TMP/shipped.db"
mkdir "$TMP/shipped" && cp "$TMP/shipped.db" "$TMP/shipped/tuning.db"
equal "it holds what tunings/ says" "$(cat "$SOURCE"/tunings/*.jsonl | sort -u | wc -l)" \
    "$(RATTAN_DATA_DIR="$TMP/shipped" "$RATTAN" db export | wc -l)"
expect_text "the program finds it in the build folder" "$("$RATTAN" db list)" "share/rattan/tuning.db \(the system's\)"
[ -z "$(find "$BUILD/share/rattan" -name '*-wal' -o -name '*-shm')" ] && ok "reading it leaves nothing beside it" ||
    not_ok "reading it leaves nothing beside it"
missed=""
while IFS= read -r line; do
    hash=$(printf '%s' "$line" | sed -n 's/^{"spec":"\([0-9a-f]*\)","name".*/\1/p')
    [ -n "$hash" ] || continue
    printf '%s' "$line" | sed 's/.*"text":"\(.*\)"}$/\1/; s/\\n/\n/g; s/\\"/"/g; s/\\t/\t/g; s/\\\\/\\/g' >"$TMP/layer.lua"
    "$RATTAN" db explain "$TMP/layer.lua" --json 2>&1 | grep -q "\"spec\": \"$hash\"" || missed="$missed $hash"
done < <(cat "$SOURCE"/tunings/*.jsonl)
equal "layers still have the hashes that it names" "" "$missed"
space=$("$RATTAN" db explain "$spec" | sed -n 's/.*search space \([0-9]*\),.*/\1/p')
equal "records are of this search space" "" "$(cat "$SOURCE"/tunings/*.jsonl | grep '"schedule"' | grep -v "\"space\":$space,")"
# What was found for a GPU is what its code is compiled with anywhere, for the layer as people write it.
printf 'return rattention { name = "plain", heads = 32, kv_heads = 8, head_dim = 64, window = 512, dtype = "bf16" }\n' >"$TMP/plain.lua"
# No machine code is asked for, which takes seconds.
gpu() { RATTAN_LIBCUDA="$TMP/no-driver.so" RATTAN_NVRTC="$TMP/none" "$RATTAN" "$1" "$2" --target cuda:sm_90a --kind backward --shape B=4,T=4096 "${@:3}" 2>&1; }
plain=$(RATTAN_LIBCUDA="$TMP/no-driver.so" "$RATTAN" db explain "$TMP/plain.lua" --json | sed -n 's/^  "spec": "\(.*\)",$/\1/p')
found=$(grep "\"$plain\",\"kind\":\"backward\"" "$SOURCE/tunings/gpu-nvidia-h200.jsonl" | grep -v '"ratio":1.0' | sed 's/.*"schedule":"\([^"]*\)".*/\1/')
expect_text "a layer 64 wide has gradients that were tuned" "$found" '^chunk='
equal "its code for that GPU has them" "$found" "$(gpu compile "$TMP/plain.lua" --emit schedule)"
equal "so has the paper's layer made as wide" "$found" \
    "$(gpu compile "$SOURCE/specs/paper_d128.lua" --set rope=false --set head_dim=64 --emit schedule)"
equal "and one with other constants" "$found" "$(gpu compile "$TMP/plain.lua" --set scale=0.1 --set 'norm={ eps = 1e-5 }' --emit schedule)"
if [ "$found" != "$(gpu compile "$TMP/plain.lua" --emit schedule --no-tuning)" ]; then ok "it is not the default"; else not_ok "it is not the default"; fi
expect_text "explain says so" "$(gpu explain "$TMP/plain.lua")" '^Schedule, from the tuning database$'
expect_text "and from where" "$(gpu explain "$TMP/plain.lua" | tr -s ' \n' ' ')" \
    'It took 1\.341 ms, 0\.977 of the default.s time, at N=4 T=4096 on NVIDIA H200, driver CUDA 13\.0, by build [0-9a-f]{16}; from /.*/share/rattan/tuning\.db'
expect_text "and that it was timed without what is asked for beside it" "$(gpu explain "$TMP/plain.lua" --with saved | tr -s ' \n' ' ')" \
    "It took 1\.341 ms, 0\.977 of the default.s time without saved, at N=4 T=4096 on"
left='the one that is known is of gradients without that of a final state'
expect_text "and why it is not taken for more gradients" "$(gpu explain "$TMP/plain.lua" --with final-state | tr -s ' \n' ' ')" \
    "Schedule, from the default .* Not from the tuning database: $left"
expect_text "which strict mode says, too" "$(RATTAN_TUNING=strict gpu compile "$TMP/plain.lua" --with final-state --emit schedule)" \
    "no tuned schedule for backward, .*: $left"
expect_text "as JSON" "$(gpu explain "$TMP/plain.lua" --json)" '"bucket": "N=4 T=4096"'
expect_text "that nothing better is known" "$(gpu explain "$SOURCE/specs/paper_d128.lua" --set rope=false)" \
    '^Schedule, from the default: the tuning database knows nothing better$'
expect_text "that nothing is known" "$(gpu explain "$TMP/plain.lua" --set window=100)" '^Schedule, from the default$'

# ---- A prefix of its own: bin/rattan with share/rattan/tuning.db
prefix=$TMP/prefix
mkdir -p "$prefix/bin" "$prefix/share/rattan"
ln "$RATTAN" "$prefix/bin/rattan" 2>/dev/null || cp "$RATTAN" "$prefix/bin/rattan"
installed=$prefix/bin/rattan db=$prefix/share/rattan/tuning.db
"$RATTAN" db explain "$spec" "${shape[@]}" >"$TMP/key"
machine=$(sed -n 's/^machine   //p' "$TMP/key") compiler=$(sed -n 's/^compiler  //p' "$TMP/key")
hash=$(sed -n 's/^spec      \([0-9a-f]*\),.*/\1/p' "$TMP/key")
# record SCHEDULE RATIO [COMPILER] [SPACE]: a line.
record() {
    printf '{"machine":"%s","driver":"","compiler":"%s","build":"another","space":%s,"spec":"%s","kind":"forward",' \
        "$machine" "${3:-$compiler}" "${4:-$space}" "$hash"
    printf '"bucket":"N=1 T=256","schedule":"%s","verdict":"ok","samples":40,"seconds":0.001,"ratio":%s,"spread":0.001,' "$1" "$2"
    printf '"when":1700000000,"note":""}\n'
}
pack() { "$RATTAN" db pack "$TMP/lines" -o "$db" >"$TMP/out" 2>"$TMP/err" || not_ok "pack" "$(cat "$TMP/err")"; }
gets() { "$installed" compile "$spec" --emit schedule "${shape[@]}" "$@" 2>&1 | grep -o 'unroll=[0-9]*'; }
explains() { "$installed" db explain "$spec" "${shape[@]}" 2>&1; }

equal "without a database the default" "unroll=1" "$(gets)"
record unroll=3 0.8 >"$TMP/lines"
pack
equal "the prefix's database is found" "unroll=3" "$(gets)"
expect_text "db explain names it" "$(explains)" "^schedule  from $db$"
expect_text "db list shows the layer" "$("$installed" db list)" "^$db \(the system's\)$"
expect_text "doctor counts it" "$("$installed" doctor)" "^tunings +ok +$db, 1 records$"
equal "by a link to the program, too" "unroll=3" \
    "$(ln -s "$installed" "$TMP/rattan" && "$TMP/rattan" compile "$spec" --emit schedule "${shape[@]}" | grep -o 'unroll=[0-9]*')"
equal "strict mode has what it wants" "unroll=3" "$(RATTAN_TUNING=strict gets)"
equal "--no-tuning takes the default" "unroll=1" "$(gets --no-tuning)"
equal "so does RATTAN_SYSTEM_TUNINGS without a word" "unroll=1" "$(RATTAN_SYSTEM_TUNINGS='' gets)"
equal "or the file that it names" "unroll=3" "$(RATTAN_SYSTEM_TUNINGS="/none:$db" RATTAN="$RATTAN" gets)"
mkdir -p "$TMP/xdg/rattan"
record unroll=4 0.9 >"$TMP/more"
"$RATTAN" db pack "$TMP/more" -o "$TMP/xdg/rattan/tuning.db" >/dev/null
equal "XDG_DATA_DIRS come before it" "unroll=4" "$(XDG_DATA_DIRS="$TMP/xdg" gets)"

# ---- What is shipped: nothing that failed at another shape
{ record unroll=3 0.8; record unroll=3 0.8 | sed 's/N=1 T=256/N=1 T=4096/; s/"verdict":"ok"/"verdict":"wrong"/'; record unroll=4 0.9; } >"$TMP/more"
RATTAN_DATA_DIR="$TMP/failed" "$RATTAN" db import "$TMP/more" >/dev/null
equal "the best that is exported failed nowhere" "unroll=4" \
    "$(RATTAN_DATA_DIR="$TMP/failed" "$RATTAN" db export --best | grep -o 'unroll=[0-9]*' | sort -u)"
expect_error 2 "--best is for export" 'for export alone' "$RATTAN" db list --best

record unroll=2 0.95 >"$TMP/more"
RATTAN_DATA_DIR="$TMP/user" "$RATTAN" db import "$TMP/more" >/dev/null
equal "the user's entry wins" "unroll=2" "$(RATTAN_DATA_DIR="$TMP/user" gets)"

# ---- The library, from its own place: lib/<triplet>
if [ -z "${RATTAN_SANITIZED:-}" ]; then
    mkdir -p "$prefix/lib/triplet"
    ln -L "$BUILD/librattan.so.0" "$prefix/lib/triplet/librattan.so.0" 2>/dev/null || cp -L "$BUILD/librattan.so.0" "$prefix/lib/triplet/"
    cat >"$TMP/probe.c" <<'PROBE'
#include <rattan/rattan.h>
#include <stdio.h>
int main(int count, char **words) {
    rattan_context     *context;
    rattan_spec        *spec;
    rattan_kernel      *kernel;
    rattan_kernel_facts facts;
    rattan_error        error = {0};
    if (count != 2 || rattan_context_create(NULL, &context, &error) || rattan_spec_from_file(words[1], &spec, &error) ||
        rattan_kernel_get(context, &(rattan_kernel_request){.spec = spec, .sequences = 1, .tokens = 256}, &kernel, &error))
        return puts(error.message), 1;
    rattan_kernel_describe(kernel, &facts);
    puts(facts.schedule);
    return 0;
}
PROBE
    check "a program builds with the library" cc -std=c11 -I"$SOURCE/include" "$TMP/probe.c" -o "$TMP/probe" "$prefix/lib/triplet/librattan.so.0"
    equal "the library finds it as well" "unroll=3" \
        "$(LD_LIBRARY_PATH="$prefix/lib/triplet:${LLVM_LIBRARY_DIR:-}" "$TMP/probe" "$spec" | grep -o 'unroll=[0-9]*')"
fi

chmod 0444 "$db"
chmod 0555 "$prefix/share/rattan"
equal "it may be read-only" "unroll=3" "$(gets)"
chmod 0755 "$prefix/share/rattan"
equal "nothing was written beside it" "tuning.db" "$(ls "$prefix/share/rattan")"

# ---- Other versions
{ record unroll=3 0.8 "LLVM 1.0"; } >"$TMP/lines"
pack
equal "what another compiler made serves" "unroll=3" "$(gets)"
expect_text "which db explain says" "$(explains)" 'compiled by LLVM 1\.0: tune again'
{ record unroll=3 0.8 "LLVM 1.0"; record unroll=4 0.9; } >"$TMP/lines"
pack
equal "but what this one made comes first" "unroll=4" "$(gets)"
record unroll=3 0.8 "" 1 >"$TMP/lines"
pack
equal "another search space's is ignored" "unroll=1" "$(gets)"
expect_text "which db explain says" "$(explains)" '^ignored   1 records of other search spaces'
expect_text "and doctor" "$("$installed" doctor)" '1 records, 1 of other search spaces are ignored'
RATTAN_TUNING=strict expect_error 1 "strict mode does not take it" 'no tuned schedule' "$installed" compile "$spec" "${shape[@]}"
sed 's/"ratio":0.8,"spread":0.001/"ratio":1.0,"spread":0.0/' <<<"$(record unroll=3 0.8)" >"$TMP/lines"
pack
equal "another version's default is no reason to leave one's own" "unroll=1" "$(gets)"
expect_text "as db explain says" "$(explains)" 'knows nothing better than the default'
equal "but strict mode takes what was measured" "unroll=3" "$(RATTAN_TUNING=strict gets)"

# ---- Damage
head -c 9000 /dev/urandom >"$TMP/noise" && chmod 0644 "$db" && cp "$TMP/noise" "$db"
equal "a damaged one is no obstacle" "unroll=1" "$(gets)"
expect_text "db explain names it" "$(explains)" '^skipped .*damaged'
echo garbage >"$TMP/lines"
expect_error 5 "a line that says nothing is not packed" 'neither records nor specs' "$RATTAN" db pack "$TMP/lines" -o "$TMP/new.db"
[ ! -e "$TMP/new.db" ] && ok "and leaves no file" || not_ok "and leaves no file"
mkfifo "$TMP/pipe"
record unroll=3 0.8 >"$TMP/lines"
cat "$TMP/pipe" >"$TMP/piped.db" &
check "a pipe is written to" "$RATTAN" db pack "$TMP/lines" -o "$TMP/pipe"
wait
[ -p "$TMP/pipe" ] && ok "and stays a pipe" || not_ok "and stays a pipe"
equal "it got a database" "SQLite format 3" "$(head -c 15 "$TMP/piped.db")"
expect_error 1 "the folder must be there" 'none/new.db' "$RATTAN" db pack "$TMP/lines" -o "$TMP/none/new.db"
expect_error 2 "pack wants files" 'no FILE' "$RATTAN" db pack -o "$TMP/new.db"
equal "and leaves nothing behind" "" "$(TMPDIR="$TMP/work" && mkdir "$TMP/work" && export TMPDIR && "$RATTAN" db pack "$TMP/lines" -o "$TMP/new.db" >/dev/null && ls "$TMP/work")"
expect_error 2 "pack wants to know where to" 'give -o' "$RATTAN" db pack "$TMP/lines"
