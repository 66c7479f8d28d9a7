"""Says what a wheel is, and fails where it is not what the documents promise.

Looks at every program and library in it: which libraries and which versions of the C library's symbols they ask for, what the shared
library shows, how large all is, and whether licences and types are there.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# What every Linux of the tag's kind has (PEP 600).
SYSTEM = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux", "libFedSimC.so"}
LICENCES = {"LICENSE", "swift.txt", "libsodium.txt", "libpng.txt", "libjpeg-turbo.txt", "zlib.txt"}
ROOT = Path(__file__).parents[2]
HEADER = ROOT / "Sources/CFedSim/include/fedsim.h"
README = ROOT / "Python/README.md"


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def floors(symbols: str) -> dict[str, tuple[str, str]]:
    """The newest version of each family (GLIBC, GLIBCXX ...) that is asked for, with a symbol that asks for it."""
    newest: dict[str, tuple[str, str]] = {}
    for family, number, symbol in re.findall(r"\*UND\*.*\(([A-Z]+)_([\d.]+)\)\s+(\S+)", symbols):
        if family not in newest or version(number) > version(newest[family][0]):
            newest[family] = (number, symbol)
    return newest


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--glibc", required=True, help="the glibc that documents promise, as in 2.28")
    parser.add_argument("--megabytes", type=float, required=True, help="the largest size of the wheel")
    options = parser.parse_args()
    problems: list[str] = []

    megabytes = options.wheel.stat().st_size / 1e6
    print(f"{options.wheel.name}: {megabytes:.2f} MB")
    if megabytes > options.megabytes:
        problems.append(f"{megabytes:.2f} MB; allowed: {options.megabytes:g}")
    tags = re.findall(r"manylinux_(\d+)_(\d+)_", options.wheel.name)
    if sys.platform == "linux" and not any(version(".".join(tag)) <= version(options.glibc) for tag in tags):
        problems.append(f"its tag is not that of glibc {options.glibc} or older, which documents promise")
    if f"glibc {options.glibc} or later" not in README.read_text():
        problems.append(f"{README.name} does not say: glibc {options.glibc} or later")
    if not options.wheel.name.split("-")[2:4] == ["py3", "none"]:
        problems.append("it is not for every Python 3")

    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(options.wheel) as archive:
        archive.extractall(folder)
        names = archive.namelist()
        for entry in archive.infolist():
            if entry.file_size > 100_000:
                print(f"  {entry.filename}: {entry.file_size / 1e6:.2f} MB, compressed {entry.compress_size / 1e6:.2f}")
        licences = {Path(name).name for name in names if ".dist-info/licenses/" in name}
        if not licences >= LICENCES:
            problems.append(f"licences are missing: {sorted(LICENCES - licences)}")
        if "fedsim/py.typed" not in names:
            problems.append("py.typed is missing")
        command = [entry for entry in archive.infolist() if entry.filename == "fedsim/bin/fedsim"]
        if not command or not command[0].external_attr >> 16 & 0o111:
            problems.append("fedsim/bin/fedsim is missing or cannot be executed")

        for name in names if sys.platform == "linux" else []:
            path = Path(folder, name)
            if not path.is_file() or path.read_bytes()[:4] != b"\x7fELF":
                continue
            needed = re.findall(r"NEEDED\s+(\S+)", output("objdump", "-p", str(path)))
            symbols = output("objdump", "-T", str(path))
            newest = floors(symbols)
            print(f"  {name} needs {' '.join(needed)}")
            print("    " + ", ".join(f"{family} {number} ({symbol})" for family, (number, symbol) in newest.items()))
            for library in needed:
                if not any(library.startswith(system) for system in SYSTEM):
                    problems.append(f"{name} needs {library}")
            if "GLIBC" in newest and version(newest["GLIBC"][0]) > version(options.glibc):
                problems.append(f"{name} needs glibc {newest['GLIBC'][0]} for {newest['GLIBC'][1]}")
            if Path(name).name.startswith("libFedSimC"):
                lines = [line.split() for line in symbols.splitlines()]
                shown = {line[-1] for line in lines if len(line) > 5 and "*UND*" not in line and line[-1] != "exported.map"}
                declared = set(re.findall(r"^\w[\w *]*?\b(fs_\w+)\(", HEADER.read_text(), re.M))
                # What bin/fedsim calls, and no part of the interface.
                shown.discard("fs_command")
                print(f"    {len(shown)} symbols are shown, {len(declared)} are declared by fedsim.h")
                if shown != declared:
                    problems.append(f"shown and not declared: {sorted(shown - declared)}; not shown: {sorted(declared - shown)}")

    for problem in problems:
        print(f"wheel: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
