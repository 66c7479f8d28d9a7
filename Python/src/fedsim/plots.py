"""Figures of runs and sweeps, by matplotlib, which is imported here when a figure is asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .errors import InvalidError
from .tables import Rows

if TYPE_CHECKING:
    from .runs import Run
    from .sweeps import Sweep

__all__ = ["run_figure", "sweep_figure"]


def _figure(panels: int) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "fedsim[plot]"') from error

    class Shown(Figure):
        """A figure that a notebook shows although pyplot does not know it."""

        def _repr_png_(self) -> bytes:
            memory = io.BytesIO()
            self.savefig(memory, format="png", dpi=110)
            return memory.getvalue()

    # No pyplot: nothing global is touched, and a notebook shows the figure once.
    figure = Shown(figsize=(4.2 * panels, 3.2), layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False)[0]


def _series(rows: Sequence[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    points = [(row["round"], row[name]) for row in rows if row.get(name) is not None]
    return [float(x) for x, _ in points], [float(y) for _, y in points]


def run_figure(run: Run) -> Any:
    """Accuracy or loss, epsilon, and bits of a run over its rounds; panels without figures are left
    out."""
    rows = Rows(run.rounds).flat()
    panels = []
    accuracy = _series(rows, "accuracy")
    if accuracy[0]:
        panels.append(("accuracy on the test examples", [("", *accuracy)]))
    else:
        loss = _series(rows, "loss")
        if loss[0]:
            panels.append(("loss on the test examples", [("", *loss)]))
    epsilon = _series(rows, "epsilon")
    if epsilon[0]:
        lower = _series(rows, "epsilonLowerBound")
        lines = ([("lower bound", *lower)] if lower[0] else []) + [("upper bound", *epsilon)]
        panels.append((f"epsilon at delta {run.summary.get('delta'):g}", lines))
    bits = _series(rows, "uplink.payloadBits.mean")
    if bits[0]:
        ideal = _series(rows, "idealBits.mean")
        lines = [("payload", *bits)] + ([("I(X;Y)", *ideal)] if ideal[0] else [])
        panels.append(("bits a client and round", lines))
    figure, axes = _figure(max(len(panels), 1))
    for axis, (title, lines) in zip(axes, panels, strict=False):
        for label, x, y in lines:
            axis.plot(x, y, label=label or None, marker="." if len(x) < 40 else None)
        axis.set_xlabel("round")
        # Room for the markers at the edges.
        axis.set_xlim(0, 1.02 * max(float(row["round"]) for row in rows))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set_title(title, fontsize=10)
        highest = max((value for _, _, y in lines for value in y), default=0)
        axis.set_ylim(0, 1.06 * highest if highest > 0 else 1)
        if len(lines) > 1:
            axis.legend(fontsize=8)
    figure.suptitle(str(run.summary.get("name", "")), fontsize=11)
    return figure


#: Columns of points.csv that a trade-off is about, the first that there is.
_QUALITY = ("finalAccuracy", "finalR2", "finalLoss")
_BITS = ("payloadBitsPerClientRound", "predictedBitsPerClientRound")
_EPSILON = ("privacy.targetEpsilon", "epsilon")


def sweep_figure(sweep: Sweep, x: str | None, y: str | None) -> Any:
    """Figures over an axis of a sweep, with standard errors where there are repeats."""
    rows = sweep.points()
    if not rows:
        raise InvalidError(f"{sweep.folder}: found no points; allowed: a sweep that is whole")
    columns = list(rows[0])
    axes_names = _axes(columns)
    for name in (x, y):
        if name is not None and name not in columns:
            raise InvalidError(
                f"found no column {name!r} in points.csv; allowed: {', '.join(columns)}"
            )
    if x is None:
        x = next(
            (
                name
                # What was swept, before an epsilon that only followed from it.
                for name in (_EPSILON[0], *axes_names, _EPSILON[1])
                if name in columns and _numeric(rows, name)
            ),
            None,
        )
    if x is None:
        raise InvalidError(
            "x: the sweep has no axis of numbers; allowed: the name of a column of numbers"
        )
    wanted = (
        [y]
        if y is not None
        else [
            name
            for group in (_QUALITY, _BITS)
            if (
                name := next((one for one in group if one in columns and _numeric(rows, one)), None)
            )
            is not None
        ]
    )
    others = [
        name for name in axes_names if name != x and len({str(row[name]) for row in rows}) > 1
    ]
    figure, axes = _figure(max(len(wanted), 1))
    for axis, name in zip(axes, wanted, strict=False):
        for key in dict.fromkeys(tuple(str(row[other]) for other in others) for row in rows):
            part = [
                row
                for row in rows
                if tuple(str(row[other]) for other in others) == key
                and row.get(x) is not None
                and row.get(name) is not None
            ]
            part.sort(key=lambda row: float(row[x]))
            errors = [row.get(f"{name}.standardError") for row in part]
            axis.errorbar(
                [float(row[x]) for row in part],
                [float(row[name]) for row in part],
                yerr=None if any(e is None for e in errors) else [float(e or 0) for e in errors],
                marker=".",
                capsize=2,
                label=", ".join(f"{a}={b}" for a, b in zip(others, key, strict=True)) or None,
            )
        values = [float(row[x]) for row in rows if row.get(x) is not None]
        if values and min(values) > 0 and max(values) / min(values) >= 8:
            axis.set_xscale("log")
            if len(set(values)) <= 10:
                axis.set_xticks(sorted(set(values)), [f"{one:g}" for one in sorted(set(values))])
                axis.set_xticks([], minor=True)
        if name in _BITS:
            axis.set_yscale("log")
        axis.set_xlabel(x)
        axis.set_title(name, fontsize=10)
        if others:
            axis.legend(fontsize=8)
    return figure


def _axes(columns: Sequence[str]) -> list[str]:
    """The columns of points.csv between the point's number and its repeats."""
    end = columns.index("repeats") if "repeats" in columns else len(columns)
    return [name for name in columns[:end] if name != "point"]


def _numeric(rows: Sequence[dict[str, Any]], name: str) -> bool:
    values = [row.get(name) for row in rows]
    return any(v is not None for v in values) and all(
        v is None or isinstance(v, (int, float)) for v in values
    )
