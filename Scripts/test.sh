#!/usr/bin/env bash
# Sets up, builds and runs the gate: what CI runs.
set -euo pipefail
cd "$(dirname "$0")/.."

Scripts/install-dependencies.sh --python

# A browser for the tests of pages; without one they are skipped and say so.
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  if command -v apt-get >/dev/null; then
    { "${as_root[@]}" apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } \
      >/dev/null || echo "no Chromium could be installed: pages are not looked at" >&2
  fi
fi

Scripts/check.sh
