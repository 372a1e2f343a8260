#!/usr/bin/env bash
# The library as applications meet it: what librattan.so shows, and examples/launch.c with either library.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE" || exit 1
export LD_LIBRARY_PATH="$BUILD:${LLVM_LIBRARY_DIR:-/usr/lib/llvm-19/lib}:${LD_LIBRARY_PATH:-}"

foreign=$(nm -D --defined-only "$BUILD/librattan.so" | awk '{ print $3 }' | grep -vE '^rattan_|^$')
[ -n "${RATTAN_SANITIZED:-}" ] || equal "librattan.so shows rattan_* alone" "" "$foreign"
declared=$(grep -oE '\brattan_[a-z_]+\(' include/rattan/rattan.h | tr -d '(' | sort -u | grep -vE '^rattan_tensor_of$')
shown=$(nm -D --defined-only "$BUILD/librattan.so" | awk '{ print $3 }' | grep '^rattan_' | sort -u)
equal "librattan.so shows all that the header declares" "$declared" "$shown"

check "the example compiles, loads and launches" "$BUILD/example_launch" specs/tiny.lua 200
cold=$(cat "$TMP/out")
expect_text "the example prints a number" "$cold" '^[a-z_]+ = [0-9.]+e[-+][0-9]+$'
check "the example runs again, from the cache" "$BUILD/example_launch" specs/tiny.lua 200
equal "both runs agree to the last digit" "$cold" "$(cat "$TMP/out")"
equal "the cache has one entry" 1 "$(find "$RATTAN_CACHE_DIR" -name '*.rattan' | wc -l)"
expect_error 2 "the example without arguments" 'usage: launch' "$BUILD/example_launch"
expect_error 1 "a spec that is not there" 'no-such\.lua.*No such file' "$BUILD/example_launch" no-such.lua
printf 'return rattention { heads = 8, kv_heads = 3, head_dim = 16, window = 8 }\n' >"$TMP/bad.lua"
expect_error 2 "a spec that is wrong" 'bad\.lua.*heads' "$BUILD/example_launch" "$TMP/bad.lua"

# The archive: with the shared LLVM, so that linking is quick.
flags=()
[ -z "${RATTAN_SANITIZED:-}" ] || flags=(-fsanitize=address,undefined)
# shellcheck disable=SC2046 # a list of options
check "the example links with librattan.a" cc -std=c11 "${flags[@]}" -Iinclude examples/launch.c -o "$TMP/launch" "$BUILD/librattan.a" \
    -L"${LLVM_LIBRARY_DIR:-/usr/lib/llvm-19/lib}" -lLLVM $(pkg-config --libs lua5.4 jansson sqlite3 libxxhash) -lm -lpthread -ldl
check "and runs" "$TMP/launch" specs/tiny.lua 200
equal "with the same result" "$cold" "$(cat "$TMP/out")"

# The programs of doc/api.md: a block of C that begins with its name.
awk -v folder="$TMP" '/^```c$/ { first = 1; next } /^```$/ { file = ""; next }
    first { first = 0; if (match($0, /^\/\* [a-z]+\.c:/)) file = folder "/doc_" substr($0, 4, RLENGTH - 4) }
    file { print > file }' doc/api.md
for name in forward serve backward; do
    # shellcheck disable=SC2046 # a list of options
    check "doc/api.md: $name.c builds without a warning" cc -std=c11 -Wall -Wextra -Werror "${flags[@]}" -Iinclude "$TMP/doc_$name.c" -o "$TMP/doc_$name" \
        "$BUILD/librattan.a" -L"${LLVM_LIBRARY_DIR:-/usr/lib/llvm-19/lib}" -lLLVM $(pkg-config --libs lua5.4 jansson sqlite3 libxxhash) -lm -lpthread -ldl
    check "and says that its results are right" "$TMP/doc_$name"
    case $name in
    forward) expect_text "and what is wrong" "$(cat "$TMP/err")" '^k: has dims .* should have' ;;
    serve) expect_text "and how far they are from others" "$(cat "$TMP/out")" '^extend and decode differ from forward by [0-9]' ;;
    esac
done
