"""The same app and strategy in Flower's simulation, with clients in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Flower's simulation needs ray: flwr[simulation]")
pytest.importorskip("sklearn", reason="the example's digits are scikit-learn's")

SCRIPT = Path(__file__).parents[3] / "Examples" / "python" / "flower_digits.py"


@pytest.mark.slow
def test_digits_with_ray() -> None:
    made = subprocess.run([sys.executable, str(SCRIPT), "--ray"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    rows = [line.split() for line in made.stdout.splitlines() if "%" in line and "." in line]
    rows = [row for row in rows if row[0].isdigit()]
    assert [int(row[0]) for row in rows] == list(range(1, 11))
    assert float(rows[-1][1].rstrip("%")) > 70
    assert float(rows[-1][2]) == pytest.approx(5, abs=1e-3)
    assert all(20 < int(row[3]) <= 85 for row in rows)
