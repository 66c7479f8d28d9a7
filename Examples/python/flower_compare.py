"""The digits of flower_digits.py, four ways: with FedSim in Flower, as `fedsim run`, in plain
Flower, and with Flower's own central noise. And what each accountant says of these ten rounds.

    python flower_compare.py [--repeats 5]

Flower's own accountant needs dp-accounting (`pip install "flwr[dp]"`); without it its lines are
left out.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from flower_digits import (
    BATCH,
    CLIENTS,
    EPOCHS,
    RATE,
    ROUNDS,
    Evaluation,
    digits,
    initial,
    make_app,
    make_plan,
    prepare,
    run,
)
from flwr.clientapp.mod import fixedclipping_mod
from flwr.serverapp import GaussianPrivacyEvent, NeighboringRelation, PrivacyConfig, SamplingMethod
from flwr.serverapp.strategy import (
    DifferentialPrivacyClientSideFixedClipping,
    DifferentialPrivacyServerSideFixedClipping,
    FedAvg,
    Strategy,
)

import fedsim
import fedsim.flower

Row = tuple[float, float | None, float]


def with_fedsim() -> Row:
    """FedSimStrategy and ChannelMod: accuracy, bits a client and round, seconds of CPU."""
    grid, strategy = prepare(make_plan())
    start = time.process_time()
    rows = run(grid, strategy)
    seconds = time.process_time() - start
    bits = sum(row["payload_bits_total"] for row in rows) / max(
        1, sum(row["arrived"] for row in rows)
    )
    return rows[-1]["accuracy"], bits, seconds


def scenario(seed: int) -> dict[str, Any]:
    """The same settings for `fedsim run`: its own clients, trainer, keys and cohorts."""
    return {
        "version": 1,
        "name": "flower-digits",
        "seed": seed,
        "task": "classification",
        "rounds": ROUNDS,
        "data": {"source": "given"},
        "partition": {"kind": "natural"},
        "model": {"kind": "softmax-regression"},
        "training": {"epochs": EPOCHS, "batchSize": BATCH, "learningRate": RATE},
        "server": {"optimizer": "fedavg", "learningRate": 1},
        "cohort": {"sampling": "poisson", "size": 50},
        "privacy": {
            "clippingNorm": 1,
            "targetEpsilon": 5,
            "delta": 1e-4,
            "relation": "zero-out",
        },
        "channel": {"codec": "auto"},
        "evaluation": {"every": ROUNDS},
    }


def with_fedsim_run(seed: int = 1) -> Row:
    """`fedsim.run` on the same images and clients."""
    data = digits()
    start = time.process_time()
    made = fedsim.run(
        scenario(seed),
        train=(data.images, data.labels, data.owners),
        test=(data.test_images, data.test_labels),
    )
    seconds = time.process_time() - start
    rounds = list(made.rounds)
    bits = sum(row["uplink"]["payloadBits"]["total"] for row in rounds)
    return made.summary["finalAccuracy"], bits / sum(row["arrived"] for row in rounds), seconds


def in_flower(strategy: Strategy, mods: list[Any]) -> Row:
    """A strategy of Flower's own, in the same grid; 32 bits a parameter."""
    app = make_app(mods)
    grid = fedsim.flower.LocalGrid(app, CLIENTS)
    start = time.process_time()
    result = strategy.start(grid, initial(), num_rounds=ROUNDS, evaluate_fn=Evaluation())
    seconds = time.process_time() - start
    accuracy = result.evaluate_metrics_serverapp[ROUNDS]["accuracy"]
    return float(accuracy), 32.0 * 650, seconds  # type: ignore[arg-type]


def fedavg() -> FedAvg:
    """50 of 200 nodes in every round, without evaluation by clients."""
    return FedAvg(fraction_train=0.25, fraction_evaluate=0.0)


def central(noise: float, *, clients: bool) -> Row:
    """Flower's central noise, of the same z, after clipping by the server or by clients."""
    if clients:
        wrapped: Strategy = DifferentialPrivacyClientSideFixedClipping(fedavg(), noise, 1.0, 50)
        return in_flower(wrapped, [fixedclipping_mod])
    return in_flower(DifferentialPrivacyServerSideFixedClipping(fedavg(), noise, 1.0, 50), [])


def epsilons(z: float) -> list[tuple[str, str]]:
    """What ten rounds with this z cost at delta 1e-4, by whose account: 50 of 200 clients in
    each."""
    add, replace = NeighboringRelation.ADD_OR_REMOVE_ONE, NeighboringRelation.REPLACE_ONE
    cases = [
        ("poisson, add-or-remove-one", SamplingMethod.POISSON, add, 1.0),
        ("no-amplification, add-or-remove-one", SamplingMethod.NO_AMPLIFICATION, add, 1.0),
        ("without-replacement, replace-one", SamplingMethod.WITHOUT_REPLACEMENT, replace, 1.0),
        ("the same at z / 2", SamplingMethod.WITHOUT_REPLACEMENT, replace, 0.5),
    ]
    rows = []
    for name, method, relation, share in cases:
        config = PrivacyConfig(1e-4, CLIENTS, relation, method)
        event = GaussianPrivacyEvent(share * z, 50, CLIENTS)
        try:
            from flwr.serverapp import RdpAccountant

            theirs = RdpAccountant(config)
            theirs.compose(event, ROUNDS)
            rows.append((f"Flower's RdpAccountant, {name}", f"{theirs.get_epsilon(1e-4):.3f}"))
        except ImportError:
            pass
        if share < 1:
            continue
        ours = fedsim.flower.FedSimAccountant(config, margin=False)
        try:
            ours.compose(event, ROUNDS)
            rows.append((f"FedSimAccountant, {name}", f"{ours.get_epsilon(1e-4):.3f}"))
        except fedsim.PrivacyRefused:
            rows.append((f"FedSimAccountant, {name}", "refused"))
    for sampling in ("poisson", "fixed-size"):
        for relation in ("zero-out", "add-or-remove", "replace-one"):
            spent = fedsim.account(
                noise_multiplier=z,
                rounds=ROUNDS,
                delta=1e-4,
                sampling_rate=0.25,
                sampling=sampling,
                relation=relation,
            )
            lower = (
                ""
                if spent.epsilon_lower_bound is None
                else f", at least {spent.epsilon_lower_bound:.3f}"
            )
            rows.append((f"fedsim.account, {sampling}, {relation}", f"{spent.epsilon:.3f}{lower}"))
    return rows


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    for name in ("flwr", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore", fedsim.FedSimWarning)
    z = make_plan().noise_multiplier
    cases: list[tuple[str, Callable[[int], Row]]] = [
        ("FedSimStrategy, ChannelMod", lambda seed: with_fedsim()),
        ("fedsim run", with_fedsim_run),
        ("FedAvg, no privacy", lambda seed: in_flower(fedavg(), [])),
        ("Flower central noise, server clips", lambda seed: central(z, clients=False)),
        ("Flower central noise, clients clip", lambda seed: central(z, clients=True)),
    ]
    print(f"{ROUNDS} rounds, {CLIENTS} clients, z = {z:.5f}; means of {repeats} runs")
    for name, case in cases:
        rows = [case(seed) for seed in range(1, repeats + 1)]
        accuracy = 100 * np.array([row[0] for row in rows])
        bits = np.mean([row[1] for row in rows if row[1] is not None])
        seconds = np.median([row[2] for row in rows])
        print(
            f"{name:36} {accuracy.mean():5.1f}% ({accuracy.min():.1f} to {accuracy.max():.1f})"
            f"  {bits:9.1f} bits  {seconds:6.2f} s of CPU"
        )
    for name, epsilon in epsilons(z):
        print(f"{name:60} {epsilon}")


if __name__ == "__main__":
    main()
