#!/usr/bin/env bash
# Coverage-guided fuzzing of decoders, encoders, messages and scenarios with libFuzzer and AddressSanitizer, on one core.
# Not part of the gate.
#
#   Scripts/fuzz.sh [seconds]          600 by default; findings stay in Fuzz/findings, exit code 1
set -euo pipefail
cd "$(dirname "$0")/../Fuzz"

seconds=${1:-600}
# From scratch: an incremental build of a package by path misses new files.
rm -rf .build
swift build -c release --sanitize=fuzzer --sanitize=address -Xcc -fno-omit-frame-pointer 2>&1 | tail -1
mkdir -p corpus findings
if .build/release/ChannelFuzzer corpus -max_total_time="$seconds" -max_len=400 -timeout=20 -rss_limit_mb=4096 \
  -artifact_prefix=findings/ -print_final_stats=1 -verbosity=1 2>&1 | tail -25; then
  echo "nothing found in $seconds s"
else
  echo "found something: Fuzz/findings" >&2
  exit 1
fi
