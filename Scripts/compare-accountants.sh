#!/usr/bin/env bash
# Epsilon and CPU time of fedsim's accountant beside dp-accounting and prv-accountant. Not part of the gate.
#
#   Scripts/compare-accountants.sh     four minutes on one core; prints Markdown
#
# FEDSIM        the binary, absolute or relative to the repository (.build/release/fedsim, which is not built here)
# FEDSIM_VENV   the folder for the Python packages (.build/compare-accountants-venv)
# PLD_SECONDS   when PLDAccountant is stopped in the ledger of distinct rounds (60; it needs 240)
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${FEDSIM_VENV:-$PWD/.build/compare-accountants-venv}
export FEDSIM=${FEDSIM:-.build/release/fedsim}
python=$venv/bin/python

[ -x "$python" ] || python3 -m venv "$venv" >&2
# Versions that change epsilons are pinned. numpy and scipy only change times: the report names them.
"$python" -c 'from importlib.metadata import version as v; import numpy, scipy; assert v("dp-accounting") == "0.6.0"' \
  2>/dev/null || "$python" -m pip install --quiet --disable-pip-version-check numpy scipy dp-accounting==0.6.0 >&2
# The report goes without this one where it cannot be installed.
"$python" -c 'from importlib.metadata import version as v; assert v("prv-accountant") == "0.2.0"' 2>/dev/null ||
  "$python" -m pip install --quiet --disable-pip-version-check prv-accountant==0.2.0 >&2 ||
  echo "prv-accountant 0.2.0 cannot be installed: its rows are left out" >&2

# One thread: CPU times are compared, and threads would add to them.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1
exec "$python" Scripts/compare-accountants.py
