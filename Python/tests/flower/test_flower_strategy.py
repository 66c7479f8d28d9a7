"""What the server releases: the noise of every round is z C, whoever answers, and what would change
that is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
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
    code_array,
    varied,
    vector,
)
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict

import fedsim
from fedsim import KeyPair
from fedsim.errors import FolderError, InvalidError, PrivacyRefused, StateError
from fedsim.flower import ChannelMod, FedSimStrategy, LocalGrid, _wire

#: Many coordinates, so that a variance can be told: n = 20,000.
WIDE = varied(parameters=20_000, clients=40)


def zero(model: np.ndarray, client: int) -> np.ndarray:
    return np.zeros(len(model))


def quiet_app(mod: ChannelMod) -> Any:
    from flower_cases import client_app

    return client_app(mod, zero)


def change_of(server: Server, released: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The noise of a round without updates, on the sum: its standard deviation shall be z C = 1."""
    return (released - before) * server.commitment.cohort


# ---- The noise


@pytest.mark.parametrize("fate", ["all", "half", "one", "none", "empty"])
def test_the_noise_of_a_round_is_z_c_whoever_answers(fate: str) -> None:
    server = Server(WIDE, zero)
    if fate == "empty":
        server.strategy._sampler.draw = lambda round: ([], 0)  # type: ignore[method-assign]
    replies = server.replies(server.open())
    kept = {"all": len(replies), "half": len(replies) // 2, "one": 1}.get(fate, 0)
    released = server.close(replies[:kept])
    assert server.strategy.records[0]["arrived"] == kept
    # n = 20,000 coordinates; float32 arrays round to 1e-8 of it. False alarms at a rate of 1e-6.
    assert abs(chi_square(change_of(server, released, np.zeros(20_000)), 1.0)) < SIGMAS


def test_rounds_have_noise_of_their_own() -> None:
    server = Server(WIDE, zero)
    one = change_of(server, (first := server()), np.zeros(20_000))
    two = change_of(server, server(), first)
    assert abs(chi_square(two, 1.0)) < SIGMAS
    assert abs(float(one @ two) / 20_000) < SIGMAS / 20_000**0.5


def test_shares_do_not_follow_from_the_drawn_number() -> None:
    # All m_max of a cohort at most: the server adds what is missing, and a share is z C /
    # sqrt(m_max).
    server = Server(varied(WIDE, sampling="everyone", cohort=40.0, largest_cohort=160), zero)
    messages = server.open()
    (reply,) = server.replies(messages[:1])
    payload = code_array(reply).data
    keys = server.strategy._enrolment.keys(reply.metadata.src_node_id)
    share = server.strategy._channel.decode(payload, key=keys.code, round=1)
    assert abs(chi_square(share, 1 / 160**0.5)) < SIGMAS


def test_sums_are_divided_by_the_expected_cohort_and_not_by_who_came() -> None:
    commitment = varied(SMALL, noise_multiplier=0.02, epsilon=1e6)
    for kept in (1, 3):
        server = Server(commitment, lambda model, client: np.full(12, 0.25))
        while len(messages := server.open()) < 3:
            server.close([])
        before = vector(server.model)
        replies = server.replies(messages)[:kept]
        assert server.close(replies) - before == pytest.approx(
            np.full(12, kept * 0.25 / 10), abs=0.015
        )


def test_weights_by_examples_are_not_used() -> None:
    # Clients say 7 to 46 examples: a weighted mean would not be the plain one.
    commitment = varied(EVERYONE, noise_multiplier=0.02, epsilon=1e6)
    server = Server(commitment, lambda model, client: np.full(12, client / 200))
    assert server() == pytest.approx(np.full(12, np.mean(np.arange(40)) / 200), abs=0.005)


@pytest.mark.parametrize("name", ["fedavgm", "fedadagrad", "fedadam", "fedyogi"])
def test_server_optimizers_see_releases_only(name: str) -> None:
    server = Server(server_optimizer=name, server_learning_rate=0.1)
    first, second = server(), server()
    assert np.isfinite(second).all()
    assert not np.allclose(first, second)


# ---- What is refused


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("fraction_train", "probability q"),
        ("min_train_nodes", "Poisson"),
        ("min_available_nodes", "dropout"),
        ("weighted_by_key", "clipping norm"),
        ("train_metrics_aggr_fn", "no noise"),
    ],
)
def test_arguments_of_fedavg_that_would_make_an_epsilon_wrong(argument: str, reason: str) -> None:
    with pytest.raises(PrivacyRefused, match=reason):
        FedSimStrategy(SMALL, **{argument: 2})
    with pytest.raises(InvalidError, match="no such argument"):
        FedSimStrategy(SMALL, learning_rate=2)


def test_attributes_of_fedavg_do_nothing() -> None:
    server = Server(nodes=40)
    server.strategy.min_train_nodes = 40
    server.strategy.fraction_train = 1.0
    sizes = []
    for _ in range(5):
        messages = server.open()
        sizes.append(len(messages))
        server.close([])
    assert max(sizes) < 40


@pytest.mark.parametrize("codec", ["mrc", "universal", "orc"])
def test_codecs_without_gaussian_noise(codec: str) -> None:
    with pytest.raises((PrivacyRefused, InvalidError)):
        FedSimStrategy(varied(codec=codec))


@pytest.mark.parametrize(
    "changes",
    [
        {"noise_multiplier": 0.0},
        {"noise_multiplier": float("nan")},
        {"clipping_norm": float("inf")},
        {"sampling": "shuffle"},
        {"truncation_delta": 1e-3},
        {"cohort": 41.0},
        {"largest_cohort": 0},
        {"sampling": "fixed-size", "largest_cohort": 9},
        {"sampling": "fixed-size", "cohort": 9.5},
    ],
)
def test_commitments_without_a_guarantee(changes: dict[str, Any]) -> None:
    with pytest.raises((PrivacyRefused, InvalidError)):
        varied(**changes)


def test_rounds_come_once_and_in_order() -> None:
    server = Server()
    strategy, config = server.strategy, ConfigRecord()
    with pytest.raises(StateError):
        strategy.aggregate_train(1, [])
    with pytest.raises(StateError):
        strategy.configure_train(2, server.model, config, server.grid)
    server.open()
    with pytest.raises(StateError, match="second release"):
        strategy.configure_train(1, server.model, config, server.grid)
    with pytest.raises(StateError):
        strategy.configure_train(2, server.model, config, server.grid)
    with pytest.raises(StateError):
        strategy.aggregate_train(2, [])
    server.close([])
    with pytest.raises(StateError):
        strategy.configure_train(1, server.model, config, server.grid)
    with pytest.raises(StateError):
        strategy.aggregate_train(1, [])


def test_rounds_beyond_the_plan() -> None:
    server = Server()
    for _ in range(5):
        server()
    with pytest.raises(PrivacyRefused, match="planned"):
        server.open()
    with pytest.raises(PrivacyRefused, match="planned"):
        FedSimStrategy(SMALL).start(server.grid, server.model, num_rounds=6)


def test_a_model_that_was_not_released() -> None:
    server = Server()
    server()
    server.model = arrays(vector(server.model) + 1e-3)
    with pytest.raises(PrivacyRefused, match="another model"):
        server.open()
    with pytest.raises(PrivacyRefused, match="planned"):
        FedSimStrategy(SMALL).start(server.grid, arrays(np.zeros(13)))
    with pytest.raises(InvalidError, match="int64"):
        FedSimStrategy(SMALL).start(server.grid, ArrayRecord([np.zeros(12, np.int64)]))


def test_one_run_for_one_strategy() -> None:
    server = Server()
    server.strategy.start(server.grid, server.model, num_rounds=1)
    with pytest.raises(StateError):
        server.strategy.start(server.grid, server.model, num_rounds=1)


def test_clients_without_a_mod() -> None:
    from flwr.clientapp import ClientApp

    app = ClientApp()

    @app.train()
    def train(message: Message, context: Any) -> Message:
        return Message(RecordDict({"arrays": message.content["arrays"]}), reply_to=message)

    server = Server(EVERYONE)
    with pytest.raises(StateError, match="ChannelMod"):
        server.strategy.configure_train(1, server.model, ConfigRecord(), LocalGrid(app, 40))


# ---- Hostile clients


def changed(reply: Message, **values: Any) -> Message:
    for name, value in values.items():
        reply.content["fedsim"][name] = value
    return reply


def with_payload(server: Server, reply: Message, payload: bytes, *, sealed: bool = True) -> Message:
    """A reply with other bytes; sealed: by a client that has the keys."""
    reply.content["arrays"] = ArrayRecord(
        {"code": Array("uint8", (len(payload),), "fedsim.code.v1", payload)}
    )
    if sealed:
        keys = server.strategy._enrolment.keys(reply.metadata.src_node_id)
        open = server.strategy._open
        assert open is not None
        changed(reply, tag=keys.code_tag(open.number, open.model, payload))
    return reply


@pytest.mark.parametrize("codec", ["layered", "polar", "float32", "pfr"])
@pytest.mark.parametrize("count", [0, 1, 7, 4096])
def test_codes_that_nobody_honest_sends_are_dropouts(codec: str, count: int) -> None:
    hostile = varied(EVERYONE, codec=codec, parameters=200)
    server = Server(hostile, zero)
    replies = server.replies(server.open())
    random = np.random.default_rng(count)
    with_payload(server, replies[3], random.bytes(count))
    with_payload(server, replies[4], b"\xff" * count)
    with_payload(server, replies[5], code_array(replies[5]).data + b"\0")
    with_payload(server, replies[6], code_array(replies[6]).data[:-1])
    released = server.close(replies)
    record = server.strategy.records[0]
    assert record["arrived"] + record["refused"] == 40
    assert record["arrived"] >= 36
    # Whatever a client sends, it moves a sum by no more than what a decoder lets through.
    assert np.isfinite(released).all()
    assert np.abs(released).max() < 4 * (1 + 64 * hostile.noise_scale) / hostile.cohort + 1


def test_noise_is_complete_where_a_code_was_refused() -> None:
    server = Server(varied(WIDE, sampling="everyone", cohort=40.0, largest_cohort=40), zero)
    replies = server.replies(server.open())
    for reply in replies[:20]:
        with_payload(server, reply, b"")
    released = server.close(replies)
    assert server.strategy.records[0]["refused"] == 20
    assert abs(chi_square(change_of(server, released, np.zeros(20_000)), 1.0)) < SIGMAS


def test_a_tag_is_about_round_model_payload_settings_and_pair() -> None:
    tags = {
        _wire.PairKeys(bytes(32), key * 32, settings).code_tag(round, model, payload)
        for key in (b"a", b"b")
        for settings in (b"s", b"t")
        for round in (1, 2)
        for model in (b"m", b"n")
        for payload in (b"p", b"")
    }
    assert len(tags) == 32


def test_keys_are_of_one_session_federation_and_settings() -> None:
    made = [
        _wire.PairKeys.of(session * 32, federation * 16, settings * 32)
        for session in (b"a", b"b")
        for federation in (b"c", b"d")
        for settings in (b"e", b"f")
    ]
    assert len({one.code for one in made} | {one.tag for one in made}) == 16


def test_a_payload_that_was_changed_on_its_way() -> None:
    server = Server(EVERYONE)
    replies = server.replies(server.open())
    payload = bytearray(code_array(replies[0]).data)
    payload[0] ^= 1
    with_payload(server, replies[0], bytes(payload), sealed=False)
    changed(replies[1], tag=b"\0" * 16)
    changed(replies[2], tag=b"short")
    del replies[3].content["fedsim"]
    server.close(replies)
    assert (server.strategy.records[0]["arrived"], server.strategy.records[0]["refused"]) == (36, 4)


def test_a_message_of_another_round_is_a_dropout() -> None:
    server = Server(EVERYONE)
    old = server.replies(server.open())
    server.close(old)
    server.replies(server.open())
    server.close(old)
    assert (server.strategy.records[1]["arrived"], server.strategy.records[1]["refused"]) == (0, 40)
    server.open()
    server.close([changed(reply, round=3) for reply in old])
    assert server.strategy.records[2]["arrived"] == 0


def test_a_message_of_another_model_is_a_dropout() -> None:
    server = Server(EVERYONE)
    messages = server.open()
    messages[5].content["arrays"] = arrays(np.ones(12))
    replies = server.replies(
        [messages[5], *[one for index, one in enumerate(messages) if index != 5]]
    )
    server.close(replies)
    # Messages of a round share their content here: nobody got the model that was sent.
    assert server.strategy.records[0]["arrived"] == 0


def test_a_message_of_another_node_is_a_dropout() -> None:
    server = Server(EVERYONE)
    replies = server.replies(server.open())
    replies[0].content, replies[1].content = replies[1].content, replies[0].content
    server.close(replies)
    assert (server.strategy.records[0]["arrived"], server.strategy.records[0]["refused"]) == (38, 2)


def test_a_node_that_was_not_drawn_and_a_second_message_do_not_count() -> None:
    server = Server()
    replies = server.replies(server.open())
    asked = {reply.metadata.src_node_id for reply in replies}
    stranger = Server(EVERYONE, mod=ChannelMod(EVERYONE))
    others = [
        one for one in stranger.replies(stranger.open()) if one.metadata.src_node_id not in asked
    ]
    server.close([*replies, *replies, *others])
    record = server.strategy.records[0]
    assert record["arrived"] == len(replies)
    assert record["refused"] == len(replies) + len(others)


def test_weights_in_the_clear_are_dropouts() -> None:
    server = Server(EVERYONE)
    replies = server.replies(server.open())
    for reply in replies[:5]:
        reply.content["arrays"] = arrays(np.full(12, 1e6))
    released = server.close(replies)
    assert server.strategy.records[0]["arrived"] == 35
    assert np.abs(released).max() < 10


def test_errors_of_clients_are_dropouts() -> None:
    server = Server(EVERYONE)
    messages = server.open()
    replies = server.replies(messages)
    broken = [Message(Error(2, "out of memory"), reply_to=message) for message in messages[:7]]
    server.close([*broken, *replies[7:]])
    assert (server.strategy.records[0]["arrived"], server.strategy.records[0]["refused"]) == (33, 0)


# ---- Enrolment


def test_a_node_keeps_its_first_key_until_it_is_forgotten() -> None:
    server = Server(EVERYONE)
    server()
    enrolment = server.strategy._enrolment
    before = enrolment.keys(1000).code
    server.grid.context(1000).state.clear()
    server.round += 0
    server()
    assert server.strategy.records[1]["arrived"] == 39
    (reply,) = server.grid.send_and_receive([enrolment.request(1000)])
    with pytest.raises(fedsim.PayloadError, match="first of this node"):
        enrolment.accept(reply)
    server.strategy.forget(1000)
    server()
    assert server.strategy.records[2]["arrived"] == 40
    assert enrolment.keys(1000).code != before


def test_another_nodes_public_key_and_keys_without_a_secret() -> None:
    server = Server(EVERYONE)
    enrolment = server.strategy._enrolment
    enrolment.see(server.grid.get_node_ids())
    one, two, three = server.grid.send_and_receive(
        [enrolment.request(node) for node in (1000, 1001, 1002)]
    )
    enrolment.accept(one)
    two.content = one.content
    with pytest.raises(fedsim.PayloadError):
        enrolment.accept(two)
    for public in (b"\0" * 32, b"\1" + b"\0" * 31, KeyPair().public_key, b"", "text"):
        with pytest.raises(fedsim.PayloadError):
            enrolment.accept(changed(three, public_key=public, **{"public-key": public}))
    assert len(enrolment) == 1


def test_two_strategies_with_one_server_key_share_no_key() -> None:
    pair = KeyPair()
    server = Server(EVERYONE, key_pair=pair)
    server()
    first = {
        node: server.strategy._enrolment.keys(node).code for node in server.grid.get_node_ids()
    }
    other = FedSimStrategy(EVERYONE, key_pair=pair, node_timeout=0.0)
    assert other.public_key == server.strategy.public_key
    messages = list(other.configure_train(1, arrays(np.zeros(12)), ConfigRecord(), server.grid))
    replies = server.replies(messages)
    assert not any(reply.has_error() for reply in replies)
    second = {node: other._enrolment.keys(node).code for node in server.grid.get_node_ids()}
    assert not set(first.values()) & set(second.values())
    # A code for one is nothing to the other one.
    server.open()
    server.close(replies)
    assert server.strategy.records[1]["arrived"] == 0


def test_a_copy_of_a_strategy_cannot_ask_for_a_second_message_of_a_round() -> None:
    server = Server(EVERYONE)
    messages = server.open()
    server.close(server.replies(messages))
    copy = FedSimStrategy(EVERYONE, node_timeout=0.0)
    copy._enrolment = server.strategy._enrolment
    _wire.channel_of.cache_clear()
    again = server.replies(
        copy.configure_train(1, arrays(np.ones(12)), ConfigRecord(), server.grid)
    )
    assert len(again) == 40
    assert all(reply.has_error() for reply in again)


def test_nodes_beyond_the_population_are_never_drawn_and_absent_ones_are_dropouts() -> None:
    crowded = Server(EVERYONE, nodes=60)
    assert len(crowded.open()) == 40
    assert crowded.strategy._enrolment.see(crowded.grid.get_node_ids()) == 20
    sparse = Server(EVERYONE, nodes=25)
    assert len(sparse.open()) == 25
    sparse.close([])
    assert sparse.strategy.records[0]["drawn"] == 40


def test_a_strategy_cannot_be_pickled() -> None:
    server = Server()
    for secret in (server.strategy, server.grid, server.strategy._enrolment, KeyPair()):
        with pytest.raises(TypeError):
            pickle.dumps(secret)


# ---- What is said


def test_epsilon_rises_to_the_plans_and_the_history_has_every_round() -> None:
    server = Server()

    def evaluate(round: int, record: ArrayRecord) -> MetricRecord:
        return MetricRecord({"accuracy": 0.5})

    result = server.strategy.start(server.grid, server.model, num_rounds=5, evaluate_fn=evaluate)
    rows = server.strategy.history(result)
    spent = [row["epsilon"] for row in rows]
    assert [row["round"] for row in rows] == [1, 2, 3, 4, 5]
    assert all(row["accuracy"] == 0.5 for row in rows)
    assert spent == sorted(spent)
    assert spent[-1] == server.strategy.epsilon == 6.0
    assert spent[0] > 0
    assert result.train_metrics_clientapp[3]["epsilon"] == spent[2]
    covered = {
        name
        for name in result.train_metrics_clientapp[3]
        if not name.startswith("outside-guarantee.")
    }
    assert covered == {"epsilon", "delta"}
    for row in rows:
        if row["arrived"]:
            total = row["payload_bits_mean"] * row["arrived"]
            assert row["payload_bits_total"] == pytest.approx(total)
            assert 8 * row["reply_bytes"] > row["payload_bits_total"]
    assert "all 5 planned rounds" in server.strategy.statement
    assert "zero-out" in server.strategy.statement
    assert "real arithmetic" in server.strategy.statement
    assert "real arithmetic" not in Server(varied(numerical_delta=1e-6)).strategy.statement


def test_bits_are_lengths_of_the_bytes_that_arrived() -> None:
    server = Server(EVERYONE)
    replies = server.replies(server.open())
    server.close(replies)
    assert server.strategy.records[0]["payload_bits_total"] == 8 * sum(
        len(code_array(one).data) for one in replies
    )


def test_the_ledger_is_a_file_that_the_accountant_reads(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    plan = fedsim.plan(parameters=12, clients=40, cohort=10, rounds=3, epsilon=4, delta=1e-3)
    server = Server(fedsim.flower.Commitment.of(plan), ledger=path)
    for round in range(3):
        assert len(json.loads(path.read_text())["rounds"]) == round
        server()
    ledger = json.loads(path.read_text())
    assert ledger == server.strategy.ledger
    assert [one["round"] for one in ledger["rounds"]] == [
        1,
        2,
        3,
    ]
    # The accountant takes what is reserved of the ledger's delta off itself.
    spent = fedsim.account(ledger=ledger, delta=ledger["delta"])
    assert spent.epsilon == pytest.approx(server.strategy.commitment.epsilon, rel=1e-5)
    with pytest.raises(FolderError):
        FedSimStrategy(SMALL, ledger=path)


def test_a_round_that_cannot_be_written_down_is_not_released(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    server = Server(ledger=folder / "ledger.json")
    replies = server.replies(server.open())
    (folder / "ledger.json").unlink()
    folder.rmdir()
    with pytest.raises(FolderError):
        server.close(replies)
    assert server.strategy.records == []
    assert server.strategy.epsilon == 0
    folder.mkdir()
    server.close(replies)
    assert len(server.strategy.records) == len(server.strategy.ledger["rounds"]) == 1
    assert json.loads((folder / "ledger.json").read_text()) == server.strategy.ledger


def test_a_plan_of_fedsim_is_a_commitment() -> None:
    plan = fedsim.plan(parameters=650, clients=200, cohort=50, rounds=10, epsilon=5, delta=1e-4)
    made = fedsim.flower.Commitment.of(plan)
    assert (made.parameters, made.clients, made.cohort, made.rounds) == (650, 200, 50, 10)
    assert made.largest_cohort == 85
    assert plan.epsilon <= made.epsilon < 5.2
    assert made.noise_scale == pytest.approx(made.noise_multiplier / 85**0.5, rel=1e-12)
    assert made.rounds_delta < made.delta
    assert made.spent(10) == pytest.approx(made.epsilon, rel=1e-5)
    assert fedsim.flower.Commitment.of(made) == made


def test_another_codec_of_a_plan_has_its_own_noise_and_claims_no_less() -> None:
    plan = fedsim.plan(parameters=650, clients=200, cohort=50, rounds=10, epsilon=5, delta=1e-4)
    made = fedsim.flower.Commitment.of(plan, "layered")
    own = next(one for one in plan.details["codecs"] if one["codec"] == "layered")
    assert made.codec == "layered"
    assert made.noise_multiplier == own["noiseMultiplier"]
    assert made.numerical_delta == 0.25 * made.delta
    assert plan.epsilon < made.epsilon < 5.2
    for unplanned in ("mrc", "no such codec"):
        with pytest.raises(PrivacyRefused, match="planned"):
            fedsim.flower.Commitment.of(plan, unplanned)
    with pytest.raises(PrivacyRefused):
        fedsim.flower.Commitment.of(made, "polar")


def test_a_plan_whose_share_is_not_z_c_over_root_m_max() -> None:
    plan = fedsim.plan(parameters=650, clients=200, cohort=50, rounds=10, epsilon=5, delta=1e-4)
    for one in plan.details["codecs"]:
        one["noiseScale"] *= 0.99
    with pytest.raises(PrivacyRefused, match="m_max"):
        fedsim.flower.Commitment.of(plan)


@pytest.mark.parametrize("sampling", ["poisson", "fixed-size", "everyone"])
@pytest.mark.parametrize("relation", ["zero-out", "add-or-remove", "replace-one"])
def test_every_planned_sampling_and_relation_runs(sampling: str, relation: str) -> None:
    plan = fedsim.plan(
        parameters=12,
        clients=40,
        cohort=40 if sampling == "everyone" else 10,
        rounds=2,
        epsilon=8,
        delta=1e-3,
        sampling=sampling,
        relation=relation,
    )
    server = Server(fedsim.flower.Commitment.of(plan))
    server()
    server()
    record = server.strategy.records[1]
    assert record["epsilon"] == plan.epsilon == pytest.approx(8, abs=1e-3)
    assert record["drawn"] == {"fixed-size": 10, "everyone": 40}.get(sampling, record["drawn"])
    spent = fedsim.account(ledger=server.strategy.ledger, delta=1e-3)
    assert spent.epsilon == pytest.approx(plan.epsilon, rel=1e-5)
