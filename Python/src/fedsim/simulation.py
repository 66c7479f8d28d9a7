"""A scenario's run, round by round."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _arrays, _library, data, scenarios
from .errors import InvalidError
from .progress import Progress
from .tables import Rows

__all__ = ["Simulation"]


class Simulation:
    """Iterates over the rounds of a scenario: each is a dict, a line of rounds.jsonl.

    >>> for record in fedsim.Simulation("scenarios/digits.json", threads=2):
    ...     print(record["round"], record["accuracy"], record["epsilon"])

    `fedsim.run` makes all rounds and gives a `Run`; this is for whoever looks between them. Ctrl-C
    abandons the round that is being made; the next iteration makes it again, with the same bits.
    The claimed epsilon is that of all rounds, also where the loop is left early.

    Args:
        scenario: a path of a JSON file, a dict, or JSON as a text (docs/scenario.md has the keys).
        train: (X, y) or (X, y, clients), in place of the scenario's data; see `fedsim.data`.
        test: (X, y); None: a part of `train` by the scenario's `data.testFraction`.
        set: {"privacy.targetEpsilon": 2, ...}: keys of the scenario to be replaced.
        out: a folder to be written; None: no files.
        resume: goes on with the run in `out`.
        force: replaces the run in `out`.
        threads: None: all cores. No bit depends on it.
        tensorboard: writes a file for TensorBoard too.
    """

    def __init__(
        self,
        scenario: scenarios.ScenarioLike,
        *,
        train: Any = None,
        test: Any = None,
        set: Mapping[str, Any] | Iterable[str] | None = None,
        out: str | os.PathLike[str] | None = None,
        resume: bool = False,
        force: bool = False,
        threads: int | None = None,
        tensorboard: bool = False,
    ) -> None:
        text = scenarios.read(scenario)
        if test is not None and train is None:
            raise InvalidError("test: found without train; allowed: with it")
        if out is None and (resume or force or tensorboard):
            raise InvalidError(
                "resume, force, tensorboard: found without out; allowed: with a folder"
            )
        if resume and force:
            raise InvalidError("resume, force: found both; allowed: one of them")
        given = None
        if train is None and text.wants_data():
            raise InvalidError(
                'train: found none, and the scenario has "source": "given"; allowed: (X, y) or (X, '
                "y, clients)"
            )
        if train is not None:
            text = text.given()
            given = data.examples(train, test)
        #: What the data call each class, where they have names; in the order of their numbers.
        self.class_names = None if given is None else given.class_names
        #: What the data call each client, in the order of their numbers.
        self.client_names = None if given is None else given.client_names
        options: dict[str, Any] = {
            "threads": _threads(threads),
            "folder": None if out is None else os.fspath(out),
            "start": "resuming" if resume else "replacing" if force else "new",
            "set": scenarios.overrides(set),
            "directory": text.directory,
            "tensorboard": bool(tensorboard),
        }
        if text.name is not None:
            options["name"] = text.name[:200] or "scenario"
        chosen = _library.encoded(options)

        def make() -> _library.Handle:
            handles = [
                None if split is None else split.handle()
                for split in ((given.train, given.test) if given is not None else (None, None))
            ]
            try:
                return _library.Handle(
                    "simulation",
                    "fs_run_new",
                    text.text,
                    len(text.text),
                    chosen,
                    len(chosen),
                    0 if handles[0] is None else int(handles[0]),
                    0 if handles[1] is None else int(handles[1]),
                )
            finally:
                for handle in handles:
                    if handle is not None:
                        handle.release()

        if out is not None and (resume or force):
            _library.leave(out)
        self._handle = _library.patiently(make)
        if out is not None:
            _library.work_in(out, self._handle)
        self._out = None if out is None else os.fspath(out)
        self._about: dict[str, Any] = _library.text_of("fs_run_about", int(self._handle))
        _library.warn(self._about)
        self._made = Rows()
        #: Rounds that were made although Ctrl-C came, to be handed out next.
        self._kept: list[dict[str, Any] | None] = []
        self._summary: dict[str, Any] | None = None
        self._progress: Progress | None = None

    @property
    def about(self) -> dict[str, Any]:
        """The run before its rounds: name, rounds, roundsDone, epsilon, delta, statement, warnings,
        scenario."""
        return dict(self._about)

    @property
    def scenario(self) -> dict[str, Any]:
        """The scenario with every default."""
        return dict(self._about.get("scenario") or {})

    @property
    def folder(self) -> str | None:
        """Where its files are, or None."""
        return self._out

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows of the rounds that this object made."""
        return list(self._made)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        record = self.next_round()
        if record is None:
            raise StopIteration
        return record

    def next_round(self) -> dict[str, Any] | None:
        """Makes the next round; None where there is none.

        Raises:
            KeyboardInterrupt: by Ctrl-C; the round is as if it had not begun, or is handed out
                next.
        """
        if not self._kept:
            _library.patiently(
                self._make,
                stop=self._handle,
                watch=self._watch if self._progress is not None else None,
            )
        record = self._kept.pop(0)
        if record is not None:
            self._made.append(record)
        return record

    def _make(self) -> None:
        # It is kept before anybody is told: Ctrl-C may come at any time.
        self._kept.append(_library.text_of("fs_run_next", int(self._handle)))

    def _watch(self) -> None:
        figures = self.round_progress()
        if self._progress is not None and figures is not None and figures[2] > 0:
            self._progress.within(figures[1] / figures[2])

    def round_progress(self) -> tuple[int, int, int, float | None] | None:
        """Of the round that another thread is making: its number, clients done, clients drawn,
        seconds left."""
        out = (ctypes.c_double * 4)()
        if int(_library.library().fs_run_progress(int(self._handle), ctypes.addressof(out))) != 4:
            return None
        return int(out[0]), int(out[1]), int(out[2]), None if out[3] < 0 else float(out[3])

    def stop(self) -> None:
        """Ends the round that another thread is making; it gets `Stopped`."""
        _library.library().fs_stop(int(self._handle))

    @property
    def parameters(self) -> NDArray[np.float32]:
        """The present model as a new vector; a layer's weights are inputs x outputs."""
        number = int(self._handle)
        count = _library.result("fs_run_parameters", number, None, 0)
        out = np.empty(count, np.float32)
        _library.result("fs_run_parameters", number, _arrays.address(out), count)
        return out

    def update(self, round: int, client: int, parameters: ArrayLike) -> NDArray[np.float32]:
        """What the built-in trainer makes of `parameters` for a client: the update that it would
        clip and send.

        Args:
            round: 1 or more; it decides the order of batches.
            client: 0 to population - 1.
            parameters: the model to start from, a vector.
        """
        start = _arrays.float_vector(parameters, "parameters")
        out = np.empty(len(start), np.float32)
        _library.result(
            "fs_run_update",
            int(self._handle),
            _arrays.whole(round, "round", 1),
            _arrays.whole(client, "client", 0),
            _arrays.address(start),
            len(start),
            _arrays.address(out),
        )
        return out

    def summary(self) -> dict[str, Any]:
        """What the run came to so far, as in summary.json; a folder gets its last files."""
        handle = self._handle
        if self._summary is None or self._summary.get("rounds") != self._rounds():
            self._summary = _library.patiently(
                lambda: _library.text_of("fs_run_finish", int(handle)), stop=handle
            )
        return dict(self._summary or {})

    def _rounds(self) -> int:
        return (
            int(self._about.get("roundsDone", 0))
            + len(self._made)
            + len([r for r in self._kept if r])
        )

    def frame(self) -> Any:
        """The rows as a pandas DataFrame with the columns of rounds.csv; without pandas a list of
        flat dicts."""
        return self._made.frame()

    def release(self) -> None:
        """Gives the library's memory back; files stay."""
        self._handle.release()

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        self.release()

    def __reduce__(self) -> Any:
        raise TypeError(
            "a Simulation belongs to its process and cannot be pickled; its folder can be opened "
            "anywhere"
        )

    def __repr__(self) -> str:
        done = f"{self._rounds()} of {self._about.get('rounds')} rounds"
        return f"Simulation({self._about.get('name')!r}, {done})"


def _threads(threads: int | None) -> int:
    count = (os.cpu_count() or 1) if threads is None else _arrays.whole(threads, "threads", 1, 1024)
    return _library.safe_threads(count)
