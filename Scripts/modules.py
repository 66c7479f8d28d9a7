#!/usr/bin/env python3
"""The modules: what each imports, its lines, its longest file and its longest function. Run from anywhere.

    Scripts/modules.py            a table
    Scripts/modules.py --graph    what imports what, one line a module
    Scripts/modules.py --long 60  every function of more than 60 lines
    Scripts/modules.py --check    whether Package.swift declares what is imported, and nothing else; the gate runs it
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "Sources"
FUNCTION = re.compile(
    r"^(\s*)(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|private|fileprivate|internal|static|mutating|consuming|override|final|convenience|nonisolated)(?:\(set\))?\s+)*"
    r"(?:func\s+([^\s(<]+)|(init)\b[?]?|(deinit)\b|var\s+(\w+)[^=]*\{\s*$)")


def functions(path):
    """Name, first line and length of each function, by the braces' indentation (swift-format keeps it)."""
    lines = path.read_text().split("\n")
    found = []
    for start, line in enumerate(lines):
        match = FUNCTION.match(line)
        if not match:
            continue
        indent = match.group(1)
        name = next(part for part in match.groups()[1:] if part)
        for end in range(start, len(lines)):
            closes = lines[end].startswith(indent + "}") and (len(lines[end]) == len(indent) + 1 or end > start)
            if closes or (end == start and line.rstrip().endswith("}")):
                found.append((end - start + 1, name, start + 1))
                break
            if end > start and lines[end].strip() and not lines[end].startswith(indent + " ") and not lines[end].startswith(indent + ")"):
                break
    return found


def modules():
    names = sorted(folder.name for folder in SOURCES.iterdir() if folder.is_dir())
    for name in names:
        files = sorted((SOURCES / name).rglob("*.swift"))
        imports = set()
        for path in files:
            imports |= set(re.findall(r"^(?:@\w+\s+)*import (\w+)$", path.read_text(), re.M))
        yield name, files, sorted(imports & set(names) - {name})


def check():
    """What each target declares and does not import, or imports and does not declare, of this package's modules. An empty list is right."""
    root = SOURCES.parent
    package = json.loads(subprocess.check_output(["swift", "package", "dump-package"], cwd=root))
    targets = {target["name"]: target for target in package["targets"]}
    for name, target in targets.items():
        kind = "Tests" if target["type"] == "test" else "Sources"
        folder = root / (target.get("path") or f"{kind}/{name}")
        declared = {(item.get("byName") or item.get("target") or [None])[0] for item in target["dependencies"]} & set(targets)
        imported = set()
        for path in folder.rglob("*.swift"):
            imported |= set(re.findall(r"^(?:@\w+\s+|public\s+|package\s+|internal\s+)*import (?:struct |func |enum |class )?(\w+)", path.read_text(), re.M))
        imported = (imported & set(targets)) - {name}
        if not any(folder.rglob("*.swift")):
            continue
        for other in sorted(declared - imported):
            yield f"{name} declares {other} and does not import it"
        for other in sorted(imported - declared):
            yield f"{name} imports {other} and does not declare it"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graph", action="store_true")
    parser.add_argument("--long", type=int, metavar="LINES")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check:
        faults = list(check())
        print("\n".join(faults) if faults else "every module declares what it imports")
        sys.exit(1 if faults else 0)
    if options.graph:
        for name, files, imports in modules():
            print(f"{name}: {' '.join(imports)}")
        return
    if options.long:
        for name, files, _ in modules():
            for path in files:
                for length, function, line in functions(path):
                    if length > options.long:
                        print(f"{length:4}  {function}  {path.relative_to(SOURCES)}:{line}")
        return
    print(f"{'module':18} {'files':>5} {'lines':>6}  {'longest file':40} longest function")
    for name, files, _ in modules():
        counts = [(len(path.read_text().split(chr(10))), path) for path in files if path.name != "DigitsImages.swift"]
        if not counts:
            continue
        most, path = max(counts)
        longest = max((item + (f,) for _, f in counts for item in functions(f)), default=(0, "-", 0, path))
        print(
            f"{name:18} {len(counts):5} {sum(c for c, _ in counts):6}  {most:4} {path.name:35} "
            f"{longest[0]:3} {longest[1]} ({longest[3].name})")


main()
