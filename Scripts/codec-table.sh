#!/usr/bin/env bash
# The tables and the figures of docs/codecs/polar.md: bits over I(X;Y) and times of polar, layered and pfr by dimension and signal, and bits of
# all codecs by I(X;Y).
#
#   Scripts/codec-table.sh             ten minutes; writes docs/codecs/polar.svg and information.svg, prints Markdown
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -c release --product fedsim >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
bench() {
  .build/release/fedsim channel bench --dimension 1024,4096,16384,65536,262144,1048576 \
    --snr 0.0001,0.001,0.01,0.1,1,10 --draws 100 --repetitions 3 --format json "$@" 2>/dev/null
}
bench --codec polar,layered,pfr >"$folder/0.json"
bench --codec polar --effort 3 >"$folder/3.json"
python3 Scripts/codec-figure.py "$folder/0.json" "$folder/3.json" docs/codecs/polar.svg

by_information() {
  .build/release/fedsim channel bench --dimension 256,1024,4096,16384,65536,262144 --snr 0.01 --draws 100 --repetitions "$1" \
    --format json "${@:3}" 2>/dev/null | python3 -c 'import json, sys
print(json.dumps({"suffix": sys.argv[1], "results": json.load(sys.stdin)["results"]}))' "$2"
}
{
  by_information 20 "" --codec polar,pfr,layered,layered-shifted,universal
  by_information 10 ", effort 6" --codec polar --effort 6
  by_information 5 "" --codec gprs,ring-toss,fast-gprs,mrc,orc
} >"$folder/information.jsonl"
python3 Scripts/information-figure.py "$folder/information.jsonl" docs/codecs/information.svg
