"""Runs: from scenarios and from arrays, in folders and without, stopped and resumed."""

from __future__ import annotations

import csv
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import tiny

import fedsim
from fedsim.tables import Rows


def test_a_run_in_memory() -> None:
    run = fedsim.run(tiny(), threads=1, progress=False)
    assert run.folder is None
    assert [row["round"] for row in run.rounds] == [1, 2, 3]
    assert run.summary["rounds"] == 3
    assert run.accuracy is not None
    assert run.accuracy > 0.1
    assert run.epsilon == run.rounds[-1]["epsilon"]
    assert run.parameters.shape == (run.summary["parameters"],)
    assert run.scenario["cohort"]["size"] == 5
    text = repr(run)
    for part in (
        "epsilon",
        "at delta 0.001",
        "zero-out",
        "poisson",
        "z = 1",
        "pld",
        "sees the models",
    ):
        assert part in text
    assert "Outside it" in run._repr_html_()
    assert run.spending is not None
    assert (run.spending.epsilon, run.spending.rounds) == (run.epsilon, 3)
    assert run.spending.theorem in run._repr_html_().replace("&lt;", "<").replace("&amp;", "&")
    with pytest.raises(fedsim.StateError, match="no folder"):
        _ = run.tensors


def test_warnings_name_the_line_of_the_caller() -> None:
    with pytest.warns(fedsim.FedSimWarning, match="NO PRIVACY") as caught:
        fedsim.run(tiny(privacy=None, rounds=1), progress=False)
    assert [one.filename for one in caught] == [__file__]
    with pytest.warns(fedsim.FedSimWarning, match="NO PRIVACY") as caught:
        fedsim.Simulation(tiny(privacy=None, rounds=1))
    assert [one.filename for one in caught] == [__file__]


def test_a_folder_has_the_same_run(tmp_path: Path) -> None:
    made = fedsim.run(tiny(), out=tmp_path / "run", threads=2, progress=False)
    memory = fedsim.run(tiny(), threads=1, progress=False)
    assert made.rounds == memory.rounds
    assert made.summary == memory.summary
    assert made.parameters.tobytes() == memory.parameters.tobytes()
    opened = fedsim.open_run(tmp_path / "run")
    assert opened.rounds == made.rounds
    assert opened.summary == made.summary
    # The same numbers; weights are turned in the file, to outputs x inputs.
    weight, bias = opened.tensors.values()
    assert list(opened.tensors) == ["layers.0.weight", "layers.0.bias"]
    assert np.concatenate([weight.T.ravel(), bias]).tobytes() == made.parameters.tobytes()
    with pytest.raises(fedsim.StateError, match="tensors"):
        _ = opened.parameters
    with pytest.raises(fedsim.FolderError, match="run"):
        fedsim.run(tiny(), out=tmp_path / "run", progress=False)
    again = fedsim.run(tiny(), out=tmp_path / "run", force=True, progress=False)
    assert again.summary == made.summary


def test_threads_change_nothing() -> None:
    runs = [fedsim.run(tiny(), threads=n, progress=False) for n in (1, 2, 8)]
    assert len({run.parameters.tobytes() for run in runs}) == 1
    assert runs[0].rounds == runs[1].rounds == runs[2].rounds


def test_rounds_one_by_one_and_resumed(tmp_path: Path) -> None:
    whole = fedsim.run(tiny(), progress=False)
    with fedsim.Simulation(tiny(), out=tmp_path / "run", threads=1) as simulation:
        first = next(simulation)
        assert first == whole.rounds[0]
        assert simulation.about["rounds"] == 3
        assert simulation.summary()["stoppedBy"] == "interrupted"
    run = fedsim.run(tiny(), out=tmp_path / "run", resume=True, progress=False)
    assert run.rounds == whole.rounds
    assert run.summary == whole.summary
    with pytest.raises(fedsim.StateError, match="closed"):
        next(simulation)


def test_scenarios_as_text_and_path_with_overrides(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    scenario = tiny()
    del scenario["name"]
    path.write_text(json.dumps(scenario))
    by_path = fedsim.run(path, set={"rounds": 2, "privacy.noiseMultiplier": 2}, progress=False)
    by_text = fedsim.run(
        json.dumps({**scenario, "rounds": 2}), set=["privacy.noiseMultiplier=2"], progress=False
    )
    assert by_path.scenario["privacy"]["noiseMultiplier"] == 2
    assert len(by_path.rounds) == 2
    assert by_path.rounds == by_text.rounds
    unset = fedsim.run(path, set={"privacy": None, "rounds": 1}, progress=False)
    assert unset.epsilon is None
    assert "no guarantee" in repr(unset)


@pytest.mark.parametrize(
    ("scenario", "error", "text"),
    [
        ("nowhere.json", fedsim.FolderError, "nowhere.json"),
        ("{", fedsim.InvalidError, ":1:2"),
        ("{}", fedsim.InvalidError, "task"),
        (17, fedsim.InvalidError, "scenario: found int"),
        (tiny(rounds=-1), fedsim.InvalidError, "rounds"),
        (tiny(rounds=float("nan")), fedsim.InvalidError, "JSON"),
        (tiny(noSuchKey=1), fedsim.InvalidError, "noSuchKey"),
    ],
)
def test_scenarios_that_are_none(scenario: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        fedsim.run(scenario, progress=False)  # type: ignore[arg-type]


def test_arguments_that_do_not_go_together(tmp_path: Path) -> None:
    for arguments in ({"resume": True}, {"force": True}, {"test": (np.zeros((2, 2)), [0, 1])}):
        with pytest.raises(fedsim.InvalidError, match="without"):
            fedsim.run(tiny(), progress=False, **arguments)  # type: ignore[arg-type]
    with pytest.raises(fedsim.InvalidError, match="found both"):
        fedsim.run(tiny(), out=tmp_path, resume=True, force=True, progress=False)
    for threads in (0, -1, 1.5):
        with pytest.raises(fedsim.InvalidError, match="threads"):
            fedsim.run(tiny(), threads=threads, progress=False)  # type: ignore[arg-type]
    with pytest.raises(fedsim.FolderError, match=r"scenario\.json"):
        fedsim.open_run(tmp_path)


def blobs(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three classes that a linear model tells apart, of twenty clients."""
    random = np.random.default_rng(0)
    y = np.arange(n) % 3
    x = random.normal(size=(n, 4)) + 4 * np.eye(4)[y]
    return x, y, np.arange(n) % 20


def test_arrays_are_trained_on() -> None:
    x, y, clients = blobs()
    scenario = tiny(partition={"kind": "natural"}, rounds=5, privacy=None)
    del scenario["data"]
    names = np.array(["ash", "birch", "cedar"])
    run = fedsim.run(
        scenario,
        train=(x, names[y], [f"c{one:02}" for one in clients]),
        test=(x, names[y]),
        progress=False,
    )
    assert run.accuracy is not None
    assert run.accuracy > 0.9
    assert run.class_names == ("ash", "birch", "cedar")
    assert run.client_names is not None
    assert run.client_names[:2] == ("c00", "c01")
    assert run.summary["population"] == 20
    # The data are in the run's key: other data, other noise.
    private = tiny(partition={"kind": "natural"})
    del private["data"]
    one = fedsim.run(private, train=(x, y, clients), test=(x, y), progress=False)
    same = fedsim.run(private, train=(x, y, clients), test=(x, y), progress=False)
    other = fedsim.run(private, train=(x + 1e-3, y, clients), test=(x, y), progress=False)
    assert one.parameters.tobytes() == same.parameters.tobytes()
    assert np.abs(one.parameters - other.parameters).max() > 1e-3


def test_a_regression_on_arrays() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(400, 3))
    y = x @ [1.0, -2.0, 0.5]
    scenario = tiny(
        task="regression",
        model={"kind": "linear-regression"},
        privacy=None,
        rounds=10,
        training={"epochs": 2, "batchSize": 10, "learningRate": 0.1},
    )
    del scenario["data"]
    run = fedsim.run(scenario, train=(x, y), test=(x, y), progress=False)
    assert run.accuracy is None
    assert run.summary["finalR2"] > 0.9


def test_a_split_of_the_arrays_is_the_test() -> None:
    x, y, _ = blobs()
    scenario = tiny(data={"source": "given", "testFraction": 0.25}, privacy=None)
    run = fedsim.run(scenario, train=(x, y), progress=False)
    assert run.accuracy is not None
    assert 0 < run.accuracy * 75 == round(run.accuracy * 75, 6)


def test_data_beside_data_is_refused() -> None:
    x, y, _ = blobs()
    with pytest.raises(fedsim.InvalidError, match=r'data.source: found "digits" beside train='):
        fedsim.run(tiny(), train=(x, y), test=(x, y), progress=False)
    with pytest.raises(fedsim.InvalidError, match="train: found none"):
        fedsim.run(tiny(data={"source": "given"}), progress=False)


def test_rows_are_flat_as_in_the_csv(tmp_path: Path) -> None:
    run = fedsim.run(tiny(evaluation={"every": 2}), out=tmp_path / "run", progress=False)
    flat = Rows(run.rounds).flat()
    table = list(csv.DictReader(io.StringIO((tmp_path / "run/rounds.csv").read_text())))
    assert list(flat[0]) == list(table[0])
    for row, cells in zip(flat, table, strict=True):
        for name, cell in cells.items():
            assert (row[name] is None) == (cell == ""), name
            assert cell == "" or float(cell) == row[name]


def test_a_row_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    from fedsim.runs import read_rows

    (tmp_path / "rounds.jsonl").write_text('{"round": 1}\n{"round": 2}\n{"rou')
    assert read_rows(str(tmp_path)) == [{"round": 1}, {"round": 2}]
    (tmp_path / "rounds.jsonl").write_text('{"round": 1}\n{"rou\n{"round": 3}\n')
    with pytest.raises(fedsim.FolderError, match="line 2"):
        read_rows(str(tmp_path))


def test_updates_of_the_built_in_trainer() -> None:
    simulation = fedsim.Simulation(tiny(), threads=1)
    start = simulation.parameters
    one = simulation.update(1, 3, start)
    assert one.shape == start.shape
    assert np.abs(one).max() > 0
    assert one.tobytes() == simulation.update(1, 3, start).tobytes()
    for arguments, text in [
        ((0, 3, start), "round: found 0"),
        ((1, -1, start), "client: found -1"),
        ((1, 20, start), "client"),
        ((1, 3, start[:5]), "dimension|parameters"),
    ]:
        with pytest.raises(fedsim.InvalidError, match=text):
            simulation.update(*arguments)


def test_what_belongs_to_its_process_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="folder"):
        pickle.dumps(fedsim.Simulation(tiny()))


def test_reports_are_pages(tmp_path: Path) -> None:
    run = fedsim.run(tiny(), out=tmp_path / "run", progress=False)
    for report in (run.report(), fedsim.run(tiny(), progress=False).report()):
        assert report.html.lstrip().lower().startswith("<!doctype html")
        assert "tiny" in report.html
        assert "<iframe srcdoc=" in report._repr_html_()
        report.save(tmp_path / "page.html")
        assert (tmp_path / "page.html").read_text() == report.html


@pytest.mark.tables
def test_frames_and_figures(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    run = fedsim.run(tiny(), out=tmp_path / "run", progress=False)
    frame = run.frame()
    expected = pandas.read_csv(tmp_path / "run/rounds.csv")
    pandas.testing.assert_frame_equal(
        frame, expected, check_dtype=False, check_exact=True, check_column_type=False
    )
    figure = run.plot()
    assert [axis.get_title() for axis in figure.axes] == [
        "accuracy on the test examples",
        "epsilon at delta 0.001",
        "bits a client and round",
    ]
    assert figure.axes[1].lines[1].get_ydata().tolist() == frame["epsilon"].tolist()
    figure.savefig(tmp_path / "run.png")
    plain = fedsim.run(tiny(privacy=None), progress=False).plot()
    assert len(plain.axes) == 2


def test_no_frame_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    rows = Rows([{"round": 1, "a": {"b": 2}}, {"round": 2, "a": None}]).frame()
    assert rows == [{"round": 1, "a.b": 2}, {"round": 2, "a.b": None}]
