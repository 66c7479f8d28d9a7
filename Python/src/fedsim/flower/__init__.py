"""FedSim's channel in Flower: federated averaging with a guarantee, in a hundred bits a client.

Three objects are enough, and the client's own code does not change:

    plan = fedsim.plan(parameters=650, clients=200, cohort=50, rounds=10, epsilon=5, delta=1e-4)

    # The client clips, codes and sends bytes; its train function is the user's own.
    app = ClientApp(mods=[fedsim.flower.ChannelMod(plan)])

    # The server draws cohorts, adds, completes the noise and steps.
    strategy = fedsim.flower.FedSimStrategy(plan)
    result = strategy.start(grid, initial_arrays, num_rounds=10)

What holds then, and why each part of it is as it is, is in docs/python-flower.md. In short: epsilon
covers the models of all rounds, and what is computed from them and public data, for an observer who
knows neither keys nor cohorts; the server is trusted. A client's metrics, its evaluation, the sizes
of cohorts and the lengths of messages are outside of it.

`LocalGrid` runs clients in this process, for tests and small runs. `FedSimAccountant` is Flower's
protocol of an accountant with FedSim's bounds.

Flower's API moves: this module is made and tested for flwr 1.42.
"""

from __future__ import annotations

import warnings
from importlib.metadata import PackageNotFoundError, version

#: The versions of Flower that this module is tested with.
FLOWER = "1.42"


def _check_version() -> None:
    try:
        found = version("flwr")
    except PackageNotFoundError as error:
        raise ImportError(
            f'fedsim.flower needs Flower: pip install "flwr>={FLOWER},<1.43" (or '
            '"fedsim[flower]"), on Python 3.11 or later'
        ) from error
    if not found.startswith(FLOWER + "."):
        warnings.warn(
            f"fedsim.flower is tested with flwr {FLOWER}, and this is {found}",
            RuntimeWarning,
            stacklevel=3,
        )


_check_version()

from ._accountant import FedSimAccountant  # noqa: E402
from ._commitment import Commitment  # noqa: E402
from ._grid import LocalGrid  # noqa: E402
from ._mod import ChannelMod  # noqa: E402
from ._strategy import FedSimStrategy  # noqa: E402

__all__ = ["ChannelMod", "Commitment", "FedSimAccountant", "FedSimStrategy", "LocalGrid"]
