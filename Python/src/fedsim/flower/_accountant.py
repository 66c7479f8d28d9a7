"""Flower's protocol of a privacy accountant, with FedSim's bounds."""

from __future__ import annotations

import math
from typing import Any

from flwr.serverapp import (
    GaussianPrivacyEvent,
    NeighboringRelation,
    PrivacyConfig,
    PrivacySpent,
    SamplingMethod,
)

from ..accounting import Event, account
from ..errors import InvalidError, PrivacyRefused

SCHEMA = 1
BACKEND = "fedsim-pld"


class FedSimAccountant:
    """A `flwr.serverapp.PrivacyAccountant` with bounds by privacy loss distributions: in place of
    `RdpAccountant`.

    Flower knows two relations and three samplings; this is what they are here, and what is refused:

    | Flower | here |
    |---|---|
    | poisson, add-or-remove-one | Poisson, add-or-remove: as under zero-out |
    | without-replacement, replace-one | fixed size, replace-one |
    | any, with all clients in every round | everyone, with that relation |
    | no-amplification, add-or-remove-one, some of the clients | refused |

    A cohort of fixed size takes another client in for one that is removed, so the sum moves by up
    to 2 C, and noise of z C has the noise multiplier z / 2. "no-amplification" at z claims less
    than that: Flower's fixed-clipping strategies do so. Flower has no relation of zero-out, where a
    client stays and sends nothing but noise: `FedSimStrategy` has its own account.

    z is the standard deviation of the noise on the *sum* of updates over the clipping norm, as in
    Flower's events.

    Args:
        config: Flower's; its delta is the default of `get_privacy_spent`.
        margin: accounts for z / (1 + 10^-6), which pays for rounding where norms are clipped in
            floating point.
    """

    def __init__(self, config: PrivacyConfig, *, margin: bool = True) -> None:
        self._config = config
        self._margin = 1 + 1e-6 if margin else 1.0
        self._events: list[tuple[GaussianPrivacyEvent, int]] = []
        if config.sampling_method not in tuple(SamplingMethod):
            raise PrivacyRefused(
                f"sampling_method: found {config.sampling_method!r}, for which nothing is proved"
            )

    @property
    def config(self) -> PrivacyConfig:
        """Flower's configuration."""
        return self._config

    @property
    def num_releases(self) -> int:
        """Rounds that were composed."""
        return sum(count for _, count in self._events)

    def compose(self, event: GaussianPrivacyEvent, count: int = 1) -> None:
        """Adds `count` equal rounds.

        Raises:
            PrivacyRefused: for a round of which nothing is proved.
        """
        self._kind(event, count)
        self._events.append((event, count))

    def get_epsilon(self, delta: float) -> float:
        """An upper bound on epsilon of all rounds, at a delta."""
        return self._epsilon(self._events, delta)

    def get_delta(self, epsilon: float) -> float:
        """An upper bound on delta of all rounds, at an epsilon."""
        if not (math.isfinite(epsilon) and epsilon >= 0):
            raise InvalidError(f"epsilon: found {epsilon!r}; allowed: a number from 0 on")
        if not self._events:
            return 0.0
        return float(
            account(
                ledger=self._ledger(self._events), epsilon=epsilon, relation=self._relation
            ).delta
        )

    def get_privacy_spent(self, delta: float | None = None) -> PrivacySpent:
        """What all rounds have spent, at the configuration's delta or another one."""
        at = self._config.target_delta if delta is None else delta
        return PrivacySpent(
            epsilon=self.get_epsilon(at),
            delta=at,
            num_releases=self.num_releases,
            accounting_method=BACKEND,
        )

    def would_exceed(
        self, event: GaussianPrivacyEvent, max_epsilon: float | None = None, count: int = 1
    ) -> bool:
        """Whether `count` more rounds would be above a budget; nothing is composed."""
        limit = self._config.max_epsilon if max_epsilon is None else max_epsilon
        if limit is None or not (math.isfinite(limit) and limit > 0):
            raise InvalidError(
                f"max_epsilon: found {limit!r}, here and in PrivacyConfig; allowed: a number "
                "above 0"
            )
        self._kind(event, count)
        return self._epsilon([*self._events, (event, count)], self._config.target_delta) > limit

    def state_dict(self) -> dict[str, object]:
        """What `load_state_dict` reads, as values of JSON."""
        return {
            "schema_version": SCHEMA,
            "backend": BACKEND,
            "config": self._config_dict(),
            "margin": self._margin,
            "compositions": [
                {
                    "event": {
                        "noise_multiplier": event.noise_multiplier,
                        "sample_size": event.sample_size,
                        "population_size": event.population_size,
                    },
                    "count": count,
                }
                for event, count in self._events
            ],
        }

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Goes on from a state of an accountant with the same configuration.

        Raises:
            InvalidError: for another configuration, or what is no state. Nothing is changed then.
        """
        for name, mine in (
            ("schema_version", SCHEMA),
            ("backend", BACKEND),
            ("config", self._config_dict()),
            ("margin", self._margin),
        ):
            if state.get(name) != mine:
                raise InvalidError(f"{name}: found {state.get(name)!r}; allowed: {mine!r}")
        try:
            compositions: Any = state["compositions"]
            events = [(GaussianPrivacyEvent(**one["event"]), one["count"]) for one in compositions]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidError(
                f"compositions: found what is no list of rounds ({error})"
            ) from error
        for event, count in events:
            self._kind(event, count)
        self._events = events

    # ---- What Flower's rounds are here

    @property
    def _relation(self) -> str:
        if self._config.neighboring_relation is NeighboringRelation.REPLACE_ONE:
            return "replace-one"
        return "add-or-remove"

    def _kind(self, event: GaussianPrivacyEvent, count: int) -> Event:
        """One of our events for some of Flower's."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise InvalidError(f"count: found {count!r}; allowed: an integer from 1 on")
        if event.population_size != self._config.population_size:
            raise InvalidError(
                f"population_size: found {event.population_size}; configured: "
                f"{self._config.population_size}"
            )
        z, rate = event.noise_multiplier / self._margin, event.sample_size / event.population_size
        method = self._config.sampling_method
        if event.sample_size == event.population_size:
            return Event(z, 1.0, "everyone", count)
        if method is SamplingMethod.POISSON:
            return Event(z, rate, "poisson", count)
        if method is SamplingMethod.WITHOUT_REPLACEMENT:
            return Event(z, rate, "fixed-size", count)
        raise PrivacyRefused(
            f"no-amplification: found {event.sample_size} of {event.population_size} clients in a "
            "round. In a cohort of "
            "fixed size another client takes the place of one that is removed, so the sum moves "
            "by up to 2 C: z would "
            "have to be halved. Proved: 'without-replacement' with 'replace-one', 'poisson' with "
            "'add-or-remove-one', "
            "or all clients in every round"
        )

    def _ledger(self, events: list[tuple[GaussianPrivacyEvent, int]]) -> list[Event]:
        return [self._kind(event, count) for event, count in events]

    def _epsilon(self, events: list[tuple[GaussianPrivacyEvent, int]], delta: float) -> float:
        if not (math.isfinite(delta) and 0 < delta < 1):
            raise InvalidError(f"delta: found {delta!r}; allowed: above 0, below 1")
        if not events:
            return 0.0
        return float(
            account(ledger=self._ledger(events), delta=delta, relation=self._relation).epsilon
        )

    def _config_dict(self) -> dict[str, object]:
        config = self._config
        return {
            "target_delta": config.target_delta,
            "population_size": config.population_size,
            "neighboring_relation": config.neighboring_relation.value,
            "sampling_method": config.sampling_method.value,
            "max_epsilon": config.max_epsilon,
        }
