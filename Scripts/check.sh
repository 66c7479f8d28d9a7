#!/usr/bin/env bash
# The gate: lint, import check, warnings as errors, the Python wheel with its tests, decoders without the platform's mathematics, all tests,
# optimised. Ends with the test runner's own summary. Scripts/nightly.sh does what takes longer.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "format"
swift format lint --strict --recursive --parallel Package.swift Sources Tests \
  Benchmarks/Package.swift Benchmarks/Sources Examples/Package.swift Examples/Sources Fuzz/Package.swift Fuzz/Sources

step "files"
# No path of a machine, no build products, no lock file.
if git rev-parse --git-dir >/dev/null 2>&1; then
  bad=$(git ls-files | grep -E '(^|/)(\.build[^/]*/|Package\.resolved$)' || true)
  [ -z "$bad" ] || { echo "tracked build products: $bad" >&2; exit 1; }
  bad=$(git grep -nE '/(work|root|home)/[a-z]|/tmp/bash' -- . ':!Scripts/check.sh' || true)
  [ -z "$bad" ] || { echo "paths of a machine: $bad" >&2; exit 1; }
fi

step "imports"
Scripts/modules.py --check
# It would put megabytes into the shared library, of which it uses none.
bad=$(grep -rlE '^ *(@[a-zA-Z_]+ |[a-z]+ )*import +Foundation' Sources | grep -v '^Sources/FedSimCommand/' || true)
[ -z "$bad" ] || { echo "Foundation in a module of the library: $bad" >&2; exit 1; }

step "wheel for Python"
Scripts/wheel.sh --scratch .build-check/wheel
Scripts/test-python.sh --wheel .build-check/wheel/wheel/fedsim-*.whl style

# A build folder of its own: testability changes how release code is compiled.
export FEDSIM_STRICT=1
options=(--scratch-path .build-check --explicit-target-dependency-import-check error)

step "benchmarks build"
# Unoptimised: it is compiled to see that it compiles. The examples find the package's modules there already.
swift build --package-path Benchmarks --scratch-path .build-check/others

step "examples"
Scripts/examples.sh .build-check/others

step "all tests, optimised; warnings are errors"
swift build -c release "${options[@]}" -Xswiftc -enable-testing --build-tests
Scripts/check-decoder-mathematics.sh .build-check/release/fedsim
Scripts/check-c-header.sh .build-check
swift test -c release "${options[@]}" -Xswiftc -enable-testing --skip-build 2>&1 | Scripts/quiet-tests.sh
