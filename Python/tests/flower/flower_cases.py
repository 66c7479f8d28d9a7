"""Cases for the tests of `fedsim.flower`: a small federation, its server, and apps as users write
them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fedsim.flower import ChannelMod, Commitment, FedSimStrategy, LocalGrid

logging.getLogger("flwr").setLevel(logging.CRITICAL)

#: A small federation: q = 1/4, z = 1, m_max = 30 of 40.
SMALL = Commitment(
    codec="layered",
    parameters=12,
    clipping_norm=1.0,
    noise_multiplier=1.0,
    largest_cohort=30,
    clients=40,
    cohort=10.0,
    sampling="poisson",
    rounds=5,
    epsilon=6.0,
    delta=1e-3,
    truncation_delta=1e-6,
)

#: The same with all clients in every round.
EVERYONE = replace(SMALL, sampling="everyone", cohort=40.0, largest_cohort=40)

Change = Callable[[np.ndarray, int], np.ndarray]


def arrays(values: np.ndarray) -> ArrayRecord:
    """A model of two arrays, of 12 numbers or more together."""
    values = np.asarray(values, np.float32)
    return ArrayRecord({"w": Array(values[:6].reshape(2, 3)), "b": Array(values[6:])})


def vector(record: ArrayRecord) -> np.ndarray:
    return np.concatenate([one.reshape(-1) for one in record.to_numpy_ndarrays()]).astype(
        np.float64
    )


def client_app(
    mod: ChannelMod, change: Change, *, returns: str = "weights", seen: list[Any] | None = None
) -> ClientApp:
    """An app as a user would write it: it knows nothing of the channel."""
    app = ClientApp(mods=[mod])

    @app.train()
    def train(message: Message, context: Any) -> Message:
        if seen is not None:
            seen.append(message)
        before = vector(message.content["arrays"])
        update = change(before, int(context.node_config["partition-id"]))
        after = update if returns == "update" else before + update
        content = RecordDict(
            {
                "arrays": arrays(after),
                "metrics": MetricRecord(
                    {"num-examples": 7 + context.node_config["partition-id"], "loss": 0.5}
                ),
            }
        )
        return Message(content, reply_to=message)

    @app.evaluate()
    def evaluate(message: Message, context: Any) -> Message:
        return Message(
            RecordDict({"metrics": MetricRecord({"num-examples": 1, "seen": 2.0})}),
            reply_to=message,
        )

    return app


class Server:
    """A strategy and its clients, one step at a time."""

    def __init__(
        self,
        commitment: Commitment = SMALL,
        change: Change = lambda model, client: np.full(len(model), 0.1),
        *,
        nodes: int | None = None,
        mod: ChannelMod | None = None,
        returns: str = "weights",
        **options: Any,
    ) -> None:
        self.commitment = commitment
        self.mod = ChannelMod(commitment, returns=returns) if mod is None else mod
        self.seen: list[Message] = []
        app = client_app(self.mod, change, returns=returns, seen=self.seen)
        self.grid = LocalGrid(app, commitment.clients if nodes is None else nodes)
        options.setdefault("node_timeout", 0.0)
        self.strategy = FedSimStrategy(commitment, **options)
        self.model = arrays(np.zeros(commitment.parameters))
        self.round = 0

    def open(self) -> list[Message]:
        """The messages of the next round."""
        self.round += 1
        return list(
            self.strategy.configure_train(self.round, self.model, ConfigRecord(), self.grid)
        )

    def close(self, replies: Iterable[Message]) -> np.ndarray:
        """Releases the round; the new model as a vector."""
        record, self.metrics = self.strategy.aggregate_train(self.round, replies)
        assert record is not None
        self.model = record
        return vector(record)

    def replies(self, messages: Iterable[Message]) -> list[Message]:
        return list(self.grid.send_and_receive(messages))

    def __call__(self) -> np.ndarray:
        return self.close(self.replies(self.open()))


def varied(commitment: Commitment = SMALL, **changes: Any) -> Commitment:
    return replace(commitment, **changes)


def chi_square(values: np.ndarray, scale: float) -> float:
    """How many standard deviations the mean square lies from scale^2: Wilson and Hilferty's normal
    variable."""
    n = values.size
    ratio = float(np.mean((values / scale) ** 2))
    return (ratio ** (1 / 3) - (1 - 2 / (9 * n))) / (2 / (9 * n)) ** 0.5


#: A normal variable passes this with probability 1e-6, both sides together.
SIGMAS = 4.892


def code_array(message: Message) -> Array:
    """The one array of a reply."""
    (record,) = message.content.array_records.values()
    (array,) = record.values()
    return array
