"""The accountant's answers name what they are about, and what is not proved is refused."""

from __future__ import annotations

import json
import math

import pytest

import fedsim


def test_epsilon_between_its_bounds() -> None:
    spent = fedsim.account(noise_multiplier=1, sampling_rate=0.01, rounds=1000, delta=1e-6)
    assert spent.epsilon_lower_bound is not None
    assert spent.epsilon_lower_bound <= spent.epsilon
    # docs/accounting.md: 2.124514 to 2.124516.
    assert 2.124514 < spent.epsilon_lower_bound < spent.epsilon < 2.124516
    assert (spent.adversary, spent.relation, spent.sampling) == (
        "released-model",
        "zero-out",
        "poisson",
    )
    assert (spent.rounds, spent.noise_multiplier, spent.sampling_rate) == (1000, 1, 0.01)
    text = str(spent)
    for part in (
        "epsilon 2.12451",
        "delta 1e-06",
        "released-model",
        "zero-out",
        "poisson",
        "q = 0.01",
        "z = 1",
        "pld",
    ):
        assert part in text
    assert "released-model" in spent._repr_html_()


def test_printed_bounds_are_bounds() -> None:
    from fedsim.accounting import _outward

    assert _outward(2.1234561, up=True) == "2.123457"
    assert _outward(2.1234569, up=False) == "2.123456"
    assert _outward(math.inf, up=True) == "inf"


def test_delta_at_an_epsilon() -> None:
    spent = fedsim.account(noise_multiplier=1, sampling_rate=0.01, rounds=1000, epsilon=2.0)
    assert spent.delta_lower_bound is not None
    assert 0 < spent.delta_lower_bound <= spent.delta < 1e-5
    assert "delta" in str(spent)
    several = fedsim.account(noise_multiplier=1, sampling_rate=0.01, rounds=10, delta=[1e-6, 1e-8])
    assert [one.delta for one in several] == [1e-6, 1e-8]
    assert several[0].epsilon < several[1].epsilon


def test_coarse_bounds_hold() -> None:
    settings = {"noise_multiplier": 1, "sampling_rate": 0.01, "rounds": 1000, "delta": 1e-6}
    fine = fedsim.account(**settings)  # type: ignore[call-overload]
    coarse = fedsim.account(**settings, coarse=True)  # type: ignore[call-overload]
    assert coarse.epsilon_lower_bound <= fine.epsilon
    assert fine.epsilon_lower_bound <= coarse.epsilon


def test_fixed_size_costs_more() -> None:
    settings = {"noise_multiplier": 1, "sampling_rate": 0.1, "rounds": 100, "delta": 1e-5}
    poisson = fedsim.account(**settings)  # type: ignore[call-overload]
    fixed = fedsim.account(**settings, sampling="fixed-size")  # type: ignore[call-overload]
    assert 7 < poisson.epsilon < 7.1
    assert 17 < fixed.epsilon < 18.1
    replaced = fedsim.account(**settings, relation="replace-one")  # type: ignore[call-overload]
    assert replaced.epsilon > poisson.epsilon
    assert replaced.relation == "replace-one"


def test_a_ledger_of_several_kinds(tmp_path: object) -> None:
    events = [
        fedsim.Event(1.1, 0.01, count=100),
        fedsim.Event(5.0, sampling="everyone", count=2),
        fedsim.Event(1.1, 0.01, count=50, count_noise=20),
    ]
    spent = fedsim.account(ledger=events, delta=1e-6)
    assert spent.noise_multiplier is None
    assert "several kinds" in str(spent)
    content = {
        "relation": "zero-out",
        "rounds": [
            {"noiseMultiplier": 1.1, "samplingRate": 0.01, "sampling": "poisson", "rounds": 100},
            {"noiseMultiplier": 5, "sampling": "everyone", "rounds": 2},
            {"noiseMultiplier": 1.1, "samplingRate": 0.01, "countNoise": 20, "rounds": 50},
        ],
    }
    assert fedsim.account(ledger=content, delta=1e-6).epsilon == spent.epsilon
    path = f"{tmp_path}/ledger.json"
    with open(path, "w") as file:
        json.dump(content, file)
    assert fedsim.account(ledger=path, delta=1e-6).epsilon == spent.epsilon
    assert fedsim.account(ledger=str(tmp_path), delta=1e-6).epsilon == spent.epsilon
    with pytest.raises(fedsim.FolderError, match="nowhere"):
        fedsim.account(ledger="nowhere.json", delta=1e-6)
    with pytest.raises(fedsim.InvalidError, match="relation"):
        fedsim.account(ledger=content, delta=1e-6, relation="replace-one")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"delta": 0.0}, "delta"),
        ({"delta": 1.0}, "delta"),
        ({"delta": math.nan}, "JSON"),
        ({"delta": "1e-6"}, "allowed"),
        ({"delta": None}, "both or none"),
        ({"epsilon": 1.0}, "both or none"),
        ({"noise_multiplier": -1}, "noiseMultiplier"),
        ({"noise_multiplier": None}, "noise_multiplier"),
        ({"rounds": 0}, "rounds: found 0"),
        ({"rounds": -5}, "rounds: found -5"),
        ({"rounds": 1.5}, "rounds: found 1.5"),
        ({"rounds": 10**18}, "count"),
        ({"sampling_rate": 1.5}, "samplingRate"),
        ({"sampling_rate": -0.1}, "samplingRate"),
        ({"sampling": "fixed"}, "sampling"),
        ({"relation": "zero"}, "relation"),
        ({"accountant": "moments"}, "accountant"),
        ({"ledger": [fedsim.Event(1.0)]}, "ledger: found beside"),
    ],
)
def test_questions_without_an_answer(settings: dict[str, object], text: str) -> None:
    values = {
        "noise_multiplier": 1.0,
        "sampling_rate": 0.01,
        "rounds": 10,
        "delta": 1e-6,
        **settings,
    }
    with pytest.raises(fedsim.InvalidError, match=text):
        fedsim.account(**values)  # type: ignore[call-overload]


def test_what_is_not_proved_is_refused() -> None:
    with pytest.raises(fedsim.FedSimError, match="gaussian"):
        fedsim.account(
            noise_multiplier=1, sampling_rate=0.01, rounds=10, delta=1e-6, accountant="gaussian"
        )


def test_calibration_meets_its_budget() -> None:
    found = fedsim.calibrate(epsilon=2, delta=1e-6, sampling_rate=0.01, rounds=1000)
    assert found.epsilon <= 2
    assert found.insufficient is not None
    assert found.insufficient < found.noise_multiplier
    assert 1.0290 < found.noise_multiplier < 1.0291
    again = fedsim.account(
        noise_multiplier=found.noise_multiplier, sampling_rate=0.01, rounds=1000, delta=1e-6
    )
    assert again.epsilon <= 2
    assert "too little" in str(found)
    assert found.spending.epsilon == found.epsilon
    rounds = fedsim.calibrate(epsilon=2, delta=1e-6, sampling_rate=0.01, noise_multiplier=1)
    assert rounds.rounds is not None
    assert rounds.rounds < 1000
    with pytest.raises(fedsim.InvalidError, match="epsilon"):
        fedsim.calibrate(epsilon=-1, delta=1e-6, rounds=10)


def test_a_plan_names_noise_and_bits() -> None:
    plan = fedsim.plan(parameters=10_000, clients=10_000, cohort=1000, rounds=100, epsilon=4)
    assert plan.epsilon is not None
    assert plan.epsilon <= 4
    assert plan.largest_cohort == 1185
    assert plan.truncation_delta is not None
    assert plan.truncation_delta > 0
    assert plan.noise_scale == pytest.approx(
        plan.noise_multiplier * plan.clipping_norm / plan.largest_cohort**0.5
    )
    assert plan.chosen_codec == "polar"
    assert {one.codec for one in plan.codecs} >= {"polar", "layered", "float32"}
    assert "polar (chosen)" in str(plan)
    assert "released models" in str(plan) or "sees the models" in str(plan)
    assert plan.views
    assert "table" in plan._repr_html_()
    with pytest.raises(fedsim.InvalidError, match="both or none"):
        fedsim.plan(parameters=10, clients=100, cohort=10, rounds=10)
    with pytest.raises(fedsim.InvalidError, match="cohort"):
        fedsim.plan(parameters=10, clients=100, cohort=101, rounds=10, epsilon=1)


def test_curves_are_in_the_details() -> None:
    spent = fedsim.account(
        noise_multiplier=1, sampling_rate=0.01, rounds=100, delta=1e-6, curve=True
    )
    assert spent.details != {}
    assert len(json.dumps(dict(spent.details))) > 2000
