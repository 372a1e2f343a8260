#!/usr/bin/env bash
# What `cmake --install` puts into a prefix works from there: the program, the library by pkg-config, an ahead-of-time library that
# the installed program wrote; and the Debian package holds the same.
. "$(dirname "$0")/lib.sh"
cd "$SOURCE" || exit 1
if [ -n "${RATTAN_SANITIZED:-}" ]; then
    skip "what is installed" "what lies where does not depend on the build"
    exit 0
fi
PREFIX=$TMP/prefix
check "it installs" cmake --install "$BUILD" --prefix "$PREFIX"
lib=$(dirname "$(find "$PREFIX" -name librattan.so | head -n 1)")
export LD_LIBRARY_PATH="$lib:${LLVM_LIBRARY_DIR:-/usr/lib/llvm-19/lib}" PKG_CONFIG_PATH="$lib/pkgconfig"
for file in bin/rattan include/rattan/rattan.h include/rattan/rattan_rt.h share/man/man1/rattan.1 share/doc/rattan/aot.md \
    share/doc/rattan/examples/consumer/consumer.c share/rattan/specs/tiny.lua share/rattan/tuning.db share/bash-completion/completions/rattan.bash; do
    [ -f "$PREFIX/$file" ] && ok "$file is there" || not_ok "$file is there"
done
for file in librattan.so librattan_rt.so.1 librattan_rt.so librattan_rt.a pkgconfig/rattan.pc; do
    [ -e "$lib/$file" ] && ok "$file is there" || not_ok "$file is there"
done
expect_text "the program finds the tunings beside it" "$(env -u RATTAN_SYSTEM_TUNINGS "$PREFIX/bin/rattan" db list)" \
    "^$PREFIX/share/rattan/tuning.db \(the system's\)"
# shellcheck disable=SC2046 # a list of options
check "a program builds with the installed library" cc -std=c11 "$PREFIX/share/doc/rattan/examples/launch.c" -o "$TMP/launch" \
    $(pkg-config --cflags --libs rattan)
check "and runs" "$TMP/launch" "$PREFIX/share/rattan/specs/tiny.lua" 200
wanted=$(cat "$TMP/out")
check "the installed program writes a library" "$PREFIX/bin/rattan" aot "$PREFIX/share/rattan/specs/tiny.lua" --name layers -o "$TMP/layers"
check "the installed example configures with it" cmake -S "$PREFIX/share/doc/rattan/examples/consumer" -B "$TMP/build" \
    -DCMAKE_PREFIX_PATH="$TMP/layers"
check "builds" cmake --build "$TMP/build"
check "and runs" "$TMP/build/consumer"
equal "with the same result" "$wanted" "$(cat "$TMP/out")"
export PKG_CONFIG_PATH="$TMP/layers/lib/pkgconfig"
# shellcheck disable=SC2046 # a list of options
check "the installed example builds with pkg-config" cc -std=c11 "$PREFIX/share/doc/rattan/examples/consumer/consumer.c" \
    -o "$TMP/consumer" $(pkg-config --cflags --libs layers)
LD_LIBRARY_PATH="$TMP/layers/lib" check "and runs" "$TMP/consumer"
equal "with the same result, too" "$wanted" "$(cat "$TMP/out")"
if ! command -v dpkg-deb >/dev/null || ! command -v cpack >/dev/null; then
    skip "the Debian package" "no dpkg-deb or cpack"
    exit 0
fi
cat >"$TMP/quick.cmake" <<CONFIG
include("$BUILD/CPackConfig.cmake")
set(CPACK_DEBIAN_COMPRESSION_TYPE none)
CONFIG
check "the Debian package is made" cpack --config "$TMP/quick.cmake" -G DEB -B "$TMP/packages"
package=$(find "$TMP/packages" -maxdepth 1 -name '*.deb' | head -n 1)
dpkg-deb --contents "$package" >"$TMP/contents" 2>&1
for file in ./usr/bin/rattan ./usr/include/rattan/rattan_rt.h ./usr/share/man/man1/rattan.1 ./usr/share/rattan/tuning.db; do
    expect_text "it holds $file" "$(cat "$TMP/contents")" " $file$"
done
expect_text "it says what it needs" "$(dpkg-deb --info "$package")" 'Depends: .*libc6'
check "it is unpacked" dpkg-deb -x "$package" "$TMP/root"
check "its program writes a library" "$TMP/root/usr/bin/rattan" aot "$TMP/root/usr/share/rattan/specs/tiny.lua" --name layers -o "$TMP/fresh"
equal "the one that the program in the prefix writes" "" "$(diff -r "$TMP/layers" "$TMP/fresh" 2>&1)"
