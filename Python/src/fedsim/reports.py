"""The page that `fedsim report` writes, in a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import _library

__all__ = ["Report", "report_of"]


class Report:
    """One page of HTML, without scripts and without a network: charts, tables, guarantees."""

    def __init__(self, html: str) -> None:
        #: The whole page.
        self.html = html

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the page."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        from html import escape  # Imported here: importing the package stays cheap.

        # A frame of its own: the page's styles stay in it, and the notebook's outside.
        return (
            f'<iframe srcdoc="{escape(self.html, quote=True)}" '
            'style="width:100%;height:800px;border:1px solid #ccc" '
            "sandbox></iframe>"
        )

    def __repr__(self) -> str:
        return f"Report({len(self.html):,} characters; .save(path) writes it)"


def report_of(source: Sequence[str] | Mapping[str, str]) -> Report:
    """The page about folders of runs or sweeps, or about the files of one run."""
    if isinstance(source, Mapping):
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            for name, text in source.items():
                Path(folder, name).write_text(text, encoding="utf-8")
            return report_of([folder])
    request = _library.encoded({"folders": list(source)})
    html = _library.patiently(lambda: _library.bytes_of("fs_report", request, len(request)))
    return Report(html.decode("utf-8"))
