#!/usr/bin/env bash
# Installs what a fresh Debian machine with a Swift toolchain lacks: the headers of libsodium, zlib, libpng and libjpeg, and pkg-config.
#
#   Scripts/install-dependencies.sh [--python]      and what the Python wheel is made with: Python 3, venv and binutils
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v swift >/dev/null; then
  echo "fedsim needs a Swift toolchain of 6.1 or later in PATH (https://www.swift.org/install)" >&2
  exit 1
fi

missing=()
command -v pkg-config >/dev/null || missing+=(pkg-config)
if ! command -v pkg-config >/dev/null || ! pkg-config --exists libsodium; then missing+=(libsodium-dev); fi
if ! command -v pkg-config >/dev/null || ! pkg-config --exists zlib; then missing+=(zlib1g-dev); fi
if ! command -v pkg-config >/dev/null || ! pkg-config --exists libpng; then missing+=(libpng-dev); fi
if ! command -v pkg-config >/dev/null || ! pkg-config --exists libjpeg; then missing+=(libjpeg-dev); fi
if [ "${1:-}" = --python ]; then
  [ -n "$(Scripts/wheel/pythons.sh)" ] || missing+=(python3 python3-venv)
  command -v objcopy >/dev/null || missing+=(binutils)
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if command -v brew >/dev/null; then
  brew install libsodium zlib libpng jpeg-turbo pkg-config python3
elif command -v apt-get >/dev/null; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "please install as root: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq "${missing[@]}"
else
  echo "please install: ${missing[*]}" >&2
  exit 1
fi
