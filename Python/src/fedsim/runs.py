"""Runs that were made: `run` makes one, `open_run` reads its folder."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import scenarios
from ._safetensors import read_safetensors
from .accounting import Spending
from .errors import FolderError, StateError
from .progress import progress as _progress
from .reports import Report, report_of
from .simulation import Simulation
from .tables import Rows

__all__ = ["Run", "open_run", "read_rows", "run"]


class Run:
    """What a run came to: its summary, its rounds, its model.

    In a notebook it shows a short table and what its epsilon says.
    """

    def __init__(
        self,
        *,
        folder: str | None,
        scenario: Mapping[str, Any],
        summary: Mapping[str, Any],
        rounds: Iterable[dict[str, Any]],
        parameters: NDArray[np.float32] | None,
        class_names: tuple[str, ...] | None = None,
        client_names: tuple[Any, ...] | None = None,
    ) -> None:
        #: Where its files are, or None.
        self.folder = folder
        #: The scenario with every default.
        self.scenario: dict[str, Any] = dict(scenario)
        #: As summary.json has it (docs/run-files.md).
        self.summary: dict[str, Any] = dict(summary)
        #: A dict for each round, as in rounds.jsonl.
        self.rounds: list[dict[str, Any]] = list(rounds)
        #: What the data call each class and client, where they were given with names.
        self.class_names = class_names
        self.client_names = client_names
        self._parameters = parameters

    @property
    def parameters(self) -> NDArray[np.float32]:
        """The last model as a vector, in the library's order: a layer's weights are inputs x
        outputs.

        Of a federation it is the order of its parameters. A run that was opened from its folder has
        `tensors` instead, whose weights are turned.
        """
        if self._parameters is None:
            model = self.scenario.get("model") or {}
            if model.get("kind") != "external":
                raise StateError(
                    "a run that was opened has its model by names: tensors. The order of the "
                    "vector is "
                    "known to the process that made it"
                )
            self._parameters = np.concatenate(
                [array.reshape(-1) for array in self.tensors.values()]
            )
        return self._parameters

    @property
    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The last model as named arrays: weights are outputs x inputs, as torch.nn.Linear has
        them."""
        if self.folder is None:
            raise StateError(
                "this run has no folder: give out= to have the model with names; parameters is its "
                "vector"
            )
        return read_safetensors(os.path.join(self.folder, "model.safetensors"))

    @property
    def epsilon(self) -> float | None:
        """The claimed epsilon at `summary["delta"]`, of all planned rounds; None without a
        guarantee."""
        value = self.summary.get("epsilon")
        return None if value is None else float(value)

    @property
    def spending(self) -> Spending | None:
        """The claim with all that it is about: adversary, relation, sampling, z, delta, theorem."""
        if self.epsilon is None:
            return None
        # What is claimed is that of all planned rounds; a budget plans as many as it pays for.
        ended = self.summary.get("stoppedBy") == "budget"
        rounds = self.summary.get("rounds") if ended else self.scenario.get("rounds")
        return Spending.of({**self.summary, "rounds": rounds, "warnings": ()})

    @property
    def accuracy(self) -> float | None:
        """Share of the test examples that the last model is right on; outside the guarantee."""
        value = self.summary.get("finalAccuracy")
        return None if value is None else float(value)

    def frame(self) -> Any:
        """The rounds as a pandas DataFrame with the columns of rounds.csv; without pandas a list of
        flat dicts."""
        return Rows(self.rounds).frame()

    def plot(self) -> Any:
        """Accuracy or loss, epsilon and bits over rounds, as a matplotlib Figure."""
        from .plots import run_figure

        return run_figure(self)

    def report(self) -> Report:
        """The page that `fedsim report` writes: shown in a notebook, or saved with
        `.save(path)`."""
        if self.folder is None:
            return report_of(self._as_files())
        return report_of([self.folder])

    def _as_files(self) -> dict[str, str]:
        """What a report reads, of a run without a folder."""
        return {
            "scenario.json": json.dumps(self.scenario),
            "rounds.jsonl": "".join(json.dumps(row) + "\n" for row in self.rounds),
            "summary.json": json.dumps(self.summary),
        }

    def _lines(self) -> list[tuple[str, str]]:
        summary = self.summary
        lines = [
            (
                "rounds",
                f"{summary.get('rounds', len(self.rounds))} ({summary.get('stoppedBy', 'rounds')})",
            )
        ]
        if self.accuracy is not None:
            lines.append(("accuracy", f"{100 * self.accuracy:.1f} % of the test examples"))
        elif summary.get("finalLoss") is not None:
            lines.append(("loss", f"{summary['finalLoss']:.4g}"))
        lines.append(("privacy", self._claim()))
        bits = summary.get("payloadBitsPerClientRound")
        if bits is not None:
            floats = summary.get("float32BitsPerClientRound")
            share = "" if not floats else f"; {100 * bits / floats:.3g} % of float32's {floats:,}"
            lines.append(
                (
                    "uplink",
                    f'{bits:,.0f} bits a client and round by "{summary.get("codec")}"{share}',
                )
            )
        return lines

    def _claim(self) -> str:
        summary = self.summary
        if self.epsilon is None:
            return "no guarantee"
        lower = summary.get("epsilonLowerBound")
        below = "" if lower is None else f", at least {math.floor(lower * 1e6) / 1e6:.6f}"
        return (
            f"epsilon {math.ceil(self.epsilon * 1e6) / 1e6:.6f}{below} at delta "
            f"{summary.get('delta'):g} "
            f"({summary.get('accountant')}, {summary.get('relation')}, {summary.get('sampling')} "
            f"q = {summary.get('samplingRate'):.4g}, z = {summary.get('noiseMultiplier'):.4g}), "
            "for whoever sees the "
            "models"
        )

    def __repr__(self) -> str:
        name = self.summary.get("name", self.folder)
        lines = "\n".join(f"  {key:10}{text}" for key, text in self._lines())
        return f"Run {name}\n{lines}"

    def _repr_html_(self) -> str:
        from ._html import table

        rows = self._lines()
        statement = self.summary.get("guaranteeStatement")
        if statement:
            rows.append(("claim", str(statement)))
        if self.summary.get("theorem"):
            rows.append(("theorem", str(self.summary["theorem"])))
        return table(f"Run {self.summary.get('name', self.folder)}", rows)


def run(
    scenario: scenarios.ScenarioLike,
    *,
    train: Any = None,
    test: Any = None,
    set: Mapping[str, Any] | Iterable[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    force: bool = False,
    threads: int | None = None,
    progress: bool | None = None,
    tensorboard: bool = False,
) -> Run:
    """Makes all rounds of a scenario.

    >>> run = fedsim.run("scenarios/digits.json", set={"privacy.targetEpsilon": 2}, out="runs/2")
    >>> run.accuracy, run.epsilon, run.frame()

    Ctrl-C stops it within a second. With `out` it can be resumed then.

    Args:
        progress: None shows it in notebooks and terminals (tqdm's bar where it is installed), True
            always, False never. The others are those of `Simulation`.
    """
    simulation = Simulation(
        scenario,
        train=train,
        test=test,
        set=set,
        out=out,
        resume=resume,
        force=force,
        threads=threads,
        tensorboard=tensorboard,
    )
    with simulation:
        about = simulation.about
        with _progress(
            int(about.get("rounds", 0)), str(about.get("name", "run")), progress
        ) as shown:
            simulation._progress = shown
            for record in simulation:
                shown.add(record)
        summary = simulation.summary()
        rows = simulation.records
        if simulation.folder is not None:
            rows = read_rows(simulation.folder)
        return Run(
            folder=simulation.folder,
            scenario=simulation.scenario,
            summary=summary,
            rounds=rows,
            parameters=simulation.parameters,
            class_names=simulation.class_names,
            client_names=simulation.client_names,
        )


def open_run(folder: str | os.PathLike[str]) -> Run:
    """Reads the folder of a run.

    Raises:
        FolderError: where it is none, or a file of it cannot be read.
    """
    path = os.fspath(folder)
    if not os.path.exists(os.path.join(path, "scenario.json")):
        raise FolderError(f"{path}: found no scenario.json; allowed: the folder of a run")
    summary = os.path.join(path, "summary.json")
    if not os.path.exists(summary):
        raise FolderError(
            f"{path}: found no summary.json: the run has not ended; resume=True goes on with it"
        )
    classes = os.path.join(path, "classes.json")
    names = _json(classes).get("classes") if os.path.exists(classes) else None
    return Run(
        folder=path,
        scenario=_json(os.path.join(path, "scenario.json")),
        summary=_json(summary),
        rounds=read_rows(path),
        parameters=None,
        class_names=None if names is None else tuple(names),
    )


def _json(path: str) -> dict[str, Any]:
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise FolderError(f"{path}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise FolderError(f"{path}: found {type(value).__name__}; allowed: an object")
    return value


def read_rows(folder: str) -> list[dict[str, Any]]:
    """The lines of rounds.jsonl; one that was cut off is left out."""
    path = os.path.join(folder, "rounds.jsonl")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}") from error
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            break
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise FolderError(f"{path}, line {number}: no JSON: {error}") from error
    return rows
