"""The exact channel as pfl's central mechanism: bytes of each user, an exact sum, noise that is z
C.

pfl's `CentrallyAppliedPrivacyMechanism` wraps a mechanism that clips for each user and adds noise
to the sum, and `JointMechanism` several of them; both hand on a seed of 32 bits and no user. Here
noise is made by the users, from keys of their own, and the sum is of what their bytes decode to, so
the mechanism is a `CentralPrivacyMechanism` itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from pfl.context import CentralContext, UserContext
from pfl.internal.ops.selector import get_default_framework_module as get_ops
from pfl.metrics import Metrics, Weighted
from pfl.privacy.privacy_mechanism import CentralPrivacyMechanism, PrivacyMetricName
from pfl.stats import MappedVectorStatistics, TrainingStatistics

from .._arrays import as_array, whole
from ..channel import Channel
from ..errors import InvalidError, PrivacyRefused, StateError
from ..keys import random_key
from .accountant import FedSimAccountant, _within
from .samplers import Cohorts, derived

__all__ = ["ChannelPostprocessor", "Messages", "Round"]


@dataclass(frozen=True)
class Round:
    """What a round sent.

    `number` counts from 0. `arrived` messages were summed; `replaced` of them had an update that
    was not finite, and carried zero. `bits` is the mean length of a message, `noise` the standard
    deviation of the noise on each coordinate of the sum, z C. All but `number` and `noise` is
    outside of the guarantee.
    """

    number: int
    arrived: int
    replaced: int
    bits: float
    noise: float


class Messages(TrainingStatistics[Any]):
    """What users sent in a round: bytes, and no numbers until the server has decoded their sum.

    It is what `ChannelPostprocessor` gives to pfl in place of statistics. It can be added to the
    messages of other users of the round, and nothing else: whatever would read or change numbers of
    one user comes too late, and is refused.
    """

    def __init__(
        self, channel: ChannelPostprocessor, round: int, key: bytes, payload: bytes
    ) -> None:
        self.channel = channel
        self.round = round
        self.keys = [key]
        self.payloads = [payload]

    @property
    def num_parameters(self) -> int:
        """Numbers of the vector that each message stands for."""
        return self.channel.dimension or 0

    def __add__(self, other: Any) -> Messages:
        """All messages of both. The longer list is extended: pfl has no use for its terms
        afterwards."""
        if not isinstance(other, Messages):
            self._refuse(f"adding {type(other).__name__}")
        if other.channel is not self.channel or other.round != self.round:
            raise StateError("messages of two channels, or of two rounds, were added")
        larger, smaller = (self, other) if len(self.keys) >= len(other.keys) else (other, self)
        larger.keys += smaller.keys
        larger.payloads += smaller.payloads
        return larger

    def apply_elementwise(self, fn: Any, *args: Any, **kwargs: Any) -> Messages:
        """Itself, for the copy that pfl makes of a round's first statistics; all else is
        refused."""
        if fn is get_ops().clone:
            return self
        self._refuse("a function on the values")

    def apply(self, fn: Any, *args: Any, **kwargs: Any) -> Messages:
        """Refused: there are no values."""
        self._refuse("a function on the values")

    def get_weights(self) -> Any:
        """Refused: there are no values."""
        self._refuse("reading the values")

    def from_weights(self, metadata: Any, weights: Any) -> Any:
        """Refused: there are no values."""
        self._refuse("setting the values")

    def reweight(self, new_weight: float) -> Any:
        """Refused: the noise is in the message, and would be weighted too."""
        self._refuse("a weight")

    def average(self) -> Any:
        """Refused, as `reweight`."""
        self._refuse("a weight")

    @property
    def weight(self) -> Any:
        """Refused, as `reweight`."""
        self._refuse("a weight")

    @weight.setter
    def weight(self, value: Any) -> None:
        self._refuse("a weight")

    def __getitem__(self, name: str) -> Any:
        self._refuse("reading the values")

    def _refuse(self, what: str) -> NoReturn:
        raise PrivacyRefused(
            f"{what}, after the update was clipped and coded: what a user adds to the sum would "
            f"no longer be at "
            "most C, or its noise not z C. Allowed: the channel as the last of the "
            "postprocessors, and one process"
        )

    def __repr__(self) -> str:
        count, size = len(self.payloads), sum(map(len, self.payloads))
        return f"Messages({count} of round {self.round}, {size} bytes)"


class ChannelPostprocessor(CentralPrivacyMechanism):
    """pfl's central mechanism by which each user's update travels through an exact channel.

    On the user's side, as the **last** of the postprocessors: clips to C, codes with this user's
    key, gives bytes. On the server's side, so the first there: decodes and sums exactly, and adds
    the noise that is missing to z C, whoever sent nothing. What is handed on is pfl's
    `MappedVectorStatistics` with the weight of the *expected* cohort: averages divide by a public
    constant.

    With an `accountant` it claims epsilon, and refuses what would make it wrong. Without one it
    claims none, and any sampler of pfl's will do.

    Args:
        clipping_bound: C, in the 2-norm of all tensors together.
        noise_multiplier: z, the standard deviation of the noise on the sum over C.
        sampler: who is drawn; needed for an epsilon.
        cohort: users of a round, where there is no sampler.
        accountant: what epsilon is claimed, and for which cohorts.
        codec: an exact codec: "polar" (shortest where there is little signal), "layered",
            "float32", ...
        options: options of the codec.
        run_key: 32 secret bytes, as `fedsim.run_key(seed, data=...)` makes, that decide all keys
            and all noise, to repeat an experiment. None, the default: all is fresh. pfl's seeds, of
            32 bits, are never keys.
        threads: threads that the server decodes on. None: one.

    Raises:
        InvalidError: for values out of range.
        PrivacyRefused: where sampler and accountant do not speak of the same rounds.
    """

    def __init__(
        self,
        clipping_bound: float,
        noise_multiplier: float,
        *,
        sampler: Cohorts[Any] | None = None,
        cohort: int | None = None,
        accountant: FedSimAccountant | None = None,
        codec: str = "polar",
        options: Mapping[str, Any] | None = None,
        run_key: bytes | None = None,
        threads: int = 1,
    ) -> None:
        super().__init__()
        if hasattr(clipping_bound, "value"):
            raise PrivacyRefused(
                "clipping_bound: found a bound that changes from round to round; what is released "
                "to adapt it is not "
                "accounted for here. Allowed: a number"
            )
        _within("clipping_bound", clipping_bound, 0, math.inf, lowest=False)
        _within("noise_multiplier", noise_multiplier, 0, math.inf, lowest=False)
        if run_key is not None and (not isinstance(run_key, bytes) or len(run_key) != 32):
            raise InvalidError(
                "run_key: allowed: 32 bytes, as fedsim.run_key or fedsim.random_key gives; never "
                "a seed"
            )
        self._clipping_bound = float(clipping_bound)
        self._noise_multiplier = float(noise_multiplier)
        self._sampler = sampler
        self._accountant = accountant
        if sampler is not None:
            if not isinstance(sampler, Cohorts):
                raise PrivacyRefused(
                    f"sampler: found {type(sampler).__name__}; allowed: fedsim.pfl.UniformSampler "
                    f"or PoissonSampler. "
                    "pfl's own draw no uniform and independent cohorts"
                )
            if cohort is not None and cohort != sampler.cohort:
                raise InvalidError(
                    f"cohort: found {cohort}, and a sampler of {sampler.cohort}; allowed: one of "
                    f"them"
                )
            self._cohort, self._largest = sampler.cohort, sampler.largest_cohort
        else:
            self._cohort = self._largest = whole(cohort, "cohort", 1)
        if accountant is not None:
            self._check_accountant(accountant)
            if accountant.relation == "add-or-remove" and accountant.sampling == "everyone":
                # A neighbor with one user more has one share more.
                self._largest += 1
        self._codec, self._options, self._threads = (
            codec,
            options,
            whole(threads, "threads", 1, 1024),
        )
        self._is_repeatable = run_key is not None
        self._key = random_key() if run_key is None else derived(run_key, "pfl run")
        self._channel: Channel | None = None
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._closed = 0
        self._open: int | None = None
        self._senders: dict[Any, int] = {}
        self._replaced = 0
        self._records: list[Round] = []

    @classmethod
    def from_privacy_accountant(
        cls,
        accountant: FedSimAccountant,
        clipping_bound: float,
        *,
        sampler: Cohorts[Any],
        **arguments: Any,
    ) -> ChannelPostprocessor:
        """The mechanism whose noise an accountant computed; as pfl's `GaussianMechanism` has it.

        Args:
            accountant: gives z.
            clipping_bound: C.
            sampler: whom the accountant speaks of.
            arguments: codec, options, run_key, threads.
        """
        if not isinstance(accountant, FedSimAccountant):
            raise PrivacyRefused(
                f"accountant: found {type(accountant).__name__}; allowed: "
                f"fedsim.pfl.FedSimAccountant. pfl's own are "
                "about Poisson cohorts, which none of its samplers draws"
            )
        return cls(
            clipping_bound,
            float(accountant.cohort_noise_parameter),
            sampler=sampler,
            accountant=accountant,
            **arguments,
        )

    # What it is

    @property
    def privacy_accountant(self) -> FedSimAccountant | None:
        """What epsilon is claimed by; None: none is."""
        return self._accountant

    @property
    def epsilon(self) -> float | None:
        """The epsilon of all planned rounds, at the accountant's delta; None: none is claimed."""
        return None if self._accountant is None else self._accountant.epsilon

    @property
    def clipping_bound(self) -> float:
        """C."""
        return self._clipping_bound

    @property
    def relative_noise_stddev(self) -> float:
        """z, as pfl's `GaussianMechanism` calls it."""
        return self._noise_multiplier

    @property
    def noise_scale(self) -> float:
        """sigma, the noise of one user on each coordinate: z C / sqrt(m_max)."""
        return self._noise_multiplier * self._clipping_bound / math.sqrt(self._largest)

    @property
    def dimension(self) -> int | None:
        """Numbers of an update; None before the first one."""
        return None if self._channel is None else self._channel.dimension

    @property
    def channel(self) -> Channel | None:
        """The channel; None before the first update."""
        return self._channel

    @property
    def total_variation(self) -> float | None:
        """Bound on the probability that floating point decodes what real arithmetic would not.

        Of all messages of the planned rounds, or of the rounds so far where none are planned, and
        of the server's own normals. The accountant's `numerical_delta` pays for it, where there is
        one. None before the first update.
        """
        bound = None if self._channel is None else self._channel.total_variation_bound
        if self._channel is None or bound is None:
            return None
        planned = self._closed if self._accountant is None else self._accountant.num_compositions
        # The server draws a radius for each two coordinates, of which there are at most twice as
        # many as numbers, and some more.
        server = (2 * self._channel.dimension + 64) * 2.0**-54
        return planned * (self._largest * bound + server)

    @property
    def sampler(self) -> Cohorts[Any] | None:
        """Who is drawn."""
        return self._sampler

    @property
    def records(self) -> list[Round]:
        """The rounds so far."""
        return list(self._records)

    # The user's side

    def postprocess_one_user(
        self, *, stats: TrainingStatistics[Any], user_context: UserContext
    ) -> tuple[Messages, Metrics]:
        """Clips and codes a user's update.

        Args:
            stats: `MappedVectorStatistics` of weight 1.
            user_context: of the user; its seed is not used.

        Raises:
            PrivacyRefused: for other weights, another sampler, several processes, a round too many.
            InvalidError: for tensors that are not those of the first user.
        """
        if get_ops().distributed.world_size > 1:
            raise PrivacyRefused(
                "found several processes: each would decode a part of the sum, and complete its "
                "noise. Allowed: one"
            )
        number, sender, occurrence = self._sender(user_context.user_id)
        update = self._vector(stats)
        norm = float(np.linalg.norm(update.astype(np.float64)))
        is_finite = math.isfinite(norm)
        if not is_finite:
            # It still sends noise: an upload that is missing would tell as much as the update.
            update = np.zeros_like(update)
            self._replaced += 1
        assert self._channel is not None
        key = derived(self._key, "pfl pair", sender, occurrence)
        secret = (
            derived(self._key, "pfl secret", sender, occurrence, number)
            if self._is_repeatable
            else None
        )
        payload = self._channel.encode(update, key=key, round=number, secret=secret)
        metrics = Metrics(
            [
                (self._name("l2 norm bound"), Weighted.from_unweighted(self._clipping_bound)),
                (
                    self._name("fraction of clipped norms"),
                    Weighted.from_unweighted(int(is_finite and norm > self._clipping_bound)),
                ),
                (
                    self._name("norm before clipping"),
                    Weighted(norm, 1) if is_finite else Weighted(0, 0),
                ),
                (self._name("bits of a message"), Weighted.from_unweighted(8 * len(payload))),
            ]
        )
        return Messages(self, number, key, payload), metrics

    # The server's side

    def postprocess_server(
        self,
        *,
        stats: TrainingStatistics[Any],
        central_context: CentralContext[Any, Any],
        aggregate_metrics: Metrics,
    ) -> tuple[MappedVectorStatistics[Any], Metrics]:
        """Decodes and sums the messages of a round, and completes the noise to z C.

        Args:
            stats: the sum of what `postprocess_one_user` gave.
            central_context: of the round.
            aggregate_metrics: not used.

        Returns:
            the sum with its noise, of the weight of the expected cohort; metrics.

        Raises:
            PrivacyRefused: where something behind the channel changed the statistics, or the round
                is not of the planned size.
        """
        if not isinstance(stats, Messages) or stats.channel is not self:
            raise PrivacyRefused(
                f"found {type(stats).__name__} in place of the messages of a round: a "
                f"postprocessor behind the channel, "
                "or another aggregator, changed what users sent. Allowed: the channel as the last "
                "of the "
                "postprocessors, and pfl's SumAggregator"
            )
        return self._close(stats.round, stats.keys, stats.payloads, central_context)

    def release_of_nobody(
        self, model: Any, central_context: CentralContext[Any, Any]
    ) -> tuple[MappedVectorStatistics[Any], Metrics]:
        """The release of a round in which nobody sent: noise alone, which costs as much as any
        other.

        pfl has no statistics then, and skips all postprocessors. `ChannelBackend` calls this.

        Args:
            model: whose parameters have the tensors of an update.
            central_context: of the round.
        """
        self._vector(model.get_parameters())
        number = self._closed if self._sampler is None else self._sampler.round
        self._begin(number)
        return self._close(number, [], [], central_context)

    # Rounds

    def _sender(self, user: Any) -> tuple[int, str, int]:
        """The round, a name of the user that no other has, and how often it has sent in the
        round."""
        if self._sampler is None:
            # Any sampler: one that draws with replacement gives a user a key for each time.
            number, sender = self._closed, f"{type(user).__name__}:{user}"
        else:
            place = self._sampler.number(user)
            number, sender = self._sampler.round, f"user:{place}"
        self._begin(number)
        occurrence = self._senders.get(sender, 0)
        if occurrence and self._sampler is not None:
            raise PrivacyRefused(
                f"user {user!r} has sent in round {number} already, and moves the sum by C once"
            )
        self._senders[sender] = occurrence + 1
        return number, sender, occurrence

    def _begin(self, number: int) -> None:
        if self._open is not None and self._open != number:
            raise StateError(
                f"round {self._open} was left open, and the sampler is in round {number}: the "
                f"planned cohorts and those "
                "that were released are no longer the same. Allowed: train_cohort_size as the "
                "sampler's cohort; "
                "after an exception in a round, a new sampler, channel and model"
            )
        if self._accountant is not None and number >= self._accountant.num_compositions:
            raise PrivacyRefused(
                f"round {number + 1} of {self._accountant.num_compositions}: epsilon is claimed "
                f"for no more. Allowed: "
                "num_compositions of at least the rounds that are made"
            )
        if number < self._closed:
            raise StateError(f"round {number} was released already")
        self._open = number

    def _close(
        self,
        number: int,
        keys: list[bytes],
        payloads: list[bytes],
        context: CentralContext[Any, Any],
    ) -> tuple[MappedVectorStatistics[Any], Metrics]:
        assert self._channel is not None
        if number != self._open:
            raise StateError(f"round {number} is not open")
        if self._sampler is not None and not (
            self._sampler.round == number and self._sampler.is_complete
        ):
            raise PrivacyRefused(
                f"round {number}: the sampler's cohort was not handed out to its end. Allowed: "
                f"train_cohort_size (found "
                f"{context.cohort_size}) as the sampler's cohort, {self._cohort}, and "
                f"max_overshoot_fraction 0"
            )
        if context.cohort_size != self._cohort or len(payloads) > self._largest:
            raise PrivacyRefused(
                f"round {number}: found {len(payloads)} messages of train_cohort_size "
                f"{context.cohort_size}; allowed: "
                f"{self._cohort}, which the noise is shared by"
            )
        noise = self._noise_multiplier * self._clipping_bound
        total = self._channel.sum(payloads, keys=keys, round=number, terms=self._largest)
        own = derived(self._key, "pfl server", number) if self._is_repeatable else None
        total = self._channel.complete(
            total, arrived=len(payloads), noise=noise, round=number, key=own
        )
        bits = 8 * sum(map(len, payloads)) / len(payloads) if payloads else 0.0
        self._records.append(Round(number, len(payloads), self._replaced, bits, noise))
        self._closed, self._open, self._senders, self._replaced = number + 1, None, {}, 0
        metrics = Metrics(
            [
                (self._name("DP noise std. dev.", True), Weighted.from_unweighted(noise)),
                (self._name("messages", True), Weighted.from_unweighted(len(payloads))),
            ]
        )
        if self.epsilon is not None:
            metrics[self._name("epsilon of all rounds", True)] = Weighted.from_unweighted(
                self.epsilon
            )
        return self._statistics(total), metrics

    # Tensors

    def _vector(self, stats: Any) -> NDArray[np.float32]:
        """The tensors of a user, one after the other; the first user's say what they are."""
        if type(stats) is not MappedVectorStatistics:
            raise PrivacyRefused(
                f"found {type(stats).__name__}; allowed: MappedVectorStatistics. What other "
                f"statistics carry beside "
                "their tensors, such as weights of elements, would reach the server without noise"
            )
        if stats.weight != 1:
            raise PrivacyRefused(
                f"found an update of weight {stats.weight}; allowed: 1. Weights by examples let a "
                f"user move the average "
                "by more than C over the cohort, and tell how many examples it has. Leave "
                "WeightByDatapoints out, or "
                "put WeightByUser behind it"
            )
        arrays = {str(name): as_array(tensor, f"update {name!r}") for name, tensor in stats.items()}
        shapes = {name: array.shape for name, array in arrays.items()}
        if self._channel is None:
            dimension = sum(array.size for array in arrays.values())
            self._channel = Channel(
                self._codec,
                whole(dimension, "the number of parameters", 1),
                clipping_norm=self._clipping_bound,
                noise_scale=self.noise_scale,
                rotation_key=derived(self._key, "pfl rotation"),
                options=self._options,
                threads=self._threads,
            )
            if self._accountant is not None and not self._channel.exact:
                codec = self._channel.codec
                self._channel = None
                raise PrivacyRefused(
                    f'codec: found "{codec}", whose noise is not Gaussian; allowed: an exact one'
                )
            self._check_arithmetic()
            self._shapes = shapes
        if shapes != self._shapes or list(shapes) != list(self._shapes):
            raise InvalidError(
                f"found an update of tensors {shapes}; allowed: {self._shapes}, as the first one"
            )
        return np.concatenate(
            [array.astype(np.float32, copy=False).ravel() for array in arrays.values()]
        )

    def _check_arithmetic(self) -> None:
        """That the part of delta that is set aside pays for floating point."""
        claimed, bound = self._accountant, self.total_variation
        if claimed is None or claimed.numerical_delta == 0:
            return
        # Both neighbors' distributions move by the bound: 1 + e^epsilon times it.
        epsilon = float(claimed.epsilon or 0)
        needed = math.inf if bound is None else (1 + math.exp(min(epsilon, 700.0))) * bound
        if needed > claimed.numerical_delta:
            self._channel = None
            raise PrivacyRefused(
                f"numerical_delta: found {claimed.numerical_delta}; rounding of these messages "
                f"takes {needed:.2g}. Allowed: as much, or 0 for a claim about real arithmetic"
            )

    def _statistics(self, total: NDArray[np.float64]) -> MappedVectorStatistics[Any]:
        tensors: dict[str, Any] = {}
        start = 0
        for name, shape in self._shapes.items():
            count = math.prod(shape)
            tensors[name] = get_ops().to_tensor(
                total[start : start + count].reshape(shape).astype(np.float32)
            )
            start += count
        return MappedVectorStatistics(tensors, weight=float(self._cohort))

    def _name(self, description: str, on_summed_stats: bool = False) -> PrivacyMetricName:
        return PrivacyMetricName(description, False, on_summed_stats)

    def _check_accountant(self, accountant: FedSimAccountant) -> None:
        """That what is accounted for is what will be done."""
        sampler = self._sampler
        if sampler is None:
            raise PrivacyRefused(
                "an accountant without a sampler: epsilon is for uniform and independent cohorts, "
                "and pfl's own samplers "
                'draw none ("minimize_reuse" goes through the users in order, "random" draws with '
                "replacement). "
                "Allowed: sampler=UniformSampler(...) or PoissonSampler(...), or no accountant "
                "and no epsilon"
            )
        pairs: list[tuple[str, str | float | int | None, str | float | int | None]] = [
            ("sampling", accountant.sampling, sampler.sampling),
        ]
        if accountant.population is not None:
            pairs.append(("population", accountant.population, sampler.population))
        if sampler.sampling == "poisson":
            largest = sampler.largest_cohort
            uncut = largest > sampler.population or (
                largest == sampler.population and accountant.relation != "add-or-remove"
            )
            wanted = accountant.largest_cohort
            if not (uncut if wanted is None else largest >= wanted):
                raise PrivacyRefused(
                    f"largest_cohort: found {largest}, from which on cohorts are cut, and delta "
                    f"does not pay for it. "
                    "Allowed: FedSimAccountant(population=...), and its largest_cohort in the "
                    "sampler"
                )
        for name, claimed, done in pairs:
            if claimed != done:
                raise PrivacyRefused(
                    f"{name}: found {claimed!r} in the accountant, and the sampler has {done!r}"
                )
        if not math.isclose(accountant.sampling_probability, sampler.sampling_rate, rel_tol=1e-12):
            raise PrivacyRefused(
                f"sampling_probability: found {accountant.sampling_probability} in the "
                f"accountant, and the sampler has "
                f"{sampler.sampling_rate}"
            )
        if self._noise_multiplier < float(accountant.cohort_noise_parameter):
            raise PrivacyRefused(
                f"noise_multiplier: found {self._noise_multiplier}; epsilon is claimed for "
                f"{accountant.cohort_noise_parameter}"
            )
