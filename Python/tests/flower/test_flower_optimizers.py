"""Server optimizers against their formulas [Reddi et al. 2021], written out for one number."""

from __future__ import annotations

import numpy as np
import pytest

from fedsim.errors import InvalidError
from fedsim.flower._optimizers import ServerOptimizer


def by_hand(name: str, rate: float, means: list[float]) -> float:
    x, m, v, tau = 1.0, 0.0, 1e-6, 1e-3
    for d in means:
        if name == "fedavg":
            x += rate * d
        elif name == "fedavgm":
            m = 0.9 * m + d
            x += rate * m
        else:
            beta = 0.0 if name == "fedadagrad" else 0.9
            m = beta * m + (1 - beta) * d
            if name == "fedadagrad":
                v += d * d
            elif name == "fedadam":
                v = 0.99 * v + 0.01 * d * d
            else:
                v -= 0.01 * d * d * ((v > d * d) - (v < d * d))
            x += rate * m / (v**0.5 + tau)
    return x


@pytest.mark.parametrize("name", ["fedavg", "fedavgm", "fedadagrad", "fedadam", "fedyogi"])
def test_formulas(name: str) -> None:
    means = [0.3, -0.2, 0.05, 0.4]
    optimizer = ServerOptimizer(name, 0.5)
    x = np.ones(3)
    for mean in means:
        x = optimizer.step(x, np.full(3, mean))
    assert x == pytest.approx(np.full(3, by_hand(name, 0.5, means)), rel=1e-12)


def test_arguments() -> None:
    for bad in (
        {"name": "adam"},
        {"learning_rate": 0.0},
        {"momentum": 0.9},
        {"name": "fedadam", "beta2": 1.0},
        {"name": "fedadam", "adaptivity": 0.0},
    ):
        with pytest.raises(InvalidError):
            ServerOptimizer(**bad)  # type: ignore[arg-type]
