#!/usr/bin/env bash
# The table of docs/codecs/polar.md: bits over I(X;Y) and encoding time of polar, layered and pfr by dimension and signal.
#
#   Scripts/codec-table.sh             three to five minutes
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -c release --product fedsim >&2
.build/release/fedsim channel bench --codec polar,layered,pfr --dimension 1024,4096,16384,65536,262144,1048576 \
  --snr 0.0001,0.001,0.01,0.1,1,10 --draws 100 --repetitions 3 --format json 2>/dev/null | python3 -c '
import json, sys
rows = json.load(sys.stdin)["results"]
cell = {(r["codec"], r["snr"], r["dimension"]): r for r in rows}
dimensions = sorted({r["dimension"] for r in rows})
print("| snr | codec | " + " | ".join(f"2^{d.bit_length() - 1}" for d in dimensions) + " | encode, ns at 2^16 | decode |")
print("|---|---|" + "---|" * (len(dimensions) + 2))
for snr in sorted({r["snr"] for r in rows}):
    for codec in ("polar", "layered", "pfr"):
        found = [cell[codec, snr, d] for d in dimensions]
        ratios = ["%.3g" % r["ratio"] for r in found]
        at = cell[codec, snr, 65536]
        print(f"| {snr:g} | `{codec}` | " + " | ".join(ratios)
              + " | %.0f | %.0f |" % (at["encodeNanosecondsPerCoordinate"], at["decodeNanosecondsPerCoordinate"]))
'
