"""Writes the notebooks of Examples/python from its scripts, so that both are one text.

A script is cut at its lines `# %%` (code) and `# %% [markdown]` (comments). Its docstring is the
first cell. In the last cell a line `# In a notebook: CALL` takes the place of `if __name__ ==
"__main__":` and what follows; a script without that line gets no notebook. Notebooks have no
outputs.

    python Scripts/notebooks.py            # writes Examples/python/notebooks/NAME.ipynb
    python Scripts/notebooks.py --check    # says which are stale, and exits with 1
"""

import argparse
import ast
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Examples" / "python"
CALL = "# In a notebook: "


def cell(kind: str, text: str, identity: str) -> dict[str, object]:
    """A cell of format 4.5; its identity is its place: a notebook changes where its script does."""
    made: dict[str, object] = {
        "cell_type": kind,
        "id": identity,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return made if kind == "markdown" else {**made, "execution_count": None, "outputs": []}


def cells(script: str) -> list[tuple[str, str]]:
    """Kind and text of each cell of a script."""
    tree = ast.parse(script)
    docstring = ast.get_docstring(tree)
    if docstring is None:
        raise ValueError("it has no docstring")
    head = tree.body[0].end_lineno or 0
    title, _, rest = docstring.partition("\n")
    made = [("markdown", f"# {title}\n{rest}")]
    kind, lines = "code", list[str]()

    def end() -> None:
        text = "\n".join(lines).strip("\n")
        if kind == "markdown":
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.split("\n"))
        elif CALL in text:
            text = next(line for line in text.split("\n") if line.startswith(CALL)).removeprefix(
                CALL
            )
        if text:
            made.append((kind, text))

    for line in script.split("\n")[head:]:
        if line in ("# %%", "# %% [markdown]"):
            end()
            kind, lines = ("code" if line == "# %%" else "markdown"), []
        else:
            lines.append(line)
    end()
    return made


def notebook(script: pathlib.Path) -> str | None:
    """The notebook of a script as JSON, or None where it says no call."""
    text = script.read_text("utf-8")
    if CALL not in text:
        return None
    value = {
        "cells": [
            cell(kind, part, f"{script.stem[:40]}-{index}")
            for index, (kind, part) in enumerate(cells(text))
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Writes the notebooks of Examples/python from its scripts"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 where one is stale",
    )
    given = parser.parse_args()
    folder = FOLDER / "notebooks"
    wanted = {
        f"{script.stem}.ipynb": text
        for script in sorted(FOLDER.glob("*.py"))
        if (text := notebook(script))
    }
    there = {path.name: path.read_text("utf-8") for path in folder.glob("*.ipynb")}
    stale = [name for name in {**wanted, **there} if wanted.get(name) != there.get(name)]
    if given.check:
        for name in stale:
            print(
                f"{name} is not what its script makes: python Scripts/notebooks.py", file=sys.stderr
            )
        return 1 if stale else 0
    folder.mkdir(exist_ok=True)
    for name in stale:
        if name in wanted:
            (folder / name).write_text(wanted[name], "utf-8")
        else:
            (folder / name).unlink()
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
