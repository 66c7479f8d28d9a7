"""`help(fedsim)` teaches: every public name has a page, and what documents show is what happens."""

from __future__ import annotations

import ast
import inspect
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fedsim

DOCUMENT = Path(__file__).parents[2] / "docs/python.md"


@pytest.mark.parametrize("name", fedsim.__all__)
def test_every_name_has_a_page(name: str) -> None:
    one = getattr(fedsim, name)
    text = inspect.getdoc(one) or ""
    assert len(text) > 20
    assert text.split("\n")[0].rstrip().endswith((".", ":")) or "\n" in text
    if inspect.isclass(one):
        for member, value in vars(one).items():
            if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{member}"


def test_the_tour_names_what_there_is() -> None:
    page = pydoc.render_doc(fedsim)
    for name in ("Channel", "account", "calibrate", "plan", "run", "Federation"):
        assert f"fedsim.{name}" in page
    for block in re.findall(r"::\n\n((?:    .*\n|\n)+)", fedsim.__doc__ or ""):
        ast.parse(inspect.cleandoc(block))


@pytest.mark.skipif(not DOCUMENT.exists(), reason="an installed wheel has no documents beside it")
def test_the_document_is_python_and_true() -> None:
    text = DOCUMENT.read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert len(blocks) >= 5
    for block in blocks:
        ast.parse(block)
    said = re.search(r"```\n(epsilon .*?)```", text, flags=re.S)
    assert said is not None
    spent = fedsim.account(noise_multiplier=1, sampling_rate=0.01, rounds=1000, delta=1e-6)
    expected = said.group(1).strip().removesuffix("...")
    assert str(spent).startswith(expected.rstrip())
    values: dict[str, object] = {}
    exec(blocks[0], values)
    assert values["noisy"].shape == (1000,)  # type: ignore[attr-defined]


def test_nothing_but_numpy_is_imported() -> None:
    code = (
        "import sys, fedsim; fedsim.random_key();"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'torch', 'pandas', 'matplotlib', 'pyarrow', 'tqdm', 'datasets', 'flwr', 'pfl'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_the_library_s() -> None:
    assert fedsim.__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fedsim.nothing  # noqa: B018
