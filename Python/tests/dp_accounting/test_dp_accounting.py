"""FedSim's accountant in dp_accounting: against their PLD and RDP, both bounds, every event and
relation."""

# ruff: noqa: E402, PT018

from __future__ import annotations

import math
from typing import Any

import pytest

pytest.importorskip("dp_accounting.dp_event")
pytestmark = pytest.mark.dp_accounting

import dp_accounting
from dp_accounting import dp_event, pld, rdp

import fedsim
from fedsim.dp_accounting import FedSimAccountant

Relation = dp_accounting.NeighboringRelation
RELATIONS = [Relation.ADD_OR_REMOVE_ONE, Relation.REPLACE_ONE, Relation.REPLACE_SPECIAL]


def gaussian(z: float) -> dp_event.GaussianDpEvent:
    return dp_event.GaussianDpEvent(z)


def poisson(q: float, event: Any) -> dp_event.PoissonSampledDpEvent:
    return dp_event.PoissonSampledDpEvent(q, event)


def times(event: Any, count: int) -> dp_event.SelfComposedDpEvent:
    return dp_event.SelfComposedDpEvent(event, count)


CASES = [
    ("gaussian", times(gaussian(5.0), 10), 1e-6),
    ("poisson", times(poisson(0.01, gaussian(1.0)), 1000), 1e-6),
    ("poisson, much", times(poisson(0.1, gaussian(1.0)), 100), 1e-5),
    (
        "mixed",
        dp_event.ComposedDpEvent(
            [
                times(poisson(0.05, gaussian(1.2)), 100),
                gaussian(6.0),
                dp_event.NoOpDpEvent(),
                poisson(0.3, gaussian(2.0)),
            ]
        ),
        1e-5,
    ),
]


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize(("name", "event", "delta"), CASES)
def test_their_upper_bound_is_not_below_our_lower_one(
    name: str, event: Any, delta: float, relation: dp_accounting.NeighboringRelation
) -> None:
    """Their PLD rounds up on a grid of 10^-4: ours is not above it by more than our two bounds are
    apart."""
    ours = FedSimAccountant(relation).compose(event)
    theirs = pld.PLDAccountant(relation).compose(event)
    upper, lower = ours.get_epsilon(delta), ours.get_epsilon_lower_bound(delta)
    assert lower <= upper <= lower * (1 + 1e-4)
    assert lower <= theirs.get_epsilon(delta)
    assert upper <= theirs.get_epsilon(delta) * (1 + 1e-5)
    assert upper == pytest.approx(theirs.get_epsilon(delta), rel=1e-3)
    for epsilon in (0.5, 1.0, 2.0):
        assert ours.get_delta(epsilon) == pytest.approx(
            theirs.get_delta(epsilon), rel=2e-3, abs=1e-12
        )
    bounds = ours.spending(target_epsilon=1.0)
    assert bounds.delta_lower_bound is not None and bounds.delta_lower_bound <= theirs.get_delta(
        1.0
    )


@pytest.mark.parametrize(("name", "event", "delta"), CASES)
def test_rdp_is_above(name: str, event: Any, delta: float) -> None:
    ours = FedSimAccountant().compose(event).get_epsilon(delta)
    assert ours < rdp.RdpAccountant().compose(event).get_epsilon(delta)


def test_coarse_bounds_enclose() -> None:
    event = times(poisson(0.01, gaussian(1.0)), 1000)
    fine, coarse = FedSimAccountant().compose(event), FedSimAccountant(coarse=True).compose(event)
    assert fine.get_epsilon(1e-6) <= coarse.get_epsilon(1e-6) <= 1.01 * fine.get_epsilon(1e-6)
    assert coarse.get_epsilon_lower_bound(1e-6) <= fine.get_epsilon_lower_bound(1e-6)


@pytest.mark.parametrize("coarse", [False, True])
def test_calibration(coarse: bool) -> None:
    """What dp_accounting's search finds meets the target, and hardly less noise does not."""
    delta = 1e-6
    z = dp_accounting.calibrate_dp_mechanism(
        lambda: FedSimAccountant(coarse=coarse),
        lambda z: times(poisson(0.01, gaussian(z)), 1000),
        2.0,
        delta,
    )
    assert z == pytest.approx(1.029021, rel=2e-3 if coarse else 1e-5)
    assert (
        fedsim.account(noise_multiplier=z, sampling_rate=0.01, rounds=1000, delta=delta).epsilon
        <= 2
    )
    less = fedsim.account(noise_multiplier=z * 0.995, sampling_rate=0.01, rounds=1000, delta=delta)
    assert less.epsilon_lower_bound is not None and less.epsilon_lower_bound > 2


def test_calibration_of_counts() -> None:
    """Their search over whole numbers: the largest number of rounds in a budget."""
    rounds = dp_accounting.calibrate_dp_mechanism(
        FedSimAccountant,
        lambda count: times(poisson(0.01, gaussian(1.0)), count),
        2.0,
        1e-6,
        dp_accounting.LowerEndpointAndGuess(1, 2),
        discrete=True,
    )
    spent = [
        FedSimAccountant().compose(times(poisson(0.01, gaussian(1.0)), n)).get_epsilon(1e-6)
        for n in (rounds, rounds + 1)
    ]
    assert spent[0] <= 2 < spent[1]


class TestFixedSize:
    """`SampledWithoutReplacementDpEvent`: each relation by its own theorem."""

    event = times(dp_event.SampledWithoutReplacementDpEvent(1000, 100, gaussian(1.0)), 100)

    @pytest.mark.parametrize(
        ("relation", "name"),
        [
            (Relation.ADD_OR_REMOVE_ONE, "add-or-remove"),
            (Relation.REPLACE_ONE, "replace-one"),
            (Relation.REPLACE_SPECIAL, "zero-out"),
        ],
    )
    def test_is_the_cohort_of_fixed_size(
        self, relation: dp_accounting.NeighboringRelation, name: str
    ) -> None:
        ours = FedSimAccountant(relation).compose(self.event)
        spent = fedsim.account(
            noise_multiplier=1,
            sampling_rate=0.1,
            rounds=100,
            delta=1e-5,
            sampling="fixed-size",
            relation=name,
        )
        assert ours.get_epsilon(1e-5) == pytest.approx(spent.epsilon, rel=1e-9)
        assert ours.get_epsilon_lower_bound(1e-5) == pytest.approx(
            spent.epsilon_lower_bound, rel=1e-9
        )
        # It costs much more than the Poisson cohort of the same rate.
        assert ours.get_epsilon(1e-5) > 2 * 7.05

    def test_reference_values(self) -> None:
        """docs/privacy.md: q = 0.1, z = 1, T = 100, delta = 1e-5."""
        values = {
            relation: FedSimAccountant(relation).compose(self.event).get_epsilon(1e-5)
            for relation in RELATIONS
        }
        assert values[Relation.REPLACE_SPECIAL] == pytest.approx(18.05, abs=0.01)
        assert values[Relation.REPLACE_ONE] == pytest.approx(34.2, abs=0.05)
        assert values[Relation.ADD_OR_REMOVE_ONE] == pytest.approx(31.4, abs=0.05)

    def test_add_or_remove_is_poisson_at_half_the_noise(self) -> None:
        """Theorem 3; it is how JAX-Privacy accounts for batches of one size, too."""
        ours = FedSimAccountant().compose(self.event)
        half = FedSimAccountant().compose(times(poisson(0.1, gaussian(0.5)), 100))
        assert ours.get_epsilon(1e-5) == pytest.approx(half.get_epsilon(1e-5), rel=1e-5)

    def test_everybody(self) -> None:
        event = dp_event.SampledWithoutReplacementDpEvent(50, 50, gaussian(2.0))
        for relation in (Relation.REPLACE_ONE, Relation.REPLACE_SPECIAL):
            ours = FedSimAccountant(relation)
            assert ours.compose(event).get_epsilon(1e-5) == FedSimAccountant(relation).compose(
                gaussian(2.0)
            ).get_epsilon(1e-5)
        assert not FedSimAccountant(Relation.ADD_OR_REMOVE_ONE).supports(event)

    @pytest.mark.parametrize(
        ("population", "size"), [(10, 11), (0, 0), (-5, 1), (10, -1), (10, 2.5)]
    )
    def test_sizes(self, population: Any, size: Any) -> None:
        assert not FedSimAccountant(Relation.REPLACE_ONE).supports(
            dp_event.SampledWithoutReplacementDpEvent(population, size, gaussian(1.0))
        )

    def test_several_mechanisms_are_not_proved(self) -> None:
        event = dp_event.SampledWithoutReplacementDpEvent(10, 2, times(gaussian(1.0), 2))
        assert not any(FedSimAccountant(relation).supports(event) for relation in RELATIONS)


class TestOneSample:
    """Several mechanisms on one Poisson sample have one coin."""

    def test_is_one_gaussian(self) -> None:
        """z^-2 add up: adaptive clipping's 5.29 at q = 0.01, z = 1, noise 1/2 on a count of
        sensitivity 1/2."""
        both = dp_event.ComposedDpEvent([gaussian(1.0), gaussian(1.0)])
        for relation in (Relation.ADD_OR_REMOVE_ONE, Relation.REPLACE_SPECIAL):
            ours = FedSimAccountant(relation).compose(times(poisson(0.01, both), 1000))
            assert ours.get_epsilon(1e-6) == pytest.approx(5.29, abs=0.01)
            # As two events they would have two coins, which is too little.
            two = FedSimAccountant(relation).compose(times(poisson(0.01, gaussian(1.0)), 2000))
            assert two.get_epsilon(1e-6) < 3

    def test_self_composed(self) -> None:
        ours = FedSimAccountant().compose(poisson(0.1, times(gaussian(2.0), 4)))
        one = FedSimAccountant().compose(poisson(0.1, gaussian(1.0)))
        assert ours.get_epsilon(1e-5) == pytest.approx(one.get_epsilon(1e-5), rel=1e-9)

    def test_not_for_replace_one(self) -> None:
        accountant = FedSimAccountant(Relation.REPLACE_ONE)
        assert accountant.supports(poisson(0.1, gaussian(1.0)))
        assert not accountant.supports(poisson(0.1, times(gaussian(1.0), 2)))

    def test_other_mechanisms_in_it(self) -> None:
        assert not FedSimAccountant().supports(poisson(0.1, dp_event.LaplaceDpEvent(1.0)))
        assert not FedSimAccountant().supports(
            poisson(0.1, dp_event.ComposedDpEvent([gaussian(1.0), dp_event.LaplaceDpEvent(1.0)]))
        )


UNSUPPORTED = [
    dp_event.UnsupportedDpEvent(),
    dp_event.LaplaceDpEvent(1.0),
    dp_event.SampledWithReplacementDpEvent(100, 10, gaussian(1.0)),
    dp_event.SampledWithoutReplacementDpEvent(100, 10, dp_event.LaplaceDpEvent(1.0)),
    dp_event.SingleEpochTreeAggregationDpEvent(1.0, 4),
    dp_event.RepeatAndSelectDpEvent(gaussian(1.0), 2.0, 1.0),
    dp_event.ZCDpEvent(0.1),
    dp_event.MixtureOfGaussiansDpEvent(1.0, [0.0, 1.0], [0.5, 0.5]),
    gaussian(-1.0),
    gaussian(math.nan),
    poisson(1.5, gaussian(1.0)),
    poisson(-0.1, gaussian(1.0)),
    poisson(math.nan, gaussian(1.0)),
    times(gaussian(1.0), -1),
    dp_event.ComposedDpEvent([gaussian(1.0), dp_event.UnsupportedDpEvent()]),
    times(dp_event.UnsupportedDpEvent(), 0),
]


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("event", UNSUPPORTED, ids=lambda event: type(event).__name__)
def test_unsupported(event: Any, relation: dp_accounting.NeighboringRelation) -> None:
    accountant = FedSimAccountant(relation)
    assert not accountant.supports(event)
    with pytest.raises(dp_accounting.UnsupportedEventError):
        accountant.compose(event)
    # Nothing of it was taken.
    assert accountant.get_epsilon(1e-5) == 0
    assert accountant.ledger == dp_event.NoOpDpEvent()


def test_nothing_costs_nothing() -> None:
    accountant = FedSimAccountant()
    accountant.compose(dp_event.NoOpDpEvent()).compose(poisson(0, gaussian(1.0)))
    accountant.compose(poisson(0, dp_event.NonPrivateDpEvent())).compose(
        poisson(0.1, dp_event.NoOpDpEvent())
    )
    assert accountant.get_epsilon(1e-5) == 0 and accountant.get_delta(0.1) == 0
    assert accountant.get_epsilon_lower_bound(1e-5) == 0
    with pytest.raises(fedsim.InvalidError, match="nothing"):
        accountant.spending(target_delta=1e-5)


@pytest.mark.parametrize(
    "event", [dp_event.NonPrivateDpEvent(), gaussian(0.0), poisson(0.1, gaussian(0))]
)
def test_not_private(event: Any) -> None:
    accountant = FedSimAccountant().compose(gaussian(1.0)).compose(event)
    assert accountant.get_epsilon(1e-5) == math.inf and accountant.get_delta(3.0) == 1
    assert accountant.get_epsilon_lower_bound(1e-5) == math.inf
    with pytest.raises(fedsim.InvalidError, match="inf"):
        accountant.spending(target_delta=1e-5)


@pytest.mark.parametrize("delta", [-0.1, 1.1, math.nan])
def test_delta_is_a_probability(delta: float) -> None:
    with pytest.raises(fedsim.InvalidError, match="target_delta"):
        FedSimAccountant().compose(gaussian(1.0)).get_epsilon(delta)


def test_ends_of_delta() -> None:
    accountant = FedSimAccountant().compose(gaussian(1.0))
    assert accountant.get_epsilon(0) == math.inf and accountant.get_epsilon(1) == 0
    assert accountant.get_delta(math.inf) == 0
    # At epsilon 0 delta is the total variation: erf(1 / (2 sqrt 2)).
    assert accountant.get_delta(0) == pytest.approx(math.erf(1 / (2 * math.sqrt(2))), rel=1e-6)
    with pytest.raises(fedsim.InvalidError, match="target_epsilon"):
        accountant.get_delta(-1)


def test_order_and_nesting_do_not_matter() -> None:
    a, b = poisson(0.05, gaussian(1.2)), gaussian(8.0)
    one = FedSimAccountant().compose(a, 50).compose(b, 2).compose(a, 50)
    other = FedSimAccountant().compose(dp_event.ComposedDpEvent([b, times(times(a, 10), 10), b]))
    assert one.get_epsilon(1e-5) == other.get_epsilon(1e-5)


def test_count_multiplies() -> None:
    event = times(poisson(0.05, gaussian(1.2)), 10)
    assert FedSimAccountant().compose(event, 3).get_epsilon(1e-5) == (
        FedSimAccountant().compose(event).compose(event).compose(event).get_epsilon(1e-5)
    )


def test_says_what_it_is_about() -> None:
    spent = (
        FedSimAccountant(Relation.REPLACE_SPECIAL)
        .compose(poisson(0.1, gaussian(1.0)), 5)
        .spending(target_delta=1e-5)
    )
    assert spent.relation == "zero-out" and spent.sampling == "poisson" and spent.rounds == 5
    assert "Theorem" in spent.theorem


def test_relation_is_theirs() -> None:
    with pytest.raises(TypeError, match="neighboring_relation"):
        FedSimAccountant("zero-out")  # type: ignore[arg-type]


class TestRdpOfReplaceOne:
    """Why ours is above dp_accounting's RDP under `REPLACE_ONE`.

    `GaussianDpEvent` is the sum of vectors of norm C with noise z C, which replacing one moves by 2
    C. Their PLD accounts for that; their RDP accounts for C. Should a later version differ, this
    test says so.
    """

    def test_the_closed_form_is_ours(self) -> None:
        # One Gaussian mechanism with mu = 2 / z: delta(epsilon) of Balle & Wang 2018, Theorem 8.
        z, delta = 4.0, 1e-5

        def normal(x: float) -> float:
            return math.erfc(-x / math.sqrt(2)) / 2

        def excess(epsilon: float, mu: float) -> float:
            return (
                normal(mu / 2 - epsilon / mu)
                - math.exp(epsilon) * normal(-mu / 2 - epsilon / mu)
                - delta
            )

        low, high = 0.0, 50.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle, 2 / z) > 0 else (low, middle)
        assert FedSimAccountant(Relation.REPLACE_ONE).compose(gaussian(z)).get_epsilon(
            delta
        ) == pytest.approx(high, rel=1e-6)

    def test_rdp_is_of_half_the_sensitivity(self) -> None:
        ours = FedSimAccountant(Relation.REPLACE_ONE).compose(gaussian(4.0))
        theirs = rdp.RdpAccountant(neighboring_relation=Relation.REPLACE_ONE).compose(gaussian(4.0))
        assert theirs.get_epsilon(1e-5) < ours.get_epsilon_lower_bound(1e-5)


def test_jax_privacy() -> None:
    """JAX-Privacy accounts by what a configuration creates: ours can be it."""
    accountants = pytest.importorskip("jax_privacy.accounting.accountants")
    analysis = pytest.importorskip("jax_privacy.accounting.analysis")

    class Configuration(accountants.DpAccountantConfig):  # type: ignore[misc, name-defined]
        def create_accountant(self) -> dp_accounting.PrivacyAccountant:
            return FedSimAccountant()

    trainer = analysis.DpsgdTrainingAccountant(dp_accountant_config=Configuration())

    def parameters(**values: Any) -> Any:
        return analysis.DpParams(
            noise_multipliers=1.0, batch_size=100, num_samples=10_000, delta=1e-6, **values
        )

    assert trainer.compute_epsilon(1000, parameters()) == pytest.approx(2.124516, abs=1e-5)
    # Batches of one size: JAX-Privacy asks for a Poisson sample at half the noise, Theorem 3.
    fixed = trainer.compute_epsilon(
        1000, parameters(sampling_method=analysis.SamplingMethod.FIXED_BATCH_SIZE)
    )
    spent = fedsim.account(
        noise_multiplier=1,
        sampling_rate=0.01,
        rounds=1000,
        delta=1e-6,
        sampling="fixed-size",
        relation="add-or-remove",
    )
    assert fixed == pytest.approx(spent.epsilon, rel=1e-5)


def test_events_of_jax_privacy() -> None:
    """The events that JAX-Privacy makes of its mechanisms, calibrated by ours."""
    events = pytest.importorskip("jax_privacy.experimental.accounting")
    z = dp_accounting.calibrate_dp_mechanism(
        FedSimAccountant,
        lambda z: events.dpsgd_event(z, 1000, sampling_prob=0.01),
        2.0,
        1e-6,
    )
    assert z == pytest.approx(1.029021, rel=1e-5)
    assert not FedSimAccountant().supports(
        events.truncated_dpsgd_event(
            1.0, 10, sampling_prob=0.01, num_examples=1000, truncated_batch_size=20
        )
    )
