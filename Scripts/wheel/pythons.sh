#!/usr/bin/env bash
# The supported Pythons of this machine, oldest first, a path a line: one for each minor version, from PATH and from pyenv.
set -euo pipefail

for minor in 10 11 12 13 14; do
  for program in "$(command -v "python3.$minor" || true)" "$HOME"/.pyenv/versions/3."$minor".*/bin/python "$(command -v python3 || true)"; do
    # A shim of pyenv may be there for a version that is not chosen, and Debian's Python may lack ensurepip.
    if [ -x "$program" ] && "$program" -c "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null; then
      echo "$program"
      break
    fi
  done
done
