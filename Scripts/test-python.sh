#!/usr/bin/env bash
# Tests of the Python package, one environment for each framework, since no environment can have all; and its types and style.
#
#   Scripts/test-python.sh [--wheel FILE] [--environments FOLDER] [NAME]...
#
#   --wheel         an installed wheel is tried; else the sources, with FEDSIM_LIBRARY and FEDSIM_COMMAND from the environment, or those that
#                   are built here: .build/debug, unoptimised
#   --environments  where they are kept from one time to the next; .build-check/python
#   NAME            style, core, tables, flower, pfl, opacus, dp-accounting, examples; all of them
#
# An environment is made anew where what it needs has changed. Together they take about 4 GB, and more where pip finds no torch for CPUs alone.
set -euo pipefail
cd "$(dirname "$0")/.."

wheel=
folder=.build-check/python
names=()
while [ $# -gt 0 ]; do
  case $1 in
    --wheel) wheel=$(realpath "$2") && shift 2 ;;
    --environments) folder=$2 && shift 2 ;;
    style | core | tables | flower | pfl | opacus | dp-accounting | examples) names+=("$1") && shift ;;
    *) echo "found $1; allowed: --wheel, --environments, style, core, tables, flower, pfl, opacus, dp-accounting, examples" >&2 && exit 1 ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=(style core tables flower pfl opacus dp-accounting examples)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
# Frameworks wait for each other's threads where there are fewer cores than threads, and pfl's tests then take for ever.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

# The newest supported Python of at most this minor version, or of at least 3.10.
python_up_to() {
  local found
  found=$(Scripts/wheel/pythons.sh | while read -r program; do
    if "$program" -c "import sys; sys.exit(not sys.version_info[:2] <= (3, $1))"; then echo "$program"; fi
  done | tail -1)
  [ -n "$found" ] || { echo "no Python of 3.10 to 3.$1 with venv; Scripts/install-dependencies.sh installs one" >&2 && return 1; }
  echo "$found"
}

# environment NAME NEWEST-MINOR EXTRAS [PACKAGE]...: makes it where it is not there, and sets $python.
environment() {
  local name=$1 program extras=$3
  program=$(python_up_to "$2")
  shift 3
  python=$folder/$name/bin/python
  local wanted="$program $extras $* $(sha256sum <Python/pyproject.toml) $(sha256sum <Scripts/test-python.sh)"
  if [ "$(cat "$folder/$name/made-of" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "${folder:?}/$name"
    "$program" -m venv "$folder/$name"
    local install=("$python" -m pip install -q --disable-pip-version-check)
    # An editable install takes the sources as they are, and needs no library.
    "${install[@]}" -e "Python${extras:+[$extras]}" "pytest >= 8" "$@"
    echo "$wanted" >"$folder/$name/made-of"
  fi
  if [ -n "$wheel" ]; then
    "$python" -m pip install -q --disable-pip-version-check --no-deps --force-reinstall "$wheel"
    export FEDSIM_INSTALLED=1
  else
    "$python" -m pip install -q --disable-pip-version-check --no-deps -e Python
  fi
}

if [ -n "$wheel" ]; then
  unset FEDSIM_LIBRARY FEDSIM_COMMAND
elif [ -z "${FEDSIM_LIBRARY:-}" ]; then
  swift build --product FedSimC && swift build --product fedsim
  FEDSIM_LIBRARY=$(swift build --show-bin-path)/libFedSimC.so
  FEDSIM_COMMAND=$(swift build --show-bin-path)/fedsim
  export FEDSIM_LIBRARY FEDSIM_COMMAND
fi

tests() { (cd Python && "$python" -m pytest -q "$@"); }
# Those of a folder below are of a framework each.
tests_without_framework() { (cd Python && "$python" -m pytest -q tests/test_*.py); }

for name in "${names[@]}"; do
  printf '\n-- python: %s\n' "$name"
  case $name in
    style)
      environment style 13 "" "mypy == 2.4.1" "ruff == 0.17.6"
      (cd Python && "$python" -m mypy --cache-dir "$folder/mypy" && "$python" -m ruff check --no-cache src tests hatch_build.py &&
        "$python" -m ruff format --no-cache --check src tests hatch_build.py)
      ;;
    core) environment core 14 "" && tests_without_framework ;;
    tables) environment tables 14 "pandas,plot,notebook" && tests_without_framework ;;
    # torch of one version, so that one for CPUs alone that is at hand is taken before a newer one for graphics cards.
    flower) environment flower 12 "flower" "scikit-learn" && tests tests/flower ;;
    pfl) environment pfl 11 "pfl" "torch == 2.13.0" "scikit-learn" && tests tests/pfl ;;
    opacus) environment opacus 11 "opacus,dp-accounting" "torch == 2.13.0" && tests tests/opacus ;;
    dp-accounting) environment dp-accounting 12 "dp-accounting" && tests tests/dp_accounting ;;
    examples) environment examples 11 "examples,notebook,plot" "torch == 2.13.0" "nbclient" "ipykernel" && tests tests/examples ;;
  esac
done
