"""Federations: what is refused, what is claimed, and that their rounds are those of a run."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import numpy as np
import pytest
from conftest import federation, key, tiny, update

import fedsim


def played(one: fedsim.Federation, rounds: int | None = None) -> fedsim.Federation:
    """Makes rounds whose updates are functions of client and round."""
    for round in one:
        for client in round.cohort:
            round.send(client, update(int(client), round.number))
        if round.number == rounds:
            round.close()
            break
    return one


def test_rounds_move_the_model_and_are_recorded() -> None:
    one = federation(run_key=key(1))
    start = one.parameters
    seen = []
    for round in one:
        assert round.is_open
        assert round.cohort.dtype == np.int64
        assert sorted(set(round.cohort.tolist())) == round.cohort.tolist()
        assert round.clipping_norm == 1
        seen.append((round.number, round.epsilon))
        for client in round.cohort:
            round.send(client, update(int(client), round.number))
    assert [number for number, _ in seen] == [1, 2, 3]
    assert one.epsilon is not None
    epsilons = [epsilon for _, epsilon in seen]
    assert epsilons == sorted(epsilons)
    assert epsilons[-1] == one.epsilon
    assert [row["round"] for row in one.records] == [1, 2, 3]
    assert [row["epsilon"] for row in one.records] == epsilons
    assert np.abs(one.parameters - start).max() > 0
    assert one.open_round is None
    assert list(one) == []
    summary = one.summary()
    assert summary["epsilon"] == one.epsilon
    assert summary["population"] == 20
    assert len(one.ledger["rounds"]) == 3
    again = fedsim.account(ledger=one.ledger)
    assert again.epsilon == one.epsilon
    for part in ("epsilon", "at delta 0.001", "sees the models", "3 of 3", "zero-out", "poisson"):
        assert part in repr(one)
    assert one.spending is not None
    assert (one.spending.epsilon, one.spending.relation) == (one.epsilon, "zero-out")
    assert one.spending.theorem
    assert "claim" in one._repr_html_()


def test_send_many_is_send_one_by_one() -> None:
    whole = []
    for many in (False, True):
        for threads in (1, 2, 8):
            one = federation(run_key=key(1), threads=threads)
            for round in one:
                rows = np.stack(
                    [update(int(c), round.number) for c in round.cohort] or [np.zeros(8)]
                )
                if many and len(round.cohort):
                    round.send_many(round.cohort, rows)
                else:
                    for client, row in zip(round.cohort, rows, strict=False):
                        round.send(client, row)
            whole.append((one.parameters.tobytes(), json.dumps(one.records)))
    assert len(set(whole)) == 1


def test_a_federation_is_the_simulation_byte_for_byte() -> None:
    """With the built-in trainer's updates: the same models, and the same rows but for what is
    evaluated."""
    simulation = fedsim.Simulation(tiny(), threads=1)
    trainer = fedsim.Simulation(tiny(), threads=1)
    one = fedsim.Federation._of(trainer._handle)
    assert one.parameters.tobytes() == simulation.parameters.tobytes()
    for round in one:
        start = round.parameters
        rows = [trainer.update(round.number, int(client), start) for client in round.cohort]
        # In another order than they were drawn.
        for client, row in list(zip(round.cohort, rows, strict=True))[::-1]:
            round.send(client, row)
        record = round.close()
        expected = next(simulation)
        assert one.parameters.tobytes() == simulation.parameters.tobytes()
        for name in ("accuracy", "loss", "clientAccuracy"):
            record.pop(name, None)
            expected.pop(name, None)
        assert record == expected
    assert simulation.next_round() is None
    assert len(one.records) == 3


def test_parameters_are_a_fresh_copy() -> None:
    one = federation(run_key=key(1))
    round = next(iter(one))
    before = round.parameters
    round.parameters[:] = 1e9
    one.parameters[:] = 1e9
    assert round.parameters.tobytes() == before.tobytes() == one.parameters.tobytes()


def test_rounds_that_are_left_are_counted(tmp_path: Path) -> None:
    one = federation(run_key=key(1), folder=tmp_path / "fed")
    assert len(one) == 3
    left = [len(one) for _ in one]
    assert left == [2, 1, 0]
    assert len(one) == 0
    assert one
    part = played(federation(run_key=key(1), folder=tmp_path / "part"), rounds=1)
    assert len(part) == 2
    assert len(federation(folder=tmp_path / "part", resume=True)) == 2


def test_a_cohort_is_a_fresh_copy() -> None:
    one = federation(run_key=key(1), cohort=10)
    round = next(iter(one))
    before = round.cohort.tolist()
    round.cohort[:] = 0
    assert round.cohort.tolist() == before


def test_the_claim_is_that_of_all_rounds() -> None:
    one = played(federation(run_key=key(1)), rounds=1)
    assert len(one.records) == 1
    whole = federation(run_key=key(1)).epsilon
    assert one.epsilon == whole
    assert one.summary()["epsilon"] == whole
    assert one.summary()["epsilonOfRoundsDone"] < whole


def test_who_sends_nothing_is_a_dropout() -> None:
    one = federation(run_key=key(1), rounds=40)
    for round in one:
        for client in round.cohort[1:]:
            round.send(client, np.zeros(8, np.float32))
        record = round.close()
        assert record["drawn"] == len(round.cohort)
        assert record["arrived"] == max(len(round.cohort) - 1, 0)
    # Every round's noise is z C on the sum, over the expected cohort of 5: 40 x 8 coordinates. A
    # standard deviation that is off by 5 standard errors of 320 is a false alarm with probability
    # 6e-7.
    total = one.parameters / 40**0.5
    assert 0.2 * (1 - 5 / 16**0.5) < np.sqrt((total**2).mean()) < 0.2 * (1 + 5 / 16**0.5)


def test_updates_that_are_not_finite_count_as_zero() -> None:
    one = federation(run_key=key(1), cohort=20, rounds=1)
    round = next(iter(one))
    round.send(round.cohort[0], np.full(8, np.nan, np.float32))
    record = round.close()
    assert record["nonFinite"] == 1
    assert np.isfinite(one.parameters).all()


def test_an_exception_leaves_the_round_open() -> None:
    one = federation(run_key=key(1))
    cohorts = []

    def loop() -> None:
        for round in one:
            cohorts.append(round.cohort)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop()
    with pytest.raises(fedsim.StateError, match=r"round 1 is open.*open_round.close.*resume"):
        for _ in one:
            pass
    with pytest.raises(fedsim.StateError, match="round 1 is open"):
        one.next_round()
    # What it came to so far has no part of the open round.
    assert one.summary()["rounds"] == 0
    assert one.open_round is not None
    assert one.open_round.cohort.tolist() == cohorts[0].tolist()
    one.open_round.close()
    assert [round.number for round in one] == [2, 3]


def test_a_loop_that_is_left_leaves_its_round_open() -> None:
    one = federation(run_key=key(1))
    for _ in one:
        break
    with pytest.raises(fedsim.StateError, match="round 1 is open"):
        next(iter(one))


def test_who_may_send() -> None:
    one = federation(run_key=key(1), cohort=10)
    round = next(iter(one))
    drawn = int(round.cohort[0])
    stranger = next(c for c in range(20) if c not in round.cohort)
    row = np.zeros(8, np.float32)
    round.send(drawn, row)
    for client, error, text in [
        (drawn, fedsim.StateError, "second upload"),
        (stranger, fedsim.FedSimError, "not in the cohort"),
        (-1, fedsim.FedSimError, "-1"),
        (10**12, fedsim.FedSimError, "1000000000000"),
        (1.5, fedsim.InvalidError, "clients: found float64"),
        ("3", fedsim.InvalidError, "clients"),
    ]:
        with pytest.raises(error, match=text):
            round.send(client, row)  # type: ignore[arg-type]
    second = int(round.cohort[1])
    for clients, rows, examples, text in [
        ([second, second], np.zeros((2, 8)), None, "second upload"),
        ([second], np.zeros((2, 8)), None, "updates: found shape"),
        ([second], np.zeros((1, 7)), None, "updates: found shape"),
        ([second], np.zeros((1, 8)), [-3], "examples"),
        ([second], np.zeros((1, 8)), [1, 2], "examples: found 2"),
        ([second], np.zeros((1, 8), complex), None, "complex"),
    ]:
        with pytest.raises(fedsim.FedSimError, match=text):
            round.send_many(clients, rows, examples)
    # None of these counted.
    round.send(second, row)
    record = round.close()
    assert record["arrived"] == 2
    for call in (lambda: round.send(int(round.cohort[2]), row), lambda: round.parameters):
        with pytest.raises(fedsim.StateError, match="round 1 is closed"):
            call()
    assert round.close() == record


def test_updates_in_the_form_of_the_parameters() -> None:
    start = {"w": np.zeros((2, 3)), "b": np.zeros(2)}
    sent = []
    for form in ("vector", "dict", "list"):
        one = federation(run_key=key(1), parameters=start, cohort=20)
        round = next(iter(one))
        parts = {"w": np.full((2, 3), 0.1), "b": np.array([0.2, 0.3])}
        values = {"vector": fedsim.flatten(parts), "dict": parts, "list": list(parts.values())}
        round.send(0, values[form])
        round.close()
        sent.append(one.parameters.tobytes())
        with pytest.raises(fedsim.InvalidError, match="found arrays of shapes"):
            next(iter(one)).send(0, {"w": np.zeros((3, 2)), "b": np.zeros(2)})
    assert len(set(sent)) == 1


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        (
            {"run_key": 7},
            fedsim.InvalidError,
            "run_key: found an integer.*difference shows the data",
        ),
        ({"run_key": np.int64(7)}, fedsim.InvalidError, "run_key: found an integer"),
        ({"run_key": b"x" * 15}, fedsim.InvalidError, "run_key: found 15 bytes"),
        ({"run_key": "x" * 32}, fedsim.InvalidError, "run_key: found str"),
        ({"cohort": None, "sampling_rate": 0.33}, fedsim.InvalidError, "cohort=7, a rate of 0.35"),
        ({"cohort": None, "sampling_rate": 0.0}, fedsim.InvalidError, "sampling_rate"),
        ({"cohort": None, "sampling_rate": 1.5}, fedsim.InvalidError, "sampling_rate"),
        ({"cohort": None}, fedsim.InvalidError, "both or none"),
        ({"sampling_rate": 0.25}, fedsim.InvalidError, "both or none"),
        ({"cohort": 21}, fedsim.InvalidError, "cohort: found 21"),
        ({"cohort": 0}, fedsim.InvalidError, "cohort: found 0"),
        ({"population": 0}, fedsim.InvalidError, "population: found 0"),
        ({"rounds": 0}, fedsim.InvalidError, "rounds: found 0"),
        ({"rounds": 10**9}, fedsim.InvalidError, "rounds"),
        ({"epsilon": 1.0}, fedsim.InvalidError, "epsilon, noise_multiplier: found both"),
        ({"noise_multiplier": None}, fedsim.InvalidError, "found both or none"),
        ({"noise_multiplier": -1.0}, fedsim.InvalidError, "noiseMultiplier"),
        ({"clipping_norm": None}, fedsim.InvalidError, "without clipping_norm"),
        ({"clipping_norm": 0.0}, fedsim.InvalidError, "clippingNorm"),
        ({"clipping_norm": float("nan")}, fedsim.InvalidError, "JSON"),
        ({"delta": 2.0}, fedsim.InvalidError, "delta"),
        ({"delta": 0.0}, fedsim.InvalidError, "delta"),
        ({"relation": "none"}, fedsim.InvalidError, "relation"),
        ({"accountant": "gaussian"}, fedsim.FedSimError, "gaussian"),
        ({"codec": "zip"}, fedsim.InvalidError, "codec"),
        ({"sampling": "sometimes"}, fedsim.InvalidError, "sampling"),
        ({"sampling": "everyone"}, fedsim.InvalidError, "everyone"),
        ({"server_optimizer": "sgd"}, fedsim.InvalidError, "optimizer"),
        ({"server_learning_rate": -1.0}, fedsim.InvalidError, "learningRate"),
        ({"threads": 0}, fedsim.InvalidError, "threads: found 0"),
        ({"threads": -1}, fedsim.InvalidError, "threads: found -1"),
        ({"resume": True}, fedsim.InvalidError, "resume: found without folder"),
        ({"folder": "x", "resume": True, "force": True}, fedsim.InvalidError, "found both"),
        ({"scenario": {"data": {}}}, fedsim.InvalidError, "scenario.data: a federation has none"),
        ({"scenario": {"channel": {"noSuch": 1}}}, fedsim.InvalidError, "noSuch"),
        ({"scenario": {"server": {"weighting": "examples"}}}, fedsim.FedSimError, "weighting"),
        ({"scenario": []}, fedsim.InvalidError, "scenario: found list"),
        ({"parameters": np.zeros(8, int)}, fedsim.InvalidError, "allowed: floating point"),
        ({"parameters": np.full(8, np.nan)}, fedsim.InvalidError, "parameters"),
        ({"parameters": np.zeros(0)}, fedsim.InvalidError, "parameters"),
        ({"tensors": [{"name": "a", "shape": [7]}]}, fedsim.InvalidError, "tensors"),
        ({"name": "../x"}, fedsim.InvalidError, "name"),
    ],
)
def test_settings_that_no_federation_has(
    settings: dict[str, object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        federation(**settings)


def test_no_privacy_has_no_claim() -> None:
    one = federation(clipping_norm=None, noise_multiplier=None, delta=None)
    assert one.epsilon is None
    assert "no guarantee" in repr(one)
    for round in one:
        for client in round.cohort:
            round.send(client, np.ones(8), examples=3)
        assert round.epsilon is None


def test_weights_by_examples_without_privacy() -> None:
    settings = {
        "clipping_norm": None,
        "noise_multiplier": None,
        "delta": None,
        "cohort": None,
        "sampling": "everyone",
        "population": 2,
        "rounds": 1,
        "codec": "float32",
        "scenario": {"server": {"weighting": "examples"}},
    }
    one = federation(**settings)
    round = next(iter(one))
    round.send_many([0, 1], np.stack([np.zeros(8), np.ones(8)]), examples=[1, 3])
    round.close()
    assert np.allclose(one.parameters, 0.75, atol=1e-6)


def test_target_epsilon_sampling_and_optimizers() -> None:
    one = federation(
        noise_multiplier=None,
        epsilon=2.0,
        cohort=None,
        sampling_rate=0.25,
        server_optimizer="fedadam",
    )
    assert one.epsilon is not None
    assert 1.9 < one.epsilon <= 2
    assert one.delta == 1e-3
    assert one.about["noiseMultiplier"] > 0
    assert one.about["largestCohort"] >= 5
    played(one)
    everyone = federation(cohort=None, sampling="everyone")
    assert next(iter(everyone)).cohort.tolist() == list(range(20))
    fixed = federation(sampling="fixed-size")
    assert len(next(iter(fixed)).cohort) == 5
    own = federation(
        server_optimizer="fedavgm",
        scenario={"server": {"momentum": 0.5}, "channel": {"effort": 2, "codec": "polar"}},
    )
    assert own.about["scenario"]["channel"]["effort"] == 2


def test_keys_are_fresh_unless_they_are_named() -> None:
    named = [played(federation(run_key=key(1))).parameters.tobytes() for _ in range(2)]
    assert named[0] == named[1]
    fresh = [played(federation()).parameters.tobytes() for _ in range(2)]
    assert fresh[0] != fresh[1]
    made = fedsim.run_key(1, data=[np.zeros(3)])
    assert played(federation(run_key=made)).parameters.tobytes() != named[0]


def test_secrets_stay() -> None:
    one = federation(run_key=key(1))
    for text in (repr(one), one._repr_html_(), json.dumps(one.about), json.dumps(one.summary())):
        assert key(1).hex() not in text
    with pytest.raises(TypeError, match="keys of its noise"):
        pickle.dumps(one)


def test_a_state_goes_on() -> None:
    whole = played(federation(run_key=key(1)))
    one = played(federation(run_key=key(1)), rounds=2)
    state = one.state()
    other = federation(run_key=key(1))
    other.restore(state)
    assert other.parameters.tobytes() == one.parameters.tobytes()
    played(other)
    assert other.parameters.tobytes() == whole.parameters.tobytes()
    for wrong in (b"", b"x" * 100, state[:-1], state[:50], bytes(len(state))):
        with pytest.raises(fedsim.FedSimError):
            federation(run_key=key(1)).restore(wrong)
    with pytest.raises(fedsim.FedSimError):
        federation(run_key=key(2)).restore(state)
    with pytest.raises(fedsim.InvalidError, match="state: found str"):
        federation().restore("state")  # type: ignore[arg-type]
    opened = federation(run_key=key(1))
    next(iter(opened))
    for call in (opened.state, lambda: opened.restore(state)):
        with pytest.raises(fedsim.StateError, match="open"):
            call()


def test_a_folder_is_a_run_folder(tmp_path: Path) -> None:
    start = {"dense/w": np.zeros((2, 3)), "dense/b": np.zeros(2)}
    one = played(federation(run_key=key(1), parameters=start, folder=tmp_path / "fed", name="mine"))
    run = fedsim.open_run(tmp_path / "fed")
    assert run.rounds == one.records
    assert run.summary == one.summary()
    assert {name: tensor.shape for name, tensor in run.tensors.items()} == {
        "dense/w": (2, 3),
        "dense/b": (2,),
    }
    assert run.parameters.tobytes() == one.parameters.tobytes()
    assert run.summary["name"] == "mine"
    assert "mine" in run.report().html
    assert fedsim.account(ledger=tmp_path / "fed").epsilon == one.epsilon
    with pytest.raises(fedsim.FolderError):
        federation(run_key=key(1), parameters=start, folder=tmp_path / "fed")
    again = federation(run_key=key(1), parameters=start, folder=tmp_path / "fed", force=True)
    assert again.records == []
    # The object that worked there before has given the folder up, as a cell that is run again wants
    # it.
    with pytest.raises(fedsim.StateError, match="closed"):
        _ = one.parameters


def test_a_folder_is_resumed(tmp_path: Path) -> None:
    whole = played(federation(run_key=key(1), folder=tmp_path / "whole"))
    with federation(run_key=key(1), folder=tmp_path / "part") as part:
        played(part, rounds=2)
    with pytest.raises(fedsim.StateError, match="closed"):
        next(iter(part))
    resumed = federation(folder=tmp_path / "part", resume=True)
    assert [row["round"] for row in resumed.records] == [1, 2]
    played(resumed)
    assert resumed.parameters.tobytes() == whole.parameters.tobytes()
    for name in ("rounds.jsonl", "rounds.csv", "ledger.json", "model.safetensors"):
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    # Where there is nothing to go on with it begins.
    assert federation(folder=tmp_path / "new", resume=True).records == []
    with pytest.raises(fedsim.FedSimError):
        federation(folder=tmp_path / "part", resume=True, rounds=4)
    with pytest.raises(fedsim.FedSimError):
        federation(folder=tmp_path / "part", resume=True, run_key=key(2))


KILLED = """
import os, signal, sys
from conftest import federation, key, update
folder, rounds, sends = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
one = federation(run_key=key(1), folder=folder, cohort=15)
for round in one:
    for number, client in enumerate(round.cohort):
        if round.number == rounds and number == sends:
            os.kill(os.getpid(), signal.SIGKILL)
        round.send(client, update(int(client), round.number))
    round.close()
    if round.number == rounds:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("rounds", "sends"), [(1, 0), (1, 3), (2, 0), (2, 3), (1, 99), (2, 99)])
def test_a_killed_federation_resumes(
    script: Callable[..., Popen[str]], tmp_path: Path, rounds: int, sends: int
) -> None:
    process = script(KILLED, str(tmp_path / "killed"), str(rounds), str(sends))
    assert process.wait() == -9, process.stderr.read() if process.stderr else ""
    whole = played(federation(run_key=key(1), folder=tmp_path / "whole", cohort=15))
    resumed = federation(folder=tmp_path / "killed", resume=True, cohort=15, run_key=key(1))
    assert len(resumed.records) <= (rounds if sends == 99 else rounds - 1)
    played(resumed)
    assert resumed.parameters.tobytes() == whole.parameters.tobytes()
    assert resumed.records == whole.records
    for name in ("rounds.jsonl", "rounds.csv", "ledger.json", "model.safetensors"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_memory_does_not_grow_with_rounds() -> None:
    """A thousand rounds of ten thousand parameters: each would leave 40 kB if it left its model."""
    from resource import RUSAGE_SELF, getrusage

    one = federation(
        parameters=np.zeros(10_000, np.float32),
        rounds=1000,
        population=4,
        cohort=2,
        codec="float32",
    )
    row = np.zeros((1, 10_000), np.float32)
    after_hundred = 0
    for round in one:
        for client in round.cohort:
            round.send_many([client], row)
        round.close()
        if round.number == 100:
            after_hundred = getrusage(RUSAGE_SELF).ru_maxrss
    grown = getrusage(RUSAGE_SELF).ru_maxrss - after_hundred
    # In kB: 900 rounds would be 36,000 at one model a round. The records themselves take a few kB
    # each.
    assert grown < 18_000


def test_evaluations_are_of_the_new_model() -> None:
    one = federation(run_key=key(1), rounds=5)
    round = next(iter(one))
    before = one.parameters
    # Nobody has the new model yet, whose accuracy it would be.
    with pytest.raises(fedsim.InvalidError, match="step"):
        round.close(accuracy=0.5)
    new = round.step()
    assert np.array_equal(new, one.parameters)
    assert not np.array_equal(new, before)
    with pytest.raises(fedsim.StateError):
        round.send(int(round.cohort[0]), np.zeros(one.dimension, np.float32))
    with pytest.raises(fedsim.StateError):
        one.next_round()
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(fedsim.InvalidError):
            round.close(accuracy=wrong)
    record = round.close(accuracy=0.5, loss=1.25)
    assert (record["accuracy"], record["loss"]) == (0.5, 1.25)
    assert np.array_equal(new, one.parameters)

    seen = []
    for measured, expected in (
        (0.25, (0.25, None)),
        ((0.25, 2), (0.25, 2)),
        ({"loss": 3.5}, (None, 3.5)),
    ):
        round = next(iter(one))

        def evaluate(parameters: np.ndarray, measured: object = measured) -> object:
            seen.append(parameters)
            return measured

        row = round.close(evaluate=evaluate)
        assert (row["accuracy"], row["loss"]) == expected
        assert np.array_equal(seen[-1], one.parameters)
    assert one.summary()["bestAccuracy"] == 0.5


def test_an_evaluation_that_fails_leaves_the_round_open() -> None:
    one = federation(run_key=key(1))
    round = next(iter(one))
    for wrong in ({"accurracy": 1}, (1, 2, 3), 1.5):
        with pytest.raises(fedsim.InvalidError):
            round.close(evaluate=lambda parameters, wrong=wrong: wrong)
        assert one.open_round is round
    with pytest.raises(fedsim.InvalidError):
        round.close(accuracy=0.5, evaluate=lambda parameters: 0.5)
    assert round.close(evaluate=lambda parameters: 0.5)["accuracy"] == 0.5


def test_many_updates_in_batches() -> None:
    one = federation(
        parameters=np.zeros(3000, np.float32),
        population=300,
        cohort=300,
        rounds=1,
        threads=2,
        sampling="fixed-size",
    )
    round = next(iter(one))
    rows = np.full((300, 3000), 1e-3, np.float32)
    round.send_many(round.cohort, rows)
    assert round.close()["arrived"] == 300


@pytest.mark.torch
def test_a_torch_module_is_trained(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    one = federation(parameters=model, run_key=key(1), folder=tmp_path / "fed", cohort=20)
    for round in one:
        assert fedsim.unflatten(round.parameters, model) is model
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.01)
        round.send(0, fedsim.flatten(model) - round.parameters)
        round.send(1, {name: 0.01 * torch.ones_like(p) for name, p in model.named_parameters()})
    names = [name for name, _ in model.named_parameters()]
    assert list(fedsim.open_run(tmp_path / "fed").tensors) == names
    fedsim.unflatten(one.parameters, model)
    assert fedsim.flatten(model).tobytes() == one.parameters.tobytes()


def test_updates_go_by_their_names() -> None:
    start = {"b": np.zeros(2, np.float32), "a": np.zeros(2, np.float32)}
    one = fedsim.Federation(
        start, population=2, rounds=1, clipping_norm=None, cohort=2, sampling="everyone"
    )
    round = next(iter(one))
    for client in round.cohort:
        round.send(int(client), {"a": np.ones(2), "b": np.full(2, 5.0)})
    round.close()
    assert one.parameters.tolist() == [5, 5, 1, 1]
    other = fedsim.Federation(
        start, population=2, rounds=1, clipping_norm=None, cohort=2, sampling="everyone"
    )
    round = next(iter(other))
    with pytest.raises(fedsim.InvalidError, match="names"):
        round.send(0, {"a": np.ones(2), "c": np.ones(2)})


def test_a_summary_after_a_step_closes_the_round() -> None:
    one = federation(run_key=key(1))
    round = next(iter(one))
    round.step()
    assert one.summary()["rounds"] == 1
    assert one.open_round is None
    assert len(one.records) == 1
    assert round.close() == one.records[0]
    assert next(iter(one)).number == 2


def test_updates_that_are_not_finite_are_told() -> None:
    one = federation(run_key=key(1))
    round = next(iter(one))
    round.send(int(round.cohort[0]), np.full(one.dimension, np.nan, np.float32))
    with pytest.warns(fedsim.FedSimWarning, match="not finite"):
        round.close()
