"""The example of pfl runs, learns, and says what the page of the documents says."""

# ruff: noqa: E402

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

pytest.importorskip("pfl.version")
pytest.importorskip("sklearn")
pytestmark = [pytest.mark.pfl, pytest.mark.examples]

import torch

PROGRAM = Path(__file__).parents[3] / "Examples" / "python" / "pfl_digits.py"


@pytest.mark.skipif(not PROGRAM.exists(), reason="the examples are not beside these tests")
@pytest.mark.parametrize("arguments", [[], ["--plain"]], ids=str)
def test_digits(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Ten rounds at epsilon 8: above 75 %, where 85 to 92 % are usual and guessing gives 10 %."""
    torch.set_num_threads(1)
    runpy.run_path(str(PROGRAM))["main"](arguments)
    text = capsys.readouterr().out
    accuracy = re.search(r"accuracy ([\d.]+)%", text)
    assert accuracy is not None
    assert float(accuracy[1]) > 75
    # For cohorts of one size, and what pfl's accountant says of the same noise.
    assert "epsilon 8.000000, at least 7.7" in text
    assert "for Poisson cohorts: epsilon 4.5" in text
    if not arguments:
        bits = re.search(r"([\d.]+) bits of 20800", text)
        assert bits is not None
        assert 30 < float(bits[1]) < 90
