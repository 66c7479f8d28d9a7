"""What tests share. Only NumPy is needed; tests of other packages skip where they are missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import fedsim


@pytest.fixture(scope="session", autouse=True)
def the_library_is_there() -> None:
    """No test passes because there is nothing to test."""
    assert fedsim.about()["codecs"]


def key(number: int) -> bytes:
    """Keys for tests: never for messages."""
    return bytes((number * 37 + index * 11) % 256 for index in range(32))


def channel(codec: str = "polar", dimension: int = 64, **settings: object) -> fedsim.Channel:
    """A channel with a public key of the tests'."""
    values: dict[str, object] = {"clipping_norm": 1.0, "noise_scale": 0.5, "rotation_key": key(1)}
    return fedsim.Channel(codec, dimension, **{**values, **settings})  # type: ignore[arg-type]


def federation(**settings: object) -> fedsim.Federation:
    """Three rounds of eight parameters and twenty clients."""
    values: dict[str, object] = {
        "population": 20,
        "cohort": 5,
        "rounds": 3,
        "clipping_norm": 1.0,
        "noise_multiplier": 1.0,
        "delta": 1e-3,
        "threads": 1,
    }
    start = settings.pop("parameters", np.zeros(8, np.float32))
    return fedsim.Federation(start, **{**values, **settings})  # type: ignore[arg-type]


def update(client: int, number: int, size: int = 8) -> np.ndarray:
    """What a client sends in a round: a function of both."""
    return np.random.default_rng([client, number]).normal(size=size).astype(np.float32)


def tiny(**keys: object) -> dict[str, object]:
    """A scenario of a few rounds on the built-in digits."""
    return {
        "name": "tiny",
        "task": "classification",
        "rounds": 3,
        "data": {"source": "digits"},
        "partition": {"kind": "iid", "clients": 20},
        "model": {"kind": "softmax-regression"},
        "training": {"epochs": 1, "batchSize": 32, "learningRate": 0.5},
        "cohort": {"sampling": "poisson", "size": 5},
        "privacy": {"clippingNorm": 1, "noiseMultiplier": 1, "delta": 1e-3},
        "evaluation": {"every": 1},
        **keys,
    }


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a program of its own, with this package and these tests to import. What still runs
    when the test ends is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, *arguments: str) -> subprocess.Popen[str]:
        path = tmp_path / f"script{len(list(tmp_path.glob('script*')))}.py"
        path.write_text(text)
        places = [str(Path(__file__).parent), str(Path(fedsim.__file__).parents[1])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
        process = subprocess.Popen(
            [sys.executable, str(path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
