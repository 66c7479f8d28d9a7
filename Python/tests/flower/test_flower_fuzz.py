"""Records that anybody may write: no reply ends a round with an error, and no message an app."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from flower_cases import EVERYONE, Server, arrays
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict
from flwr.app.message import make_message

VALUES: list[Any] = [
    *(True, 0, -1, 1, 2**63 - 1, 0.5, float("nan"), "", "code", "x" * 300, b"", b"\0" * 16),
    *(b"\xff" * 32, [], [1, 2], [b"", b"x"], [""], [0.5]),
]
NAMES = ["format", "kind", "federation", "round", "tag", "public-key", "settings", "rotation"]


def record_of(choose: random.Random) -> Any:
    kind = choose.randrange(3)
    if kind == 0:
        return ConfigRecord({choose.choice(NAMES): choose.choice(VALUES) for _ in range(3)})
    if kind == 1:
        numbers = [0, -1, 1e308, float("inf"), [], [1.0], 2**63 - 1]
        return MetricRecord({choose.choice(["num-examples", "a", "b"]): choose.choice(numbers)})
    types = ["fedsim.code.v1", "numpy.ndarray", ""]
    array = Array("uint8", (choose.randrange(4),), choose.choice(types), choose.randbytes(9))
    return ArrayRecord({name: array for name in ("code", "x")[: choose.randrange(3)]})


def change(choose: random.Random, message: Message) -> Message:
    """One thing that a client, or the way, may do to a message."""
    content = RecordDict(dict(message.content))
    what = choose.randrange(6)
    names = list(content)
    if what == 0:
        return make_message(metadata=message.metadata, error=Error(3, ""))
    if what == 1:
        del content[choose.choice(names)]
    elif what == 2:
        content[choose.choice([*names, "more"])] = record_of(choose)
    elif what == 3:
        ours = ConfigRecord(dict(content["fedsim"]))
        ours[choose.choice([*NAMES, "server-key"])] = choose.choice(VALUES)
        content["fedsim"] = ours
    elif what == 4:
        content = RecordDict({"fedsim": record_of(choose), "arrays": record_of(choose)})
    else:
        content = RecordDict()
    return make_message(metadata=message.metadata, content=content)


@pytest.mark.parametrize("seed", range(20))
def test_replies(seed: int) -> None:
    choose = random.Random(seed)
    server = Server(EVERYONE)
    for _ in range(3):
        replies = server.replies(server.open())
        changed = [change(choose, one) if choose.random() < 0.7 else one for one in replies]
        assert np.isfinite(server.close(changed)).all()
    assert sum(record["arrived"] for record in server.strategy.records) < 120


@pytest.mark.parametrize("seed", range(20))
def test_answers_to_an_enrolment(seed: int) -> None:
    choose = random.Random(seed)
    server = Server(EVERYONE)
    honest = server.grid.send_and_receive

    def hostile(messages: Any, **options: Any) -> list[Message]:
        made = honest(messages, **options)
        return [made[0], *(change(choose, one) for one in made[1:])]

    server.grid.send_and_receive = hostile  # type: ignore[method-assign]
    assert 1 <= len(server.open()) < 40


@pytest.mark.parametrize("seed", range(20))
def test_messages_to_a_client(seed: int) -> None:
    choose = random.Random(seed)
    server = Server(EVERYONE)
    messages = server.open()
    requests = [server.strategy._enrolment.request(node) for node in server.grid.get_node_ids()]
    for message in [*messages, *requests]:
        context = server.grid.context(message.metadata.dst_node_id)
        reply = server.grid._app(
            change(choose, message) if message.has_content() else message, context
        )
        assert isinstance(reply, Message)
    assert arrays(np.zeros(12)).keys() == server.model.keys()
