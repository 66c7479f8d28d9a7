"""Sweeps: a scenario over axes of its keys, made by the bundled command `fedsim sweep`."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import _arrays, _library, scenarios
from .errors import FolderError, InvalidError
from .reports import Report, report_of
from .runs import Run, open_run

__all__ = ["Sweep", "open_sweep", "sweep"]


class Sweep:
    """The folder of a sweep: a row for each point, with means and standard errors over repeats.

    The guarantee is of each single run: none is given for all runs together, nor for a choice among
    points.
    """

    def __init__(self, folder: str) -> None:
        #: Where its files are.
        self.folder = folder

    def points(self) -> list[dict[str, Any]]:
        """points.csv as dicts; numbers are floats, empty cells None."""
        return _table(os.path.join(self.folder, "points.csv"))

    def runs(self) -> list[Run]:
        """All its runs."""
        folder = Path(self.folder, "runs")
        return [open_run(str(path)) for path in sorted(folder.iterdir()) if path.is_dir()]

    def frame(self) -> Any:
        """points.csv as a pandas DataFrame; without pandas a list of dicts."""
        rows = self.points()
        try:
            import pandas
        except ImportError:
            return rows
        return pandas.DataFrame(rows)

    def plot(self, x: str | None = None, y: str | None = None) -> Any:
        """The trade-off as a matplotlib Figure: accuracy, and bits, over epsilon; a line for each
        other axis.

        Args:
            x: a column of points.csv; None: the axis of epsilon, or the first one.
            y: a column; None: accuracy (or loss) and bits, side by side.
        """
        from .plots import sweep_figure

        return sweep_figure(self, x, y)

    def report(self) -> Report:
        """The page that `fedsim report` writes."""
        return report_of([self.folder])

    def __repr__(self) -> str:
        return f"Sweep({self.folder!r}, {len(self.points())} points)"

    def _repr_html_(self) -> str:
        frame = self.frame()
        shown = getattr(frame, "_repr_html_", None)
        return repr(self) if shown is None else str(shown())


def _table(path: str) -> list[dict[str, Any]]:
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [
                {name: _cell(value) for name, value in row.items()} for row in csv.DictReader(file)
            ]
    except OSError as error:
        raise FolderError(
            f"{path}: {error.strerror}; allowed: the folder of a sweep that is whole"
        ) from error


def _cell(value: str | None) -> Any:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() and value.lstrip("-").isdigit() else number


def open_sweep(folder: str | os.PathLike[str]) -> Sweep:
    """Opens the folder of a sweep whose runs are whole."""
    path = os.fspath(folder)
    if not os.path.exists(os.path.join(path, "points.csv")):
        raise FolderError(
            f"{path}: found no points.csv; allowed: the folder of a sweep that is whole"
        )
    return Sweep(path)


def sweep(
    scenario: scenarios.ScenarioLike,
    *,
    axes: Mapping[str, Any] | None = None,
    repeats: int | None = None,
    set: Mapping[str, Any] | Iterable[str] | None = None,
    out: str | os.PathLike[str],
    resume: bool = False,
    jobs: int | None = None,
    progress: bool | None = None,
) -> Sweep:
    """Runs a scenario over axes of its keys.

    >>> sweep = fedsim.sweep("scenarios/digits.json", axes={"privacy.targetEpsilon": [1, 2, 4]},
    ...                      repeats=3, out="sweeps/digits")
    >>> sweep.plot()

    Args:
        scenario: as in `run`; with a section `sweep`, or with `axes` here.
        axes: {"privacy.targetEpsilon": [1, 2], "channel.codec": ["polar", "float32"]}.
        repeats: runs of each point, with other seeds.
        set: keys of the scenario to be replaced.
        out: its folder.
        resume: goes on with the sweep in `out`.
        jobs: runs at a time; None: all cores.
        progress: False: none.
    """
    from ._command import path as command

    text = scenarios.read(scenario)
    try:
        value = json.loads(text.text)
    except ValueError as error:
        raise InvalidError(f"scenario: no JSON: {error}") from error
    section = dict(value.get("sweep") or {})
    if axes is not None:
        section["axes"] = {**section.get("axes", {}), **axes}
    if repeats is not None:
        section["repeats"] = repeats
    if section:
        value["sweep"] = section
    if text.name is not None:
        value.setdefault("name", text.name)
    # From standard input, in the scenario's folder, beside which its files are sought.
    arguments = [command(), "sweep", "-", "--out", os.path.abspath(os.fspath(out))]
    for one in scenarios.overrides(set):
        arguments += ["--set", one]
    if resume:
        arguments.append("--resume")
    if jobs is not None:
        arguments += ["--jobs", str(_arrays.whole(jobs, "jobs", 1, 1024))]
    quiet = progress is False or (progress is None and not sys.stderr.isatty())
    if quiet:
        arguments.append("--quiet")
    code, reason = _command_ended(arguments, _library.encoded(value), text.directory, quiet)
    if code:
        raise InvalidError(reason or f"fedsim sweep ended with {code}")
    return open_sweep(out)


def _command_ended(
    arguments: list[str], given: bytes, folder: str | None, quiet: bool
) -> tuple[int, str]:
    """Runs the command to its end: its exit code, and what it said of an error where it is
    quiet."""
    # Imported here: importing the package stays cheap.
    import signal
    import subprocess

    process = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if quiet else None,
        cwd=folder,
    )
    try:
        _, said = process.communicate(given)
    except BaseException:
        # It writes what it has, and can be resumed.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    return process.returncode, (said or b"").decode("utf-8", "replace").strip()
