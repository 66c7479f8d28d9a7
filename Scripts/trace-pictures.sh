#!/usr/bin/env bash
# The pictures of searches in the guides, docs/codecs/trace-*.svg, each for a wide page and for a phone; the commands are printed. A test
# compares the files with what the build draws (TracePictureTests).
#
#   Scripts/trace-pictures.sh
#
# FEDSIM    the binary; built here where it is not given
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${FEDSIM:-}" ]; then
  swift build -c release --product fedsim >&2
  FEDSIM=.build/release/fedsim
fi
draw() {
  local algorithm=$1 seed=$2 columns suffix
  for columns in 4 2; do
    suffix=$([ "$columns" = 2 ] && echo -narrow || true)
    set -- channel trace --target gaussian:1,0.25 --algorithm "$algorithm" --seed "$seed" --columns "$columns" \
      --svg "docs/codecs/trace-$algorithm$suffix.svg"
    echo "fedsim $*"
    "$FEDSIM" "$@" >/dev/null
  done
}
draw gprs 43
draw fast-gprs 43
draw grc-split 43
draw as-star 13
