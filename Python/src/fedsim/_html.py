"""Small tables for notebooks."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["table"]


def table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A title, and rows of a name and a text."""
    from html import escape  # Imported here: importing the package stays cheap.

    cells = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td '
        f'style="text-align:left">{escape(text)}</td></tr>'
        for name, text in rows
    )
    return f"<p><b>{escape(title)}</b></p><table>{cells}</table>"
