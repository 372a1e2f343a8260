#!/usr/bin/env bash
# The edges between the folders, and the tree's manners that a machine can check: includes, link lines, names, sizes.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE" || exit 1

files=$(git ls-files 2>/dev/null) && [ -n "$files" ] ||
    files=$(find . -path ./build -prune -o -path ./.git -prune -o -type f -print | sed 's,^\./,,')
in_folder() { printf '%s\n' "$files" | grep -E "^($1)/[^/]+\.(c|h|def)$"; }

# nothing NAME FOUND: the case fails if something was found, and shows it.
nothing() { if [ -z "$2" ]; then ok "$1"; else not_ok "$1" "$2"; fi; }

# Who may include whom: a folder, and what its quoted includes may begin with.
while read -r folder allowed; do
    bad=$(in_folder "$folder" | xargs -r grep -nE '^ *# *include +"' | grep -vE "include +\"($allowed)/")
    nothing "$folder includes only $allowed" "$bad"
done <<'EDGES'
base              base
ir                base|ir
frontend          base|ir|frontend
frontend/kinds    base|ir|frontend
passes            base|ir|passes
codegen/llvm      base|ir|codegen/llvm
codegen/ptx       base|ir|codegen/ptx
runtime           base|runtime|rattan
include/rattan    rattan
EDGES
bad=$(in_folder runtime | xargs grep -nE '"base/(spec)\.h"')
nothing "runtime knows no spec" "$bad"
bad=$(in_folder runtime | xargs grep -nE '"rattan/' | grep -v '"rattan/rattan_rt\.h"')
nothing "of the public headers runtime knows its own" "$bad"

# Other people's libraries: each is known to one folder.
while read -r folder headers; do
    bad=$(printf '%s\n' "$files" | grep -E '\.(c|h)$' | grep -vE "^(tests|bench|$folder)/" |
        xargs grep -nE "^ *# *include +<($headers)")
    nothing "only $folder includes <$headers>" "$bad"
done <<'LIBRARIES'
codegen/llvm  llvm
frontend      lua|lauxlib|lualib
driver        jansson
driver        sqlite3
LIBRARIES

# A pass declares the fields of the schedule that it reads, code generation in driver/explain_knobs.c: what a file says outright.
# reads FILE...: the fields. What test_passes finds out, too, and of code that no trial comes to.
reads() { grep -ohE '\bschedule->[a-z_]+' "$@" | sed 's/.*>//' | sort -u; }
passes=$(sed -n 's/^PASS(\([a-z_]*\),.*/\1/p' passes/*passes.def | sort -u)
undeclared=""
for pass in $passes; do
    declared=$(sed -n "s/^PASS($pass, \"[^\"]*\", \"[^\"]*\", \"\([^\"]*\)\".*/\1/p" passes/*passes.def | tr ' ' '\n' | sort -u)
    own=$(printf '%s\n' "$files" | grep -E "^passes/$pass(_[a-z_]*)?\.c$")
    for field in $([ -z "$own" ] || reads $own); do
        grep -qx "$field" <<<"$declared" || undeclared="$undeclared $pass:$field"
    done
done
nothing "passes declare the fields of the schedule that they read" "$undeclared"
if [ "$(wc -w <<<"$passes")" -gt 20 ]; then ok "of all passes"; else not_ok "of all passes" "$passes"; fi
for back_end in llvm:false ptx:true; do
    declared=$(sed -n "s/^    {\"code\", ${back_end#*:}, \"\(.*\)\"},/\1/p" driver/explain_knobs.c | tr ' ' '\n' | sort)
    equal "${back_end%:*} reads the fields that explain says" "$declared" "$(reads codegen/${back_end%:*}/*.c)"
done

# A machine's name in a pass is a fact that belongs in Target.
bad=$(printf '%s\n' "$files" | grep -E '^(passes|frontend|ir)/' |
    xargs grep -niE '\b(sm_?[0-9]{2}[a-z]?|avx[0-9a-z_]*|sse[0-9]?|neon|sve|amx|x86[-_0-9a-z]*|aarch64|hopper|blackwell)\b' |
    grep -v '^ir/target\.h:')
nothing "no machine's name above codegen" "$bad"

# The archives: what they leave undefined must be had from the folders below them alone.
flags=()
[ -z "${RATTAN_SANITIZED:-}" ] || flags=(-fsanitize=address,undefined)
echo 'int main(void) { return 0; }' >"$TMP/main.c"
links() { # links ARCHIVE BELOW LIBRARIES: the whole archive links with those alone
    local archive="$BUILD/librattan_$1.a" below=() name
    [ -f "$archive" ] || { skip "$1 links with ${2:-nothing} alone" "no $archive"; return; }
    for name in $2; do below+=("$BUILD/librattan_$name.a"); done
    # shellcheck disable=SC2086 # a list of options
    check "$1 links with ${2:-nothing} alone" cc "${flags[@]}" "$TMP/main.c" -o "$TMP/linked" -Wl,--whole-archive "$archive" \
        -Wl,--no-whole-archive "${below[@]}" $3 -lxxhash -lm -lpthread -ldl
}
links base "" ""
links ir "base" ""
links frontend "ir base" "$(pkg-config --libs lua5.4)"
links passes "ir base" ""
links llvm "ir base" "-L${LLVM_LIBRARY_DIR:-/usr/lib/llvm-19/lib} -lLLVM"
links ptx "ir base" ""
links runtime "base" ""

# The library never prints, exits or aborts. Exceptions: a Ctx used outside ctx_run has nowhere to return to; the child that
# evaluates a spec ends with _exit.
for name in base ir frontend passes llvm ptx runtime; do
    archive="$BUILD/librattan_$name.a"
    [ -f "$archive" ] || continue
    bad=$(nm -A -u "$archive" 2>/dev/null | grep -E ' U (exit|abort|quick_exit|printf|puts|putchar|vprintf|perror|stdout|stderr)$' |
        sed 's,^.*/,,' | grep -v 'ctx.c.o:.* abort$')
    nothing "$name never prints, exits or aborts" "$bad"
done

# The runtime alone: no LLVM, no Lua, no jansson, not even to configure.
if [ -z "${RATTAN_SANITIZED:-}" ]; then
    check "a runtime-only build configures" cmake -S "$SOURCE" -B "$TMP/runtime" -DRATTAN_RUNTIME_ONLY=ON
    check "a runtime-only build builds" cmake --build "$TMP/runtime"
    foreign=$(nm -u "$TMP"/runtime/*.a 2>/dev/null | grep -E ' U (LLVM|lua|json_)')
    nothing "a runtime-only build wants neither LLVM nor Lua nor jansson" "$foreign"
    equal "a runtime-only build makes two libraries" "librattan_base.a librattan_runtime.a" \
        "$(cd "$TMP/runtime" && echo *.a)"
fi

# The shared library: the public header's names, no others.
if [ -z "${RATTAN_SANITIZED:-}" ]; then
    shown=$(nm -D --defined-only "$BUILD/librattan.so" | awk '{ print $3 }' | sort)
    declared=$(sed -n 's/^RATTAN_API .*\b\(rattan_[a-z_]*\)(.*/\1/p' include/rattan/rattan.h | sort)
    equal "librattan.so shows what the public header declares" "$declared" "$shown"
fi

# ctest runs a program in the parts that its second line names: a test that is in none would never run.
bad=$(grep -lE '^/\* parts: ' tests/test_*.c | while read -r program; do
    read -ra parts < <(sed -n 's,^/\* parts: \(.*\) \*/,\1,p' "$program")
    grep -oE '(DRAWS|cmocka_unit_test[a-z_]*)\(test_[a-z0-9_]+' "$program" | sed 's/.*(//' | while read -r test; do
        for part in "${parts[@]}"; do
            # shellcheck disable=SC2254
            case $test in $part) continue 2 ;; esac
        done
        echo "$program: $test"
    done
done)
nothing "every test is in a part of its program" "$bad"

# Names and sizes.
bad=$(printf '%s\n' "$files" | grep -vE '(^|/)(CMakeLists\.txt|README\.md)$' | sed 's,.*/,,' | sort | uniq -d)
nothing "file names are unique" "$bad"
# Written in two halves, so that this line does not find itself.
bad=$(printf '%s\n' "$files" | xargs grep -nIE '(^|[^A-Za-z0-9_.~$}])/(wor''k|ro''ot|ho''me|Use''rs)/')
nothing "no absolute path of a machine" "$bad"
bad=$(printf '%s\n' "$files" | grep -E '\.(c|h|def|lua|py|sh|js|html)$' | xargs wc -l | awk '$2 != "total" && $1 > 700 { print $1, $2 }')
nothing "no file is longer than 700 lines" "$bad"
bad=$(grep -nE 'threadIdx\.x *(& *[0-9]|% *[0-9]|< *[0-9]\b[^0-9])' "$SOURCE/codegen/ptx/prelude.cuh" | grep -vE 'lane_id\(\) \{')
nothing "lanes in a kernel's text are lane_id's: of plain products they are not the threads of a warp in order" "$bad"
bad=$(printf '%s\n' "$files" | grep -E '\.(c|h|lua)$' | xargs grep -nE '^ *# *if 0|TO''DO|FIX''ME|\bXX''X\b')
nothing "no leftovers" "$bad"
bad=$(in_folder 'base|ir|frontend|frontend/kinds|passes|codegen/llvm|codegen/ptx|runtime|driver|tests' | grep -E '\.(c|h)$' |
    xargs awk 'FNR == 1 && !/^\/\*/ { print FILENAME ": opens without a comment" }')
nothing "every file opens with a comment" "$bad"
bad=$(wc -l include/rattan/rattan.h 2>&1 | awk '$1 >= 300 || !/^[0-9]/')
nothing "the public header is under 300 lines" "$bad"
printf '#include <rattan/rattan.h>\nint main(void) { return 0; }\n' >"$TMP/public.c"
check "the public header stands alone in strict C11" \
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$TMP/public.c"
check "the public header stands alone in C++17" \
    g++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$TMP/public.c"
