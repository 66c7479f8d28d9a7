#!/usr/bin/env bash
# The page of scenarios/tradeoff.json as pictures: wide, on a phone, dark. Needs Chromium (apt-get install chromium).
#
#   Scripts/report-pictures.sh [folder]     three minutes on two cores; pictures and page in the folder, sweeps/pictures by default
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-sweeps/pictures}
swift build -c release --product fedsim >&2
mkdir -p "$folder"
.build/release/fedsim sweep scenarios/tradeoff.json --out "$folder/sweep" --resume >&2
.build/release/fedsim report "$folder/sweep" --out "$folder/report.html" >&2

page="file://$(cd "$folder" && pwd)/report.html"
shoot() {
  local name=$1 size=$2
  shift 2
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars "$@" --window-size="$size" \
    --screenshot="$folder/$name.png" "$page" 2>"$folder/$name.log"
  # What the page itself complains of.
  if grep -i "CONSOLE" "$folder/$name.log"; then exit 1; fi
}
shoot wide 1200,3000 --enable-logging=stderr
shoot phone 390,2600 --enable-logging=stderr
shoot dark 1200,3000 --enable-logging=stderr --blink-settings=preferredColorScheme=0
ls "$folder"/*.png
