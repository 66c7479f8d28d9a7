#!/usr/bin/env bash
# What is too long for the gate: fast tests unoptimised, where assertions hold; all samples and cases of statistics, of which the gate
# takes a part; hashes of codes and of runs; the Python package with each framework; hostile clients, 10^7 uploads a codec; coverage-guided
# fuzzing.
#
#   Scripts/nightly.sh [uploads a codec] [seconds of fuzzing]
set -euo pipefail
cd "$(dirname "$0")/.."

uploads=${1:-10000000}
seconds=${2:-3600}
export FEDSIM_STRICT=1
options=(--scratch-path .build-check --explicit-target-dependency-import-check error)

echo "== unoptimised: fast tests"
swift build "${options[@]}" --build-tests
swift test "${options[@]}" --skip-build --skip Statistics 2>&1 | Scripts/quiet-tests.sh

echo "== statistics, whole"
swift build -c release "${options[@]}" -Xswiftc -enable-testing --build-tests
FEDSIM_NIGHTLY=1 swift test -c release "${options[@]}" -Xswiftc -enable-testing --skip-build --filter Statistics 2>&1 \
  | Scripts/quiet-tests.sh

echo "== hashes of codes and of short runs"
Scripts/golden.sh --quick --binary .build-check/release/fedsim

echo "== Python: the wheel with every Python that is here, and with each framework"
mapfile -t pythons < <(Scripts/wheel/pythons.sh)
Scripts/wheel.sh --scratch .build-check/wheel "${pythons[@]/#/--python=}"
Scripts/test-python.sh --wheel .build-check/wheel/wheel/fedsim-*.whl

echo "== $uploads hostile uploads a codec"
FEDSIM_FUZZ_EXECUTIONS=$uploads swift test -c release "${options[@]}" -Xswiftc -enable-testing --skip-build \
  --filter HostileClientStatistics 2>&1 | Scripts/quiet-tests.sh

unset FEDSIM_STRICT
Scripts/fuzz.sh "$seconds"
