#!/usr/bin/env bash
# Predicted times of all codecs over measured ones, in nanoseconds a coordinate: what the constants of `CodingTime` were fitted to.
#
#   Scripts/coding-times.sh PATH_OF_FEDSIM
set -euo pipefail
fedsim=$1
measure() {
  "$fedsim" channel bench --snr 1e-4,0.01,0.1,1,10 --repetitions 7 --format json "$@" 2>/dev/null | python3 -c '
import json, sys
for row in json.load(sys.stdin)["results"]:
    predicted = [row[f"predicted{end}NanosecondsPerCoordinate"] for end in ("Encode", "Decode")]
    measured = [row[f"{end}NanosecondsPerCoordinate"] for end in ("encode", "decode")]
    ratios = "  ".join(f"{p:9.1f} / {m:9.1f} = {p / m:5.2f}" for p, m in zip(predicted, measured))
    print(f"""{row["codec"]:16} {row["dimension"]:6} {row["snr"]:7}  {ratios}""")'
}
measure --codec all --dimension 1024,16384
measure --codec polar --effort 3 --dimension 1024,16384
measure --codec gprs,pfr,ring-toss,mrc,orc --draws 1000 --dimension 4096
