"""FedSim's accountant for `dp_accounting`, by which JAX-Privacy and TF-Privacy account, too.

>>> import dp_accounting
>>> from fedsim.dp_accounting import FedSimAccountant
>>> event = dp_accounting.SelfComposedDpEvent(
...     dp_accounting.PoissonSampledDpEvent(0.01, dp_accounting.GaussianDpEvent(1.0)), 1000)
>>> accountant = FedSimAccountant().compose(event)
>>> print(f"{accountant.get_epsilon(1e-6):.4f}")
2.1245

Epsilon is an upper bound that is proved, rounding included (docs/privacy.md), and a lower bound
comes with it. What one *record* is decides about whom it speaks: examples for DP-SGD, clients
where a record is all that a client has.

**Relations.** `GaussianDpEvent(z)` adds noise z C to a sum of vectors that are no longer than C:

| `NeighboringRelation` | one record | here |
|---|---|---|
| `ADD_OR_REMOVE_ONE` | is there, or is not | add-or-remove |
| `REPLACE_SPECIAL` | is there, or a record that adds zero is in its place | zero-out |
| `REPLACE_ONE` | is another one: the sum moves by 2 C | replace-one |

**Events.** `GaussianDpEvent`; `PoissonSampledDpEvent` of it, or of several under one draw (then not
for `REPLACE_ONE`); `SampledWithoutReplacementDpEvent` of it; `ComposedDpEvent`,
`SelfComposedDpEvent`, `NoOpDpEvent` and `NonPrivateDpEvent`. `supports` says False of all else:
nothing is proved here for it.

It needs `dp-accounting`, 0.5.1 or 0.6.0 (`pip install fedsim[dp-accounting]`).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

from dp_accounting import dp_event, privacy_accountant

from .accounting import Event, Spending, account
from .errors import InvalidError

__all__ = ["FedSimAccountant"]

_Relation = privacy_accountant.NeighboringRelation
_Error = privacy_accountant.PrivacyAccountant.CompositionErrorDetails

#: What a relation of dp_accounting is called in FedSim.
_RELATIONS = {
    _Relation.ADD_OR_REMOVE_ONE: "add-or-remove",
    _Relation.REPLACE_ONE: "replace-one",
    _Relation.REPLACE_SPECIAL: "zero-out",
}


class _UnsupportedError(Exception):
    """An event of which nothing is proved, and why."""

    def __init__(self, event: Any, reason: str) -> None:
        super().__init__(reason)
        self.event = event
        self.reason = reason


def _number(event: Any, value: Any, name: str, most: float = math.inf) -> float:
    """A number of an event, from 0 to `most`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= most:
        raise _UnsupportedError(event, f"{name} is {value!r}; allowed: a number from 0 to {most:g}")
    return number


def _count(event: Any, value: Any, name: str, least: int = 0) -> int:
    """A whole number of an event, from `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = int(value) if isinstance(value, float) and value.is_integer() else -1
    if number < least:
        raise _UnsupportedError(event, f"{name} is {value!r}; allowed: a whole number from {least}")
    return number


def _precision(event: Any) -> float:
    """z^-2 of Gaussian mechanisms that are applied, one after the other, to one sample; inf: no
    noise.

    Adaptive compositions of Gaussian mechanisms are dominated by one, whose z^-2 is the sum of
    theirs.
    """
    if isinstance(event, dp_event.NoOpDpEvent):
        return 0.0
    if isinstance(event, dp_event.NonPrivateDpEvent):
        return math.inf
    if isinstance(event, dp_event.GaussianDpEvent):
        z = _number(event, event.noise_multiplier, "noise_multiplier")
        return math.inf if z * z == 0 else 1 / (z * z)
    if isinstance(event, dp_event.ComposedDpEvent):
        return math.fsum(_precision(part) for part in event.events)
    if isinstance(event, dp_event.SelfComposedDpEvent):
        count = _count(event, event.count, "count")
        inner = _precision(event.event)
        return count * inner if count else 0.0
    raise _UnsupportedError(
        event, "only GaussianDpEvent, and compositions of it, can be in a sampled event"
    )


class FedSimAccountant(privacy_accountant.PrivacyAccountant):
    """A `dp_accounting.PrivacyAccountant` with two-sided bounds.

    It can be given to `dp_accounting.calibrate_dp_mechanism`
    (`make_fresh_accountant=FedSimAccountant`) and to whatever asks for an accountant of
    dp_accounting.

    Args:
        neighboring_relation: what two neighboring data sets differ by; see the module.
        coarse: bounds about 10^-3 apart, in a tenth of the time. They hold as well: a calibration
            by them takes a little more noise than it needs to.

    Raises:
        TypeError: where the relation is none of dp_accounting's.
    """

    def __init__(
        self,
        neighboring_relation: privacy_accountant.NeighboringRelation = _Relation.ADD_OR_REMOVE_ONE,
        *,
        coarse: bool = False,
    ) -> None:
        if neighboring_relation not in _RELATIONS:
            raise TypeError(
                f"neighboring_relation: found {neighboring_relation!r}; "
                "allowed: a member of dp_accounting.NeighboringRelation"
            )
        super().__init__(neighboring_relation)
        self._coarse = coarse
        #: How many rounds there are of each (z, q, sampling): the order does not change a bit of
        #: epsilon.
        self._rounds: dict[tuple[float, float, str], int] = {}
        self._private = True

    # What dp_accounting asks for

    def _maybe_compose(
        self, event: dp_event.DpEvent, count: int, do_compose: bool
    ) -> privacy_accountant.PrivacyAccountant.CompositionErrorDetails | None:
        try:
            # `supports` asks with a count of 0: the event itself is checked all the same.
            times = _count(event, count, "count")
            parts = list(self._parts(event))
        except _UnsupportedError as unsupported:
            return _Error(invalid_event=unsupported.event, error_message=unsupported.reason)
        if do_compose:
            for part, repeated in parts:
                if part is None:
                    self._private = self._private and repeated * times == 0
                elif repeated * times > 0:
                    self._rounds[part] = self._rounds.get(part, 0) + repeated * times
        return None

    def get_epsilon(self, target_delta: float) -> float:
        """The upper bound of epsilon at a delta; inf where none is finite.

        Args:
            target_delta: 0 to 1.
        """
        delta = _probability(target_delta, "target_delta")
        if not self._private:
            return 0.0 if delta == 1 else math.inf
        if not self._rounds or delta == 1:
            return 0.0
        if delta == 0:
            return math.inf
        return self.spending(target_delta=delta).epsilon

    def get_delta(self, target_epsilon: float) -> float:
        """The upper bound of delta at an epsilon; 1 where nothing is guaranteed.

        Args:
            target_epsilon: 0 or more.
        """
        epsilon = float(target_epsilon)
        if not epsilon >= 0:
            raise InvalidError(
                f"target_epsilon: found {target_epsilon!r}; allowed: a number from 0"
            )
        if not self._private:
            return 1.0
        if not self._rounds or epsilon == math.inf:
            return 0.0
        return self.spending(target_epsilon=epsilon).delta

    # What FedSim has beside it

    def spending(
        self, *, target_delta: float | None = None, target_epsilon: float | None = None
    ) -> Spending:
        """Both bounds, with what they are about: relation, sampling and theorem.

        Args:
            target_delta: between 0 and 1; then epsilon is bounded.
            target_epsilon: in its place; then delta is.

        Raises:
            InvalidError: unless exactly one of both is given, and where nothing was composed, or
                what was has no guarantee.
        """
        if not self._private:
            raise InvalidError(
                "a NonPrivateDpEvent, or a mechanism without noise, was composed: epsilon is inf"
            )
        if not self._rounds:
            raise InvalidError("nothing was composed that says anything of a record: epsilon is 0")
        ledger = [Event(z, q, sampling, count) for (z, q, sampling), count in self._rounds.items()]
        spent: Spending = account(
            ledger=ledger,
            delta=target_delta,
            epsilon=target_epsilon,
            relation=_RELATIONS[self.neighboring_relation],
            coarse=self._coarse,
        )
        return spent

    def get_epsilon_lower_bound(self, target_delta: float) -> float:
        """No proof for these events gives less than this epsilon at this delta.

        It is a lower bound of the dominating pair's epsilon, for mechanisms that attain it (of
        fixed-size samples under `REPLACE_SPECIAL` and `REPLACE_ONE`: of a pair that is attained).
        """
        delta = _probability(target_delta, "target_delta")
        if not self._private:
            return 0.0 if delta == 1 else math.inf
        if not self._rounds or delta == 1:
            return 0.0
        if delta == 0:
            return math.inf
        return self.spending(target_delta=delta).epsilon_lower_bound or 0.0

    # Events

    def _parts(self, event: Any) -> Iterator[tuple[tuple[float, float, str] | None, int]]:
        """The rounds of an event: (z, q, sampling), or None where nothing is guaranteed; how
        often."""
        if isinstance(event, dp_event.NoOpDpEvent):
            return
        if isinstance(event, dp_event.NonPrivateDpEvent):
            yield None, 1
        elif isinstance(event, dp_event.ComposedDpEvent):
            for part in event.events:
                yield from self._parts(part)
        elif isinstance(event, dp_event.SelfComposedDpEvent):
            times = _count(event, event.count, "count")
            for part, count in self._parts(event.event):
                yield part, count * times
        elif isinstance(event, dp_event.GaussianDpEvent):
            yield from self._sampled(event, 1.0, "everyone")
        elif isinstance(event, dp_event.PoissonSampledDpEvent):
            q = _number(event, event.sampling_probability, "sampling_probability", 1)
            single = isinstance(event.event, dp_event.GaussianDpEvent)
            if not single and self.neighboring_relation is _Relation.REPLACE_ONE:
                _precision(event.event)
                raise _UnsupportedError(
                    event,
                    "several mechanisms on one Poisson sample: proved for `ADD_OR_REMOVE_ONE` and "
                    f"`REPLACE_SPECIAL`. Found {self.neighboring_relation}.",
                )
            yield from self._sampled(event.event, q, "poisson")
        elif isinstance(event, dp_event.SampledWithoutReplacementDpEvent):
            yield from self._fixed_size(event)
        else:
            raise _UnsupportedError(event, "nothing is proved here for this event.")

    def _fixed_size(self, event: Any) -> Iterator[tuple[tuple[float, float, str] | None, int]]:
        population = _count(event, event.source_dataset_size, "source_dataset_size", 1)
        size = _count(event, event.sample_size, "sample_size")
        if size > population:
            raise _UnsupportedError(
                event, f"sample_size is {size}; allowed: 0 to source_dataset_size, {population}"
            )
        if not isinstance(event.event, dp_event.GaussianDpEvent):
            raise _UnsupportedError(
                event, "only a GaussianDpEvent can be in a sample without replacement."
            )
        if size == population:
            if self.neighboring_relation is _Relation.ADD_OR_REMOVE_ONE:
                raise _UnsupportedError(
                    event,
                    "a sample of all records: a data set with one record less has none of that "
                    "size.",
                )
            yield from self._sampled(event.event, 1.0, "everyone")
        else:
            # The larger neighbor has `population` records, or one more, and the rate is smaller
            # there.
            yield from self._sampled(event.event, size / population, "fixed-size")

    def _sampled(
        self, event: Any, q: float, sampling: str
    ) -> Iterator[tuple[tuple[float, float, str] | None, int]]:
        precision = _precision(event)
        if q == 0 or precision == 0:
            return
        if precision == math.inf:
            yield None, 1
            return
        z = (
            float(event.noise_multiplier)
            if isinstance(event, dp_event.GaussianDpEvent)
            else precision**-0.5
        )
        yield (z, q, sampling), 1


def _probability(value: Any, name: str) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise InvalidError(f"{name}: found {value!r}; allowed: 0 to 1")
    return number
