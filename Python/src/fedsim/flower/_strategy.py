"""The server's half: cohorts, exact sums, the rest of the noise, and what it has cost."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from logging import INFO, WARNING
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg, Result
from numpy.typing import NDArray

from ..channel import Channel
from ..errors import FedSimError, InvalidError, PayloadError, PrivacyRefused, StateError
from ..keys import KeyPair
from . import _wire
from ._cohort import CohortSampler
from ._commitment import Commitment
from ._enrolment import Enrolment
from ._ledger import Ledger
from ._optimizers import ServerOptimizer

log = logging.getLogger("flwr").log

#: What stands before the name of a figure that no epsilon covers.
OUTSIDE = "outside-guarantee."

#: Arguments of FedAvg that would make an epsilon wrong, and why.
_REFUSED = {
    "fraction_train": (
        "who is drawn follows from the plan: each of N clients with probability q, or a uniform "
        "subset of fixed size"
    ),
    "min_train_nodes": (
        "a minimum of drawn clients is no Poisson cohort: only the plan's coins decide who takes "
        "part"
    ),
    "min_available_nodes": (
        "a sampler that waits for nodes samples those that are there; cohorts are drawn over all N "
        "clients of the plan, and who is not there is a dropout (wait_for_nodes delays the first "
        "round only)"
    ),
    "weighted_by_key": (
        "weights by examples are data: one client could count for more than the clipping norm"
    ),
    "train_metrics_aggr_fn": (
        "metrics of clients have no noise; ChannelMod(keep_metrics=True) sends them, and their "
        f'means are in the result under "{OUTSIDE}..."'
    ),
}


@dataclass
class _OpenRound:
    """A round whose cohort was drawn and that is not released yet."""

    number: int
    arrays: ArrayRecord
    layout: _wire.Layout
    model: bytes
    epsilon: float
    drawn: int
    cohort: set[int]
    started: float
    payloads: list[bytes] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    reply_bytes: int = 0
    refused: int = 0


class FedSimStrategy(FedAvg):
    """Federated averaging whose models have an (epsilon, delta), by what `fedsim.plan` planned.

    In each round it draws a cohort from a secret (Poisson, or a uniform subset of fixed size, over
    all N clients of the plan), sends the model, adds the decoded updates exactly, completes the
    noise to z C with the library's generator, whoever answered, divides by the *expected* cohort
    size, and lets the server optimizer step. An empty cohort releases noise alone. What does not
    come, comes late, or is no client's message of this round and this model is a dropout. Clients
    need `ChannelMod`.

    One object is for one run. Use `start` as with any strategy of Flower, or its four methods.

    Args:
        plan: what `fedsim.plan` returned, or a Commitment.
        server_optimizer: "fedavg", "fedavgm", "fedadagrad", "fedadam" or "fedyogi":
            post-processing.
        server_learning_rate, momentum, beta2, adaptivity: the optimizer's.
        ledger: a file for the privacy ledger, which `fedsim account --ledger FILE --delta D` reads.
        key_pair: the server's X25519 pair, where clients know its public key; None makes a fresh
            one.
        wait_for_nodes: how many nodes the first round waits for; None: all N clients of the plan.
        node_timeout: how long it waits at most, in seconds. Then the round begins with those that
            are there.
        enrol_timeout: how long public keys are waited for, in seconds.
        threads: for decoding; no bit depends on it.
        arrayrecord_key, configrecord_key: names of the records in messages, as in FedAvg.
        fraction_evaluate, min_evaluate_nodes, evaluate_metrics_aggr_fn: evaluation by clients, as
            in FedAvg. It is off at first: what clients say of their data is outside of the
            guarantee.

    Raises:
        PrivacyRefused: for arguments of FedAvg that would make the epsilon wrong.
    """

    def __init__(
        self,
        plan: Any,
        *,
        server_optimizer: str = "fedavg",
        server_learning_rate: float = 1.0,
        momentum: float | None = None,
        beta2: float | None = None,
        adaptivity: float | None = None,
        ledger: str | os.PathLike[str] | None = None,
        key_pair: KeyPair | None = None,
        wait_for_nodes: int | None = None,
        node_timeout: float = 60.0,
        enrol_timeout: float = 600.0,
        threads: int = 1,
        arrayrecord_key: str = "arrays",
        configrecord_key: str = "config",
        fraction_evaluate: float = 0.0,
        min_evaluate_nodes: int = 2,
        evaluate_metrics_aggr_fn: Callable[[list[RecordDict], str], MetricRecord] | None = None,
        **refused: Any,
    ) -> None:
        for name in refused:
            if name in _REFUSED:
                raise PrivacyRefused(f"{name}: {_REFUSED[name]}")
            raise InvalidError(f"{name}: FedSimStrategy has no such argument")
        self.commitment = Commitment.of(plan)
        super().__init__(
            fraction_train=self.commitment.sampling_rate,
            min_train_nodes=0,
            min_evaluate_nodes=min_evaluate_nodes,
            min_available_nodes=0,
            arrayrecord_key=arrayrecord_key,
            configrecord_key=configrecord_key,
            evaluate_metrics_aggr_fn=evaluate_metrics_aggr_fn,
        )
        # Not given to FedAvg, which warns of 0: here that is the rule.
        self.fraction_evaluate = fraction_evaluate
        self._enrolment = Enrolment(self.commitment, key_pair)
        self._sampler = CohortSampler(self.commitment)
        self._optimizer = ServerOptimizer(
            server_optimizer,
            server_learning_rate,
            momentum=momentum,
            beta2=beta2,
            adaptivity=adaptivity,
        )
        self._channel = Channel(
            self.commitment.codec,
            self.commitment.parameters,
            clipping_norm=self.commitment.clipping_norm,
            noise_scale=self.commitment.noise_scale,
            rotation_key=self._enrolment.rotation,
            options=self.commitment.options or None,
            threads=threads,
        )
        if not self._channel.exact:
            raise PrivacyRefused(
                f"codec: {self._channel.codec!r} does not give exactly Gaussian noise; no epsilon "
                "is proved for it"
            )
        self._ledger = Ledger(self.commitment, ledger)
        self._wait_for_nodes = self.commitment.clients if wait_for_nodes is None else wait_for_nodes
        self._node_timeout = node_timeout
        self._enrol_timeout = enrol_timeout
        self._open: _OpenRound | None = None
        self._released: bytes | None = None
        self._done = 0
        #: A dict for each round: round, epsilon, drawn, asked, arrived, refused, payload_bits_mean,
        #: payload_bits_total, reply_bytes, seconds. Only round and epsilon are covered by the
        #: guarantee.
        self.records: list[dict[str, Any]] = []

    # ---- What is claimed

    @property
    def public_key(self) -> bytes:
        """The server's public key: `ChannelMod(server_key=...)` of clients that have it from
        elsewhere."""
        return self._enrolment.public_key

    @property
    def epsilon(self) -> float:
        """What the rounds so far have spent, at the plan's delta: an upper bound."""
        return self._ledger.epsilon(self._done)

    @property
    def ledger(self) -> dict[str, Any]:
        """The privacy ledger: for `fedsim.account(ledger=...)`, or as JSON for `fedsim account
        --ledger`."""
        return self._ledger.json()

    @property
    def statement(self) -> str:
        """What epsilon is about, in a sentence or two."""
        plan = self.commitment
        # Six decimals, rounded up: what is said is still a bound.
        epsilon = math.ceil(plan.epsilon * 1e6) / 1e6
        real = (
            ""
            if plan.numerical_delta > 0
            else " The claim is for noise in real arithmetic: delta has no room for rounding."
        )
        return (
            f"epsilon {epsilon:.6f} at delta {plan.delta:g} for all {plan.rounds} planned rounds "
            f"({plan.relation}, {plan.sampling} cohorts, q = {plan.sampling_rate:g}, z = "
            f"{plan.noise_multiplier:.6g}, accountant {plan.accountant}). It covers the models of "
            "all rounds and what is computed from them and public data, for an observer who knows "
            "neither keys nor cohorts; the server is trusted. Outside of it: cohorts, dropouts, "
            "lengths of messages, clients' metrics and evaluations, timings, and choices made from "
            f"them.{real}"
        )

    def forget(self, node: int) -> None:
        """Lets a node enrol again under another key, where it has lost its state. Until then
        another key is refused."""
        self._enrolment.forget(node)

    def history(self, result: Result | None = None) -> list[dict[str, Any]]:
        """`records`, with the server's evaluations of a result under their names."""
        rows = []
        for record in self.records:
            row = dict(record)
            if result is not None:
                row.update(result.evaluate_metrics_serverapp.get(record["round"], {}))
            rows.append(row)
        return rows

    def summary(self) -> None:
        """Logs what is planned."""
        log(INFO, "\t└──> FedSim: %s", self.statement)

    # ---- A run

    def start(
        self,
        grid: Grid,
        initial_arrays: ArrayRecord,
        num_rounds: int = 3,
        timeout: float = 3600,
        train_config: ConfigRecord | None = None,
        evaluate_config: ConfigRecord | None = None,
        evaluate_fn: Callable[[int, ArrayRecord], MetricRecord | None] | None = None,
    ) -> Result:
        """Makes `num_rounds` rounds, at most the planned ones; see FedAvg.

        A run that is stopped earlier by looking at results still claims the planned epsilon.
        """
        if num_rounds > self.commitment.rounds:
            raise PrivacyRefused(
                f"num_rounds: found {num_rounds}; planned: {self.commitment.rounds}. Noise was "
                "calibrated for these: "
                "plan for more"
            )
        if self._done or self._open:
            raise StateError(
                "this strategy has made a run; allowed: one run for each, as its keys are"
            )
        self._layout(initial_arrays)
        return super().start(
            grid, initial_arrays, num_rounds, timeout, train_config, evaluate_config, evaluate_fn
        )

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Draws the cohort of a round, enrols those of it that are new, and writes their messages.

        Raises:
            PrivacyRefused: for a round that was not planned, or a model that this strategy did not
                release.
            StateError: for a round out of order: another cohort for one round would be a second
                release.
        """
        if self._open is not None:
            raise StateError(
                f"round {self._open.number} is open: aggregate_train releases it, with whatever "
                "arrived. A second cohort "
                "for one round would be a second release"
            )
        if server_round > self.commitment.rounds:
            raise PrivacyRefused(
                f"round: found {server_round}; planned: {self.commitment.rounds} rounds"
            )
        if server_round != self._done + 1:
            raise StateError(f"round: found {server_round}; the next one is {self._done + 1}")
        layout = self._layout(arrays)
        model = _wire.digest(arrays)
        if self._released is not None and not _wire.equal(model, self._released):
            raise PrivacyRefused(
                "arrays: found another model than the last round released. A change that data "
                "decide has no noise; "
                "what public knowledge decides belongs into the next run's initial arrays"
            )
        # The accountant comes first: it needs no data, and a round that it refuses is not made.
        epsilon = self._ledger.epsilon(server_round)
        self._see(grid)
        slots, drawn = self._sampler.draw(server_round)
        cohort = self._enrolled(self._enrolment.nodes(slots), grid)
        # Whoever is not there is a dropout: nothing below depends on how many are.
        self._open = _OpenRound(
            server_round, arrays, layout, model, epsilon, drawn, set(cohort), time.monotonic()
        )
        log(INFO, "configure_train: round %s goes to a secret cohort", server_round)
        config["server-round"] = server_round
        record = RecordDict(
            {
                self.arrayrecord_key: arrays,
                self.configrecord_key: config,
                _wire.RECORD: _wire.config("train", self._enrolment.federation, round=server_round),
            }
        )
        messages: Iterable[Message] = self._construct_messages(record, cohort, MessageType.TRAIN)
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Releases a round: the exact sum of what arrived, with noise z C, divided by the expected
        cohort.

        Returns:
            the new model, always, and the round's figures.
        """
        open = self._open
        if open is None or open.number != server_round:
            raise StateError(f"round: found {server_round}, which is not open")
        metrics = self._receive(open, replies)
        plan = self.commitment
        total = self._sum(open)
        arrived = len(open.payloads)
        total = self._channel.complete(
            total, arrived=arrived, noise=plan.sum_noise, round=server_round
        )
        # Charged before anything of it leaves this function; and once, where it is called again
        # after an error. Nothing below sees anything but the release.
        if len(self._ledger) < server_round:
            self._ledger.charge(server_round)
        before = open.layout.flatten(open.arrays, "arrays")
        released = open.layout.record(self._optimizer.step(before, total / plan.cohort))
        self._open, self._done, self._released = None, server_round, _wire.digest(released)
        bits = [8 * len(payload) for payload in open.payloads]
        self.records.append(
            {
                "round": server_round,
                "epsilon": open.epsilon,
                "drawn": open.drawn,
                "asked": len(open.cohort),
                "arrived": arrived,
                "refused": open.refused,
                "payload_bits_mean": float(np.mean(bits)) if bits else None,
                "payload_bits_total": sum(bits),
                "reply_bytes": open.reply_bytes,
                "seconds": time.monotonic() - open.started,
            }
        )
        figures: dict[str, Any] = {"epsilon": open.epsilon, "delta": plan.delta}
        for name in ("drawn", "arrived", "refused", "payload_bits_mean", "reply_bytes"):
            value = self.records[-1][name]
            if value is not None:
                figures[OUTSIDE + name.replace("_", "-")] = value
        figures.update(metrics)
        return released, MetricRecord(figures)

    # ---- Parts of a round

    def _layout(self, arrays: ArrayRecord) -> _wire.Layout:
        layout = _wire.Layout.of(arrays)
        if layout.dimension != self.commitment.parameters:
            raise PrivacyRefused(
                f"arrays: found {layout.dimension:,} numbers; planned: "
                f"{self.commitment.parameters:,} parameters"
            )
        return layout

    def _see(self, grid: Grid) -> None:
        """Gives slots to nodes that are new. The first round waits for them, whoever will be
        drawn."""
        ends = time.monotonic() + self._node_timeout
        while True:
            nodes = list(grid.get_node_ids())
            left = self._enrolment.see(nodes)
            if left:
                log(
                    WARNING,
                    "%s nodes have no slot and are never drawn: the plan is for %s clients",
                    left,
                    self.commitment.clients,
                )
            if self._done or len(nodes) >= self._wait_for_nodes:
                return
            if time.monotonic() >= ends:
                log(
                    WARNING,
                    "%s of %s nodes are there; the others are dropouts",
                    len(nodes),
                    self._wait_for_nodes,
                )
                return
            time.sleep(min(1.0, max(0.0, ends - time.monotonic())))

    def _enrolled(self, nodes: list[int], grid: Grid) -> list[int]:
        """Those of some nodes that have a key, after those without have been asked for one.

        Raises:
            StateError: where all that were asked answered with errors and nobody has a key yet:
                their app has no ChannelMod, or another plan. Nothing was released then.
        """
        new = [node for node in nodes if node not in self._enrolment]
        reasons: list[str] = []
        if new:
            asked = set(new)
            messages = [self._enrolment.request(node) for node in new]
            for reply in grid.send_and_receive(messages, timeout=self._enrol_timeout):
                node = reply.metadata.src_node_id
                try:
                    if node not in asked:
                        raise PayloadError(
                            "found an answer of a node that was not asked, or a second one"
                        )
                    asked.discard(node)
                    if reply.has_error():
                        raise PayloadError(reply.error.reason or "found an error without a reason")
                    self._enrolment.accept(reply)
                except FedSimError as error:
                    reasons.append(str(error))
                    log(WARNING, "enrolment of node %s: %s", node, error)
            if reasons and not len(self._enrolment):
                raise StateError(
                    f"no client enrolled: {reasons[0]}. Clients need "
                    "ClientApp(mods=[fedsim.flower.ChannelMod(plan)]) "
                    "with the server's plan"
                )
        return [node for node in nodes if node in self._enrolment]

    def _receive(self, open: _OpenRound, replies: Iterable[Message]) -> dict[str, Any]:
        """Takes what is a code of this round, and the means of clients' metrics; all else is a
        dropout."""
        open.payloads, open.keys, open.reply_bytes, open.refused = [], [], 0, 0
        waiting = set(open.cohort)
        sums: dict[str, list[float]] = {}
        for reply in replies:
            node = reply.metadata.src_node_id
            try:
                if node not in open.cohort:
                    raise PayloadError("found a reply of a node that was not drawn")
                if node not in waiting:
                    raise PayloadError("found a second reply; one counts")
                if reply.has_error():
                    log(WARNING, "node %s does not take part: %s", node, reply.error.reason)
                    continue
                payload, record = _wire.code_of(reply)
                size = _wire.size_of(reply)
                keys = self._enrolment.keys(node)
                tag = _wire.field(record, "tag", bytes, _wire.TAG_BYTES)
                if not _wire.equal(tag, keys.code_tag(open.number, open.model, payload)):
                    raise PayloadError(
                        "found a code of another node, round, model or federation, or one that "
                        "was changed on its way"
                    )
                waiting.discard(node)
            except FedSimError as error:
                open.refused += 1
                log(WARNING, "reply of node %s does not count: %s", node, error)
                continue
            open.payloads.append(payload)
            open.keys.append(keys.code)
            open.reply_bytes += size
            for found in reply.content.metric_records.values():
                for name, value in found.items():
                    if name == self.weighted_by_key or not isinstance(value, (int, float)):
                        continue
                    if math.isfinite(value):
                        sums.setdefault(name, []).append(float(value))
        return {OUTSIDE + name: float(np.mean(values)) for name, values in sums.items()}

    def _sum(self, open: _OpenRound) -> NDArray[np.float64]:
        """The exact sum of what decodes; codes that no honest client sends are dropouts."""
        terms = self.commitment.largest_cohort
        for attempt in range(2):
            if not open.payloads:
                break
            try:
                return self._channel.sum(
                    open.payloads, keys=open.keys, round=open.number, terms=terms
                )
            except PayloadError:
                if attempt:
                    raise
                self._drop_hostile(open)
        return np.zeros(self.commitment.parameters, np.float64)

    def _drop_hostile(self, open: _OpenRound) -> None:
        """Decodes one by one, and keeps what can be decoded."""
        good: list[tuple[bytes, bytes]] = []
        for payload, key in zip(open.payloads, open.keys, strict=True):
            try:
                self._channel.decode(payload, key=key, round=open.number)
                good.append((payload, key))
            except PayloadError as error:
                open.refused += 1
                log(WARNING, "a code does not count: %s", error)
        open.payloads = [payload for payload, _ in good]
        open.keys = [key for _, key in good]

    def __getstate__(self) -> Any:
        raise TypeError(
            "a FedSimStrategy holds keys and the secret of its cohorts, and cannot be pickled"
        )
