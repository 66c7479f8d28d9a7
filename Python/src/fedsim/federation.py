"""Federated rounds whose updates you compute: with torch, JAX, or anything that makes arrays."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _arrays, _library
from .accounting import Spending, account
from .errors import FolderError, InvalidError, StateError
from .parameters import Layout, flatten, split_leaves
from .tables import Rows

__all__ = ["Federation", "Round"]

#: From so many coordinates on a call is made where Ctrl-C can end it.
LONG = 1 << 18


class Round:
    """An open round of a `Federation`: who was drawn, and the model that they start from."""

    def __init__(self, federation: Federation, opened: Mapping[str, Any]) -> None:
        self._federation = federation
        #: Number of the round, from 1.
        self.number = int(opened["round"])
        self._cohort: NDArray[np.int64] = np.asarray(opened["cohort"], dtype=np.int64)
        epsilon = opened.get("epsilon")
        #: Proved upper bound of epsilon after this round, at the federation's delta; None without
        #: privacy.
        self.epsilon: float | None = None if epsilon is None else float(epsilon)
        norm = opened.get("clippingNorm")
        #: C of this round; None without privacy.
        self.clipping_norm: float | None = None if norm is None else float(norm)
        #: The row of the round, when it is closed.
        self.record: dict[str, Any] | None = None
        #: Whether `step` was made: it takes no more updates, and the federation has the new model.
        self.is_stepped = False

    @property
    def cohort(self) -> NDArray[np.int64]:
        """Clients that were drawn, in ascending order; there may be none. A fresh copy."""
        return np.array(self._cohort)

    @property
    def parameters(self) -> NDArray[np.float32]:
        """The model of this round as a vector: a fresh copy, so that writing into it moves
        nothing."""
        self._check()
        return self._federation.parameters

    @property
    def is_open(self) -> bool:
        """Whether it takes updates still."""
        return self.record is None

    def send(self, client: int, update: Any, examples: int = 1) -> None:
        """Sends a client's update: it is clipped, coded, decoded by the server, and added up.

        Args:
            client: one of `cohort`, once.
            update: what training added to `parameters` (new minus old), as a vector, or in the form
                of the federation's parameters (list, dict, module's state). One that is not finite
                counts as zero.
            examples: how many it was trained on; for `"weighting": "examples"` without privacy
                only.

        Raises:
            StateError: for a client that was not drawn or has sent, and for a closed round.
        """
        self._check()
        vector = self._federation._update(update, "update")
        self.send_many([client], vector[np.newaxis, :], None if examples == 1 else [examples])

    def send_many(
        self,
        clients: Sequence[int] | NDArray[np.int64],
        updates: Any,
        examples: ArrayLike | None = None,
    ) -> None:
        """Sends many updates at once, on all threads, in batches of bounded memory.

        The result has the bits of `send` one after the other.

        Args:
            clients: n different ones of `cohort`.
            updates: n rows, an array of shape (n, parameters) or a list of vectors.
            examples: n numbers, or None: one each.

        Raises:
            StateError: for a client that was not drawn or has sent: none of the updates counts
                then.
            KeyboardInterrupt: by Ctrl-C; its cause says how many of them have sent. The others may.
        """
        self._check()
        federation = self._federation
        numbers = _arrays.integers(clients, "clients")
        rows = _arrays.float_rows(updates, "updates", federation.dimension, len(numbers))
        counts = None if examples is None else _arrays.integers(examples, "examples", len(numbers))
        if len(numbers) == 0:
            return
        handle = federation._handle

        def work() -> int:
            return _library.result(
                "fs_federation_send",
                int(handle),
                _arrays.address(numbers),
                _arrays.address(rows),
                _arrays.address(counts),
                len(numbers),
                federation.dimension,
            )

        if rows.size < LONG:
            _library.stoppable(work, handle)
        else:
            _library.patiently(work, stop=handle)

    def step(self) -> NDArray[np.float32]:
        """Completes the noise and moves the model; the round takes no more updates.

        Clients that sent nothing are dropouts: the noise is completed to what the account assumes.
        With a folder the round's checkpoint is on the disk before this returns.

        Returns:
            the new model, as `federation.parameters`: to measure, before `close`.
        """
        self._check()
        self._federation._step(self)
        return self._federation.parameters

    def close(
        self,
        accuracy: float | None = None,
        loss: float | None = None,
        *,
        evaluate: Callable[[NDArray[np.float32]], Any] | None = None,
    ) -> dict[str, Any]:
        """Ends the round and writes its row, after `step`, which it makes where you have not.

        The next iteration closes a round that is open.

        >>> round.close(evaluate=lambda parameters: accuracy_of(unflatten(parameters, model)))

        Args:
            accuracy: of the model after the round, from 0 to 1: only who has made the `step` can
                have measured it. It goes into the row and is outside the guarantee.
            loss: likewise, any finite number.
            evaluate: is given the new parameters, and gives accuracy, or (accuracy, loss), or a
                dict of "accuracy" and "loss". Should it raise, the round stays open, with its step
                made.

        Returns:
            the row, as in rounds.jsonl.
        """
        if self.record is not None:
            return self.record
        self._check()
        if evaluate is not None:
            if accuracy is not None or loss is not None:
                raise InvalidError("evaluate: found with figures; allowed: one of both")
            accuracy, loss = _figures(evaluate(self.step()))
        return self._federation._close(self, accuracy, loss)

    def _check(self) -> None:
        if self.record is not None:
            raise StateError(f"round {self.number} is closed")
        if self._federation._open is not self:
            raise StateError(f"round {self.number} is not the open round of its federation")

    def __repr__(self) -> str:
        state = "open" if self.is_open else "closed"
        return f"Round({self.number}, {len(self._cohort)} clients, {state})"


class Federation:
    """Private federated training whose clients are yours; server, noise, bytes and account are
    FedSim's.

    >>> federation = fedsim.Federation(start, population=200, sampling_rate=.25, rounds=10,
    ...                                clipping_norm=1, epsilon=5, delta=1e-4)
    >>> for round in federation:
    ...     for client in round.cohort:
    ...         round.send(client, train(round.parameters, client) - round.parameters)
    >>> federation.parameters, federation.epsilon

    Each iteration closes the last round, asks the accountant, and draws a cohort. Every update is
    clipped, coded with exact noise, decoded, and added up exactly; the server completes the noise
    to z C and steps.

    **What is claimed.** `epsilon` is that of all planned rounds, for whoever sees the models: also
    where the loop is left early, since when to stop may have been chosen by looking. A client that
    sends nothing is a dropout. Cohorts, row figures (bits, accuracy, losses) and this object's keys
    are outside the claim.

    **A round is never drawn again.** If the loop's body raises or breaks, the round stays open;
    another cohort for it would be a second release. Close it (`federation.open_round.close()`),
    after sending what is missing; or drop the object, and resume from its folder after the last
    closed round.

    Args:
        parameters: the model that round 1 starts from: a vector, a list of arrays, a dict of named
            arrays, or a torch module (see `flatten`). Names and shapes go into model.safetensors.
        population: N; clients are 0 to N - 1.
        rounds: T, the planned rounds.
        clipping_norm: C; None for no privacy at all.
        cohort: expected clients of a round; or give `sampling_rate`.
        sampling_rate: q; q N must be a whole number of clients.
        sampling: "poisson", "fixed-size" or "everyone".
        epsilon: of all rounds together, which the noise is calibrated to; or give
            `noise_multiplier`.
        noise_multiplier: z: the noise on the sum over C.
        delta: None: min(1e-5, N^-1.1).
        relation: what neighboring data differ by; see `account`.
        accountant: see `account`.
        codec: the code of the uplink; "auto" takes the exact one with the fewest predicted bits.
        server_optimizer: "fedavg", "fedavgm", "fedadagrad", "fedadam" or "fedyogi".
        server_learning_rate: the server's step.
        run_key: keys all noise: a *secret* of 16 bytes or more. None takes fresh ones from the
            system; with a folder they are kept in it. `fedsim.run_key(seed, data=[...])` makes a
            run repeatable. An integer is refused.
        folder: writes a run folder (docs/run-files.md), for `fedsim report`, `open_run` and
            `resume`.
        resume: goes on after the last closed round of `folder`; where there is none it begins. An
            object of this process that works there is released, with `force` too.
        force: replaces the run that is in `folder`.
        threads: None: all cores. No bit depends on it.
        name: of the run.
        scenario: further keys of docs/scenario.md, such as {"channel": {"coded": .1}}.
        tensors: [{"name": ..., "shape": [...]}] in the order of a flat vector, where `parameters`
            is one.
    """

    def __init__(
        self,
        parameters: Any,
        *,
        population: int,
        rounds: int,
        clipping_norm: float | None,
        cohort: int | None = None,
        sampling_rate: float | None = None,
        sampling: str = "poisson",
        epsilon: float | None = None,
        noise_multiplier: float | None = None,
        delta: float | None = None,
        relation: str = "zero-out",
        accountant: str = "pld",
        codec: str = "auto",
        server_optimizer: str = "fedavg",
        server_learning_rate: float = 1.0,
        run_key: bytes | None = None,
        folder: str | os.PathLike[str] | None = None,
        resume: bool = False,
        force: bool = False,
        threads: int | None = None,
        name: str | None = None,
        scenario: Mapping[str, Any] | None = None,
        tensors: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        clients = _arrays.whole(population, "population", 1)
        self._layout = Layout.of(parameters)
        start = flatten(parameters)
        if len(start) == 0:
            raise InvalidError("parameters: found none; allowed: one number or more")
        names = self._layout.tensors() if tensors is None else [dict(one) for one in tensors]
        settings: dict[str, Any] = {
            "name": name or "federation",
            "rounds": _arrays.whole(rounds, "rounds", 1),
            "data": {"source": "external", "clients": clients},
            "model": {"kind": "external", "parameters": len(start)},
            "cohort": _cohort(clients, cohort, sampling_rate, sampling),
            "server": {"optimizer": server_optimizer, "learningRate": float(server_learning_rate)},
            "channel": {"codec": codec},
        }
        privacy = _privacy(clipping_norm, epsilon, noise_multiplier, delta, relation, accountant)
        if privacy is not None:
            settings["privacy"] = privacy
        settings = _merged(settings, {} if scenario is None else scenario, "scenario")
        key = _run_key(run_key)
        if resume and folder is None:
            raise InvalidError("resume: found without folder; allowed: with the folder of a run")
        if resume and force:
            raise InvalidError("resume, force: found both; allowed: one of them")
        options: dict[str, Any] = {
            "threads": _threads(threads),
            "folder": None if folder is None else os.fspath(folder),
            "start": "resuming" if resume else "replacing" if force else "new",
            "tensors": names,
        }
        text, chosen = _library.encoded(settings), _library.encoded(options)
        if folder is not None and (resume or force):
            _library.leave(folder)

        def make() -> _library.Handle:
            return _library.Handle(
                "federation",
                "fs_federation_new",
                text,
                len(text),
                chosen,
                len(chosen),
                _arrays.address(start),
                len(start),
                key,
                0 if key is None else len(key),
            )

        handle = _library.patiently(make)
        if folder is not None:
            _library.work_in(folder, handle)
        self._begin(handle, len(start), folder)

    def _begin(
        self, handle: _library.Handle, count: int, folder: str | os.PathLike[str] | None
    ) -> None:
        self._handle = handle
        self._count = count
        self._folder = None if folder is None else os.fspath(folder)
        self._open: Round | None = None
        self._unseen: Round | None = None
        self._told = False
        self._lock = threading.RLock()
        self._summary: dict[str, Any] | None = None
        #: Rounds that this object closed since `_about` was asked.
        self._closed = 0
        self._about: dict[str, Any] = _library.text_of("fs_federation_about", int(handle))
        _library.warn(self._about)
        self._records = Rows(_rows_of(self._folder, int(self._about.get("roundsDone", 0))))

    @classmethod
    def _of(cls, run: _library.Handle) -> Federation:
        """The federation of a run that has made no round, to check that rounds from outside are its
        own."""
        self = cls.__new__(cls)
        handle = _library.Handle("federation", "fs_federation_of", int(run))
        about = _library.text_of("fs_federation_about", int(handle))
        count = int(about["parameters"])
        self._layout = Layout(("parameters",), ((count,),))
        self._begin(handle, count, None)
        return self

    # ---- Rounds

    def __iter__(self) -> Iterator[Round]:
        """The rounds that are left; each iteration closes the round before it."""
        if self._open is not None and self._open is not self._unseen:
            raise StateError(
                f"round {self._open.number} is open: the loop was left inside it. Close it with "
                "federation.open_round.close(), after sending what is missing; or drop this object "
                "and go on "
                "with Federation(..., folder=..., resume=True). It is never drawn again: another "
                "cohort for one "
                "round would be a second release"
            )
        return self._rounds()

    def _rounds(self) -> Iterator[Round]:
        while True:
            following = self.next_round()
            if following is None:
                return
            yield following
            # The body has ended without an exception.
            following.close()

    def __len__(self) -> int:
        """Rounds that are left to be opened: what `tqdm(federation)` counts to."""
        planned = int(self._about.get("rounds", 0))
        begun = int(self._about.get("roundsDone", 0)) + self._closed
        return max(planned - begun - (self._open is not None and self._open is not self._unseen), 0)

    def __bool__(self) -> bool:
        """True, also where no round is left."""
        return True

    def next_round(self) -> Round | None:
        """Opens the next round; None where all are made, or the budget pays for no more.

        Raises:
            StateError: where a round is open.
        """
        with self._lock:
            if self._unseen is not None:
                unseen, self._unseen = self._unseen, None
                return unseen
            if self._open is not None:
                raise StateError(f"round {self._open.number} is open: close it first")
            _library.patiently(self._draw)
            drawn, self._unseen = self._unseen, None
            if drawn is None and self._folder is not None:
                self.summary()
            return drawn

    def _draw(self) -> None:
        # A round that is drawn although Ctrl-C came was seen by nobody, and is handed out next.
        opened = _library.text_of("fs_federation_open", int(self._handle))
        if opened is not None:
            self._open = self._unseen = Round(self, opened)

    @property
    def open_round(self) -> Round | None:
        """The round that is open, or None."""
        return self._open

    def _step(self, round: Round) -> None:
        def work() -> None:
            _library.result("fs_federation_step", int(self._handle))
            round.is_stepped = True

        with self._lock:
            _library.patiently(work)

    def _close(self, round: Round, accuracy: float | None, loss: float | None) -> dict[str, Any]:
        data = _evaluation(accuracy, loss)

        def work() -> dict[str, Any]:
            record: dict[str, Any] = _library.text_of(
                "fs_federation_close", int(self._handle), data, 0 if data is None else len(data)
            )
            # All of it before anybody is told: Ctrl-C may come at any time.
            round.record = record
            self._open = None
            if self._unseen is round:
                self._unseen = None
            self._summary = None
            self._records.append(record)
            self._closed += 1
            return record

        with self._lock:
            record = _library.patiently(work)
        if record.get("nonFinite") and not self._told:
            self._told = True
            _library.warn(
                {
                    "warnings": [
                        f"round {round.number}: {record['nonFinite']} of {record.get('arrived')} "
                        "updates were not finite and counted as zero; it is said once"
                    ]
                }
            )
        return record

    def _update(self, update: Any, name: str) -> NDArray[np.float32]:
        if isinstance(update, (list, tuple, Mapping)) or hasattr(update, "named_parameters"):
            layout = Layout.of(update)
            if isinstance(update, Mapping) and layout.names != self._layout.names:
                # By name, whatever their order: frameworks sort them.
                named = dict(zip(layout.names, split_leaves(update), strict=True))
                if set(named) != set(self._layout.names):
                    strange = sorted(set(named) ^ set(self._layout.names))[:5]
                    raise InvalidError(
                        f"{name}: found names that differ from those of the federation's "
                        f"parameters in {strange}; allowed: {list(self._layout.names)}"
                    )
                update = [named[one] for one in self._layout.names]
                layout = Layout(self._layout.names, Layout.of(update).shapes)
            if layout.shapes != self._layout.shapes and layout.shapes != ((self._count,),):
                raise InvalidError(
                    f"{name}: found arrays of shapes {list(layout.shapes)}; allowed: those of the "
                    f"federation's parameters, {list(self._layout.shapes)}, or a vector of "
                    f"{self._count:,}"
                )
            return flatten(update)
        return _arrays.float_vector(update, name, self._count)

    # ---- What it is, and what it came to

    @property
    def dimension(self) -> int:
        """Numbers of the model."""
        return self._count

    @property
    def parameters(self) -> NDArray[np.float32]:
        """The present model as a new vector; `fedsim.unflatten(federation.parameters, model)` gives
        its form."""
        out = np.empty(self._count, np.float32)
        _library.result(
            "fs_federation_parameters", int(self._handle), _arrays.address(out), self._count
        )
        return out

    @property
    def epsilon(self) -> float | None:
        """The claimed epsilon: of all planned rounds, at `delta`; None where nothing is guaranteed.

        It is a proved upper bound for whoever sees the models of all rounds;
        `about["guaranteeStatement"]` says it in words, and `summary()["views"]` what other
        adversaries are guaranteed.
        """
        value = self._about.get("epsilon")
        return None if value is None else float(value)

    @property
    def delta(self) -> float | None:
        """The delta of `epsilon`."""
        value = self._about.get("delta")
        return None if value is None else float(value)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows of all closed rounds, as in rounds.jsonl; with `resume` those of earlier
        processes too."""
        return list(self._records)

    def frame(self) -> Any:
        """The rows as a pandas DataFrame with the columns of rounds.csv; without pandas a list of
        flat dicts."""
        return self._records.frame()

    @property
    def about(self) -> dict[str, Any]:
        """Settings and claim: noiseMultiplier, noiseScale, largestCohort, codec, epsilon, delta,
        scenario, ..."""
        return dict(self._about)

    @property
    def folder(self) -> str | None:
        """Where its files are, or None."""
        return self._folder

    @property
    def ledger(self) -> dict[str, Any]:
        """What was released so far, as ledger.json has it: `fedsim.account(ledger=...)` computes
        epsilon again."""
        value: dict[str, Any] = _library.text_of("fs_federation_ledger", int(self._handle))
        return value

    def summary(self) -> dict[str, Any]:
        """What it came to, as summary.json has it; with a folder it is written there.

        It may be asked before all rounds are made: the run is then one that was interrupted, and it
        can go on. A round that is open is no part of it, but one whose step was made is closed.
        """
        if self._open is not None and self._open.is_stepped:
            # The library closes it; so its row is known here too.
            self._open.close()
        if self._summary is None:
            number = int(self._handle)
            self._summary = _library.patiently(
                lambda: _library.text_of("fs_federation_finish", number)
            )
        return dict(self._summary or {})

    def state(self) -> bytes:
        """A checkpoint between rounds: **a secret**, since whoever has it can take the noise
        off."""
        return _library.bytes_of("fs_federation_state", int(self._handle))

    def restore(self, state: bytes) -> None:
        """Takes the place of the federation that `state()` is of, in a new one of the same
        settings.

        The new one has no folder and has opened no round. It takes the state's run key; one that
        was given another key refuses. `records` begins after the state.

        **Rounds after an older state have the cohorts and the noise of those that were made of it
        before**: other updates in them would release two sums under one noise. Go back only to make
        the same rounds again.
        """
        if not isinstance(state, (bytes, bytearray, memoryview)):
            raise InvalidError(f"state: found {type(state).__name__}; allowed: what state() gave")
        data = bytes(state)
        _library.result("fs_federation_restore", int(self._handle), data, len(data))
        self._about = _library.text_of("fs_federation_about", int(self._handle))
        self._records.clear()
        self._closed = 0
        self._summary = None

    def release(self) -> None:
        """Gives the library's memory back; the folder stays. A round that is open is lost, and not
        drawn again."""
        self._open = self._unseen = None
        self._handle.release()

    def __enter__(self) -> Federation:
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        try:
            if (
                kind is None
                and self._open is None
                and self._folder is not None
                and self._handle.number
            ):
                self.summary()
        finally:
            self.release()

    def __reduce__(self) -> Any:
        raise TypeError(
            "a Federation holds the keys of its noise and cannot be pickled; state() gives a "
            "checkpoint"
        )

    @property
    def spending(self) -> Spending | None:
        """The claim with all that it is about: `account` of all planned rounds; None without one.

        Its z is the one that is accounted for, 10^-6 below the noise that is added.
        """
        return None if self.epsilon is None else account(ledger=self.ledger)

    def _claim(self) -> str:
        if self.epsilon is None:
            return "no guarantee"
        scenario = self._about.get("scenario") or {}
        privacy, cohort = scenario.get("privacy") or {}, scenario.get("cohort") or {}
        about = [privacy.get("accountant"), privacy.get("relation"), cohort.get("sampling")]
        z = self._about.get("noiseMultiplier")
        if z is not None:
            about.append(f"z = {float(z):.6g}")
        return (
            f"epsilon {math.ceil(self.epsilon * 1e6) / 1e6:.6f} at delta {self.delta:g} for all "
            "planned "
            f"rounds ({', '.join(str(one) for one in about if one)}), for whoever sees the models"
        )

    def __repr__(self) -> str:
        rounds = self._about.get("rounds", "?")
        done = f"{len(self._records)} of {rounds} rounds"
        return f"Federation({self._count:,} parameters, {done}, {self._claim()})"

    def _repr_html_(self) -> str:
        from ._html import table

        return table(
            self._claim(),
            [
                ("parameters", f"{self._count:,}"),
                ("rounds", f"{len(self._records)} of {self._about.get('rounds', '?')}"),
                ("codec", str(self._about.get("codec", ""))),
                ("claim", str(self._about.get("guaranteeStatement", "none"))),
            ],
        )


def _cohort(
    clients: int, cohort: int | None, sampling_rate: float | None, sampling: str
) -> dict[str, Any]:
    if sampling == "everyone":
        if cohort not in (None, clients) or sampling_rate not in (None, 1, 1.0):
            raise InvalidError(
                'cohort, sampling_rate: found beside sampling="everyone"; allowed: neither'
            )
        return {"sampling": sampling}
    if (cohort is None) == (sampling_rate is None):
        raise InvalidError("cohort, sampling_rate: found both or none; allowed: one of them")
    if sampling_rate is not None:
        rate = float(sampling_rate)
        if not 0 < rate <= 1:
            raise InvalidError(f"sampling_rate: found {sampling_rate}; allowed: above 0, at most 1")
        size = max(round(rate * clients), 1)
        if abs(rate * clients - size) > 1e-9 * clients * rate:
            raise InvalidError(
                f"sampling_rate: found {sampling_rate}, which of {clients:,} clients is "
                f"{rate * clients:g}; "
                f"allowed: a whole cohort. The nearest one is cohort={size}, a rate of "
                f"{size / clients:.12g}"
            )
    else:
        size = _arrays.whole(cohort, "cohort", 1, clients)
    return {"sampling": sampling, "size": size}


def _privacy(
    clipping_norm: float | None,
    epsilon: float | None,
    noise_multiplier: float | None,
    delta: float | None,
    relation: str,
    accountant: str,
) -> dict[str, Any] | None:
    if clipping_norm is None:
        for name, value in (
            ("epsilon", epsilon),
            ("noise_multiplier", noise_multiplier),
            ("delta", delta),
        ):
            if value is not None:
                raise InvalidError(
                    f"{name}: found {value} without clipping_norm; allowed: with one"
                )
        return None
    if (epsilon is None) == (noise_multiplier is None):
        raise InvalidError(
            "epsilon, noise_multiplier: found both or none; allowed: one of them "
            "(clipping_norm=None is for none)"
        )
    privacy: dict[str, Any] = {
        "clippingNorm": float(clipping_norm),
        "relation": relation,
        "accountant": accountant,
    }
    if epsilon is not None:
        privacy["targetEpsilon"] = float(epsilon)
    if noise_multiplier is not None:
        privacy["noiseMultiplier"] = float(noise_multiplier)
    if delta is not None:
        privacy["delta"] = float(delta)
    return privacy


def _figures(measured: Any) -> tuple[float | None, float | None]:
    """Accuracy and loss of what a caller's `evaluate` gave."""
    if isinstance(measured, Mapping):
        unknown = sorted(set(measured) - {"accuracy", "loss"})
        if unknown:
            raise InvalidError(
                f'evaluate: gave {unknown[0]!r}; allowed: a dict of "accuracy" and "loss"'
            )
        return measured.get("accuracy"), measured.get("loss")
    if isinstance(measured, tuple):
        if len(measured) != 2:
            raise InvalidError(
                f"evaluate: gave {len(measured)} values; allowed: accuracy, or (accuracy, loss)"
            )
        return measured
    return measured, None


def _evaluation(accuracy: float | None, loss: float | None) -> bytes | None:
    """What the caller measured, as JSON; None for nothing."""
    figures = {"accuracy": accuracy, "loss": loss}
    given = {name: float(value) for name, value in figures.items() if value is not None}
    return _library.encoded(given) if given else None


def _run_key(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, (int, np.integer)):
        raise InvalidError(
            "run_key: found an integer; allowed: 16 bytes or more, or None for fresh ones. Two "
            "runs on different "
            "data under one seed have the same noise, and their difference shows the data: "
            "fedsim.run_key(seed, data=[all that decides the updates]) makes a key that differs "
            "where they do"
        )
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise InvalidError(
            f"run_key: found {type(value).__name__}; allowed: 16 bytes or more, or None"
        )
    key = bytes(value)
    if len(key) < 16:
        raise InvalidError(f"run_key: found {len(key)} bytes; allowed: 16 or more")
    return key


def _threads(threads: int | None) -> int:
    count = (os.cpu_count() or 1) if threads is None else _arrays.whole(threads, "threads", 1, 1024)
    return _library.safe_threads(count)


def _merged(base: dict[str, Any], more: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Sections of `more` laid over those of `base`."""
    if not isinstance(more, Mapping):
        raise InvalidError(f"{path}: found {type(more).__name__}; allowed: a dict of sections")
    merged = dict(base)
    for name, value in more.items():
        if path == "scenario" and name in (
            "data",
            "model",
            "partition",
            "training",
            "seed",
            "task",
        ):
            raise InvalidError(
                f"{path}.{name}: a federation has none: its clients are the caller's"
            )
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, Mapping):
            merged[name] = _merged(old, value, f"{path}.{name}")
        else:
            merged[name] = value
    return merged


def _rows_of(folder: str | None, done: int) -> list[dict[str, Any]]:
    if folder is None or done == 0:
        return []
    from .runs import read_rows

    try:
        return read_rows(folder)[:done]
    except FolderError:
        return []
