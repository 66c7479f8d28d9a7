"""Progress of rounds: tqdm's bar where it is installed, in notebooks and terminals; one line
otherwise."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Protocol

__all__ = ["Progress", "progress"]


class _Bar(Protocol):
    def show(self, done: float, text: str) -> None: ...

    def close(self) -> None: ...


class _Tqdm:
    def __init__(self, total: int, name: str) -> None:
        from tqdm.auto import tqdm

        self._bar: Any = tqdm(
            total=total,
            desc=name,
            unit="round",
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n:.4g}/{total} [{elapsed}{postfix}]",
        )

    def show(self, done: float, text: str) -> None:
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.n = done
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


class _Line:
    """A line that is written over in a terminal; elsewhere nothing but the end."""

    def __init__(self, total: int, name: str) -> None:
        self._total, self._name = total, name
        self._began = time.monotonic()
        self._shown = 0.0
        self._text = ""
        self._terminal = sys.stderr is not None and sys.stderr.isatty()

    def show(self, done: float, text: str) -> None:
        now = time.monotonic()
        self._text = (
            f"{self._name}: {done:.4g}/{self._total} rounds, {now - self._began:.0f} s, {text}"
        )
        if self._terminal and now - self._shown > 0.1:
            self._shown = now
            sys.stderr.write("\r\x1b[K" + self._text[:119])
            sys.stderr.flush()

    def close(self) -> None:
        if self._text and sys.stderr is not None:
            sys.stderr.write(("\r\x1b[K" if self._terminal else "") + self._text + "\n")


class _Nothing:
    def show(self, done: float, text: str) -> None:
        pass

    def close(self) -> None:
        pass


class Progress:
    """How far a run is. It is closed at the end of a with-statement."""

    def __init__(self, bar: _Bar) -> None:
        self._bar = bar
        self._done = 0.0
        self._text = ""

    def add(self, record: dict[str, Any]) -> None:
        """Shows the figures of a round that was made."""
        self._done = float(record.get("round", self._done))
        parts = []
        if record.get("accuracy") is not None:
            parts.append(f"accuracy {100 * record['accuracy']:.1f} %")
        elif record.get("loss") is not None:
            parts.append(f"loss {record['loss']:.4g}")
        if record.get("epsilon") is not None:
            parts.append(f"epsilon {record['epsilon']:.3f}")
        bits = ((record.get("uplink") or {}).get("payloadBits") or {}).get("mean")
        if bits is not None:
            parts.append(f"{bits:,.0f} bits")
        # What is not measured in every round stays until it is measured again.
        if parts:
            self._text = ", ".join(parts)
        self._bar.show(self._done, self._text)

    def within(self, part: float) -> None:
        """Shows how much of the round that is being made is done, from 0 to 1."""
        self._bar.show(self._done + min(max(part, 0.0), 0.99), self._text)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    current = None if shell is None else shell.get_ipython()
    return current is not None and "IPKernelApp" in getattr(current, "config", {})


def progress(total: int, name: str, wanted: bool | None) -> Progress:
    """Progress over `total` rounds.

    Args:
        total: rounds.
        name: what stands before the bar.
        wanted: False for none; None for notebooks and terminals only.
    """
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if wanted is False or (wanted is None and not terminal and not _in_notebook()):
        return Progress(_Nothing())
    try:
        return Progress(_Tqdm(total, name))
    except ImportError:
        return Progress(_Line(total, name))
