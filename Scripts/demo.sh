#!/usr/bin/env bash
# Sets up, builds and trains on real handwritten digits with differential privacy: the main job, one command.
set -euo pipefail
cd "$(dirname "$0")/.."

Scripts/install-dependencies.sh
swift build -c release --product fedsim
.build/release/fedsim run scenarios/digits.json --force
