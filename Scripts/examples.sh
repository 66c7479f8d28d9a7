#!/usr/bin/env bash
# Builds and runs the examples, each a program of one page; fails where one of them does. Unoptimised: they are short.
#
#   Scripts/examples.sh [SCRATCH]      a build folder; .build-examples where none is named
set -euo pipefail
cd "$(dirname "$0")/.."

options=(--package-path Examples --scratch-path "${1:-.build-examples}")
swift build "${options[@]}"
products=$(swift build "${options[@]}" --show-bin-path)
for name in $(basename -a Examples/Sources/*/) ChannelInC; do
  printf '\n-- %s\n' "$name"
  "$products/$name"
done
