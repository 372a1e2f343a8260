#!/usr/bin/env bash
# The fingerprint of the compiler's sources: the same for equal trees wherever they lie, another one after any change.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE" || exit 1

copy() {
    mkdir -p "$1/driver" "$1/specs"
    cp -r base ir frontend passes codegen "$1/"
    cp driver/compile.c "$1/driver/"
    cp -r specs/maps "$1/specs/"
}
fingerprint() {
    cmake -DSOURCE="$1" -DOUT="$TMP/out.c" -P cmake/fingerprint.cmake
    grep -oE '[0-9a-f]{16}' "$TMP/out.c"
}

copy "$TMP/one"
copy "$TMP/two"
find "$TMP/two" -exec touch -d '2001-01-01' {} +
first=$(fingerprint "$TMP/one")
expect_text "a fingerprint has 16 digits" "$first" '^[0-9a-f]{16}$'
equal "paths and times do not matter" "$first" "$(fingerprint "$TMP/two")"
for file in base/dtype.c ir/ops.def frontend/kinds/forward.c passes/passes.h codegen/llvm/cpus.def codegen/ptx/prelude.cuh driver/compile.c specs/maps/softmax2.lua; do
    printf ' ' >>"$TMP/two/$file"
    second=$(fingerprint "$TMP/two")
    if [ "$second" != "$first" ]; then ok "a change of $file shows"; else not_ok "a change of $file shows"; fi
    cp "$file" "$TMP/two/$file"
done
equal "and a change taken back is none" "$first" "$(fingerprint "$TMP/two")"
