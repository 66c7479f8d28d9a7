"""Progress: nothing, a line, or tqdm's bar."""

from __future__ import annotations

import sys

import pytest

from fedsim import progress

ROW = {"round": 2, "accuracy": 0.5, "epsilon": 1.25, "uplink": {"payloadBits": {"mean": 1234.5}}}


def shown(wanted: bool | None) -> None:
    """Two rounds of three."""
    with progress.progress(3, "mine", wanted) as bar:
        bar.within(0.5)
        bar.add(ROW)
        bar.add({"round": 3, "accuracy": None, "uplink": None})


@pytest.mark.parametrize("wanted", [False, None])
def test_nothing_is_shown_where_nobody_looks(
    capsys: pytest.CaptureFixture[str], wanted: bool | None
) -> None:
    shown(wanted)
    assert capsys.readouterr() == ("", "")


def test_a_line_without_tqdm(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "tqdm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    shown(True)
    out, said = capsys.readouterr()
    assert out == ""
    assert said.startswith("mine: 3/3 rounds")
    assert "accuracy 50.0 %, epsilon 1.250, 1,23" in said


def test_a_bar_with_tqdm(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    shown(True)
    said = capsys.readouterr().err
    assert "mine: 100%" in said
    assert "3/3" in said
    assert "epsilon 1.250" in said
