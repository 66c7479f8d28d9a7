#!/usr/bin/env bash
# Compares the bytes of every codec and the records of every scenario with Tests/Vectors/golden.sha256.
#
#   Scripts/golden.sh --quick                 codecs and short runs: a minute
#   Scripts/golden.sh --mnist FOLDER          all; FOLDER has data/mnist/t10k-*-ubyte.gz
#   Scripts/golden.sh --write                 a change that is meant: name it in CHANGELOG.md
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 Scripts/golden.py "$@"
