"""FedSim: what private federated learning really costs. Exact noise, proved epsilon, measured bits.

A tour, from small to large; each name has a help page of its own.

**A channel** sends a vector in few bits; what is decoded is the clipped vector plus *exact*
Gaussian noise::

    import fedsim, numpy as np
    channel = fedsim.Channel("polar", 1000, clipping_norm=1, noise_scale=0.5,
                             rotation_key=fedsim.random_key())
    key = fedsim.random_key()                # of one client and the server; one message a round
    payload = channel.encode(np.ones(1000), key=key, round=0)       # a few bytes
    noisy = channel.decode(payload, key=key, round=0)               # the vector plus noise

**The accountant** bounds epsilon from both sides, and says for whom, of what relation, by which
theorem::

    print(fedsim.account(noise_multiplier=1, sampling_rate=.01, rounds=1000, delta=1e-6))
    fedsim.calibrate(epsilon=2, delta=1e-6, sampling_rate=.01, rounds=1000).noise_multiplier
    print(fedsim.plan(parameters=100_000, clients=1_000_000, cohort=1_000, rounds=1_000, epsilon=4))

**A run** is a scenario with FedSim's own models, clients and training; your arrays may be its
data::

    run = fedsim.run("scenarios/digits.json", set={"privacy.targetEpsilon": 2})
    run.frame(); run.plot(); run.report()               # pandas, matplotlib, a page of HTML
    fedsim.run(scenario, train=(X, y, clients), test=(X_test, y_test))

**A federation** is a run whose updates you compute, with torch or anything else::

    federation = fedsim.Federation(start, population=200, sampling_rate=.25, rounds=10,
                                   clipping_norm=1, epsilon=5, delta=1e-4)
    for round in federation:
        for client in round.cohort:
            round.send(client, train(round.parameters, client) - round.parameters)
    federation.epsilon, federation.frame()

**Adapters** import their framework only when they are imported: `fedsim.flower`, `fedsim.pfl`,
`fedsim.opacus`, `fedsim.dp_accounting`.

What an epsilon is about: the models of all rounds, for an observer who knows neither keys nor
cohorts. The server is trusted: it decodes each update. Accuracy, bits and counts are functions of
the clients' data without noise, and outside the claim. Pair keys, run keys and `Federation.state()`
are secrets.

Errors are `FedSimError`s and say what was found and what is allowed. No result depends on the
number of threads.
"""

from __future__ import annotations

from ._library import about
from .accounting import Calibration, CodecPlan, Event, Plan, Spending, account, calibrate, plan
from .channel import Channel
from .errors import (
    FedSimError,
    FedSimWarning,
    FolderError,
    InvalidError,
    LibraryError,
    PayloadError,
    PrivacyRefused,
    StateError,
    Stopped,
)
from .federation import Federation, Round
from .keys import KeyPair, random_key, run_key
from .parameters import flatten, unflatten
from .reports import Report
from .runs import Run, open_run, run
from .simulation import Simulation
from .sweeps import Sweep, open_sweep, sweep

__all__ = [
    "Calibration",
    "Channel",
    "CodecPlan",
    "Event",
    "FedSimError",
    "FedSimWarning",
    "Federation",
    "FolderError",
    "InvalidError",
    "KeyPair",
    "LibraryError",
    "PayloadError",
    "Plan",
    "PrivacyRefused",
    "Report",
    "Round",
    "Run",
    "Simulation",
    "Spending",
    "StateError",
    "Stopped",
    "Sweep",
    "about",
    "account",
    "calibrate",
    "flatten",
    "open_run",
    "open_sweep",
    "plan",
    "random_key",
    "run",
    "run_key",
    "sweep",
    "unflatten",
]


def __getattr__(name: str) -> str:
    """`fedsim.__version__`, asked of the installed package when somebody wants it."""
    if name == "__version__":
        from importlib import metadata

        try:
            return metadata.version("fedsim")
        except metadata.PackageNotFoundError:  # A source tree that is not installed.
            return str(about()["version"])
    raise AttributeError(f"module 'fedsim' has no attribute {name!r}")
