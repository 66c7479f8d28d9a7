"""pfl's accountant, with FedSim's bounds behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from pfl.privacy.privacy_accountant import PrivacyAccountant

from .._arrays import whole
from ..accounting import Spending, account, calibrate, plan
from ..errors import InvalidError, PrivacyRefused

__all__ = ["FedSimAccountant"]

#: Norms after clipping are C but for rounding: what is accounted for is z / MARGIN.
MARGIN = 1 + 1e-6


@dataclass
class FedSimAccountant(PrivacyAccountant):
    """A pfl `PrivacyAccountant`: of epsilon, delta and noise give two, the third is computed.

    It can be used as pfl's own (`GaussianMechanism.from_privacy_accountant` takes it), and by
    `ChannelPostprocessor.from_privacy_accountant`, which checks that the cohorts are those it is
    about.

    pfl's accountants compute epsilon for Poisson cohorts, whatever sampler is used. Cohorts of a
    fixed size cost more at the same noise: a user that is left out makes room for another one.

    Args:
        num_compositions: the rounds that are claimed, T. The channel makes no more.
        sampling_probability: q, cohort over population: `sampler.sampling_rate`.
        mechanism: "gaussian".
        epsilon: of all rounds; the upper bound where it is computed.
        delta: above 0, below 1; the upper bound where it is computed.
        noise_parameter: z, the standard deviation of the noise on the *sum* of clipped updates over
            the clipping bound. It is what is added; epsilon is of a noise that is 10^-6 smaller,
            since norms are clipped up to rounding.
        noise_scale: 1. pfl multiplies the noise by it, to show what a larger cohort would give;
            epsilon is then not one of the rounds that are made, and is refused.
        min_bound_noise_parameter: least z that a calibration may give.
        max_bound_noise_parameter: largest one.
        sampling: "fixed-size" (`UniformSampler`), "poisson" (`PoissonSampler`) or "everyone".
        relation: "zero-out" (the user stays, and sends noise only), "add-or-remove" or
            "replace-one".
        accountant: "pld" (both bounds), "rdp" or "gaussian" (everyone).
        population: how many users there are; for Poisson cohorts that are cut to `largest_cohort`,
            for which a hundredth of delta pays. None: they are not cut.
        numerical_delta: the part of delta that pays for floating point, as a tenth of it often
            does. The channel refuses to begin where it does not suffice. 0: epsilon is of noise in
            real arithmetic.

    Attributes:
        epsilon_lower_bound: no proof for these rounds gives less; None from "rdp", or where delta
            was asked.
        theorem: what epsilon rests on.
        largest_cohort: m_max of Poisson cohorts that are cut, for `PoissonSampler`; None: they are
            not.
        truncation_delta: the part of delta that pays for it.

    Raises:
        InvalidError: for numbers out of range, or one of the three given alone.
        PrivacyRefused: for what is not proved, and for three numbers that do not go together.
    """

    # pfl's own, in pfl's order.
    num_compositions: int
    sampling_probability: float
    mechanism: str
    epsilon: float | None = None
    delta: float | None = None
    noise_parameter: float | None = None
    noise_scale: float = 1.0
    min_bound_noise_parameter: float | None = None
    max_bound_noise_parameter: float | None = None

    sampling: str = "fixed-size"
    relation: str = "zero-out"
    accountant: str = "pld"
    population: int | None = None
    numerical_delta: float = 0.0
    epsilon_lower_bound: float | None = field(init=False, default=None)
    theorem: str = field(init=False, default="")
    largest_cohort: int | None = field(init=False, default=None)
    truncation_delta: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._check()
        if self.max_bound_noise_parameter is None:
            # pfl's default, 100, is where its search ends. This one needs no end.
            self.max_bound_noise_parameter = math.inf
        super().__post_init__()
        self.num_compositions = int(self.num_compositions)
        if self.sampling_probability == 1:
            self.sampling = "everyone"
        given = (self.epsilon is not None, self.delta is not None, self.noise_parameter is not None)
        if given == (True, False, True):
            self._answer_delta()
            return
        self._cut()
        if self.noise_parameter is None:
            self.noise_parameter = self._calibrated()
        spent = self._spent(self.noise_parameter)
        if self.epsilon is None:
            self.epsilon = spent.epsilon
        elif spent.epsilon > self.epsilon:
            raise PrivacyRefused(
                f"epsilon: found {self.epsilon} for noise_parameter {self.noise_parameter} and "
                f"delta {self.delta}; "
                f"these rounds spend up to {spent.epsilon:.6f}"
            )
        self.theorem = spent.theorem
        self.epsilon_lower_bound = self._lower_bound(spent)

    # Checks

    def _check(self) -> None:
        whole(self.num_compositions, "num_compositions", 1)
        if not isinstance(self.mechanism, str) or self.mechanism.lower() != "gaussian":
            raise InvalidError(f'mechanism: found {self.mechanism!r}; allowed: "gaussian"')
        if sum(value is None for value in (self.epsilon, self.delta, self.noise_parameter)) > 1:
            raise InvalidError(
                "epsilon, delta, noise_parameter: found fewer than two; allowed: two of them"
            )
        _within("sampling_probability", self.sampling_probability, 0, 1, lowest=False)
        _within("epsilon", self.epsilon, 0, math.inf, lowest=False)
        _within("delta", self.delta, 0, 1, lowest=False, highest=False)
        _within("noise_parameter", self.noise_parameter, 0, math.inf, lowest=False)
        if self.noise_scale != 1:
            raise PrivacyRefused(
                f"noise_scale: found {self.noise_scale}; allowed: 1. Less noise than the "
                f"accounted one shows what a "
                "larger cohort would give, and epsilon is of no round that is made"
            )
        if self.sampling not in ("fixed-size", "poisson", "everyone"):
            raise InvalidError(
                f'sampling: found {self.sampling!r}; allowed: "fixed-size", "poisson", "everyone"'
            )
        if self.sampling == "everyone" and self.sampling_probability != 1:
            raise InvalidError(
                f'sampling_probability: found {self.sampling_probability}; "everyone" has 1'
            )
        if self.population is not None:
            whole(self.population, "population", 1)
        _within("numerical_delta", self.numerical_delta, 0, self.delta or 1, highest=False)

    # Numbers

    @property
    def _net(self) -> float:
        """What is left of delta for the theorem."""
        assert self.delta is not None
        net = float(self.delta) - self.truncation_delta - self.numerical_delta
        if net <= 0:
            found = f"{self.numerical_delta} of delta {self.delta}"
            raise InvalidError(f"numerical_delta: found {found}; allowed: less")
        return net

    def _about(self) -> dict[str, Any]:
        return {
            "rounds": self.num_compositions,
            "sampling_rate": float(self.sampling_probability),
            "sampling": self.sampling,
            "relation": self.relation,
            "accountant": self.accountant,
        }

    def _cut(self) -> None:
        """Which Poisson cohorts are cut, and what that costs of delta."""
        if self.sampling != "poisson" or self.population is None or self.delta is None:
            return
        cohort = self.sampling_probability * self.population
        if abs(cohort - round(cohort)) > 1e-9 * self.population or round(cohort) < 1:
            raise InvalidError(
                f"sampling_probability: found {self.sampling_probability} of {self.population} "
                f"users, {cohort} in a "
                "round; allowed: a whole number of them"
            )
        planned = plan(
            parameters=1,
            clients=self.population,
            cohort=round(cohort),
            rounds=self.num_compositions,
            noise_multiplier=1.0,
            delta=self.delta,
            sampling="poisson",
            relation=self.relation,
            accountant=self.accountant,
            codecs=["float32"],
        )
        self.largest_cohort = planned.largest_cohort
        self.truncation_delta = planned.truncation_delta or 0.0

    def _spent(self, noise: float) -> Spending:
        spent: Spending = account(
            noise_multiplier=float(noise) / MARGIN, delta=self._net, **self._about()
        )
        return spent

    def _calibrated(self) -> float:
        assert self.epsilon is not None
        found = calibrate(epsilon=float(self.epsilon), delta=self._net, **self._about())
        # Twice the margin, so that division by it cannot round below what was evaluated.
        noise = found.noise_multiplier * MARGIN * (1 + 1e-12)
        least, most = self.min_bound_noise_parameter or 0.0, self.max_bound_noise_parameter
        if most is not None and noise > most:
            raise PrivacyRefused(
                f"max_bound_noise_parameter: found {most}; epsilon {self.epsilon} at delta "
                f"{self.delta} needs "
                f"a noise of {noise:.6g}"
            )
        return max(noise, least)

    def _answer_delta(self) -> None:
        if self.sampling == "poisson" and self.population is not None:
            raise InvalidError(
                "population: Poisson cohorts are cut to what a delta pays for, and delta is asked "
                "here; allowed: "
                "delta given, or no population (cohorts are not cut)"
            )
        assert self.noise_parameter is not None
        assert self.epsilon is not None
        spent: Spending = account(
            noise_multiplier=float(self.noise_parameter) / MARGIN,
            epsilon=float(self.epsilon),
            **self._about(),
        )
        self.delta = min(spent.delta + self.numerical_delta, 1.0)
        self.theorem = spent.theorem

    def _lower_bound(self, spent: Spending) -> float | None:
        """Where cohorts may be cut, both neighbors' distributions may move by `truncation_delta`,
        and by floating point."""
        if self.truncation_delta == 0 and self.numerical_delta == 0:
            return spent.epsilon_lower_bound
        assert self.delta is not None
        assert self.noise_parameter is not None
        factor = 1 + math.exp(min(spent.epsilon, 700.0))
        loosened = self.delta + self.numerical_delta + factor * self.truncation_delta
        if loosened >= 1:
            return None
        bound: Spending = account(
            noise_multiplier=self.noise_parameter, delta=loosened, **self._about()
        )
        return bound.epsilon_lower_bound

    def __str__(self) -> str:
        lower = (
            "" if self.epsilon_lower_bound is None else f", at least {self.epsilon_lower_bound:.6f}"
        )
        return (
            f"epsilon {self.epsilon:.6f}{lower} at delta {self.delta:.6g}, for whoever sees the "
            f"models: "
            f"{self.relation}, {self.sampling} cohorts, q = {self.sampling_probability:.6g}, "
            f"z = {self.noise_parameter:.6g}, {self.num_compositions} rounds; {self.accountant}: "
            f"{self.theorem}"
        )


def _within(
    name: str, value: Any, least: float, most: float, *, lowest: bool = True, highest: bool = True
) -> None:
    """Checks a number that may be None: NaN and truth values are none."""
    if value is None:
        return
    allowed = (
        f"{'from' if lowest else 'above'} {least:g} {'to' if highest else 'to below'} {most:g}"
    )
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    inside = least <= number <= most and (lowest or number > least) and (highest or number < most)
    if not inside or not math.isfinite(number):
        raise InvalidError(f"{name}: found {value!r}; allowed: {allowed}")
