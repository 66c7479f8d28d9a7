"""Rows of figures, flat as in rounds.csv."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Rows", "flat"]


def flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A row with dotted names in place of nested dicts: {"uplink": {"wireBytes": 3}} ->
    {"uplink.wireBytes": 3}."""
    result: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            result.update(flat(value, f"{prefix}{name}."))
        else:
            result[prefix + name] = value
    return result


class Rows(list[dict[str, Any]]):
    """Rows, and as a table."""

    def __init__(self, rows: Iterable[dict[str, Any]] = ()) -> None:
        super().__init__(rows)

    def flat(self) -> list[dict[str, Any]]:
        """Flat dicts that all have the same keys; a figure that a row lacks is None.

        A group that is null in some rows, such as `clientAccuracy`, has its figures null there.
        """
        rows = [flat(row) for row in self]
        names: dict[str, None] = {}
        for row in rows:
            names.update(dict.fromkeys(row))
        groups = {name for name in names if any(other.startswith(name + ".") for other in names)}
        # Where the full figures are known their order is that of the first row that has them.
        order = max(rows, key=len, default={})
        columns = [
            name for name in [*order, *(n for n in names if n not in order)] if name not in groups
        ]
        return [{name: row.get(name) for name in columns} for row in rows]

    def frame(self) -> Any:
        """A pandas DataFrame with a column for each figure; without pandas the flat dicts."""
        rows = self.flat()
        try:
            import pandas
        except ImportError:
            return rows
        frame = pandas.DataFrame(rows)
        for name in frame.columns:
            if frame[name].dtype == object and all(
                value is None or isinstance(value, (int, float)) for value in frame[name]
            ):
                frame[name] = pandas.to_numeric(frame[name])
        return frame
