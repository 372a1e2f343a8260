#!/usr/bin/env bash
# librattan_rt.so.1 keeps its binary interface: tests/rattan_rt.abi is what it was when it was released. Functions may be added; a
# change of what is there wants another number in the library's name. RATTAN_BLESS=1 writes the file anew.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE" || exit 1
if ! command -v abidiff >/dev/null || ! command -v abidw >/dev/null || [ "$(uname -m)" != x86_64 ]; then
    skip "the interface of librattan_rt" "no abidiff, which abigail-tools has, or not x86-64"
    exit 0
fi
sources=$(printf '%s\n' base/*.c runtime/*.c | grep -vE '/(cache|cache_disk|cache_sweep|key|suggest|weighted_rows|rattan_rt)\.c$')
flags=(-O0 -fPIC -std=c11 -fvisibility=hidden -D_GNU_SOURCE '-DRATTAN_VERSION="test"' -ffile-prefix-map="$PWD"=. -I.)

# runtime NAME HEADERS: $TMP/NAME.so, with debug information of what the public header's functions see.
runtime() {
    # shellcheck disable=SC2046,SC2086 # lists
    cc "${flags[@]}" -g -I"$2" -c runtime/rattan_rt.c -o "$TMP/rattan_rt.o" &&
        cc "${flags[@]}" $(pkg-config --cflags libxxhash) -shared "$TMP/rattan_rt.o" $sources -o "$TMP/$1.so" \
            -Wl,-soname,librattan_rt.so.1 -Wl,--version-script=cmake/rattan_rt.map -lpthread -ldl -lm
}
# compare NAME HEADERS: with what it was; types that no public header has do not count.
compare() {
    abidiff --hd1 include/rattan --hd2 "$2" --no-added-syms tests/rattan_rt.abi "$TMP/$1.so"
}

check "librattan_rt builds with debug information" runtime same include
[ -z "${RATTAN_BLESS:-}" ] || abidw --no-corpus-path --no-comp-dir-path "$TMP/same.so" >tests/rattan_rt.abi
check "nothing of its interface has changed" compare same include/rattan
mkdir -p "$TMP/changed/rattan"
sed 's/int  *threads;/int64_t threads;/' include/rattan/rattan_rt.h >"$TMP/changed/rattan/rattan_rt.h"
check "a changed one builds" runtime changed "$TMP/changed"
compare changed "$TMP/changed/rattan" >"$TMP/out" 2>&1 && not_ok "a changed struct is seen" "$(cat "$TMP/out")" || ok "a changed struct is seen"
