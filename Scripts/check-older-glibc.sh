#!/usr/bin/env bash
# Runs a wheel's command and its library with the C library of an older Debian, and compares the files of a run with those that this
# machine's makes. Not part of the gate: it fetches three packages of that Debian.
#
#   Scripts/check-older-glibc.sh WHEEL [CODENAME]      bullseye, which has glibc 2.31
set -euo pipefail
wheel=$(realpath "${1:?the wheel}")
codename=${2:-bullseye}
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{lists/partial,cache/archives/partial,old,new}
touch "$folder/status"
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | head -1)
# A machine that has no lists yet names its site in the sources alone.
[ -n "$site" ] || site=$(sed -nE 's/^(URIs: *|deb +(\[[^]]*\] +)?)(\S+).*/\3/p' /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $codename main" >"$folder/sources.list"
options=(-qq -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$folder/lists"
  -o "Dir::Cache=$folder/cache" -o "Dir::State::status=$folder/status" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update
(cd "$folder" && apt-get "${options[@]}" download libc6 libstdc++6 libgcc-s1 && for package in *.deb; do dpkg -x "$package" root; done)
loader=$(ls "$folder"/root/lib/*/ld-*.so | head -1)
older=("$loader" --library-path "$(dirname "$loader"):$(echo "$folder"/root/usr/lib/*/)")

(cd "$folder" && python3 -m zipfile -e "$wheel" wheel)
chmod +x "$folder/wheel/fedsim/bin/fedsim"
run=(run scenarios/digits.json --set rounds=5 --out)
"${older[@]}" "$folder/wheel/fedsim/bin/fedsim" "${run[@]}" "$folder/old/run" >/dev/null
"$folder/wheel/fedsim/bin/fedsim" "${run[@]}" "$folder/new/run" >/dev/null
for file in scenario.json rounds.jsonl ledger.json model.safetensors; do cmp "$folder/old/run/$file" "$folder/new/run/$file"; done

cat >"$folder/about.c" <<'C'
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <stdint.h>
#include <stdio.h>
int main(int count, char **arguments) {
  void *library = dlopen(arguments[count - 1], RTLD_NOW);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  int64_t (*about)(uint8_t **, char *, int64_t) = (int64_t(*)(uint8_t **, char *, int64_t))dlsym(library, "fs_about");
  uint8_t *json;
  char error[200];
  int64_t bytes = about(&json, error, sizeof error);
  printf("the library with glibc %s: %lld bytes of fs_about\n", gnu_get_libc_version(), (long long)bytes);
  return bytes <= 0;
}
C
wraps=$(sed -nE 's/^OLDER\((\w+),.*/-Wl,--wrap=\1/p' Scripts/wheel/older-glibc.c)
# shellcheck disable=SC2086
clang -fuse-ld=lld "$folder/about.c" Scripts/wheel/older-glibc.c $wraps -Wl,--wrap=__libc_start_main -Wl,--no-as-needed \
  -l:libpthread.so.0 -l:libdl.so.2 -lm -o "$folder/about"
"${older[@]}" "$folder/about" "$folder/wheel/fedsim/libFedSimC.so"
echo "the command's files are the same with both"
