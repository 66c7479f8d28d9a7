"""The accountant: what rounds cost, what a budget buys, what a federation would take.

z, the noise multiplier, is the standard deviation of the noise on the **sum** of clipped updates
over the clipping norm. The unit of privacy is a client with all its examples. Every answer names
the adversary, the neighboring relation, the sampling, z, delta and the theorem that it rests on.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union, overload

from . import _arrays, _library
from .errors import FolderError, InvalidError

__all__ = ["Calibration", "CodecPlan", "Event", "Plan", "Spending", "account", "calibrate", "plan"]

Ledger = Union[str, "os.PathLike[str]", Mapping[str, Any], Iterable["Event"]]


@dataclass(frozen=True)
class Event:
    """Rounds of one kind, for `account(ledger=[...])`.

    Args:
        noise_multiplier: z; with `count_noise` that of the update alone.
        sampling_rate: q: the probability that a client is drawn, or cohort over population.
        sampling: "poisson", "fixed-size" or "everyone" (q is then 1).
        count: how many such rounds there are.
        count_noise: standard deviation of the noise on a count of clients that is released with the
            sum, as adaptive clipping does: both are one event.
    """

    noise_multiplier: float
    sampling_rate: float = 1.0
    sampling: str = "poisson"
    count: int = 1
    count_noise: float | None = None

    def request(self) -> dict[str, Any]:
        """As `fs_account` reads it."""
        value: dict[str, Any] = {
            "noiseMultiplier": self.noise_multiplier,
            "samplingRate": self.sampling_rate,
            "sampling": self.sampling,
            "count": self.count,
        }
        if self.count_noise is not None:
            value["countNoise"] = self.count_noise
        return value


def _number(value: Any) -> float | None:
    """A number of an answer: infinity is the text "inf"."""
    return None if value is None else float(value)


def _show(value: float | None, digits: int = 7) -> str:
    return "unknown" if value is None else f"{value:.{digits}g}"


def _outward(value: float, *, up: bool) -> str:
    """Six decimals that are still a bound."""
    if not math.isfinite(value):
        return str(value)
    scaled = value * 1e6
    return f"{(math.ceil(scaled) if up else math.floor(scaled)) / 1e6:.6f}"


@dataclass(frozen=True)
class Spending:
    """What rounds spend: (epsilon, delta), with bounds from both sides.

    `epsilon` is a proved upper bound at `delta`; `epsilon_lower_bound` a proved lower one (None
    where the accountant has none, or where delta was asked). Where delta was asked of an epsilon,
    `delta` is the upper bound and `delta_lower_bound` the lower one. Both hold for `adversary`:
    whoever sees the released models, and nothing else.
    """

    epsilon: float
    epsilon_lower_bound: float | None
    delta: float
    delta_lower_bound: float | None
    adversary: str
    relation: str
    sampling: str | None
    sampling_rate: float | None
    noise_multiplier: float | None
    rounds: int | None
    accountant: str
    theorem: str
    #: What a reader should not miss, such as bounds that are far apart.
    warnings: tuple[str, ...] = ()
    #: The whole answer of the library; with `curve=True` the curves too.
    details: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Spending:
        """From an answer of the library."""
        rounds = value.get("rounds")
        return cls(
            epsilon=float(value["epsilon"]),
            epsilon_lower_bound=_number(value.get("epsilonLowerBound")),
            delta=float(value["delta"]),
            delta_lower_bound=_number(value.get("deltaLowerBound")),
            adversary=str(value.get("adversary", "released-model")),
            relation=str(value["relation"]),
            sampling=value.get("sampling"),
            sampling_rate=_number(value.get("samplingRate")),
            noise_multiplier=_number(value.get("noiseMultiplier")),
            rounds=None if rounds is None else int(rounds),
            accountant=str(value["accountant"]),
            theorem=str(value["theorem"]),
            warnings=tuple(value.get("warnings", ())),
            details=dict(value),
        )

    def _kinds(self) -> str:
        if self.noise_multiplier is None:
            return f"rounds of several kinds ({_show(self.rounds)})"
        rate = "" if self.sampling_rate is None else f", q = {_show(self.sampling_rate)}"
        z = _show(self.noise_multiplier)
        return f"{self.sampling} cohorts{rate}, z = {z}, {self.rounds:,} rounds"

    def _claim(self) -> str:
        if self.delta_lower_bound is not None:
            lower = f", at least {self.delta_lower_bound:.6e}" if self.delta_lower_bound else ""
            return f"delta {self.delta:.6e}{lower} at epsilon {_show(self.epsilon)}"
        lower = (
            ""
            if self.epsilon_lower_bound is None
            else f", at least {_outward(self.epsilon_lower_bound, up=False)}"
        )
        return f"epsilon {_outward(self.epsilon, up=True)}{lower} at delta {_show(self.delta)}"

    def __str__(self) -> str:
        return (
            f"{self._claim()}\n"
            f"  for       {self.adversary}, which sees the models and nothing else of the run\n"
            f"  relation  {self.relation}; the unit is a client with all its examples\n"
            f"  rounds    {self._kinds()}\n"
            f"  theorem   {self.accountant}: {self.theorem}"
            + "".join(f"\n  warning   {text}" for text in self.warnings)
        )

    def _repr_html_(self) -> str:
        from ._html import table

        return table(
            self._claim(),
            [
                ("for", f"{self.adversary}, which sees the models and nothing else of the run"),
                ("relation", f"{self.relation}; the unit is a client with all its examples"),
                ("rounds", self._kinds()),
                ("theorem", f"{self.accountant}: {self.theorem}"),
                *(("warning", text) for text in self.warnings),
            ],
        )


def _list(value: Any) -> list[float]:
    if isinstance(value, str):
        raise InvalidError(f"found {value!r}; allowed: a number, or several")
    try:
        return [float(one) for one in value]
    except TypeError:
        return [float(value)]


def _answers(value: Mapping[str, Any]) -> list[Spending]:
    """One answer is an object; several have what differs in "curve"."""
    rows = value.get("curve")
    if not isinstance(rows, list):
        return [Spending.of(value)]
    common = {name: one for name, one in value.items() if name != "curve"}
    return [Spending.of({**common, **row}) for row in rows]


@overload
def account(
    *,
    noise_multiplier: float,
    rounds: int,
    delta: float,
    sampling_rate: float = ...,
    sampling: str = ...,
    relation: str = ...,
    accountant: str = ...,
    coarse: bool = ...,
    count_noise: float | None = ...,
) -> Spending: ...


@overload
def account(
    *,
    noise_multiplier: float | None = ...,
    rounds: int | None = ...,
    delta: Any = ...,
    epsilon: Any = ...,
    sampling_rate: float = ...,
    sampling: str = ...,
    relation: str | None = ...,
    accountant: str = ...,
    coarse: bool = ...,
    count_noise: float | None = ...,
    ledger: Ledger | None = ...,
    curve: bool = ...,
) -> Any: ...


def account(
    *,
    noise_multiplier: float | None = None,
    rounds: int | None = None,
    delta: Any = None,
    epsilon: Any = None,
    sampling_rate: float = 1.0,
    sampling: str = "poisson",
    relation: str | None = None,
    accountant: str = "pld",
    coarse: bool = False,
    count_noise: float | None = None,
    ledger: Ledger | None = None,
    curve: bool = False,
) -> Any:
    """What rounds spend: epsilon at a delta, or delta at an epsilon.

    >>> spent = fedsim.account(noise_multiplier=1, sampling_rate=.01, rounds=1000, delta=1e-6)
    >>> print(spent)
    epsilon 2.124516, at least 2.124515 at delta 1e-06
      for       released-model, which sees the models and nothing else of the run
      ...

    Args:
        noise_multiplier: z of every round.
        rounds: how many there are.
        delta: asks for epsilon; several in a list give a list of answers.
        epsilon: asks for delta, in place of `delta`.
        sampling_rate: q: the probability that a client is drawn, or cohort over population.
        sampling: "poisson", "fixed-size" (which costs far more at the same z: a client that is left
            out makes room for another one) or "everyone".
        relation: what neighboring data differ by: "zero-out" (the default), "add-or-remove" or
            "replace-one". z is never halved by hand: the relation decides how far a client moves
            the sum.
        accountant: "pld" (two-sided), "rdp" (from above) or "gaussian" (everyone, exact).
        coarse: a grid ten times as coarse, for searches: the bounds hold and lie further apart.
        count_noise: see `Event`.
        ledger: rounds of several kinds in place of z and `rounds`: `Event`s, a ledger.json (its
            path, or the folder of a run), or its content as a dict.

        curve: True puts delta over epsilon, the trade-off function, mu and rho into `details`
            (docs/accounting.md has the columns), down to the smallest delta that is given.

    Returns:
        a `Spending`, or a list of them.

    Raises:
        PrivacyRefused: for what is not proved.
    """
    if (delta is None) == (epsilon is None) and not (
        ledger is not None and delta is None and epsilon is None
    ):
        raise InvalidError("delta, epsilon: found both or none; allowed: one of them")
    request: dict[str, Any] = {
        "accountant": accountant,
        "coarse": bool(coarse),
        "curve": bool(curve),
    }
    if delta is not None:
        request["deltas"] = _list(delta)
    if epsilon is not None:
        request["epsilons"] = _list(epsilon)
    if ledger is not None:
        if noise_multiplier is not None or rounds is not None or count_noise is not None:
            raise InvalidError(
                "ledger: found beside noise_multiplier or rounds; allowed: one of them"
            )
        request.update(_ledger(ledger, relation))
    else:
        if noise_multiplier is None or rounds is None:
            raise InvalidError("noise_multiplier, rounds: both are needed where there is no ledger")
        event = Event(
            noise_multiplier,
            sampling_rate,
            sampling,
            _arrays.whole(rounds, "rounds", 1),
            count_noise,
        )
        request["rounds"] = [event.request()]
        request["relation"] = relation or "zero-out"
    data = _library.encoded(request)
    answer = _library.patiently(lambda: _library.text_of("fs_account", data, len(data)))
    answers = _answers(answer)
    asked = delta if delta is not None else epsilon
    return (
        answers[0]
        if asked is None or isinstance(asked, (int, float)) or _is_scalar(asked)
        else answers
    )


def _is_scalar(value: Any) -> bool:
    return getattr(value, "shape", None) == ()


def _ledger(ledger: Ledger, relation: str | None) -> dict[str, Any]:
    if isinstance(ledger, (str, os.PathLike)):
        path = os.fspath(ledger)
        if os.path.isdir(path):
            path = os.path.join(path, "ledger.json")
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise InvalidError(f"{path}: no JSON: {error}") from error
        return _ledger(content, relation)
    if isinstance(ledger, Mapping):
        value: dict[str, Any] = {"ledger": dict(ledger)}
        if relation is not None:
            if ledger.get("relation", relation) != relation:
                raise InvalidError(
                    f"relation: found {relation!r} and {ledger['relation']!r} in the ledger; "
                    "allowed: one"
                )
            value["relation"] = relation
        return value
    events = list(ledger)
    for index, event in enumerate(events):
        if not isinstance(event, Event):
            raise InvalidError(f"ledger[{index}]: found {type(event).__name__}; allowed: an Event")
    if not events:
        raise InvalidError("ledger: found no rounds; allowed: one or more")
    return {"rounds": [event.request() for event in events], "relation": relation or "zero-out"}


@dataclass(frozen=True)
class Calibration:
    """The least noise that keeps within a budget.

    `epsilon` was evaluated at `noise_multiplier` and is at most `target_epsilon`. `insufficient` is
    a smaller noise whose *lower* bound is above the target: the least one lies between the two.
    """

    noise_multiplier: float
    epsilon: float
    epsilon_lower_bound: float | None
    delta: float
    target_epsilon: float
    insufficient: float | None
    adversary: str
    relation: str
    sampling: str | None
    sampling_rate: float | None
    rounds: int | None
    accountant: str
    theorem: str
    details: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    @property
    def spending(self) -> Spending:
        """What rounds with this noise spend."""
        return Spending(
            self.epsilon,
            self.epsilon_lower_bound,
            self.delta,
            None,
            self.adversary,
            self.relation,
            self.sampling,
            self.sampling_rate,
            self.noise_multiplier,
            self.rounds,
            self.accountant,
            self.theorem,
        )

    def _claim(self) -> str:
        # In full: a rounded noise multiplier would spend another epsilon.
        below = "" if self.insufficient is None else f"; {self.insufficient!r} is too little"
        return f"z = {self.noise_multiplier!r} for epsilon {_show(self.target_epsilon)}{below}"

    def __str__(self) -> str:
        return f"{self._claim()}\n{self.spending}"

    def _repr_html_(self) -> str:
        return f"<p>{self._claim()}</p>{self.spending._repr_html_()}"


def calibrate(
    *,
    epsilon: float,
    delta: float,
    rounds: int | None = None,
    sampling_rate: float | None = 1.0,
    noise_multiplier: float | None = None,
    sampling: str = "poisson",
    relation: str = "zero-out",
    accountant: str = "pld",
) -> Calibration:
    """The least noise multiplier whose rounds spend at most (epsilon, delta).

    >>> fedsim.calibrate(epsilon=2, delta=1e-6, sampling_rate=.01, rounds=1000).noise_multiplier
    1.0290211002373852

    With `noise_multiplier` given, the largest number of rounds (leave `rounds` out), or the largest
    sampling rate (`sampling_rate=None`). The other arguments are those of `account`.

    Returns:
        a `Calibration`; its epsilon was evaluated and is within the budget.
    """
    request: dict[str, Any] = {
        "epsilon": float(epsilon),
        "delta": float(delta),
        "sampling": sampling,
        "relation": relation,
        "accountant": accountant,
    }
    if rounds is not None:
        request["rounds"] = _arrays.whole(rounds, "rounds", 1)
    if sampling_rate is not None:
        request["samplingRate"] = float(sampling_rate)
    if noise_multiplier is not None:
        request["noiseMultiplier"] = float(noise_multiplier)
    data = _library.encoded(request)
    value = _library.patiently(lambda: _library.text_of("fs_calibrate", data, len(data)))
    return Calibration(
        noise_multiplier=float(value["noiseMultiplier"]),
        epsilon=float(value["epsilon"]),
        epsilon_lower_bound=_number(value.get("epsilonLowerBound")),
        delta=float(value["delta"]),
        target_epsilon=float(value["targetEpsilon"]),
        insufficient=_number(value.get("noiseMultiplierLowerBound")),
        adversary=str(value["adversary"]),
        relation=str(value["relation"]),
        sampling=value["sampling"],
        sampling_rate=_number(value["samplingRate"]),
        rounds=int(value["rounds"]),
        accountant=str(value["accountant"]),
        theorem=str(value["theorem"]),
        details=value,
    )


@dataclass(frozen=True)
class CodecPlan:
    """What one codec would take. Bits are the mean of payloads of updates as long as C."""

    codec: str
    is_chosen: bool
    uplink_bits: float | None
    downlink_bits: float | None
    encode_seconds: float | None
    round_decode_seconds: float | None
    server_bytes: float | None
    problem: str | None


@dataclass(frozen=True)
class Plan:
    """What a federation would cost: noise, bits, time and memory, without any data.

    `noise_multiplier` is what a run adds: with its margin, and with the shares of delta for cohorts
    that may be cut (`truncation_delta`) and for rounding. `noise_scale` is one client's share,
    z C / sqrt(largest_cohort): the `noise_scale` of its `Channel`. Cohorts above `largest_cohort`
    are cut.
    """

    noise_multiplier: float
    noise_scale: float
    largest_cohort: int
    truncation_delta: float | None
    epsilon: float | None
    epsilon_lower_bound: float | None
    delta: float | None
    sampling_rate: float | None
    clipping_norm: float
    relation: str
    sampling: str
    ideal_bits: float | None
    chosen_codec: str | None
    codecs: tuple[CodecPlan, ...]
    #: A row for each adversary of the threat model.
    views: tuple[Mapping[str, Any], ...] = field(repr=False, compare=False, default=())
    details: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    def _claim(self) -> str:
        claim = (
            "no guarantee"
            if self.epsilon is None
            else (
                f"epsilon {_outward(self.epsilon, up=True)} at delta {_show(self.delta)}, for "
                "whoever sees the models"
            )
        )
        return (
            f"{claim} ({self.relation}, {self.sampling}, q = {_show(self.sampling_rate)}); "
            f"z = {_show(self.noise_multiplier)}, sigma = {_show(self.noise_scale)} a client, "
            f"cohorts of at most {self.largest_cohort:,}"
        )

    def _rows(self) -> list[tuple[str, str]]:
        rows = []
        for one in self.codecs:
            mark = " (chosen)" if one.is_chosen else ""
            if one.problem:
                rows.append((one.codec, one.problem))
            else:
                rows.append(
                    (one.codec + mark, f"{_show(one.uplink_bits, 6)} bits a client and round")
                )
        return rows

    def __str__(self) -> str:
        return "\n".join([self._claim(), *(f"  {name:24} {text}" for name, text in self._rows())])

    def _repr_html_(self) -> str:
        from ._html import table

        return table(self._claim(), self._rows())


def plan(
    *,
    parameters: int,
    clients: int,
    cohort: int,
    rounds: int,
    epsilon: float | None = None,
    noise_multiplier: float | None = None,
    delta: float | None = None,
    clipping_norm: float = 1.0,
    sampling: str = "poisson",
    relation: str = "zero-out",
    accountant: str = "pld",
    codecs: Sequence[str] | None = None,
) -> Plan:
    """Plans a federation: its noise, and what each codec would send.

    Args:
        parameters: of the model, d.
        clients: in the population, N.
        cohort: expected clients of a round; q = cohort / clients.
        rounds: T.
        epsilon: of all rounds; or give `noise_multiplier`.
        noise_multiplier: z.
        delta: None: min(1e-5, N^-1.1).
        clipping_norm: C.
        sampling: "poisson", "fixed-size" or "everyone".
        relation: as in `account`.
        accountant: as in `account`.
        codecs: which to look at; None: all exact ones.
    """
    if (epsilon is None) == (noise_multiplier is None):
        raise InvalidError("epsilon, noise_multiplier: found both or none; allowed: one of them")
    request: dict[str, Any] = {
        "parameters": _arrays.whole(parameters, "parameters", 1),
        "clients": _arrays.whole(clients, "clients", 1),
        "cohort": _arrays.whole(cohort, "cohort", 1),
        "rounds": _arrays.whole(rounds, "rounds", 1),
        "clippingNorm": float(clipping_norm),
        "sampling": sampling,
        "relation": relation,
        "accountant": accountant,
    }
    if epsilon is not None:
        request["epsilon"] = float(epsilon)
    if noise_multiplier is not None:
        request["noiseMultiplier"] = float(noise_multiplier)
    if delta is not None:
        request["delta"] = float(delta)
    if codecs is not None:
        request["codecs"] = [codecs] if isinstance(codecs, str) else list(codecs)
    data = _library.encoded(request)
    value = _library.patiently(lambda: _library.text_of("fs_plan", data, len(data)))
    return Plan(
        noise_multiplier=float(value["noiseMultiplier"]),
        noise_scale=float(value["noiseScale"]),
        largest_cohort=int(value["largestCohort"]),
        truncation_delta=_number(value.get("truncationDelta")),
        epsilon=_number(value.get("epsilon")),
        epsilon_lower_bound=_number(value.get("epsilonLowerBound")),
        delta=_number(value.get("delta")),
        sampling_rate=_number(value.get("samplingRate")),
        clipping_norm=float(value.get("clippingNorm", clipping_norm)),
        relation=str(value.get("relation", relation)),
        sampling=str(value.get("sampling", sampling)),
        ideal_bits=_number(value.get("idealBits")),
        chosen_codec=value.get("chosenCodec"),
        codecs=tuple(
            CodecPlan(
                codec=str(one["codec"]),
                is_chosen=bool(one.get("isChosen")),
                uplink_bits=_number(one.get("uplinkBits")),
                downlink_bits=_number(one.get("downlinkBits")),
                encode_seconds=_number(one.get("encodeSeconds")),
                round_decode_seconds=_number(one.get("roundDecodeSeconds")),
                server_bytes=_number(one.get("serverBytes")),
                problem=one.get("problem"),
            )
            for one in value.get("codecs", [])
        ),
        views=tuple(value.get("views", [])),
        details=value,
    )
