"""Processes: a fork works with one thread and leaves its parent's objects alone; a spawned one has
no limits."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from conftest import channel, federation, key, tiny

import fedsim

LIMIT = 120


def encode_in_child(one: fedsim.Channel, queue: Any) -> None:
    """Uses a channel that came from the parent."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        x = np.full((4, 64), 0.01, np.float32)
        keys = [key(n) for n in range(4)]
        payloads = one.encode_many(x, keys=keys, round=1, secrets=keys)
        again = fedsim.Channel.decode(one, payloads[0], key=keys[0], round=1)
        one.encode_many(x, keys=keys, round=2, secrets=keys)
    spent = fedsim.account(noise_multiplier=1, sampling_rate=0.1, rounds=10, delta=1e-5)
    said = [str(w.message) for w in caught if "forked" in str(w.message)]
    queue.put((payloads, again.tobytes(), spent.epsilon, said))


def run_in_child(queue: Any) -> None:
    """Makes a run of its own."""
    queue.put(fedsim.run(tiny(), threads=2, progress=False).parameters.tobytes())


def use_in_child(one: Any, simulation: Any, queue: Any) -> None:
    """Uses what belongs to the parent."""
    said = []
    for call in (one.next_round, lambda: one.parameters, one.state, simulation.next_round):
        try:
            call()
            said.append("no error")
        except fedsim.StateError as error:
            said.append(str(error))
    queue.put(said)


def child(method: str, target: Any, *arguments: Any) -> Any:
    """What a child process gives back."""
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=target, args=(*arguments, queue))
    process.start()
    try:
        return queue.get(timeout=LIMIT)
    finally:
        process.join(LIMIT)
        process.kill()


pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_channel_in_another_process(method: str) -> None:
    one = channel(threads=2)
    x = np.full((4, 64), 0.01, np.float32)
    keys = [key(n) for n in range(4)]
    payloads = one.encode_many(x, keys=keys, round=0)  # The library's threads were there.
    payloads, decoded, epsilon, said = child(method, encode_in_child, one)
    expected = channel(threads=2)
    assert payloads == expected.encode_many(x, keys=keys, round=1, secrets=keys)
    assert decoded == expected.decode(payloads[0], key=keys[0], round=1).tobytes()
    own = fedsim.account(noise_multiplier=1, sampling_rate=0.1, rounds=10, delta=1e-5)
    assert epsilon == own.epsilon
    assert len(said) == (1 if method == "fork" else 0), said


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_run_in_another_process(method: str) -> None:
    own = fedsim.run(tiny(), threads=2, progress=False).parameters.tobytes()
    assert child(method, run_in_child) == own


def test_objects_of_the_parent_are_refused_in_a_fork() -> None:
    one, simulation = federation(run_key=key(1)), fedsim.Simulation(tiny(), threads=1)
    said = child("fork", use_in_child, one, simulation)
    assert all("belongs to process" in text for text in said), said
    # And the parent's are as they were.
    assert next(iter(one)).number == 1
    assert next(simulation)["round"] == 1
