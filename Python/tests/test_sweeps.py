"""Sweeps by the bundled command."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import tiny

import fedsim
from fedsim import _command


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> fedsim.Sweep:
    """Two axes and two repeats of tiny runs."""
    try:
        _command.path()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    return fedsim.sweep(
        tiny(privacy={"clippingNorm": 1, "targetEpsilon": 1, "delta": 1e-3}),
        axes={"privacy.targetEpsilon": [1, 10], "channel.codec": ["polar", "float32"]},
        repeats=2,
        set={"rounds": 2},
        out=tmp_path_factory.mktemp("sweeps") / "one",
        jobs=2,
        progress=False,
    )


def test_points_are_rows(made: fedsim.Sweep) -> None:
    points = made.points()
    assert len(points) == 4
    assert {row["privacy.targetEpsilon"] for row in points} == {1, 10}
    assert {row["channel.codec"] for row in points} == {"polar", "float32"}
    assert all(0 <= row["finalAccuracy"] <= 1 and row["repeats"] == 2 for row in points)
    runs = made.runs()
    assert len(runs) == 8
    assert all(run.summary["rounds"] == 2 for run in runs)
    again = fedsim.open_sweep(made.folder)
    assert again.points() == points
    assert "4 points" in repr(again)
    assert "<html" in made.report().html


@pytest.mark.tables
def test_figures_of_trade_offs(made: fedsim.Sweep, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pandas = pytest.importorskip("pandas")
    figure = made.plot()
    assert [axis.get_title() for axis in figure.axes] == [
        "finalAccuracy",
        "payloadBitsPerClientRound",
    ]
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["polar", "float32"]
    line = figure.axes[0].containers[0].lines[0]
    assert line.get_xdata().tolist() == [1, 10]
    figure.savefig(tmp_path / "sweep.png")
    one = made.plot(x="epsilon", y="finalLoss")
    assert one.axes[0].get_xlabel() == "epsilon"
    with pytest.raises(fedsim.InvalidError, match="no column 'eps'"):
        made.plot(x="eps")
    assert made.frame().equals(pandas.DataFrame(made.points()))


def test_what_the_command_refuses_is_said(tmp_path: Path, made: fedsim.Sweep) -> None:
    with pytest.raises(fedsim.InvalidError, match="noSuchKey"):
        fedsim.sweep(tiny(), axes={"noSuchKey": [1]}, out=tmp_path / "x", progress=False)
    with pytest.raises(fedsim.FolderError, match=r"points\.csv"):
        fedsim.open_sweep(tmp_path)
