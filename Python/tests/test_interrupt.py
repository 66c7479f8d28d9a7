"""Ctrl-C: the call ends, and KeyboardInterrupt is raised. The limit is for a hang, not for a
time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from subprocess import Popen

import pytest

HANG = 60

START = """
import sys, threading, time
import numpy as np
import fedsim
from conftest import channel, federation, key, tiny
print("ready", flush=True)
"""

#: Calls that would take minutes or more.
CALLS = {
    "run": """
fedsim.run(tiny(rounds=1000000, cohort={"sampling": "everyone"}), threads=1, progress=False)
""",
    "simulation": """
for record in fedsim.Simulation(tiny(
    rounds=3, partition={"kind": "one-example"}, cohort={"sampling": "poisson", "size": 1000},
    model={"kind": "perceptron", "hidden": [256]},
    training={"epochs": 100000, "batchSize": 1, "learningRate": 0.1}), threads=1):
    pass
""",
    "account": """
fedsim.account(ledger=[
    fedsim.Event(0.5 + n / 1000, 0.001 + n / 100000, "fixed-size", 100000) for n in range(3000)],
    delta=1e-9)
""",
    "calibrate": """
while True:
    fedsim.calibrate(epsilon=1, delta=1e-9, rounds=10000000, sampling_rate=0.01,
    sampling="fixed-size")
""",
    "send_many": """
one = federation(parameters=np.zeros(1 << 20, np.float32), population=400, cohort=400,
                 sampling="fixed-size", rounds=1)
round = next(iter(one))
round.send_many(round.cohort, np.full((400, 1 << 20), 1e-4, np.float32))
""",
    "encode_many": """
one = channel(dimension=1 << 20)
one.encode_many(np.full((200, 1 << 20), 1e-4, np.float32), keys=[fedsim.random_key() for _ in
range(200)], round=0)
""",
}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_is_interrupted(script: Callable[..., Popen[str]], name: str) -> None:
    process = script(START + CALLS[name])
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(3)
    assert process.poll() is None, process.stderr.read() if process.stderr else ""
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=HANG)
    assert "KeyboardInterrupt" in said
    assert process.returncode in (-signal.SIGINT, 130, 1)


def test_what_was_interrupted_goes_on(script: Callable[..., Popen[str]]) -> None:
    """The rounds of a simulation that was interrupted again and again are those of one that was
    not."""
    text = """
import os, signal, threading, time
import fedsim
from conftest import tiny

scenario = tiny(rounds=30, cohort={"sampling": "everyone"}, training={"epochs": 3, "batchSize": 1,
"learningRate": 0.1}) whole = [record["loss"] for record in fedsim.Simulation(scenario, threads=1)]
simulation = fedsim.Simulation(scenario, threads=1)
seen, interrupted, ended = [], 0, False

def interrupts():
    while not ended:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupts, daemon=True).start()
while True:
    try:
        record = simulation.next_round()
        if record is None:
            ended = True
            break
        seen.append(record["loss"])
    except KeyboardInterrupt:
        interrupted += 1
        if interrupted > 20:
            ended = True
signal.signal(signal.SIGINT, signal.SIG_IGN)
assert interrupted > 0
assert seen == whole, (seen, whole)
print("equal")
"""
    process = script(text)
    out, said = process.communicate(timeout=10 * HANG)
    assert out == "equal\n", said


def test_a_call_that_is_left_behind_keeps_what_it_made() -> None:
    import threading

    from fedsim import _library

    release, kept = threading.Event(), []

    def work() -> int:
        release.wait(HANG)
        return 7

    def watch() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _library.patiently(work, watch=watch, late=kept.append)
    assert kept == []
    release.set()
    deadline = time.monotonic() + HANG
    while not kept and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kept == [7]


def test_errors_and_values_come_through_the_thread() -> None:
    import fedsim
    from fedsim import _library

    assert _library.patiently(lambda: 7) == 7

    def work() -> int:
        raise fedsim.StateError("as it was")

    with pytest.raises(fedsim.StateError, match="as it was"):
        _library.patiently(work)
