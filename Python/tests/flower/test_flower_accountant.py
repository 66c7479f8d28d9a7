"""Flower's protocol of an accountant: what is mapped, what is refused, and its state."""

from __future__ import annotations

import json

import pytest
from flwr.serverapp import (
    GaussianPrivacyEvent,
    NeighboringRelation,
    PrivacyAccountant,
    PrivacyConfig,
    SamplingMethod,
)
from flwr.serverapp.strategy import DifferentialPrivacyServerSideFixedClipping, FedAvg

import fedsim
from fedsim.errors import InvalidError, PrivacyRefused
from fedsim.flower import FedSimAccountant

ADD, REPLACE = NeighboringRelation.ADD_OR_REMOVE_ONE, NeighboringRelation.REPLACE_ONE


def accountant(
    method: SamplingMethod = SamplingMethod.POISSON,
    relation: NeighboringRelation = ADD,
    limit: float | None = None,
    margin: bool = False,
) -> FedSimAccountant:
    return FedSimAccountant(PrivacyConfig(1e-5, 1000, relation, method, limit), margin=margin)


def event(z: float = 1.0, size: int = 100) -> GaussianPrivacyEvent:
    return GaussianPrivacyEvent(z, size, 1000)


def test_it_is_an_accountant_of_flowers() -> None:
    made: PrivacyAccountant = accountant()
    assert made.config.population_size == 1000
    assert made.num_releases == 0
    assert made.get_epsilon(1e-5) == 0


@pytest.mark.parametrize(
    ("method", "relation", "size", "sampling", "ours"),
    [
        (SamplingMethod.POISSON, ADD, 100, "poisson", "add-or-remove"),
        (SamplingMethod.WITHOUT_REPLACEMENT, REPLACE, 100, "fixed-size", "replace-one"),
        (SamplingMethod.NO_AMPLIFICATION, ADD, 1000, "everyone", "add-or-remove"),
        (SamplingMethod.POISSON, ADD, 1000, "everyone", "add-or-remove"),
        (SamplingMethod.WITHOUT_REPLACEMENT, REPLACE, 1000, "everyone", "replace-one"),
    ],
)
def test_what_is_mapped(
    method: SamplingMethod, relation: NeighboringRelation, size: int, sampling: str, ours: str
) -> None:
    made = accountant(method, relation)
    made.compose(event(3.0, size), 10)
    expected = fedsim.account(
        noise_multiplier=3.0,
        rounds=10,
        delta=1e-5,
        sampling_rate=size / 1000,
        sampling=sampling,
        relation=ours,
    )
    assert made.get_epsilon(1e-5) == pytest.approx(expected.epsilon, rel=1e-5)
    spent = made.get_privacy_spent()
    assert (spent.epsilon, spent.delta, spent.num_releases) == (made.get_epsilon(1e-5), 1e-5, 10)
    assert made.get_delta(spent.epsilon) <= 1e-5 * 1.01


def test_reference_value() -> None:
    made = accountant()
    made.compose(event(1.0, 100), 100)
    assert made.get_epsilon(1e-5) == pytest.approx(7.0466, abs=1e-3)


def test_no_amplification_of_a_fixed_cohort_is_refused() -> None:
    made = accountant(SamplingMethod.NO_AMPLIFICATION)
    for refused in (lambda: made.compose(event()), lambda: made.would_exceed(event(), 1.0)):
        with pytest.raises(PrivacyRefused, match="2 C"):
            refused()
    assert made.num_releases == 0


def test_flowers_own_strategy_takes_it() -> None:
    made = accountant(SamplingMethod.NO_AMPLIFICATION)
    strategy = DifferentialPrivacyServerSideFixedClipping(FedAvg(), 1.0, 1.0, 1000, accountant=made)
    assert strategy.privacy_spent() is not None


def test_the_margin_pays_for_rounding() -> None:
    plain, careful = accountant(), accountant(margin=True)
    plain.compose(event(), 100)
    careful.compose(event(), 100)
    assert plain.get_epsilon(1e-5) < careful.get_epsilon(1e-5) < plain.get_epsilon(1e-5) * 1.0001


def test_budgets() -> None:
    made = accountant(limit=7.5)
    made.compose(event(), 100)
    before = made.state_dict()
    assert not made.would_exceed(event(), count=1)
    assert made.would_exceed(event(), count=50)
    assert made.would_exceed(event(), max_epsilon=1.0)
    assert made.state_dict() == before
    with pytest.raises(InvalidError):
        accountant().would_exceed(event())


def test_states() -> None:
    made = accountant()
    made.compose(event(1.0), 3)
    made.compose(event(2.0), 1)
    state = json.loads(json.dumps(made.state_dict()))
    other = accountant()
    other.load_state_dict(state)
    assert other.get_epsilon(1e-5) == made.get_epsilon(1e-5)
    assert other.num_releases == 4
    for name, value in (
        ("backend", "rdp"),
        ("schema_version", 2),
        ("config", {}),
        ("compositions", [1]),
        ("compositions", None),
    ):
        with pytest.raises(InvalidError):
            other.load_state_dict({**state, name: value})
    with pytest.raises(InvalidError):
        other.load_state_dict({**state, "compositions": [{**state["compositions"][0], "count": 0}]})
    assert other.num_releases == 4


@pytest.mark.parametrize("count", [0, -1, True, 1.5])
def test_counts(count: int) -> None:
    with pytest.raises(InvalidError):
        accountant().compose(event(), count)


def test_other_arguments() -> None:
    made = accountant()
    with pytest.raises(InvalidError):
        made.compose(GaussianPrivacyEvent(1.0, 10, 999))
    made.compose(event())
    for delta in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(InvalidError):
            made.get_epsilon(delta)
    for epsilon in (-1.0, float("inf"), float("nan")):
        with pytest.raises(InvalidError):
            made.get_delta(epsilon)
