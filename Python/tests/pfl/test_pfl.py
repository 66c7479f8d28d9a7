"""Rounds in real pfl, through bytes: the law of the sum, who is drawn, epsilon, and what is
refused."""

# ruff: noqa: E402, PT018

from __future__ import annotations

import asyncio
import copy
import itertools
import math
import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pfl.version")
pytestmark = pytest.mark.pfl

import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.aggregate.weighting import WeightByDatapoints, WeightByUser
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.common_types import Population
from pfl.context import CentralContext, UserContext
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam.base import NNEvalHyperParams, NNTrainHyperParams
from pfl.internal.ops import pytorch_ops
from pfl.internal.ops.selector import set_framework_module
from pfl.metrics import Metrics, Weighted
from pfl.model.pytorch import PyTorchModel
from pfl.postprocessor.base import Postprocessor
from pfl.privacy import GaussianMechanism, PLDPrivacyAccountant
from pfl.stats import ElementWeightedMappedVectorStatistics, MappedVectorStatistics

import fedsim
from fedsim.pfl import (
    ChannelBackend,
    ChannelPostprocessor,
    FedSimAccountant,
    PoissonDataset,
    PoissonSampler,
    UniformSampler,
)

torch.set_num_threads(1)
set_framework_module(pytorch_ops)
KEY = bytes(range(32))
# Two-sided normal quantile for a false-alarm rate of 1e-6.
SIX_SIGMA = 4.8916


# ---- Helpers


def statistics(*rows: Any, weight: float = 1.0) -> MappedVectorStatistics[Any]:
    names = ["weight", "bias"]
    return MappedVectorStatistics(
        {
            names[i]: torch.tensor(np.asarray(row), dtype=torch.float32)
            for i, row in enumerate(rows)
        },
        weight,
    )


def user(number: Any = None, examples: int = 3) -> UserContext:
    return UserContext(num_datapoints=examples, seed=7, user_id=number)


def central(cohort: int, iteration: int = 0) -> CentralContext[Any, Any]:
    return CentralContext(
        current_central_iteration=iteration,
        do_evaluation=False,
        cohort_size=cohort,
        population=Population.TRAIN,
        algorithm_params=None,
        model_train_params=None,
        seed=3,
    )


def release(
    channel: ChannelPostprocessor, updates: dict[Any, MappedVectorStatistics[Any]], cohort: int
) -> MappedVectorStatistics[Any]:
    """One round by hand, as pfl's backend makes it."""
    total: Any = None
    for number, stats in updates.items():
        messages, _ = channel.postprocess_one_user(stats=stats, user_context=user(number))
        total = messages.apply_elementwise(pytorch_ops.clone) if total is None else messages + total
    released, _ = channel.postprocess_server(
        stats=total, central_context=central(cohort), aggregate_metrics=Metrics()
    )
    return released


def accountant(**values: Any) -> FedSimAccountant:
    arguments: dict[str, Any] = {
        "num_compositions": 10,
        "sampling_probability": 0.25,
        "mechanism": "gaussian",
        "epsilon": 8.0,
        "delta": 1e-4,
    }
    return FedSimAccountant(**{**arguments, **values})


class Toy(torch.nn.Module):
    """Linear regression on two features, whose loss pulls towards the user's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(2))
        self.bias = torch.nn.Parameter(torch.zeros(1))

    def loss(
        self, features: torch.Tensor, labels: torch.Tensor, is_eval: bool = False
    ) -> torch.Tensor:
        return ((features @ self.weight + self.bias - labels) ** 2).mean()

    @torch.no_grad()
    def metrics(self, features: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
        return {"loss": Weighted(float(self.loss(features, labels)) * len(labels), len(labels))}


def toy_data(number: int) -> Dataset:
    generator = np.random.default_rng(number)
    features = generator.normal(size=(4, 2)).astype(np.float32)
    labels = features @ np.float32([1, -1])
    return Dataset(raw_data=[features, labels], user_id=number)  # type: ignore[arg-type]


def train(backend: SimulatedBackend, *, rounds: int = 3, cohort: int = 5) -> Toy:
    module = Toy()
    model = PyTorchModel(module, torch.optim.SGD, torch.optim.SGD(module.parameters(), lr=1.0))
    FederatedAveraging().run(
        NNAlgorithmParams(rounds, rounds, cohort, None),
        backend,
        model,
        NNTrainHyperParams(local_batch_size=2, local_num_epochs=1, local_learning_rate=0.1),
        NNEvalHyperParams(local_batch_size=None),
        send_metrics_to_platform=False,
    )
    return module


def private(
    *, users: int = 20, cohort: int = 5, rounds: int = 3, **arguments: Any
) -> tuple[UniformSampler[int], ChannelPostprocessor]:
    sampler: UniformSampler[int] = UniformSampler(users, cohort)
    told = accountant(num_compositions=rounds, sampling_probability=cohort / users)
    return sampler, ChannelPostprocessor.from_privacy_accountant(
        told, 1.0, sampler=sampler, **arguments
    )


# ---- The release


@pytest.mark.parametrize("codec", ["polar", "layered", "float32"])
@pytest.mark.parametrize("arrived", [1, 3, 4])
def test_the_release_is_the_sum_and_noise_of_z_times_c(codec: str, arrived: int) -> None:
    """d = 20,000, a cohort of 4 of which some sent: mean and variance of the noise, at 1e-6
    each."""
    d, z, bound = 20_000, 1.5, 2.0
    channel = ChannelPostprocessor(bound, z, cohort=4, codec=codec, run_key=KEY)
    generator = np.random.default_rng(arrived)
    updates = {}
    expected = np.zeros(d)
    for number in range(arrived):
        vector = generator.normal(size=d)
        # The first one is clipped, the others are shorter than C.
        vector *= (5.0 if number == 0 else 1.0) / np.linalg.norm(vector)
        expected += vector * min(1.0, bound / np.linalg.norm(vector))
        updates[number] = statistics(vector[:-100].reshape(-1, 100), vector[-100:])
    released = release(channel, updates, 4)
    total = np.concatenate([released["weight"].numpy().ravel(), released["bias"].numpy()])
    assert released["weight"].shape == (199, 100) and released.weight == 4
    noise = (total - expected) / (z * bound)
    assert abs(noise.mean()) < SIX_SIGMA / math.sqrt(d)
    assert abs((noise**2).mean() - 1) < SIX_SIGMA * math.sqrt(2 / d)
    # It does not depend on the update: the projection on it is as normal as any.
    assert abs(noise @ expected / np.linalg.norm(expected)) < SIX_SIGMA
    (record,) = channel.records
    assert (record.number, record.arrived, record.replaced, record.noise) == (
        0,
        arrived,
        0,
        z * bound,
    )


def test_the_sum_is_of_what_bytes_decode_to() -> None:
    """The messages decode one by one to what the server has before its own noise."""
    channel = ChannelPostprocessor(1.0, 2.0, cohort=3, run_key=KEY)
    vectors = [np.random.default_rng(i).normal(size=50) / 20 for i in range(3)]
    total = None
    for number, vector in enumerate(vectors):
        messages, _ = channel.postprocess_one_user(
            stats=statistics(vector), user_context=user(number)
        )
        assert all(isinstance(payload, bytes) for payload in messages.payloads)
        total = messages if total is None else messages + total
    assert total is not None and len(total.payloads) == 3 and total.num_parameters == 50
    assert channel.channel is not None
    decoded = sum(
        channel.channel.decode(payload, key=key, round=0)
        for key, payload in zip(total.keys, total.payloads, strict=False)
    )
    released, _ = channel.postprocess_server(
        stats=total, central_context=central(3), aggregate_metrics=Metrics()
    )
    # All three sent: no noise is missing. float32 rounds what pfl gets.
    np.testing.assert_allclose(released["weight"].numpy(), decoded, rtol=1e-5, atol=1e-5)


def test_the_order_of_users_does_not_change_a_bit() -> None:
    def released(order: list[int]) -> Any:
        channel = ChannelPostprocessor(1.0, 1.0, cohort=4, run_key=KEY)
        return release(channel, {i: statistics(np.full(9, i / 10)) for i in order}, 5 - 1)["weight"]

    assert torch.equal(released([0, 1, 2, 3]), released([3, 1, 0, 2]))


def test_repeats_with_a_run_key_only() -> None:
    def released(key: Any) -> Any:
        channel = ChannelPostprocessor(1.0, 1.0, cohort=2, run_key=key)
        np.random.seed(0)
        torch.manual_seed(0)
        return [
            release(channel, {0: statistics([0.1] * 6), 1: statistics([0.2] * 6)}, 2)["weight"]
            for _ in range(2)
        ]

    first, again = released(KEY), released(KEY)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(released(None)[0], released(None)[0])


def test_seeds_of_pfl_are_no_keys() -> None:
    """One seed in both contexts, and other noise; with one run key, other users have other keys."""
    one, other = (ChannelPostprocessor(1.0, 1.0, cohort=2, codec="layered") for _ in range(2))
    payloads = [
        c.postprocess_one_user(stats=statistics([0.01] * 500), user_context=user(0))[0].payloads[0]
        for c in (one, other)
    ]
    assert payloads[0] != payloads[1]
    keyed = ChannelPostprocessor(1.0, 1.0, cohort=2, codec="layered", run_key=KEY)
    messages = [
        keyed.postprocess_one_user(stats=statistics([0.01] * 500), user_context=user(i))[0]
        for i in (0, 1, "0")
    ]
    assert len({message.keys[0] for message in messages}) == 3
    assert len({message.payloads[0] for message in messages}) == 3


def test_an_update_that_is_not_finite_sends_noise() -> None:
    """Noise so small that an update of norm 1, or what is finite of it, would be seen."""
    d, z = 20_000, 1e-3
    channel = ChannelPostprocessor(1.0, z, cohort=2, codec="layered", run_key=KEY)
    bad = np.full(d, 0.001)
    bad[7] = math.nan
    updates = {0: statistics(bad), 1: statistics(np.full(d, math.inf))}
    released = release(channel, updates, 2)["weight"].numpy()
    assert channel.records[0].arrived == 2
    assert channel.records[0].replaced == 2
    assert abs((released.astype(np.float64) ** 2).mean() / z**2 - 1) < SIX_SIGMA * math.sqrt(2 / d)


def test_metrics() -> None:
    channel = ChannelPostprocessor(1.0, 1.0, cohort=2)
    small, first = channel.postprocess_one_user(stats=statistics([0.3, 0.4]), user_context=user(0))
    large, second = channel.postprocess_one_user(stats=statistics([3.0, 4.0]), user_context=user(1))
    values = {str(name): value.overall_value for name, value in first + second}
    assert values["Central DP | fraction of clipped norms"] == 0.5
    assert values["Central DP | norm before clipping"] == pytest.approx(2.75)
    assert values["Central DP | bits of a message"] == 4 * sum(
        len(m.payloads[0]) for m in (small, large)
    )
    _, total = channel.postprocess_server(
        stats=small + large, central_context=central(2), aggregate_metrics=Metrics()
    )
    assert {str(name): value.overall_value for name, value in total} == {
        "Central DP | DP noise std. dev. on summed stats": 1.0,
        "Central DP | messages on summed stats": 2.0,
    }


# ---- Whole runs


def test_pfl_trains_through_it() -> None:
    sampler, channel = private(users=20, cohort=10, rounds=3)
    backend = ChannelBackend(FederatedDataset(toy_data, sampler), None, [channel])
    module = train(backend, rounds=3, cohort=10)
    assert [one.arrived for one in channel.records] == [10, 10, 10]
    assert channel.epsilon == 8.0
    assert torch.isfinite(module.weight).all()
    assert channel.channel is not None
    bound = channel.channel.total_variation_bound
    assert bound is not None
    assert channel.total_variation == pytest.approx(3 * 10 * bound, rel=1e-2)
    assert all(0 < one.bits < 8 * 40 for one in channel.records)


def test_pfl_divides_by_the_expected_cohort() -> None:
    """Five of ten users send: the average is over the planned ten, whoever came."""
    channel = ChannelPostprocessor(1.0, 1e-6, cohort=10, codec="float32")
    released = release(channel, {number: statistics([0.5, 0.0]) for number in range(5)}, 10)
    released.average()
    assert released["weight"][0].item() == pytest.approx(0.25, abs=1e-4)


def test_it_learns_as_pfl_does_without_noise() -> None:
    """Next to no noise, no clipping, everyone: what pfl alone makes, up to rounding."""
    results = []
    for ours in (True, False):
        sampler: UniformSampler[int] = UniformSampler(8, 8, key=KEY)
        dataset = FederatedDataset(toy_data, sampler)
        if ours:
            channel = ChannelPostprocessor(100.0, 1e-8, sampler=sampler, codec="float32")
            backend: SimulatedBackend = ChannelBackend(dataset, None, [channel])
        else:
            backend = SimulatedBackend(dataset, None, [])
        results.append(train(backend, rounds=2, cohort=8).weight.detach().numpy())
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)
    assert np.abs(results[0]).max() > 0.01


def test_poisson_cohorts() -> None:
    sampler: PoissonSampler[int] = PoissonSampler(20, 5, key=KEY)
    told = accountant(num_compositions=6, sampling="poisson")
    channel = ChannelPostprocessor.from_privacy_accountant(told, 1.0, sampler=sampler)
    train(ChannelBackend(PoissonDataset(toy_data, sampler), None, [channel]), rounds=6)
    sizes = [one.arrived for one in channel.records]
    assert len(sizes) == 6 and len(set(sizes)) > 1
    assert all(one.noise == pytest.approx(told.noise_parameter) for one in channel.records)


def test_a_round_of_nobody_is_released() -> None:
    """Three users at a rate of a third: a cohort is empty with probability 8/27. pfl alone stops at
    it."""
    sampler: PoissonSampler[int] = PoissonSampler(3, 1, key=KEY)
    told = accountant(num_compositions=30, sampling_probability=1 / 3, sampling="poisson")
    channel = ChannelPostprocessor.from_privacy_accountant(told, 1.0, sampler=sampler)
    module = train(
        ChannelBackend(PoissonDataset(toy_data, sampler), None, [channel]), rounds=30, cohort=1
    )
    sizes = [one.arrived for one in channel.records]
    assert len(sizes) == 30 and sizes.count(0) > 0
    assert module.weight.abs().max() > 0


def test_a_first_round_of_nobody_is_noise() -> None:
    sampler: UniformSampler[int] = UniformSampler(4, 2)
    channel = ChannelPostprocessor(1.0, 2.0, sampler=sampler)

    class Model:
        def get_parameters(self) -> Any:
            return statistics(np.zeros(20_000))

    sampler(), sampler()
    released, _ = channel.release_of_nobody(Model(), central(2))
    noise = released["weight"].numpy()
    assert abs((noise**2).mean() / 4 - 1) < SIX_SIGMA * math.sqrt(2 / 20_000)
    assert channel.records[0].arrived == 0


# ---- Samplers


def test_uniform_cohorts() -> None:
    """6,000 cohorts of 2 of 4 users: each of the six pairs 1,000 times, and rounds are
    independent."""
    sampler: UniformSampler[str] = UniformSampler(list("abcd"), 2, key=KEY)
    cohorts = [frozenset((sampler(), sampler())) for _ in range(6_000)]
    assert all(len(cohort) == 2 for cohort in cohorts)
    counts = Counter(cohorts)
    assert len(counts) == 6
    # Chi-square with 5 degrees of freedom: 36.5 has probability below 1e-6.
    assert sum((count - 1_000) ** 2 / 1_000 for count in counts.values()) < 36.5
    pairs = Counter(itertools.pairwise(cohorts))
    expected = 5_999 / 36
    # 35 degrees of freedom (pairs overlap, which only makes it smaller): 97.1 has probability 1e-7.
    assert (
        sum((pairs[p] - expected) ** 2 / expected for p in itertools.product(counts, counts)) < 100
    )
    assert sampler.round == 5_999 and sampler.sampling == "fixed-size"


def drawn(sampler: PoissonSampler[int]) -> list[int]:
    count = sampler.begin()
    users = list(sampler.hand_out())
    assert len(users) == count
    return users


def test_poisson_draws() -> None:
    """20,000 draws of 8 users at 1/4: sizes have mean 2 and variance 3/2, all users the same
    rate."""
    sampler: PoissonSampler[int] = PoissonSampler(8, 2, key=KEY)
    draws = [drawn(sampler) for _ in range(20_000)]
    sizes = np.array([len(draw) for draw in draws])
    assert abs(sizes.mean() - 2) < SIX_SIGMA * math.sqrt(1.5 / 20_000)
    assert abs(((sizes - 2) ** 2).mean() - 1.5) < SIX_SIGMA * math.sqrt(4.5 / 20_000)
    rates = np.bincount([u for draw in draws for u in draw], minlength=8) / 20_000
    assert np.abs(rates - 0.25).max() < 5.3 * math.sqrt(0.25 * 0.75 / 20_000)


def test_cut_cohorts_favour_nobody() -> None:
    """Cohorts of at most one of four users at a rate of a half: each user as often."""
    sampler: PoissonSampler[int] = PoissonSampler(4, 2, largest_cohort=1, key=KEY)
    draws = [drawn(sampler) for _ in range(8_000)]
    assert max(map(len, draws)) == 1
    counts = np.bincount([u for draw in draws for u in draw], minlength=4)
    share = counts.sum() / 4
    assert ((counts - share) ** 2 / share).sum() < 31.0  # 3 degrees of freedom, below 1e-6


def test_samplers_are_not_numpys() -> None:
    def cohorts(**key: Any) -> list[int]:
        np.random.seed(5)
        sampler: UniformSampler[int] = UniformSampler(1000, 10, **key)
        return [sampler() for _ in range(30)]

    assert cohorts() != cohorts()
    assert cohorts(key=KEY) == cohorts(key=KEY)
    assert cohorts(key=KEY) != cohorts(key=bytes(32))


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy])
def test_samplers_are_not_copied(copied: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="secret"):
        copied(UniformSampler(10, 2))


@pytest.mark.parametrize(
    ("users", "cohort"),
    [(0, 1), (10, 0), (10, 11), ([], 1), (["a", "a"], 1), (10, 2.5), (-3, 1), (True, 1)],
)
def test_sizes_of_samplers(users: Any, cohort: Any) -> None:
    for kind in (UniformSampler, PoissonSampler):
        with pytest.raises(fedsim.InvalidError):
            kind(users, cohort)
    with pytest.raises(fedsim.InvalidError, match="32 bytes"):
        UniformSampler(10, 2, key=b"short")


def test_everyone() -> None:
    sampler: UniformSampler[int] = UniformSampler(5, 5)
    assert sampler.sampling == "everyone" and sorted(sampler() for _ in range(5)) == list(range(5))
    told = accountant(sampling_probability=1.0)
    assert told.sampling == "everyone"
    channel = ChannelPostprocessor.from_privacy_accountant(told, 1.0, sampler=sampler)
    assert channel.noise_scale == pytest.approx(told.noise_parameter / math.sqrt(5))
    # A neighbor with one user more has one share more.
    other = accountant(sampling_probability=1.0, relation="add-or-remove")
    channel = ChannelPostprocessor.from_privacy_accountant(other, 1.0, sampler=UniformSampler(5, 5))
    assert channel.noise_scale == pytest.approx(other.noise_parameter / math.sqrt(6))


# ---- The accountant


class TestAccountant:
    def test_fixed_size_is_not_poisson(self) -> None:
        """At z = 1: 8.62 for cohorts of one size, 4.94 by pfl's accountant, which is about Poisson
        cohorts."""
        ours = accountant(epsilon=None, noise_parameter=1.0)
        theirs = PLDPrivacyAccountant(10, 0.25, "gaussian", delta=1e-4, noise_parameter=1.0)
        assert ours.epsilon == pytest.approx(8.6225, abs=1e-3)
        assert theirs.epsilon is not None and ours.epsilon_lower_bound is not None
        assert theirs.epsilon < ours.epsilon_lower_bound
        poisson = accountant(epsilon=None, noise_parameter=1.0, sampling="poisson")
        assert poisson.epsilon == pytest.approx(theirs.epsilon, rel=1e-4)

    def test_calibrates(self) -> None:
        found = accountant()
        spent = fedsim.account(
            noise_multiplier=found.noise_parameter / (1 + 1e-6),
            sampling_rate=0.25,
            rounds=10,
            delta=1e-4,
            sampling="fixed-size",
        )
        assert 7.999 < spent.epsilon <= 8
        assert found.cohort_noise_parameter == found.noise_parameter
        assert found.epsilon_lower_bound is not None and found.epsilon_lower_bound < 8
        assert "Theorem 4" in str(found) and "zero-out" in str(found)

    def test_delta(self) -> None:
        found = accountant(delta=None, noise_parameter=1.0, epsilon=8.6225)
        assert found.delta == pytest.approx(1e-4, rel=1e-3)

    def test_all_three(self) -> None:
        assert accountant(noise_parameter=1.2).epsilon == 8.0
        with pytest.raises(fedsim.PrivacyRefused, match=r"8\.62"):
            accountant(noise_parameter=1.0)

    def test_poisson_that_is_cut(self) -> None:
        found = accountant(sampling="poisson", population=200, epsilon=None, noise_parameter=1.0)
        free = accountant(sampling="poisson", epsilon=None, noise_parameter=1.0)
        assert found.largest_cohort is not None and 60 < found.largest_cohort < 120
        assert 0 < found.truncation_delta <= 1e-6
        assert found.epsilon > free.epsilon > found.epsilon_lower_bound
        # T Pr[Bin(200, 1/4) >= m_max], by exact arithmetic.
        tail = (
            sum(math.comb(200, k) * 3 ** (200 - k) for k in range(found.largest_cohort, 201))
            / 4**200
        )
        assert 10 * tail <= found.truncation_delta * (1 + 1e-9)
        with pytest.raises(fedsim.InvalidError, match="whole number"):
            accountant(sampling="poisson", population=201)
        with pytest.raises(fedsim.InvalidError, match="population"):
            accountant(sampling="poisson", population=200, delta=None, noise_parameter=1.0)

    def test_floating_point_is_paid_for(self) -> None:
        """As in `fedsim run`: a tenth of delta for rounding, and 0.6 % more noise."""
        told = accountant(numerical_delta=1e-5)
        assert told.noise_parameter == pytest.approx(1.0539663, rel=1e-6)
        assert told.epsilon_lower_bound < accountant().epsilon_lower_bound
        delta = accountant(delta=None, noise_parameter=1.0, epsilon=8.6225, numerical_delta=1e-5)
        assert delta.delta == pytest.approx(1.1e-4, rel=1e-3)
        with pytest.raises(fedsim.InvalidError, match="numerical_delta"):
            accountant(sampling="poisson", population=200, numerical_delta=1e-4 * (1 - 1e-9))

    @pytest.mark.parametrize("share", [1e-5, 1e-12])
    def test_the_channel_says_whether_it_is_enough(self, share: float) -> None:
        told = accountant(numerical_delta=share)
        sampler: UniformSampler[int] = UniformSampler(200, 50)
        channel = ChannelPostprocessor.from_privacy_accountant(told, 1.0, sampler=sampler)
        drawn_user, update = user(sampler()), statistics(np.full(650, 0.01))
        if share == 1e-5:
            channel.postprocess_one_user(stats=update, user_context=drawn_user)
            # The run's own figure, for the same settings: 2.4297e-9.
            assert channel.total_variation == pytest.approx(2.4297e-9, rel=1e-3)
        else:
            with pytest.raises(fedsim.PrivacyRefused, match="numerical_delta"):
                channel.postprocess_one_user(stats=update, user_context=drawn_user)

    def test_serves_pfls_own_mechanism(self) -> None:
        mechanism = GaussianMechanism.from_privacy_accountant(accountant(), 1.0)
        assert mechanism.relative_noise_stddev == accountant().noise_parameter

    @pytest.mark.parametrize(
        "values",
        [
            {"num_compositions": 0},
            {"num_compositions": 1.5},
            {"sampling_probability": 0},
            {"sampling_probability": 1.1},
            {"sampling_probability": math.nan},
            {"mechanism": "laplace"},
            {"epsilon": -1},
            {"epsilon": 0},
            {"epsilon": math.inf},
            {"delta": 0},
            {"delta": 1},
            {"epsilon": None},
            {"noise_parameter": 0, "epsilon": None},
            {"sampling": "shuffled"},
            {"sampling": "everyone"},
            {"relation": "neighbours"},
            {"accountant": "moments"},
            {"population": 0},
            {"numerical_delta": -1e-9},
            {"numerical_delta": 1e-4},
            {"numerical_delta": math.nan},
        ],
        ids=str,
    )
    def test_refuses(self, values: dict[str, Any]) -> None:
        with pytest.raises((fedsim.InvalidError, fedsim.PrivacyRefused)):
            accountant(**values)

    def test_refuses_noise_of_another_cohort(self) -> None:
        with pytest.raises(fedsim.PrivacyRefused, match="noise_scale"):
            accountant(noise_scale=0.5)

    def test_bounds_of_noise(self) -> None:
        assert accountant(min_bound_noise_parameter=3.0).noise_parameter == 3.0
        with pytest.raises(fedsim.PrivacyRefused, match="max_bound"):
            accountant(max_bound_noise_parameter=0.5)


# ---- Refusals


class Change(Postprocessor[Any]):
    """A postprocessor that does something to statistics."""

    def __init__(self, change: Callable[[Any], Any], on_server: bool = False) -> None:
        self.change, self.on_server = change, on_server

    def postprocess_one_user(self, *, stats: Any, user_context: Any) -> Any:
        return (stats if self.on_server else self.change(stats)), Metrics()

    def postprocess_server(
        self, *, stats: Any, central_context: Any, aggregate_metrics: Any
    ) -> Any:
        return (self.change(stats) if self.on_server else stats), Metrics()


class Weigh(Postprocessor[Any]):
    def __init__(self, how: Any) -> None:
        self.how = how

    def postprocess_one_user(self, *, stats: Any, user_context: Any) -> Any:
        self.how(stats)
        return stats, Metrics()


@pytest.mark.parametrize(
    "change",
    [
        lambda stats: stats.apply_elementwise(lambda tensor: 2 * tensor),
        lambda stats: stats.apply(lambda tensors: tensors),
        lambda stats: stats.from_weights(*stats.get_weights()),
        lambda stats: stats.reweight(3) or stats,
        lambda stats: stats.average() or stats,
        lambda stats: setattr(stats, "weight", 2) or stats,
        lambda stats: stats.weight,
        lambda stats: stats["weight"],
        lambda stats: statistics([1.0, 0.0], [0.0]),
        lambda stats: stats + statistics([1.0, 0.0], [0.0]),
    ],
)
@pytest.mark.parametrize("on_server", [False, True])
def test_nothing_behind_the_channel(change: Callable[[Any], Any], on_server: bool) -> None:
    """By pfl's plain backend: what comes after the channel cannot touch what it made."""
    sampler, channel = private()
    backend = SimulatedBackend(
        FederatedDataset(toy_data, sampler), None, [channel, Change(change, on_server)]
    )
    with pytest.raises(fedsim.PrivacyRefused):
        train(backend)
    assert not channel.records


def test_before_the_channel_anything() -> None:
    sampler, channel = private()
    steps = [
        Change(lambda stats: stats.apply_elementwise(lambda tensor: 1000 * tensor)),
        WeightByUser(),
        channel,
    ]
    train(ChannelBackend(FederatedDataset(toy_data, sampler), None, steps))
    assert len(channel.records) == 3


def test_weights_by_examples() -> None:
    sampler, channel = private()
    dataset = FederatedDataset(toy_data, sampler)
    with pytest.raises(fedsim.PrivacyRefused, match="weight 4"):
        train(ChannelBackend(dataset, None, [WeightByDatapoints(), channel]))
    sampler, channel = private()
    dataset = FederatedDataset(toy_data, sampler)
    # Weights are 1 again when they reach the channel.
    train(ChannelBackend(dataset, None, [WeightByDatapoints(), WeightByUser(), channel]))
    sampler, channel = private()
    dataset = FederatedDataset(toy_data, sampler)
    with pytest.raises(fedsim.PrivacyRefused, match="a weight"):
        train(SimulatedBackend(dataset, None, [channel, WeightByDatapoints()]))


@pytest.mark.parametrize("kind", ["minimize_reuse", "random"])
def test_pfls_samplers_have_no_epsilon(kind: str) -> None:
    theirs = get_user_sampler(kind, list(range(20)))
    with pytest.raises(fedsim.PrivacyRefused, match="sampler"):
        ChannelPostprocessor.from_privacy_accountant(accountant(), 1.0, sampler=theirs)
    with pytest.raises(fedsim.PrivacyRefused, match="sampler"):
        ChannelPostprocessor(1.0, 1.0, cohort=5, accountant=accountant())
    # The channel is told of ours, and the data have theirs.
    _, channel = private()
    with pytest.raises(fedsim.PrivacyRefused, match="training_data"):
        ChannelBackend(FederatedDataset(toy_data, theirs), None, [channel])
    with pytest.raises(fedsim.PrivacyRefused, match="was not drawn"):
        train(SimulatedBackend(FederatedDataset(toy_data, theirs), None, [channel]))
    assert not channel.records


def test_pfls_samplers_without_epsilon() -> None:
    """No claim, no condition: a user that is drawn twice in a round has two keys."""
    channel = ChannelPostprocessor(1.0, 1.0, cohort=5)
    train(
        ChannelBackend(
            FederatedDataset(toy_data, get_user_sampler("random", [1, 2])), None, [channel]
        )
    )
    assert channel.epsilon is None and [one.arrived for one in channel.records] == [5, 5, 5]


@pytest.mark.parametrize("cohort", [4, 6, 10])
def test_other_cohorts_than_the_samplers(cohort: int) -> None:
    sampler, channel = private()
    with pytest.raises((fedsim.PrivacyRefused, fedsim.StateError)):
        train(ChannelBackend(FederatedDataset(toy_data, sampler), None, [channel]), cohort=cohort)
    assert not channel.records


def test_a_cohort_that_is_left_early() -> None:
    """A backend that takes whoever is fastest, and asks for no more users."""
    sampler, channel = private()
    messages: Any = None
    for _ in range(4):
        one, _ = channel.postprocess_one_user(
            stats=statistics([0.1, 0.1]), user_context=user(sampler())
        )
        messages = one if messages is None else one + messages
    with pytest.raises(fedsim.PrivacyRefused, match="to its end"):
        channel.postprocess_server(
            stats=messages, central_context=central(5), aggregate_metrics=Metrics()
        )
    assert not channel.records


def test_the_planned_cohort_divides() -> None:
    """Without a sampler too: pfl's cohort is the one that the noise is shared by."""
    channel = ChannelPostprocessor(1.0, 1.0, cohort=3)
    with pytest.raises(fedsim.PrivacyRefused, match="train_cohort_size 4"):
        release(channel, {i: statistics([0.1, 0.1]) for i in range(3)}, 4)
    channel = ChannelPostprocessor(1.0, 1.0, cohort=3)
    with pytest.raises(fedsim.PrivacyRefused, match="4 messages"):
        release(channel, {i: statistics([0.1, 0.1]) for i in range(4)}, 3)


def test_overshoot() -> None:
    sampler, channel = private(users=40, cohort=20)
    backend = SimulatedBackend(
        FederatedDataset(toy_data, sampler), None, [channel], max_overshoot_fraction=0.9
    )
    with pytest.raises((fedsim.PrivacyRefused, fedsim.StateError)):
        train(backend, cohort=20, rounds=3)


def test_no_round_more_than_planned() -> None:
    sampler, channel = private(rounds=2)
    with pytest.raises(fedsim.PrivacyRefused, match="round 3 of 2"):
        train(ChannelBackend(FederatedDataset(toy_data, sampler), None, [channel]), rounds=3)
    assert len(channel.records) == 2


@pytest.mark.parametrize("at", [7, 9])
def test_an_aborted_round_is_not_made_again(at: int) -> None:
    """In the middle of a cohort, and at its last user: then the next one would begin in step."""
    sampler, channel = private(rounds=9)
    calls = iter(range(100))

    def data(number: int) -> Dataset:
        if next(calls) == at:
            raise RuntimeError("the disk is full")
        return toy_data(number)

    backend = ChannelBackend(FederatedDataset(data, sampler), None, [channel])
    with pytest.raises(RuntimeError, match="disk"):
        train(backend)
    # pfl's generator of users ended with the error; a new data set goes on in the middle of the
    # cohort.
    with pytest.raises((fedsim.StateError, fedsim.PrivacyRefused)):
        train(ChannelBackend(FederatedDataset(toy_data, sampler), None, [channel]))
    assert len(channel.records) == 1


def test_a_user_sends_once() -> None:
    sampler, channel = private()
    first = sampler()
    channel.postprocess_one_user(stats=statistics([0.1, 0.1]), user_context=user(first))
    with pytest.raises(fedsim.PrivacyRefused, match="already"):
        channel.postprocess_one_user(stats=statistics([0.1, 0.1]), user_context=user(first))


def test_a_data_set_without_user_ids() -> None:
    """pfl's user_id may be None: then it is the last one that was drawn."""
    sampler, channel = private()
    dataset = FederatedDataset(lambda n: Dataset(raw_data=toy_data(n).raw_data), sampler)
    train(ChannelBackend(dataset, None, [channel]))
    assert [one.arrived for one in channel.records] == [5, 5, 5]


def test_places_in_the_backend() -> None:
    sampler, channel = private()
    dataset = FederatedDataset(toy_data, sampler)
    for steps in ([], [channel, WeightByUser()], [WeightByUser()]):
        with pytest.raises(fedsim.PrivacyRefused, match="postprocessors"):
            ChannelBackend(dataset, None, steps)
    with pytest.raises(fedsim.InvalidError, match="several"):
        ChannelBackend(dataset, None, [ChannelPostprocessor(1.0, 1.0, cohort=5), channel])
    with pytest.raises(fedsim.PrivacyRefused, match="val_data"):
        ChannelBackend(dataset, FederatedDataset(toy_data, sampler), [channel])


def test_validation_users_are_no_release() -> None:
    sampler, channel = private()
    validation = FederatedDataset(toy_data, get_user_sampler("minimize_reuse", list(range(20))))
    backend = ChannelBackend(FederatedDataset(toy_data, sampler), validation, [channel])
    module = Toy()
    model = PyTorchModel(module, torch.optim.SGD, torch.optim.SGD(module.parameters(), lr=1.0))
    FederatedAveraging().run(
        NNAlgorithmParams(3, 1, 5, 4),
        backend,
        model,
        NNTrainHyperParams(local_batch_size=2, local_num_epochs=1, local_learning_rate=0.1),
        NNEvalHyperParams(local_batch_size=None),
        send_metrics_to_platform=False,
    )
    assert [one.arrived for one in channel.records] == [5, 5, 5]


def test_scaffold_has_a_state() -> None:
    from pfl.algorithm.scaffold import SCAFFOLD

    sampler, channel = private()
    backend = ChannelBackend(FederatedDataset(toy_data, sampler), None, [channel])
    # Not asyncio.run: it leaves the thread without the event loop that pfl asks for.
    loop = asyncio.new_event_loop()
    with pytest.raises(fedsim.PrivacyRefused, match="SCAFFOLD"):
        loop.run_until_complete(
            backend.async_gather_results(Toy(), SCAFFOLD(), central_context=central(5))
        )
    loop.close()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"sampling": "poisson"}, "sampling"),
        ({"sampling_probability": 0.2}, "sampling_probability"),
        ({"population": 21}, "population"),
    ],
)
def test_accountant_and_sampler_agree(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(fedsim.PrivacyRefused, match=reason):
        ChannelPostprocessor.from_privacy_accountant(
            accountant(**values), 1.0, sampler=UniformSampler(20, 5)
        )


def test_a_sampler_may_not_cut_more_than_delta_pays_for() -> None:
    told = accountant(sampling="poisson", population=200)
    assert told.largest_cohort is not None

    def channel(largest: Any, about: FedSimAccountant) -> ChannelPostprocessor:
        sampler: PoissonSampler[int] = PoissonSampler(200, 50, largest_cohort=largest)
        return ChannelPostprocessor.from_privacy_accountant(about, 1.0, sampler=sampler)

    kept = channel(told.largest_cohort, told)
    assert kept.noise_scale == pytest.approx(told.noise_parameter / math.sqrt(told.largest_cohort))
    channel(None, told)
    for largest, about in [(told.largest_cohort - 1, told), (100, accountant(sampling="poisson"))]:
        with pytest.raises(fedsim.PrivacyRefused, match="largest_cohort"):
            channel(largest, about)


def test_less_noise_than_claimed() -> None:
    told = accountant()
    with pytest.raises(fedsim.PrivacyRefused, match="noise_multiplier"):
        ChannelPostprocessor(
            1.0, told.noise_parameter * 0.99, sampler=UniformSampler(20, 5), accountant=told
        )


def test_pfls_accountants_claim_no_epsilon_here() -> None:
    theirs = PLDPrivacyAccountant(10, 0.25, "gaussian", delta=1e-4, noise_parameter=1.0)
    with pytest.raises(fedsim.PrivacyRefused, match="accountant"):
        ChannelPostprocessor.from_privacy_accountant(
            theirs,  # type: ignore[arg-type]
            1.0,
            sampler=UniformSampler(20, 5),
        )


@pytest.mark.parametrize(
    "values",
    [
        {"clipping_bound": 0}, {"clipping_bound": -1}, {"clipping_bound": math.nan},
        {"noise_multiplier": 0},
        {"noise_multiplier": math.inf}, {"cohort": 0}, {"cohort": None}, {"cohort": 2.5},
        {"threads": 0},
        {"run_key": 5}, {"run_key": b"seed"},
    ],
    ids=str,
)  # fmt: skip
def test_values_are_checked(values: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {
        "clipping_bound": 1.0,
        "noise_multiplier": 1.0,
        "cohort": 5,
        **values,
    }
    with pytest.raises(fedsim.InvalidError):
        ChannelPostprocessor(
            arguments.pop("clipping_bound"), arguments.pop("noise_multiplier"), **arguments
        )


def test_a_bound_that_adapts() -> None:
    from pfl.privacy.adaptive_clipping import MutableClippingBound

    with pytest.raises(fedsim.PrivacyRefused, match="changes from round to round"):
        ChannelPostprocessor(MutableClippingBound(1.0), 1.0, cohort=5)  # type: ignore[arg-type]


def test_tensors_of_another_shape_or_kind() -> None:
    channel = ChannelPostprocessor(1.0, 1.0, cohort=5)
    channel.postprocess_one_user(stats=statistics([0.1, 0.2]), user_context=user(0))
    for other in (statistics([0.1]), statistics([0.1, 0.2], [0.3]), statistics([[0.1, 0.2]])):
        with pytest.raises(fedsim.InvalidError, match="tensors"):
            channel.postprocess_one_user(stats=other, user_context=user(1))
    with pytest.raises(fedsim.PrivacyRefused, match="ElementWeighted"):
        channel.postprocess_one_user(
            stats=ElementWeightedMappedVectorStatistics({"weight": np.float32([0.1, 0.2])}),
            user_context=user(2),
        )


def test_an_approximate_codec_has_no_epsilon() -> None:
    sampler, channel = private(codec="universal")
    sampler()
    with pytest.raises((fedsim.PrivacyRefused, fedsim.InvalidError)):
        channel.postprocess_one_user(stats=statistics([0.1, 0.2]), user_context=user())


def test_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = ChannelPostprocessor(1.0, 1.0, cohort=5)
    monkeypatch.setattr(type(pytorch_ops.distributed), "world_size", 2, raising=False)
    with pytest.raises(fedsim.PrivacyRefused, match="processes"):
        channel.postprocess_one_user(stats=statistics([0.1]), user_context=user(0))
