"""Nothing that goes in ends the interpreter: random bytes, JSON, and numbers for objects."""

from __future__ import annotations

import ctypes
import json
from typing import Any

import numpy as np
import pytest
from conftest import federation, key, tiny

import fedsim
from fedsim import _library

#: Numbers that break what is not checked.
NUMBERS: list[Any] = [0, -1, 1, 2**31, 2**53, -(2**63), 1e308, -1e308, 1e-320, 0.5, True, None, "x"]


def garbled(value: Any, random: np.random.Generator) -> Any:
    """A value of JSON with one place changed."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        name = list(value)[int(random.integers(len(value)))]
        return {**value, name: garbled(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.85:
        place = int(random.integers(len(value)))
        return [*value[:place], garbled(value[place], random), *value[place + 1 :]]
    return [*NUMBERS, [], {}, [1], {"a": 1}][int(random.integers(len(NUMBERS) + 4))]


def test_requests_of_any_kind() -> None:
    random = np.random.default_rng(7)
    rounds = {"noiseMultiplier": 1, "samplingRate": 0.1, "sampling": "poisson", "count": 3}
    requests = {
        "fs_account": {
            "rounds": [rounds],
            "relation": "zero-out",
            "deltas": [1e-5],
            "coarse": True,
        },
        "fs_calibrate": {"epsilon": 1, "delta": 1e-5, "rounds": 3, "samplingRate": 0.1},
        "fs_plan": {"parameters": 10, "clients": 100, "cohort": 10, "rounds": 3, "epsilon": 1},
    }
    answered, said = 0, []
    for trial in range(150):
        name = list(requests)[trial % 3]
        data = json.dumps(garbled(requests[name], random)).encode()
        # A round that is asked for 2^53 times takes the accountant long, and is no crash.
        if b"9007199254740992" in data or b"2147483648" in data:
            continue
        try:
            _library.text_of(name, data, len(data))
            answered += 1
        except fedsim.FedSimError as error:
            said.append(str(error))
    assert answered > 0
    assert said
    assert all(said)
    for name in requests:
        for _ in range(50):
            data = random.bytes(int(random.integers(0, 40)))
            with pytest.raises(fedsim.FedSimError):
                _library.text_of(name, data, len(data))


def test_scenarios_of_any_kind() -> None:
    random = np.random.default_rng(8)
    said = []
    for _ in range(60):
        scenario = {**tiny(), "rounds": 1}
        for _ in range(int(random.integers(1, 3))):
            scenario = garbled(scenario, random)
            if not isinstance(scenario, dict):
                scenario = {"a": scenario}
        # Memory and time that are allowed are not what is tried here.
        text = json.dumps(scenario)
        if any(big in text for big in ("2147483648", "9007199254740992", "1e+308")):
            continue
        try:
            fedsim.run(text, threads=1, progress=False)
        except fedsim.FedSimError as error:
            said.append(str(error))
    assert said
    assert all(said)


def test_numbers_that_are_no_objects() -> None:
    one = federation(run_key=key(1))
    numbers = [0, -1, 1, 2**62, -(2**63), int(one._handle), int(one._handle) + 1000]
    calls: dict[str, tuple[Any, ...]] = {
        "fs_channel_about": (ctypes.byref(ctypes.c_void_p()),),
        "fs_run_about": (ctypes.byref(ctypes.c_void_p()),),
        "fs_run_next": (ctypes.byref(ctypes.c_void_p()),),
        "fs_run_parameters": (None, 0),
        "fs_federation_of": (ctypes.byref(ctypes.c_int64()),),
        "fs_run_update": (1, 0, None, 8, None),
        "fs_channel_decode": (0, key(1), None, 0, None, 8),
    }
    for name, arguments in calls.items():
        for number in numbers:
            with pytest.raises(fedsim.FedSimError):
                _library.result(name, number, *arguments)
    for number in numbers[:5]:
        _library.library().fs_stop(number)
        _library.library().fs_release(-abs(number))
    # NULL where an array is needed.
    for arguments in [
        (None, None, None, 1, 8),
        (None, None, None, -1, 8),
        (None, None, None, 2**62, 8),
    ]:
        with pytest.raises(fedsim.FedSimError):
            _library.result("fs_federation_send", int(one._handle), *arguments)
    assert next(iter(one)).number == 1


def test_states_of_any_kind() -> None:
    random = np.random.default_rng(9)
    whole = federation(run_key=key(1))
    state = whole.state()
    other = federation(run_key=key(1))
    for _ in range(200):
        data = bytearray(state)
        for _ in range(int(random.integers(1, 4))):
            data[int(random.integers(len(data)))] = int(random.integers(256))
        if bytes(data) == state:
            continue
        with pytest.raises(fedsim.FedSimError):
            other.restore(bytes(data[: int(random.integers(len(data) // 2, len(data) + 1))]))
    other.restore(state)
    assert other.parameters.tobytes() == whole.parameters.tobytes()
