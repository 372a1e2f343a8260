# shellcheck shell=bash
# What the test scripts share. Each opens with:   . "$(dirname "$0")/lib.sh"
#
# In:  RATTAN (the program under test), SOURCE (the tree), BUILD (the build folder); defaults suit a run by hand.
# Out: one line a case, `ok NAME`, `not ok NAME` or `skip NAME (why)`, which tests/summary counts. What a failed case
#      printed follows it, indented. The exit code is 0 if no case failed; 77 if every case was skipped.
# Always: $TMP is an empty folder of this script alone, removed at its end; the cache and the tuning database lie in it.
set -u
SOURCE=${SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
BUILD=${BUILD:-$SOURCE/build/release}
RATTAN=${RATTAN:-$BUILD/rattan}
GOLDEN=${GOLDEN:-$SOURCE/../shared/golden} # reference vectors; may be absent
TMP=$(mktemp -d)
export RATTAN_CACHE_DIR="$TMP/cache"
mkdir -m 700 "$RATTAN_CACHE_DIR"
export RATTAN_DATA_DIR="$TMP/data" RATTAN_SYSTEM_TUNINGS="$TMP/system/rattan/tuning.db" XDG_DATA_DIRS="$TMP/system"
cases=0 failures=0 skips=0

finish() {
    local code=$?
    rm -rf "$TMP"
    [ "$code" = 0 ] || exit "$code"
    [ "$failures" = 0 ] || exit 1
    [ "$cases" -gt "$skips" ] || exit 77
}
trap finish EXIT

# ok NAME / not_ok NAME [DETAIL] / skip NAME WHY: the three verdicts on a case.
ok() {
    cases=$((cases + 1))
    echo "ok $1"
}
not_ok() {
    cases=$((cases + 1))
    failures=$((failures + 1))
    echo "not ok $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | head -n 40 | sed 's/^/    /'
}
skip() {
    cases=$((cases + 1))
    skips=$((skips + 1))
    echo "skip $1 ($2)"
}

# check NAME COMMAND...: the command succeeds. Its output is kept in $TMP/out and $TMP/err.
check() { expect_exit 0 "$@"; }

# expect_exit CODE NAME COMMAND...: the command ends with this code.
expect_exit() {
    local want=$1 name=$2 code=0
    shift 2
    "$@" >"$TMP/out" 2>"$TMP/err" </dev/null || code=$?
    if [ "$code" = "$want" ]; then
        ok "$name"
    else
        not_ok "$name" "exit code $code, not $want: $*
$(tail -n 20 "$TMP/err" "$TMP/out")"
    fi
}

# expect_text NAME TEXT WANTED: the text holds a line that matches the extended regular expression.
expect_text() {
    if printf '%s\n' "$2" | grep -qE -- "$3"; then ok "$1"; else not_ok "$1" "no line matches /$3/ in:
$2"; fi
}

# expect_error CODE NAME PATTERN COMMAND...: the command ends with this code and says so in one line that matches the pattern.
expect_error() {
    local want=$1 name=$2 pattern=$3 code=0
    shift 3
    "$@" >"$TMP/out" 2>"$TMP/err" </dev/null || code=$?
    if [ "$code" != "$want" ]; then
        not_ok "$name" "exit code $code, not $want: $*
$(tail -n 20 "$TMP/err")"
    elif [ "$(wc -l <"$TMP/err")" != 1 ]; then
        not_ok "$name" "wanted one line on stderr:
$(cat "$TMP/err")"
    elif ! grep -qE -- "$pattern" "$TMP/err"; then
        not_ok "$name" "no match for /$pattern/: $(cat "$TMP/err")"
    else
        ok "$name"
    fi
}

# work_of COMMAND...: the seconds of processor time that it takes, whatever else the machine does. Its output is kept in $TMP/out and
# $TMP/err, its exit code is the function's.
work_of() {
    local TIMEFORMAT='%U %S' code=0 seconds
    seconds=$({ time "$@" >"$TMP/out" 2>"$TMP/err" </dev/null; } 2>&1) || code=$?
    awk '{ print int($1 + $2) }' <<<"$seconds"
    return "$code"
}

# take FILE: the verdicts that another script or job printed into it count here.
take() {
    cases=$((cases + $(grep -cE '^(ok|not ok|skip) ' "$1")))
    failures=$((failures + $(grep -c '^not ok ' "$1")))
    skips=$((skips + $(grep -c '^skip ' "$1")))
}

# later COMMAND...: a job beside at most JOBS - 1 others, with a $TMP of its own; `gather` waits, shows what all of them printed,
# in order, and counts their verdicts.
jobs_made=0
later() {
    local folder=$TMP/job.$jobs_made
    mkdir "$folder"
    while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do wait -n; done
    (TMP=$folder "$@" >"$folder/verdict" 2>&1) &
    jobs_made=$((jobs_made + 1))
}
gather() {
    local job
    wait
    for ((job = 0; job < jobs_made; job++)); do
        cat "$TMP/job.$job/verdict"
        take "$TMP/job.$job/verdict"
    done
    rm -rf "$TMP"/job.*
    jobs_made=0
}

# pick NAME WORD...: gives the variable one of the words at random. Not to be used in $(...), where bash seeds RANDOM anew.
pick() {
    local -a words=("${@:2}")
    printf -v "$1" '%s' "${words[RANDOM % ${#words[@]}]}"
}

# equal NAME WANTED GOT
equal() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted: $2
got:    $3"; fi; }
