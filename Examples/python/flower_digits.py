"""Federated digits in Flower, with a guarantee, in about a hundred bits a client and round.

    python flower_digits.py          # 200 clients in this process, ten rounds, a few seconds
    python flower_digits.py --ray    # the same app and strategy in Flower's own simulation

The client below is what anyone would write for Flower: it gets a model, trains it on what it has,
and returns it. FedSim is in three lines: the plan, the mod, the strategy. Needs fedsim[flower] and
scikit-learn.
"""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import fedsim
import fedsim.flower

CLIENTS, ROUNDS = 200, 10
EPOCHS, BATCH, RATE = 5, 10, 0.5

Floats = NDArray[np.float32]


@dataclass
class Digits:
    """1797 images of 8 x 8 pixels in 0 to 1: 1437 of clients, 360 for the test."""

    images: Floats
    labels: NDArray[np.int64]
    owners: NDArray[np.int64]
    test_images: Floats
    test_labels: NDArray[np.int64]

    def of(self, client: int) -> tuple[Floats, NDArray[np.int64]]:
        """What a client has: about seven images."""
        mine = self.owners == client
        return self.images[mine], self.labels[mine]


def digits(clients: int = CLIENTS) -> Digits:
    """The digits of scikit-learn, dealt to clients in equal parts."""
    data = load_digits()
    images = (data.data / 16).astype(np.float32)
    split = train_test_split(
        images, data.target.astype(np.int64), test_size=0.2, random_state=0, stratify=data.target
    )
    owners = np.arange(len(split[0])) % clients
    return Digits(split[0], split[2], owners, split[1], split[3])


# ---- A client, as for Flower without us: softmax regression, a few epochs of SGD


def initial() -> ArrayRecord:
    """650 parameters, all zero."""
    return ArrayRecord(
        {"weights": Array(np.zeros((64, 10), np.float32)), "bias": Array(np.zeros(10, np.float32))}
    )


def probabilities(weights: Floats, bias: Floats, images: Floats) -> Floats:
    """Class probabilities, shape (n, 10)."""
    scores = images @ weights + bias
    scores -= scores.max(axis=1, keepdims=True)
    exponentials = np.exp(scores)
    result: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return result


def fit(
    weights: Floats, bias: Floats, images: Floats, labels: NDArray[np.int64], seed: int
) -> tuple[Floats, Floats]:
    """New parameters after `EPOCHS` passes over a client's images."""
    random = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = random.permutation(len(labels))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            errors = probabilities(weights, bias, images[batch])
            errors[np.arange(len(batch)), labels[batch]] -= 1
            errors *= RATE / len(batch)
            weights = weights - images[batch].T @ errors
            bias = bias - errors.sum(axis=0)
    return weights, bias


def make_app(mods: list[Any], clients: int = CLIENTS) -> ClientApp:
    """The clients' app."""
    app = ClientApp(mods=mods)
    data = digits(clients)

    @app.train()
    def train(message: Message, context: Context) -> Message:
        model = message.content["arrays"]
        client = int(context.node_config["partition-id"])
        images, labels = data.of(client)
        round = int(message.content["config"]["server-round"])
        seed = 1000 * round + client
        weights, bias = fit(model["weights"].numpy(), model["bias"].numpy(), images, labels, seed)
        arrays = ArrayRecord({"weights": Array(weights), "bias": Array(bias)})
        metrics = MetricRecord({"num-examples": len(labels)})
        return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)

    return app


class Evaluation:
    """The share of test images that a model is right on: of public images, so outside of
    nothing."""

    def __init__(self) -> None:
        data = digits()
        self.images, self.labels = data.test_images, data.test_labels

    def __call__(self, round: int, arrays: ArrayRecord) -> MetricRecord:
        """Flower calls this after every round."""
        scores = probabilities(arrays["weights"].numpy(), arrays["bias"].numpy(), self.images)
        return MetricRecord({"accuracy": float((scores.argmax(axis=1) == self.labels).mean())})


# ---- FedSim


def make_plan(epsilon: float = 5.0) -> fedsim.Plan:
    """Ten rounds of 50 clients of 200 on average (q = 0.25), epsilon 5 at delta 1e-4."""
    return fedsim.plan(
        parameters=650,
        clients=CLIENTS,
        cohort=50,
        rounds=ROUNDS,
        epsilon=epsilon,
        delta=1e-4,
        clipping_norm=1.0,
    )


def prepare(
    plan: fedsim.Plan, *, ledger: str | None = None
) -> tuple[fedsim.flower.LocalGrid, fedsim.flower.FedSimStrategy]:
    """Clients in this process, and their server."""
    app = make_app([fedsim.flower.ChannelMod(plan)])
    grid = fedsim.flower.LocalGrid(app, CLIENTS)
    return grid, fedsim.flower.FedSimStrategy(plan, ledger=ledger)


def run(
    grid: fedsim.flower.LocalGrid, strategy: fedsim.flower.FedSimStrategy
) -> list[dict[str, Any]]:
    """Ten rounds: a row for each."""
    result = strategy.start(grid, initial(), num_rounds=ROUNDS, evaluate_fn=Evaluation())
    return strategy.history(result)


def run_with_ray(plan: fedsim.Plan, strategy: fedsim.flower.FedSimStrategy) -> list[dict[str, Any]]:
    """The same in Flower's simulation: clients are actors in processes of their own."""
    from flwr.serverapp import Grid, ServerApp
    from flwr.simulation import run_simulation

    app = make_app([fedsim.flower.ChannelMod(plan)])
    server = ServerApp()
    rows: list[dict[str, Any]] = []

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        result = strategy.start(grid, initial(), num_rounds=ROUNDS, evaluate_fn=Evaluation())
        rows.extend(strategy.history(result))

    run_simulation(server_app=server, client_app=app, num_supernodes=CLIENTS)
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """A line for each round."""
    print("round  accuracy  epsilon  clients  bits a client")
    for row in rows:
        bits = row["payload_bits_mean"]
        print(
            f"{row['round']:5}  {100 * row['accuracy']:7.1f}%  {row['epsilon']:7.4f}  "
            f"{row['arrived']:7}  {'-' if bits is None else f'{bits:.1f}':>13}"
        )


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--ray", action="store_true", help="run in Flower's simulation (needs ray)")
    parser.add_argument("--ledger", help="write the privacy ledger to this file")
    arguments = parser.parse_args()
    logging.getLogger("flwr").setLevel(logging.WARNING)
    plan = make_plan()
    print(plan)
    grid, strategy = prepare(plan, ledger=arguments.ledger)
    start = time.perf_counter()
    rows = run_with_ray(plan, strategy) if arguments.ray else run(grid, strategy)
    seconds = time.perf_counter() - start
    show(rows)
    print(f"float32 would send {32 * 650:,} bits a client. {seconds:.1f} s\n{strategy.statement}")


if __name__ == "__main__":
    main()
