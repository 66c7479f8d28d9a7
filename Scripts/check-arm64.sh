#!/usr/bin/env bash
# Compares the bits of all kernels on this machine with those on arm64, emulated: what a decoder relies on must agree.
# Not part of the gate. On Debian: apt-get install gcc-aarch64-linux-gnu qemu-user
set -euo pipefail
cd "$(dirname "$0")/.."

kernels=Sources/CKernels
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
clang -O2 -I$kernels/include $kernels/*.c Scripts/kernels-hash.c -lm -o "$folder/here"
"$folder/here" | tee "$folder/here.txt"
for file in $kernels/*.c Scripts/kernels-hash.c; do
  clang -target aarch64-linux-gnu -O2 -isystem /usr/aarch64-linux-gnu/include -I$kernels/include \
    -c "$file" -o "$folder/$(basename "$file").o"
done
aarch64-linux-gnu-gcc -static "$folder"/*.o -lm -o "$folder/arm64"
qemu-aarch64 "$folder/arm64" | sed 's/^baseline/arm64   /' | tee -a "$folder/here.txt"
[ "$(awk '{print $2}' "$folder/here.txt" | sort -u | wc -l)" -eq 1 ] || { echo "the bits differ" >&2; exit 1; }
echo "all agree"
