#!/usr/bin/env bash
# Runs what scenarios/README.md claims and checks the figures: each is printed with its range, and one outside is a failure.
#
#   Scripts/scenario-figures.sh                            all but MNIST: eight minutes on two cores
#   FEDSIM_MNIST=data/mnist Scripts/scenario-figures.sh    with MNIST, from a folder with t10k-*-ubyte.gz: four minutes more
#   Scripts/scenario-figures.sh --only synthetic           one group; --list names them, --out FOLDER keeps the runs
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -z "${FEDSIM:-}" ]]; then
  swift build -c release --product fedsim >&2
  export FEDSIM=.build/release/fedsim
fi
exec python3 Scripts/scenario-figures.py "$@"
