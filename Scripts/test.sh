#!/usr/bin/env bash
# Sets up, builds and runs the gate: what CI runs.
set -euo pipefail
cd "$(dirname "$0")/.."

Scripts/install-dependencies.sh
Scripts/check.sh
