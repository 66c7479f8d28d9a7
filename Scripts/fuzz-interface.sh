#!/usr/bin/env bash
# Makes millions of calls of the C interface with valid, boundary and hostile arguments, in several processes. A process that ends early has found
# something. Not part of the gate, which makes a few thousand.
#
#   Scripts/fuzz-interface.sh [calls] [processes] [first seed]      10 million in 2 processes by default
set -euo pipefail
cd "$(dirname "$0")/../Fuzz"

calls=${1:-10000000} processes=${2:-2} seed=${3:-1}
swift build -c release --product InterfaceFuzzer 2>&1 | tail -1
program=$(swift build -c release --show-bin-path)/InterfaceFuzzer
ids=()
for ((i = 0; i < processes; i++)); do
  "$program" $((calls / processes)) $((seed + i)) &
  ids+=($!)
done
status=0
for id in "${ids[@]}"; do wait "$id" || { echo "process $id ended with $?" >&2; status=1; }; done
exit $status
