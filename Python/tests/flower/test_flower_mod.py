"""What a client does with a model and with a server that it should not trust."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from flower_cases import (
    EVERYONE,
    SIGMAS,
    SMALL,
    Server,
    arrays,
    chi_square,
    client_app,
    code_array,
    varied,
    vector,
)
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fedsim import KeyPair
from fedsim.errors import InvalidError
from fedsim.flower import ChannelMod, Commitment, FedSimStrategy, LocalGrid, _wire

#: Little noise, 0.067 on a coordinate of the mean, and C so large that nothing is clipped.
QUIET = varied(
    clipping_norm=10.0,
    noise_multiplier=0.02,
    sampling="everyone",
    clients=3,
    cohort=3.0,
    largest_cohort=3,
    epsilon=1e6,
)


def test_an_unchanged_app_trains_and_its_weights_become_an_update() -> None:
    update = np.linspace(-1, 1, 12)
    server = Server(QUIET, lambda model, client: (client + 1) * update)
    assert server() == pytest.approx(2 * update, abs=0.4)  # the mean of 1, 2 and 3
    assert server() == pytest.approx(4 * update, abs=0.6)


def test_an_app_may_return_the_update() -> None:
    server = Server(QUIET, lambda model, client: np.full(12, 0.5), returns="update")
    server()
    assert server() == pytest.approx(np.full(12, 1.0), abs=0.6)


def test_the_app_sees_its_records_and_not_ours() -> None:
    server = Server()
    server()
    assert server.seen
    for message in server.seen:
        assert set(message.content) == {"arrays", "config"}
        assert message.content["config"]["server-round"] == 1


def test_what_leaves_the_client_is_one_code_and_nothing_of_its_metrics() -> None:
    server = Server(EVERYONE)
    replies = server.replies(server.open())
    assert len(replies) == 40
    for reply in replies:
        array = code_array(reply)
        assert array.stype == "fedsim.code.v1"
        assert array.shape == (len(array.data),)
        with pytest.raises(TypeError):
            array.numpy()
        assert dict(reply.content["metrics"]) == {"num-examples": 1}


def test_metrics_are_sent_on_request_and_are_outside_of_the_guarantee() -> None:
    server = Server(mod=ChannelMod(SMALL, keep_metrics=True))
    server()
    assert server.metrics["outside-guarantee.loss"] == pytest.approx(0.5)
    assert "loss" not in server.metrics


def test_updates_are_clipped_as_one_vector() -> None:
    commitment = varied(QUIET, clipping_norm=1.0)
    server = Server(commitment, lambda model, client: np.full(12, 100.0))
    assert np.linalg.norm(server()) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_an_update_that_is_not_finite_becomes_zero_and_its_client_still_sends_noise(
    bad: float,
) -> None:
    commitment = varied(
        parameters=5000,
        sampling="everyone",
        clients=1,
        cohort=1.0,
        largest_cohort=1,
        noise_multiplier=1.0,
    )

    def change(model: np.ndarray, client: int) -> np.ndarray:
        update = np.ones(len(model))
        update[17] = bad
        return update

    with np.errstate(all="ignore"):
        # 1e39 is no float32: the update is formed in double precision.
        server = Server(commitment, change, returns="update")
        messages = server.open()
        replies = server.replies(messages)
    assert not replies[0].has_error()
    assert len(code_array(replies[0]).data) > 0
    released = server.close(replies)
    assert server.strategy.records[0]["arrived"] == 1
    # n = 5000; false alarms at a rate of 1e-6.
    assert abs(chi_square(released, 1.0)) < SIGMAS
    assert abs(released.mean()) < SIGMAS / 5000**0.5


# ---- Servers that are not to be trusted


def error_of(reply: Message) -> str:
    assert reply.has_error(), "the client answered"
    return str(reply.error.reason)


def test_a_server_with_another_strategy_gets_nothing() -> None:
    grid = LocalGrid(client_app(ChannelMod(SMALL), lambda model, client: model), 1)
    (node,) = grid.get_node_ids()
    content = RecordDict(
        {"arrays": arrays(np.zeros(12)), "config": ConfigRecord({"server-round": 1})}
    )
    (reply,) = grid.send_and_receive([Message(content, node, "train")])
    assert "FedSimStrategy" in error_of(reply)


@pytest.mark.parametrize(
    "changes",
    [
        {"noise_multiplier": 0.999},
        {"clipping_norm": 2.0},
        {"largest_cohort": 31},
        {"codec": "float32"},
        {"rounds": 6},
    ],
)
def test_a_client_refuses_other_settings_than_the_planned_ones(changes: dict[str, Any]) -> None:
    server = Server(varied(sampling="poisson", **changes), mod=ChannelMod(SMALL))
    node = server.grid.get_node_ids()[0]
    server.strategy._enrolment.see([node])
    (reply,) = server.grid.send_and_receive([server.strategy._enrolment.request(node)])
    assert "planned" in error_of(reply)


@pytest.mark.parametrize("settings", ["{", "[]", '{"codec":"layered"}', "null"])
def test_a_client_without_a_plan_refuses_what_is_no_channel(settings: str) -> None:
    server = Server(mod=ChannelMod())
    enrolment = server.strategy._enrolment
    enrolment.settings = settings
    (reply,) = server.grid.send_and_receive([enrolment.request(server.grid.get_node_ids()[0])])
    error_of(reply)


@pytest.mark.parametrize(
    ("name", "value"), [("noiseScale", 0), ("noiseScale", -1), ("clippingNorm", 0)]
)
def test_a_client_without_a_plan_refuses_a_channel_without_noise(name: str, value: float) -> None:
    import json

    server = Server(mod=ChannelMod())
    enrolment = server.strategy._enrolment
    enrolment.settings = json.dumps({**json.loads(enrolment.settings), name: value})
    (reply,) = server.grid.send_and_receive([enrolment.request(server.grid.get_node_ids()[0])])
    assert "above 0" in error_of(reply)


def test_a_client_that_knows_the_servers_key_refuses_another_one() -> None:
    pair = KeyPair()
    mod = ChannelMod(SMALL, server_key=pair.public_key)
    assert Server(mod=mod, key_pair=pair)() is not None
    stranger = Server(mod=mod)
    (reply,) = stranger.grid.send_and_receive([stranger.strategy._enrolment.request(1000)])
    assert "server-key" in error_of(reply)


def test_one_message_a_round_and_never_an_earlier_one() -> None:
    server = Server(EVERYONE)
    first = server.open()
    replies = server.replies(first)
    # Another process of the client has no memory but the state of its Context.
    _wire.channel_of.cache_clear()
    again = server.replies(first)
    assert all("one message" in error_of(reply) for reply in again)
    server.close(replies)
    server()
    _wire.channel_of.cache_clear()
    assert all("one message" in error_of(reply) for reply in server.replies(first))


def test_rounds_beyond_the_planned_ones_are_refused_by_clients_too() -> None:
    server = Server(EVERYONE)
    messages = server.open()
    messages[0].content["fedsim"]["round"] = 6
    (reply,) = server.replies(messages[:1])
    assert "planned: 1 to 5" in error_of(reply)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("round", "1"),
        ("round", None),
        ("federation", b"x"),
        ("kind", "other"),
        ("format", 2),
        ("round", -1),
        ("round", 0),
    ],
)
def test_a_changed_broadcast_is_refused(name: str, value: Any) -> None:
    server = Server(EVERYONE)
    message = server.open()[0]
    record = message.content["fedsim"]
    if value is None:
        del record[name]
    else:
        record[name] = value
    (reply,) = server.replies([message])
    error_of(reply)


def test_a_model_of_another_size_is_refused() -> None:
    server = Server(EVERYONE)
    message = server.open()[0]
    message.content["arrays"] = arrays(np.zeros(13))
    (reply,) = server.replies([message])
    assert "12" in error_of(reply)


def test_an_app_that_returns_other_arrays_is_an_error_and_no_message() -> None:
    app = ClientApp(mods=[ChannelMod(EVERYONE)])

    @app.train()
    def train(message: Message, context: Any) -> Message:
        content = RecordDict(
            {"a": ArrayRecord([np.zeros(3)]), "m": MetricRecord({"num-examples": 1})}
        )
        return Message(content, reply_to=message)

    server = Server(EVERYONE)
    server.grid = LocalGrid(app, 40)
    replies = server.replies(server.open())
    assert all("what the app returned" in error_of(reply) for reply in replies)


def test_evaluation_passes() -> None:
    server = Server(fraction_evaluate=0.5)
    server()
    messages = server.strategy.configure_evaluate(1, server.model, ConfigRecord(), server.grid)
    metrics = server.strategy.aggregate_evaluate(1, server.grid.send_and_receive(messages))
    assert metrics is not None
    assert metrics["seen"] == pytest.approx(2.0)


# ---- Secrets


def test_a_mod_and_its_app_carry_no_secret_when_they_are_pickled() -> None:
    import cloudpickle

    server = Server(EVERYONE)
    server()
    pickled = pickle.dumps(server.mod) + cloudpickle.dumps(server.grid._app)
    for node in server.grid.get_node_ids():
        keys = server.strategy._enrolment.keys(node)
        kept = server.grid.context(node).state["fedsim.client"]
        assert (kept["code-key"], kept["tag-key"]) == (keys.code, keys.tag)
        for secret in (keys.code, keys.tag):
            assert secret not in pickled
        with pytest.raises(TypeError):
            pickle.dumps(keys)
    assert vector(server.model).shape == (12,)
    copy = pickle.loads(pickle.dumps(server.mod))
    assert vars(copy) == vars(server.mod)


def test_keys_differ_from_client_to_client_and_no_message_has_one() -> None:
    server = Server(EVERYONE)
    messages = server.open()
    replies = server.replies(messages)
    nodes = server.grid.get_node_ids()
    keys = [server.strategy._enrolment.keys(node) for node in nodes]
    assert len({one.code for one in keys} | {one.tag for one in keys}) == 80
    texts = b"".join(repr(message.content).encode() for message in [*messages, *replies])
    raw = b"".join(
        value
        for message in [*messages, *replies]
        for record in message.content.config_records.values()
        for value in record.values()
        if isinstance(value, bytes)
    )
    for one in keys:
        for secret in (one.code, one.tag):
            assert secret not in raw
            assert repr(secret).encode() not in texts


def test_arguments_are_checked() -> None:
    with pytest.raises(InvalidError):
        ChannelMod(SMALL, returns="gradient")
    with pytest.raises(InvalidError):
        ChannelMod(SMALL, server_key=b"short")
    with pytest.raises(InvalidError):
        ChannelMod({"codec": "layered"})
    assert isinstance(FedSimStrategy(SMALL).commitment, Commitment)
