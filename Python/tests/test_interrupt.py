"""Ctrl-C: the call ends, and KeyboardInterrupt is raised. The limit is for a hang, not for a
time."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from subprocess import Popen

import pytest
from conftest import channel, tiny

import fedsim
from fedsim import _library

HANG = 60

# A shell that starts what it does not wait for has Ctrl-C ignored, and children inherit that.
START = """
import signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
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
one = federation(parameters=np.zeros(1 << 20, np.float32), population=64, cohort=64,
                 sampling="fixed-size", rounds=1)
round = next(iter(one))
round.send_many(round.cohort, np.full((64, 1 << 20), 1e-4, np.float32))
""",
    "encode_many": """
one = channel(dimension=1 << 20)
one.encode_many(np.full((60, 1 << 20), 1e-4, np.float32), keys=[fedsim.random_key() for _ in
range(60)], round=0)
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


def test_what_was_interrupted_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rounds of a simulation that was interrupted again and again are those of another one."""
    scenario = tiny(rounds=8, cohort={"sampling": "everyone"})
    scenario["training"] = {"epochs": 40, "batchSize": 1, "learningRate": 0.1}
    whole = list(fedsim.Simulation(scenario, threads=1))
    simulation = fedsim.Simulation(scenario, threads=1)
    interruptions = []

    def watch() -> None:
        # Where Ctrl-C is raised while a round is being made; every third time, so that some are
        # made.
        interruptions.append(1)
        if len(interruptions) % 3 == 1:
            raise KeyboardInterrupt

    # However fast a round is.
    monkeypatch.setattr(_library, "SLICE", 1e-4)
    monkeypatch.setattr(simulation, "_watch", watch)
    monkeypatch.setattr(simulation, "_progress", object())
    seen: list[dict[str, object] | None] = []
    interrupted = 0
    while None not in seen:
        try:
            seen.append(simulation.next_round())
        except KeyboardInterrupt:
            interrupted += 1
            if interrupted == 20:
                monkeypatch.setattr(simulation, "_progress", None)
    assert interrupted > 0
    assert seen == [*whole, None]
    assert simulation.records == whole


def test_a_call_that_is_left_behind_runs_to_its_end() -> None:
    release, kept = threading.Event(), []

    def work() -> None:
        release.wait(HANG)
        kept.append(7)

    def watch() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _library.patiently(work, watch=watch)
    assert kept == []
    release.set()
    deadline = time.monotonic() + HANG
    while not kept and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kept == [7]


class Object(_library.Handle):
    """An object of the library that is a channel, for its number."""

    def __init__(self) -> None:
        self._channel = channel()
        self.number = self._channel._number()
        self.what, self.process, self.asked, self.heard = "test", 0, 0, 0

    def release(self) -> None:
        """The channel's own affair."""


def test_a_stop_that_comes_too_late_is_not_for_the_next_call() -> None:
    handle, calls = Object(), []

    def ended() -> int:
        calls.append(1)
        return len(calls)

    def stopped() -> int:
        calls.append(1)
        if len(calls) == 2:
            raise fedsim.Stopped("stopped by fs_stop")
        return len(calls)

    assert _library.stoppable(ended, handle) == 1
    handle.asked += 1  # Just after the call.
    assert _library.stoppable(stopped, handle) == 3
    # One that is for a call ends it.
    calls[:] = [1]
    with pytest.raises(fedsim.Stopped):
        _library.stoppable(stopped, handle)


def test_a_stop_is_for_the_call_that_goes_on() -> None:
    handle = Object()
    handle.asked += 1  # An older one that nobody heard.

    def work() -> None:
        handle.asked += 1
        raise fedsim.Stopped("stopped by fs_stop; the first 3 of 5 clients have sent")

    with pytest.raises(fedsim.Stopped):
        _library.stoppable(work, handle)
    assert handle.heard == handle.asked == 2


def test_errors_and_values_come_through_the_thread() -> None:
    assert _library.patiently(lambda: 7) == 7

    def work() -> int:
        raise fedsim.StateError("as it was")

    with pytest.raises(fedsim.StateError, match="as it was"):
        _library.patiently(work)
