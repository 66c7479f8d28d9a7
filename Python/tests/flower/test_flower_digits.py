"""The example: ten rounds of digits with epsilon 5, in Flower."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the example's digits are scikit-learn's")

EXAMPLES = Path(__file__).parents[3] / "Examples" / "python"


def test_digits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import flower_digits

    import fedsim

    plan = flower_digits.make_plan()
    grid, strategy = flower_digits.prepare(plan, ledger=str(tmp_path / "ledger.json"))
    rows = flower_digits.run(grid, strategy)
    assert len(rows) == 10
    assert rows[-1]["epsilon"] == plan.epsilon == pytest.approx(5, abs=1e-5)
    # 84 to 91 % in five runs; the noise is another one each time.
    assert rows[-1]["accuracy"] > 0.7
    # The plan's 88.9 bits are for updates as long as C, which nearly all of these are.
    (planned,) = [one.uplink_bits for one in plan.codecs if one.is_chosen]
    assert all(abs(row["payload_bits_mean"] - planned) < 25 for row in rows if row["arrived"])
    assert fedsim.account(ledger=str(tmp_path / "ledger.json")).epsilon == pytest.approx(
        plan.epsilon, rel=1e-6
    )
    # What travelled in all: enrolments, models and codes, with Flower's metadata.
    assert grid.bytes_up < 500_000 < grid.bytes_down


def test_the_script() -> None:
    made = subprocess.run(
        [sys.executable, str(EXAMPLES / "flower_digits.py")], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    assert "epsilon 5.000000 at delta 0.0001" in made.stdout
