#!/usr/bin/env bash
# Training speed beside a plain NumPy loop of the same work, in the same run; then the share of coding with polar.
#
#   Benchmarks/training.sh [repeats]      a minute on two idle cores; needs python3 with numpy
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -c release --product fedsim >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 Benchmarks/training/benchmark.py .build/release/fedsim "$folder" "${1:-3}"
