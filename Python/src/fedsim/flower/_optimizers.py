"""Server optimizers: what the server makes of a round's mean update. They are post-processing: they
see nothing but releases."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidError

_DEFAULTS: dict[str, dict[str, float]] = {
    "fedavg": {},
    "fedavgm": {"momentum": 0.9},
    "fedadagrad": {"momentum": 0.0, "adaptivity": 1e-3},
    "fedadam": {"momentum": 0.9, "beta2": 0.99, "adaptivity": 1e-3},
    "fedyogi": {"momentum": 0.9, "beta2": 0.99, "adaptivity": 1e-3},
}


class ServerOptimizer:
    """FedAvg [McMahan et al. 2017], FedAvgM [Hsu et al. 2019], FedAdagrad, FedAdam and FedYogi
    [Reddi et al. 2021, Algorithm 2, without bias correction], as `server.optimizer` of a scenario
    has them.

    Args:
        name: "fedavg", "fedavgm", "fedadagrad", "fedadam" or "fedyogi".
        learning_rate: the server's step size.
        momentum, beta2, adaptivity: beta_1, beta_2 and tau; None takes the default.
    """

    def __init__(
        self,
        name: str = "fedavg",
        learning_rate: float = 1.0,
        *,
        momentum: float | None = None,
        beta2: float | None = None,
        adaptivity: float | None = None,
    ) -> None:
        if name not in _DEFAULTS:
            raise InvalidError(f"server_optimizer: found {name!r}; allowed: {', '.join(_DEFAULTS)}")
        if not (math.isfinite(learning_rate) and learning_rate > 0):
            raise InvalidError(
                f"server_learning_rate: found {learning_rate!r}; allowed: a number above 0"
            )
        given = {"momentum": momentum, "beta2": beta2, "adaptivity": adaptivity}
        self._options = dict(_DEFAULTS[name])
        for key, value in given.items():
            if value is None:
                continue
            if key not in self._options:
                raise InvalidError(f"{key}: found {value!r}; {name!r} has none")
            least_allowed = value > 0 if key == "adaptivity" else 0 <= value < 1
            if not (math.isfinite(value) and least_allowed):
                allowed = (
                    "a number above 0" if key == "adaptivity" else "a number from 0 on, below 1"
                )
                raise InvalidError(f"{key}: found {value!r}; allowed: {allowed}")
            self._options[key] = float(value)
        self.name = name
        self.learning_rate = float(learning_rate)
        self._momentum: NDArray[np.float64] | None = None
        self._squares: NDArray[np.float64] | None = None

    def step(
        self, parameters: NDArray[np.float64], mean: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """New parameters, shape (d,)."""
        if self.name == "fedavg":
            return parameters + self.learning_rate * mean
        beta1 = self._options["momentum"]
        if self._momentum is None:
            self._momentum = np.zeros_like(mean)
        if self.name == "fedavgm":
            self._momentum = beta1 * self._momentum + mean
            return parameters + self.learning_rate * self._momentum
        tau = self._options["adaptivity"]
        if self._squares is None:
            self._squares = np.full_like(mean, tau * tau)
        self._momentum = beta1 * self._momentum + (1 - beta1) * mean
        square = mean * mean
        if self.name == "fedadagrad":
            self._squares = self._squares + square
        elif self.name == "fedadam":
            beta2 = self._options["beta2"]
            self._squares = beta2 * self._squares + (1 - beta2) * square
        else:
            self._squares = self._squares - (1 - self._options["beta2"]) * square * np.sign(
                self._squares - square
            )
        return parameters + self.learning_rate * self._momentum / (np.sqrt(self._squares) + tau)
