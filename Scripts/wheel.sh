#!/usr/bin/env bash
# Makes the Python wheel: the shared library and the fedsim command with the Swift runtime inside, in one archive for every Python 3 of a
# platform; tries it in fresh environments without Swift; and says what it is.
#
#   Scripts/wheel.sh [--scratch FOLDER] [--out FOLDER] [--library-only] [--no-tests] [--python PROGRAM]...
#
#   --scratch       where Swift builds, apart from other builds since all flags differ; .build-wheel
#   --out           where the wheel is put; SCRATCH/wheel
#   --library-only  builds the shared library, prints its path and ends: for development, with FEDSIM_LIBRARY
#   --no-tests      makes and looks at the wheel, and tries nothing
#   --python        a Python to try it with; the oldest and the newest supported ones that are found
#
# FEDSIM_BUILD_OPTIONS has further options of `swift build`. On Linux; the branches for macOS were never run.
set -euo pipefail
cd "$(dirname "$0")/.."

# What Python/README.md promises.
promised_glibc=2.28
largest_megabytes=15

scratch=.build-wheel
out=
library_only=
tests=yes
pythons=()
while [ $# -gt 0 ]; do
  case $1 in
    --scratch) scratch=$2 && shift 2 ;;
    --out) out=$2 && shift 2 ;;
    --library-only) library_only=yes && shift ;;
    --no-tests) tests= && shift ;;
    --python) pythons+=("$2") && shift 2 ;;
    --python=*) pythons+=("${1#*=}") && shift ;;
    *) echo "found $1; allowed: --scratch, --out, --library-only, --no-tests, --python" >&2 && exit 1 ;;
  esac
done
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)
out=${out:-$scratch/wheel}
system=$(uname -s)

step() { printf '\n-- %s\n' "$*"; }
fail() { echo "wheel: $*" >&2 && exit 1; }

step "library"
# FEDSIM_STRICT's flags would be other objects than users get.
unset FEDSIM_STRICT
options=(-c release --scratch-path "$scratch" --disable-automatic-resolution)
[ -f Package.resolved ] || options=(-c release --scratch-path "$scratch")
# shellcheck disable=SC2206
options+=(${FEDSIM_BUILD_OPTIONS:-})
if [ "$system" = Linux ]; then
  # The libraries of pictures, of compression and of cryptography are linked from archives: a bundled copy of a system's shared ones
  # would ask for that system's glibc.
  archives=$scratch/archives
  rm -rf "$archives" && mkdir -p "$archives"
  for name in sodium z png16 jpeg; do
    archive=$(clang -print-file-name=lib$name.a)
    [ -f "$archive" ] || fail "lib$name.a is missing; Scripts/install-dependencies.sh installs it"
    objcopy --redefine-sym stderr=older_stderr "$archive" "$archives/lib$name.a"
  done
  ln -s libpng16.a "$archives/libpng.a"
  for module in libsodium:sodium zlib:z libpng:png16 libjpeg:jpeg; do
    name=${module%:*}
    printf 'Name: %s\nDescription: its archive\nVersion: %s\nCflags: %s\nLibs: -L%s -l%s\n' "$name" \
      "$(pkg-config --modversion "$name")" "$(pkg-config --cflags "$name")" "$archives" "${module#*:}" >"$archives/$name.pc"
  done
  clang -O2 -fPIC -ffunction-sections -Wall -Wextra -Werror -c Scripts/wheel/older-glibc.c -o "$archives/older-glibc.o"
  link=(--gc-sections -znostart-stop-gc -s "--version-script=$PWD/Scripts/wheel/exported.map" "$archives/older-glibc.o"
    $(nm "$archives/older-glibc.o" | sed -n 's/.* T __wrap_/--wrap=/p')
    --no-as-needed -l:libpthread.so.0 -l:libdl.so.2 --as-needed)
  options+=(--pkg-config-path "$archives" -Xswiftc -static-stdlib -Xswiftc -use-ld=lld)
  for option in "${link[@]}"; do options+=(-Xlinker "$option"); done
  suffix=so
else
  # The Swift runtime is part of macOS.
  suffix=dylib
fi
swift build "${options[@]}" --product FedSimC
built=$(swift build "${options[@]}" --show-bin-path)
library=$built/libFedSimC.$suffix
if [ -n "$library_only" ]; then
  echo "FEDSIM_LIBRARY=$library"
  exit 0
fi

step "command"
swift build "${options[@]}" --product fedsim
command=$built/fedsim
if [ "$system" = Linux ]; then
  # Both in one library, which then has the engine once; the program calls it.
  both=$scratch/both
  rm -rf "$both" && mkdir -p "$both"/{objects,bin}
  cat "$built"/{FedSimC,fedsim}.product/Objects.LinkFileList | sort -u >"$both/objects/list"
  whole=()
  for option in "${link[@]}" --defsym=fs_command=FedSimCommand_main -soname=libFedSimC.so; do whole+=(-Xlinker "$option"); done
  swiftc -emit-library -module-name FedSimC -static-stdlib -use-ld=lld "@$both/objects/list" -L"$archives" -lsodium -lz -lpng -ljpeg -lm \
    "${whole[@]}" -o "$both/libFedSimC.so"
  clang -O2 -fPIE -pie -fuse-ld=lld Scripts/wheel/launcher.c "$archives/older-glibc.o" -Wl,--wrap=__libc_start_main -Wl,--gc-sections -Wl,-s \
    -L"$both" -lFedSimC -Wl,-rpath,'$ORIGIN/..' -Wl,--enable-new-dtags -o "$both/bin/fedsim"
  library=$both/libFedSimC.so
  command=$both/bin/fedsim
fi

step "wheel"
python=$(command -v python3)
if [ ! -x "$scratch/tools/bin/python" ]; then
  "$python" -m venv "$scratch/tools"
  "$scratch/tools/bin/python" -m pip install -q --disable-pip-version-check -r Scripts/wheel/tools.txt
fi
tools=$scratch/tools/bin
raw=$scratch/raw-wheel
rm -rf "$raw" && mkdir -p "$raw" "$out"
rm -f "$out"/fedsim-*.whl
(cd Python && FEDSIM_WHEEL_LIBRARY=$library FEDSIM_WHEEL_COMMAND=$command \
  "$tools/python" -m hatchling build -t wheel -d "$raw")
if [ "$system" = Linux ]; then
  PATH=$tools:$PATH "$tools/auditwheel" repair --zip-compression-level 9 -w "$out" "$raw"/*.whl
else
  "$tools/delocate-wheel" -w "$out" "$raw"/*.whl
fi
wheel=$(ls "$out"/fedsim-*.whl)

step "what it is"
[ "$system" != Linux ] || "$tools/auditwheel" show "$wheel"
"$tools/python" Scripts/wheel/inspect.py "$wheel" --glibc "$promised_glibc" --megabytes "$largest_megabytes"
[ -n "$tests" ] || exit 0

if [ ${#pythons[@]} -eq 0 ]; then
  mapfile -t pythons < <(Scripts/wheel/pythons.sh | sed -n '1p;$p' | uniq)
  [ ${#pythons[@]} -gt 0 ] || fail "no Python of 3.10 or later with venv; Scripts/install-dependencies.sh installs one"
fi
for python in "${pythons[@]}"; do
  step "tests with $("$python" --version), without Swift"
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  "$python" -m venv "$fresh/venv"
  "$fresh/venv/bin/python" -m pip install -q --disable-pip-version-check "$wheel" pytest
  # What a shell has after a login, and nothing of this machine's Swift.
  clean=(env -i PATH=/usr/bin:/bin HOME="$fresh" LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 FEDSIM_INSTALLED=1)
  "${clean[@]}" "$fresh/venv/bin/python" Scripts/wheel/times.py
  # The tests of a folder below are of a framework each: Scripts/test-python.sh has environments for them.
  (cd Python && "${clean[@]}" "$fresh/venv/bin/python" -m pytest -q tests/test_*.py)
  rm -rf "$fresh"
done
