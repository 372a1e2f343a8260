# shellcheck shell=bash
# What ptxas says of kernels against what their schedule claims, for scripts that have sourced tests/lib.sh.

# nvrtc_here WHAT: whether kernels can be compiled here; else WHAT is skipped.
nvrtc_here() {
    "$RATTAN" doctor | grep -qE '^NVRTC +ok' || {
        skip "$1" "NVRTC is not on this machine"
        return 1
    }
}

# number FIELD FILE: of a schedule.
number() { sed -E "s/(.* )?$1=([0-9]+).*/\2/" "$2"; }

# faults FOLDER: what the schedule, the source and the resources of the one kernel in there say against one another; nothing
# where no thread spills, every kernel fits beside the others of its multiprocessor and no asynchronous product is held up.
faults() {
    local schedule source resources
    schedule=$(echo "$1"/*.schedule) source=$(echo "$1"/*.cu) resources=$(echo "$1"/*.resources)
    awk -v blocks="$(number blocks "$schedule")" '
        !/ 0 \+ 0 bytes spilled, 0 bytes of stack/ { print "spills: " $0 }
        /products held up/ { print "is held up: " $0 }
        $2 * $4 * (/_main: / ? blocks : 1) > 65536 { print "needs too many registers: " $0 }' "$resources"
    [ "$(wc -l <"$resources")" = "$(grep -c '__global__' "$source")" ] || echo "a kernel is missing: $(cat "$resources")"
    [ "$(number roles "$schedule")" = 0 ] && return
    grep -q "take_registers<$(number registers "$schedule")>" "$source" || echo "other registers than the schedule's"
    grep -q "give_registers<$(number copy_registers "$schedule")>" "$source" || echo "other copy_registers than the schedule's"
}

# verdict NAME FAULTS COMMAND: cases of tests/known_spills.txt may have faults, and must have: so that none stays there.
verdict() {
    local known
    known=$(grep -xF -- "$1" "$SOURCE/tests/known_spills.txt")
    if [ -z "$2" ] && [ -n "$known" ]; then
        not_ok "$1" "spills no more: take its line out of tests/known_spills.txt"
    elif [ -z "$2" ]; then
        ok "$1"
    elif [ -n "$known" ]; then
        skip "$1" "known: $(printf '%s' "$2" | head -n 1)"
    else
        not_ok "$1" "$3
$2"
    fi
}

# compiles NAME ARGUMENTS...: `rattan compile` makes machine code without faults.
compiles() {
    local name=$1
    shift
    mkdir -p "$TMP/made"
    if "$RATTAN" compile "$@" --no-cache --emit schedule,cuda,resources -o "$TMP/made/" >/dev/null 2>"$TMP/err"; then
        verdict "$name" "$(faults "$TMP/made")" "rattan compile $*
$(cat "$TMP/made"/*.schedule)"
    else
        not_ok "$name" "rattan compile $*
$(cat "$TMP/err")"
    fi
}
