#!/usr/bin/env bash
# The tables and the figure of docs/codecs/polar.md: bits over I(X;Y) and times of polar, layered and pfr by dimension and signal.
#
#   Scripts/codec-table.sh             five to ten minutes; writes docs/codecs/polar.svg, prints Markdown
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
