#!/usr/bin/env bash
# The header of the C interface and what the library exports agree: the compiler writes a header of every @_cdecl function, and a C compiler that
# reads both refuses two declarations of one function that differ. Names are compared too, and the header is compiled as C and as C++.
#
#   Scripts/check-c-header.sh [SCRATCH]      a build folder that has the modules; .build where none is named
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=${1:-.build}
configuration=${2:-release}
header=Sources/CFedSim/include/fedsim.h
products=$scratch/$configuration
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Modules below, and module maps of C targets.
maps=()
for map in "$products"/*.build/module.modulemap; do
  [ -e "$map" ] && maps+=(-Xcc "-fmodule-map-file=$map")
done
for folder in Sources/C*/; do
  [ -e "$folder/module.modulemap" ] && maps+=(-Xcc "-fmodule-map-file=$folder/module.modulemap")
done
# The module under test must not be found ready-made.
swiftc -typecheck -swift-version 6 -enable-upcoming-feature ExistentialAny -package-name "$(basename "$PWD" | tr "[:upper:]" "[:lower:]")" -module-name FedSimC \
  -I "$products/Modules" -I Sources/CFedSim/include -I Sources/CKernels/include -I Sources/CImages/include "${maps[@]}" \
  -emit-objc-header-path "$work/exports.h" -parse-as-library Sources/FedSimC/*.swift

clang=$(dirname "$(readlink -f "$(command -v swiftc)")")/clang
[ -x "$clang" ] || clang=clang
printf '#include "fedsim.h"\n#include "exports.h"\nint main(void) { return fs_abi(); }\n' >"$work/both.c"
"$clang" -fsyntax-only -Wall -Wextra -Werror -Wno-nullability-completeness -Wno-unknown-attributes -I Sources/CFedSim/include -I "$work" "$work/both.c"
printf '#include "fedsim.h"\nint main(void) { return fs_abi(); }\n' >"$work/alone.c"
"$clang" -std=c99 -fsyntax-only -Wall -Wextra -Werror -pedantic -I Sources/CFedSim/include "$work/alone.c"
"$clang" -x c++ -std=c++11 -fsyntax-only -Wall -Wextra -Werror -I Sources/CFedSim/include "$work/alone.c"

# fs_stop is C: its own file includes the header.
names() { grep -oE '\bfs_[a-z_]+\(' | tr -d '(' | sort -u; }
sed -e 's|/\*|\n/*|g' "$header" | awk '/\/\*/ { inside = 1 } !inside { print } /\*\// { inside = 0; sub(/.*\*\//, ""); print }' \
  | names >"$work/header"
{ cat "$work/exports.h"; echo "fs_stop("; } | names >"$work/exports"
diff "$work/header" "$work/exports" || { echo "$header (<) and the library's functions (>) differ" >&2; exit 1; }
echo "$(wc -l <"$work/header") functions: header and library agree"
