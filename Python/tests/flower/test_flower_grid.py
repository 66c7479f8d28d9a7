"""The grid in this process, which stands for Flower's."""

from __future__ import annotations

from typing import Any

import pytest
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.supercore.task_identity import TaskIdentity

from fedsim.errors import InvalidError
from fedsim.flower import LocalGrid


def app() -> ClientApp:
    made = ClientApp()

    @made.train()
    def train(message: Message, context: Any) -> Message:
        if context.node_config["partition-id"] == 2:
            raise ArithmeticError("as asked")
        count = int(context.state.get("seen", MetricRecord({"n": 0}))["n"]) + 1
        context.state["seen"] = MetricRecord({"n": count})
        message.content["config"]["changed"] = True
        metrics = MetricRecord(
            {
                "n": count,
                "partition": context.node_config["partition-id"],
                "rate": context.run_config["rate"],
            }
        )
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    return made


def messages(grid: LocalGrid, nodes: list[int]) -> list[Message]:
    content = RecordDict({"config": ConfigRecord({"x": 1})})
    return [grid.create_message(content, "train", node, "1") for node in nodes]


def test_nodes_have_contexts_of_their_own_and_share_nothing() -> None:
    grid = LocalGrid(app(), 4, run_config={"rate": 0.5})
    nodes = grid.get_node_ids()
    sent = messages(grid, nodes[:2])
    first, second = grid.send_and_receive(sent), grid.send_and_receive(messages(grid, nodes[:1]))
    assert [one.content["metrics"]["n"] for one in first] == [1, 1]
    assert second[0].content["metrics"]["n"] == 2
    assert [one.content["metrics"]["partition"] for one in first] == [0, 1]
    assert "changed" not in sent[0].content["config"]
    assert first[0].metadata.src_node_id == nodes[0]
    assert first[0].metadata.reply_to_message_id
    assert grid.bytes_up > 0
    assert grid.bytes_down > 0
    assert grid.run.run_id == TaskIdentity.run_id


def test_errors_are_replies() -> None:
    grid = LocalGrid(app(), 4, run_config={"rate": 0.5})
    (reply,) = grid.send_and_receive(messages(grid, [grid.get_node_ids()[2]]))
    assert reply.has_error()
    assert "as asked" in str(reply.error.reason)
    (reply,) = grid.send_and_receive(messages(grid, [5]))
    assert reply.has_error()
    strict = LocalGrid(app(), 4, run_config={"rate": 0.5}, raise_errors=True)
    with pytest.raises(ArithmeticError):
        strict.send_and_receive(messages(strict, [strict.get_node_ids()[2]]))


def test_replies_are_pulled_once_and_time_ends() -> None:
    grid = LocalGrid(app(), 2, run_config={"rate": 0.5})
    identifiers = grid.push_messages(messages(grid, grid.get_node_ids()))
    assert len(grid.pull_messages(identifiers)) == 2
    assert grid.pull_messages(identifiers) == []
    assert grid.send_and_receive(messages(grid, grid.get_node_ids()), timeout=-1.0) == []
    assert grid.send_and_receive([]) == []


def test_arguments() -> None:
    for nodes in (0, -1, True, 1.5):
        with pytest.raises(InvalidError):
            LocalGrid(app(), nodes)  # type: ignore[arg-type]
