#!/usr/bin/env bash
# Makes the pages of the library products with DocC; a warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

# The plugin is a dependency for this alone: see Package.swift.
export FEDSIM_DOCC=1
targets=()
for target in FedSim ChannelCoding PrivacyAccounting; do targets+=(--target "$target"); done
swift package --scratch-path .build-documentation generate-documentation "${targets[@]}" --warnings-as-errors "$@"
