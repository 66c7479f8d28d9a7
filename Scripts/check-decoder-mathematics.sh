#!/usr/bin/env bash
# Nothing that a decoder relies on calls the platform's elementary functions, whose last bits differ between platforms: such a
# call once decided where `polar` read. Two checks; part of the gate (Scripts/check.sh).
#
#   Scripts/check-decoder-mathematics.sh PATH_OF_FEDSIM
#
# 1. Only files that encoders alone use, and predictions of bits, may import the platform's mathematics.
# 2. Payloads of every codec, long and short, with escapes and with quantile bits, decode to the same bytes in a process in which each of
#    these functions ends the program. Linux only.
set -euo pipefail
fedsim=$(realpath "$1")
cd "$(dirname "$0")/.."

allowed='GaussianRatio|UnimodalRatio|StretchTable|HeightLaw|LayeredPrediction|FastGPRSPrediction'
found=$(grep -rlE '^ *import (Platform|Glibc|Musl|Darwin|Foundation)' Sources/ChannelCoding | grep -vE "/($allowed)\.swift$" || true)
[ -z "$found" ] || { echo "mathematics of the platform where a decoder may use it: $found" >&2; exit 1; }
found=$(grep -nE '#include <(math|tgmath)\.h>|__builtin_(exp|log|pow|sin|cos|tan|erf)' -r Sources/CKernels || true)
[ -z "$found" ] || { echo "mathematics of the platform in kernels: $found" >&2; exit 1; }

[ "$(uname)" = Linux ] || exit 0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cc -shared -fPIC -fno-builtin -O1 -o "$folder/none.so" Scripts/decoder-mathematics.c
head -c 32 /dev/zero >"$folder/key"

count=0
while read -r codec dimension clip options; do
  if [ ! -d "$folder/$dimension" ]; then
    "$fedsim" channel sample --codec float32 --dimension "$dimension" --snr 1 --repetitions 1 --seed 5 \
      --out "$folder/$dimension" >/dev/null
  fi
  for seed in 1 2 3 4 5 6; do
    # shellcheck disable=SC2086
    "$fedsim" channel encode --codec "$codec" $options --sigma 1 --clip "$clip" --key "$folder/key" --private-seed $seed \
      --input "$folder/$dimension/x.npy" --out "$folder/payload" >/dev/null 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
    # shellcheck disable=SC2086
    decode=("$fedsim" channel decode --codec "$codec" $options --dimension "$dimension" --sigma 1 --clip "$clip" \
      --key "$folder/key" --input "$folder/payload" --out)
    "${decode[@]}" "$folder/a.npy" >/dev/null
    LD_PRELOAD="$folder/none.so" "${decode[@]}" "$folder/b.npy" >/dev/null ||
      { echo "$codec $options, $dimension coordinates, clip $clip" >&2; exit 1; }
    cmp "$folder/a.npy" "$folder/b.npy"
    count=$((count + 1))
  done
done <<'CASES'
float32 40 3
layered 40 3
layered 1000 0.5
layered-shifted 40 3
layered-shifted 40 3 --fixed-length false
universal 40 3
fast-gprs 40 12
gprs 40 6 --draws 3
pfr 40 6 --draws 3
pfr 1000 4
ring-toss 40 6 --draws 3
mrc 40 3 --draws 20
orc 40 3 --draws 20
polar 40 0.5
polar 40 12
polar 40 40 --effort 3
polar 1000 3
polar 1000 40
CASES

# The check sees such a call: an encoder of gprs makes them.
if (LD_PRELOAD="$folder/none.so" "$fedsim" channel encode --codec gprs --draws 3 --sigma 1 --clip 6 --key "$folder/key" --private-seed 1 \
  --input "$folder/40/x.npy" --out "$folder/payload") >/dev/null 2>&1; then
  echo "an encoder that calls the platform's mathematics was not seen" >&2
  exit 1
fi
echo "$count payloads decoded without the platform's mathematics"
