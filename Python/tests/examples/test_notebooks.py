"""Notebooks are what their scripts make; what a script says of itself was measured."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import EXAMPLES, environment

SCRIPTS = sorted(
    p.stem for p in EXAMPLES.glob("*.py") if "# In a notebook: " in p.read_text("utf-8")
)
NOTEBOOKS = sorted(path.stem for path in (EXAMPLES / "notebooks").glob("*.ipynb"))


def test_notebooks_are_up_to_date() -> None:
    script = EXAMPLES.parents[1] / "Scripts" / "notebooks.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_have_no_outputs(name: str) -> None:
    cells = json.loads((EXAMPLES / "notebooks" / f"{name}.ipynb").read_text("utf-8"))["cells"]
    assert [cell for cell in cells if cell.get("outputs")] == []
    assert len({cell["id"] for cell in cells}) == len(cells)


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_script_prints_is_in_its_docstring(name: str) -> None:
    docstring = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text("utf-8"))) or ""
    assert "MEASURED" not in docstring
    assert "epsilon" in docstring
    assert f"python {name}.py" in docstring


@pytest.mark.examples
@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name: str, mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    client = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    for key, value in environment(mnist).items():
        monkeypatch.setenv(key, value)
    # A notebook has its own.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(EXAMPLES / "notebooks" / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    client.NotebookClient(notebook, timeout=None, kernel_name="python3").execute(cwd=str(mnist))
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in shown if output.get("name") == "stdout")
    assert "epsilon" in text
    if name in ("trade_off", "bring_your_data"):
        assert any("image/png" in output.get("data", {}) for output in shown)
