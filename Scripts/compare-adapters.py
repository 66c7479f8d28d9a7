#!/usr/bin/env python3
"""Epsilon by fedsim's adapters beside the accountants of the frameworks that are installed here.

    OMP_NUM_THREADS=1 python Scripts/compare-adapters.py > table.txt

Needs fedsim, and any of dp-accounting (0.5.1 or 0.6.0), opacus (1.6). Prints the tables of
docs/python-accountants.md: least CPU time of three, in milliseconds, imports left out.
"""

# Closures are called before their loops go on.
# ruff: noqa: B023, E731

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it answers, and the least of three CPU times in milliseconds."""
    best, value = float("inf"), None
    for _ in range(3):
        start = time.process_time()
        value = work()
        best = min(best, 1000 * (time.process_time() - start))
    return value, best


def row(*cells: Any) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def heading(title: str, *names: str) -> None:
    print(f"\n**{title}**\n")
    row(*names)
    row(*["---"] * len(names))


def events() -> None:
    import dp_accounting
    from dp_accounting import dp_event, pld, rdp

    from fedsim.dp_accounting import FedSimAccountant

    relation = dp_accounting.NeighboringRelation

    def poisson(q: float, z: float, count: int) -> Any:
        return dp_event.SelfComposedDpEvent(
            dp_event.PoissonSampledDpEvent(q, dp_event.GaussianDpEvent(z)), count
        )

    def fixed(population: int, size: int, z: float, count: int) -> Any:
        return dp_event.SelfComposedDpEvent(
            dp_event.SampledWithoutReplacementDpEvent(
                population, size, dp_event.GaussianDpEvent(z)
            ),
            count,
        )

    cases: list[tuple[str, Any, float, list[Any]]] = [
        ("Poisson, q 0.01, z 1, T 1000", poisson(0.01, 1.0, 1000), 1e-6, list(relation)),
        ("Poisson, q 0.1, z 1, T 100", poisson(0.1, 1.0, 100), 1e-5, list(relation)),
        (
            "no sampling, z 5, T 10",
            dp_event.SelfComposedDpEvent(dp_event.GaussianDpEvent(5.0), 10),
            1e-6,
            list(relation),
        ),
        ("100 of 1000, z 1, T 100", fixed(1000, 100, 1.0, 100), 1e-5, list(relation)),
    ]
    heading(
        "dp_accounting",
        "events",
        "relation",
        "fedsim, from below",
        "fedsim, from above",
        "ms",
        "PLD",
        "ms",
        "RDP",
        "ms",
    )
    for name, event, delta, relations in cases:
        for one in relations:
            cells: list[Any] = [f"{name}, delta {delta:g}", one.name]
            ours = lambda: FedSimAccountant(one).compose(event)
            upper, ms = timed(lambda: ours().get_epsilon(delta))
            cells += [f"{ours().get_epsilon_lower_bound(delta):.6f}", f"{upper:.6f}", f"{ms:.1f}"]
            for theirs in (pld.PLDAccountant, rdp.RdpAccountant):
                make = lambda: theirs(neighboring_relation=one)
                if make().supports(event):
                    value, ms = timed(lambda: make().compose(event).get_epsilon(delta))
                    cells += [f"{value:.6f}", f"{ms:.1f}"]
                else:
                    cells += ["unsupported", "-"]
            row(*cells)

    heading(
        "`calibrate_dp_mechanism`: z for epsilon 2 at 1e-6, q 0.01, T 1000", "accountant", "z", "ms"
    )
    for label, make in [
        ("fedsim", FedSimAccountant),
        ("fedsim, coarse", lambda: FedSimAccountant(coarse=True)),
        ("PLD", pld.PLDAccountant),
        ("RDP", rdp.RdpAccountant),
    ]:
        z, ms = timed(
            lambda: dp_accounting.calibrate_dp_mechanism(
                make, lambda z: poisson(0.01, z, 1000), 2.0, 1e-6
            )
        )
        row(label, f"{z:.6f}", f"{ms:.0f}")


def opacus_table() -> None:
    from opacus.accountants import GaussianAccountant, PRVAccountant, RDPAccountant
    from opacus.accountants.utils import get_noise_multiplier

    from fedsim.opacus import FedSimAccountant

    heading(
        "Opacus",
        "steps",
        "fedsim, from below",
        "fedsim, from above",
        "ms",
        "PRV",
        "ms",
        "RDP",
        "ms",
        "GDP",
        "ms",
    )
    for z, q, steps, delta in [
        (1.0, 0.01, 1000, 1e-6),
        (1.0, 0.1, 100, 1e-5),
        (0.7, 0.004, 5000, 1e-5),
        (5.0, 1.0, 10, 1e-6),
    ]:
        cells: list[Any] = [f"q {q:g}, z {z:g}, {steps} steps, delta {delta:g}"]

        def epsilon(kind: Any) -> float:
            accountant = kind()
            accountant.history = [(z, q, steps)]
            return float(accountant.get_epsilon(delta))

        ours = FedSimAccountant()
        ours.history = [(z, q, steps)]
        value, ms = timed(lambda: epsilon(FedSimAccountant))
        cells += [f"{ours.get_epsilon_lower_bound(delta):.6f}", f"{value:.6f}", f"{ms:.1f}"]
        for kind in (PRVAccountant, RDPAccountant, GaussianAccountant):
            value, ms = timed(lambda: epsilon(kind))
            cells += [f"{value:.6f}", f"{ms:.1f}"]
        row(*cells)

    heading(
        "`get_noise_multiplier`: epsilon 2 at 1e-6, q 0.01, 1000 steps, tolerance 0.01",
        "accountant",
        "z",
        "ms",
    )
    for name in ("fedsim", "prv", "rdp", "gdp"):
        z_found, ms = timed(
            lambda: get_noise_multiplier(
                target_epsilon=2.0,
                target_delta=1e-6,
                sample_rate=0.01,
                steps=1000,
                accountant=name,
            )
        )
        row(name, f"{z_found:.6f}", f"{ms:.0f}")


if __name__ == "__main__":
    for table in (events, opacus_table):
        with contextlib.suppress(ModuleNotFoundError):
            table()
