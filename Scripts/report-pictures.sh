#!/usr/bin/env bash
# The page of scenarios/tradeoff.json as pictures: wide, on a phone, dark. Needs Chromium (apt-get install chromium).
#
#   Scripts/report-pictures.sh [folder]     three minutes on two cores; pictures and page in the folder, sweeps/pictures by default
#
# FEDSIM    the binary; built here where it is not given
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-sweeps/pictures}
if [ -z "${FEDSIM:-}" ]; then
  swift build -c release --product fedsim >&2
  FEDSIM=.build/release/fedsim
fi
mkdir -p "$folder"
"$FEDSIM" sweep scenarios/tradeoff.json --out "$folder/sweep" --resume >&2
"$FEDSIM" report "$folder/sweep" --out "$folder/report.html" >&2

page="file://$(cd "$folder" && pwd)/report.html"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
  echo "needs Chromium: apt-get install chromium" >&2
  exit 1
}
# A frame of the width and height: a window of a browser is not as narrow as a phone. The page fills it, the rest is cut.
shoot() {
  local name=$1 width=$2 height=$3
  shift 3
  printf '<body style="margin:0;overflow:hidden"><iframe src="%s" style="border:0;width:%spx;height:%spx"></iframe></body>' \
    "$page" "$width" "$height" >"$folder/$name.html"
  "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files --enable-logging=stderr "$@" \
    --window-size="$((width < 500 ? 500 : width)),$height" --screenshot="$folder/$name.png" \
    "file://$(cd "$folder" && pwd)/$name.html" 2>"$folder/$name.log"
  rm "$folder/$name.html"
  # What the page itself complains of.
  if grep -i "CONSOLE" "$folder/$name.log"; then exit 1; fi
}
shoot wide 1200 4300
shoot phone 390 7000
shoot dark 1200 4300 --blink-settings=preferredColorScheme=0
ls "$folder"/*.png
