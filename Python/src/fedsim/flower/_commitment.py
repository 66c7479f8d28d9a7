"""What a federation commits to before its first round, all of it public."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..accounting import account
from ..errors import InvalidError, PrivacyRefused

#: Accounts are for C (1 + 10^-6), which pays for rounding where updates are clipped.
SENSITIVITY_MARGIN = 1 + 1e-6

#: The largest shares of delta that a plan takes for cohorts that are cut and for rounding: what is
#: reserved where a plan does not say how much it took.
_MOST_TRUNCATION, _MOST_NUMERICAL = 0.01, 0.25


@dataclass(frozen=True)
class Commitment:
    """The public constants of a federation: what clients check, and what the account is about.

    `Commitment.of(plan)` makes one from what `fedsim.plan` returns. No number in it depends on who
    is drawn: sigma is z C / sqrt(m_max), whatever the size of a cohort.

    Attributes:
        codec: of the payloads; exact.
        parameters: d, numbers of an update.
        clipping_norm: C, the bound on an update's norm.
        noise_multiplier: z; the noise on a round's sum has the standard deviation z C.
        largest_cohort: m_max; larger draws are cut to it.
        clients: N, all there are.
        cohort: m, the expected size of a cohort: what sums are divided by.
        sampling: "poisson", "fixed-size" or "everyone".
        rounds: T, all rounds that the account is for.
        epsilon, delta: what T rounds spend together.
        truncation_delta, numerical_delta: parts of delta, for cohorts that are cut and for
            rounding.
        options: of the codec.
    """

    codec: str
    parameters: int
    clipping_norm: float
    noise_multiplier: float
    largest_cohort: int
    clients: int
    cohort: float
    sampling: str
    rounds: int
    epsilon: float
    delta: float
    truncation_delta: float = 0.0
    numerical_delta: float = 0.0
    relation: str = "zero-out"
    accountant: str = "pld"
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("parameters", "largest_cohort", "clients", "rounds"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidError(f"{name}: found {value!r}; allowed: an integer from 1 on")
        for name in ("clipping_norm", "noise_multiplier", "cohort", "delta"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
                raise PrivacyRefused(
                    f"{name}: found {value!r}; no guarantee follows without a number above 0"
                )
        if self.sampling not in ("poisson", "fixed-size", "everyone"):
            raise PrivacyRefused(
                f"sampling: found {self.sampling!r}; proved: 'poisson', 'fixed-size' and 'everyone'"
            )
        if self.cohort > self.clients:
            raise InvalidError(
                f"cohort: found {self.cohort} of {self.clients} clients; allowed: no more than all"
            )
        if self.sampling != "poisson" and self.cohort != int(self.cohort):
            raise InvalidError(
                f"cohort: found {self.cohort}; allowed: an integer for {self.sampling!r}"
            )
        if self.sampling == "everyone" and self.cohort != self.clients:
            raise InvalidError(
                f"cohort: found {self.cohort}; allowed: all {self.clients} for 'everyone'"
            )
        if self.sampling == "fixed-size" and self.largest_cohort < self.cohort:
            raise PrivacyRefused(
                f"largest_cohort: found {self.largest_cohort}, below the cohort's {self.cohort}"
            )
        if self.truncation_delta + self.numerical_delta >= self.delta:
            raise PrivacyRefused(
                f"delta: found {self.delta}, of which nothing is left after "
                f"{self.truncation_delta} for cohorts "
                f"that are cut and {self.numerical_delta} for rounding"
            )

    @staticmethod
    def of(plan: Any, codec: str | None = None) -> Commitment:
        """The constants of a plan.

        Args:
            plan: what `fedsim.plan` returned, or a Commitment, which is given back.
            codec: one of the plan's codecs; None takes the one that it chose. Another one has its
                own z. How much of delta its rounding takes is not in the plan: a quarter is
                reserved, the most that a plan takes, and epsilon is somewhat above the target.

        Raises:
            PrivacyRefused: for a plan without a guarantee, or a codec that is not in it.
        """
        if isinstance(plan, Commitment):
            if codec not in (None, plan.codec):
                raise PrivacyRefused(
                    f"codec: found {codec!r}; the noise was planned for {plan.codec!r}"
                )
            return plan
        found = getattr(plan, "details", None)
        if not isinstance(found, Mapping):
            raise InvalidError(
                f"plan: found {type(plan).__name__}; allowed: what fedsim.plan returns"
            )
        if found.get("epsilon") is None or found.get("delta") is None:
            raise PrivacyRefused("plan: found no epsilon; no guarantee follows from it")
        chosen = str(found["chosenCodec"] if codec is None else codec)
        usable = {str(one["codec"]): one for one in found["codecs"] if one.get("problem") is None}
        if chosen not in usable:
            raise PrivacyRefused(
                f"codec: found {chosen!r}; planned: {', '.join(usable) or 'none'}. Its noise was "
                "not calibrated"
            )
        own = usable[chosen]
        delta, clients = float(found["delta"]), int(found["clients"])
        cut = found["sampling"] == "poisson" and int(found["largestCohort"]) < clients
        truncation = found.get("truncationDelta")
        numerical = found.get("numericalDelta") if chosen == found["chosenCodec"] else None
        made = Commitment(
            codec=chosen,
            parameters=int(found["parameters"]),
            clipping_norm=float(found["clippingNorm"]),
            noise_multiplier=float(own["noiseMultiplier"]),
            largest_cohort=int(found["largestCohort"]),
            clients=clients,
            cohort=float(found["cohort"]),
            sampling=str(found["sampling"]),
            rounds=int(found["rounds"]),
            epsilon=float(found["epsilon"]),
            delta=delta,
            truncation_delta=float(truncation)
            if truncation is not None
            else _MOST_TRUNCATION * delta * cut,
            numerical_delta=float(numerical) if numerical is not None else _MOST_NUMERICAL * delta,
            relation=str(found["relation"]),
            accountant=str(found.get("accountant", "pld")),
            options=dict(own.get("options") or {}),
        )
        if not math.isclose(float(own["noiseScale"]), made.noise_scale, rel_tol=1e-9):
            raise PrivacyRefused(
                f"noise_scale: found {own['noiseScale']}; z C / sqrt(m_max) is "
                f"{made.noise_scale}. A share of the "
                "noise may depend on public constants only, never on the number of clients that "
                "are drawn"
            )
        if numerical is None:
            made = replace(made, epsilon=made.spent(made.rounds))
        return made

    def spent(self, rounds: int, *, coarse: bool = False) -> float:
        """An upper bound on epsilon of `rounds` rounds, at the part of delta that is left for
        rounds.

        Args:
            rounds: from 1 on.
            coarse: a bound that takes milliseconds, and is a few parts in ten thousand above the
                precise one.
        """
        spending = account(
            noise_multiplier=self.accounted_noise_multiplier,
            rounds=rounds,
            delta=self.rounds_delta,
            sampling_rate=self.sampling_rate,
            sampling=self.sampling,
            relation=self.relation,
            accountant=self.accountant,
            coarse=coarse,
        )
        return float(spending.epsilon)

    @property
    def noise_scale(self) -> float:
        """sigma = z C / sqrt(m_max): the standard deviation of one client's noise, per
        coordinate."""
        return self.noise_multiplier * self.clipping_norm / math.sqrt(self.largest_cohort)

    @property
    def sum_noise(self) -> float:
        """z C: the standard deviation of the noise on each coordinate of a round's sum."""
        return self.noise_multiplier * self.clipping_norm

    @property
    def sampling_rate(self) -> float:
        """q = m / N."""
        return self.cohort / self.clients

    @property
    def accounted_noise_multiplier(self) -> float:
        """The z of the account: a hair below the noise that is added, for C (1 + 10^-6)."""
        return self.noise_multiplier / SENSITIVITY_MARGIN

    @property
    def rounds_delta(self) -> float:
        """The part of delta that is left for composed rounds."""
        return self.delta - self.truncation_delta - self.numerical_delta

    def channel_text(self) -> str:
        """What both ends of the channel must agree on, as canonical JSON. Floats are written
        exactly."""
        return json.dumps(
            {
                "codec": self.codec,
                "options": self.options,
                "dimension": self.parameters,
                "clippingNorm": self.clipping_norm,
                "noiseScale": self.noise_scale,
                "rounds": self.rounds,
            },
            sort_keys=True,
            separators=(",", ":"),
        )
