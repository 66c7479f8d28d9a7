"""Scenarios: a path, a dict, or JSON, as the text that the library reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Union

from . import _library
from .errors import FolderError, InvalidError

__all__ = ["ScenarioLike", "ScenarioText", "overrides", "read"]

#: A path of a scenario, JSON (a text that begins with "{"), or a dict.
ScenarioLike = Union[str, "os.PathLike[str]", Mapping[str, Any]]


@dataclass(frozen=True)
class ScenarioText:
    """A scenario as bytes, with the folder beside which its files are sought."""

    text: bytes
    name: str | None
    directory: str | None

    def _value(self) -> dict[str, Any] | None:
        """None where it is no object: the library's message has the position."""
        try:
            value = json.loads(self.text)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def wants_data(self) -> bool:
        """Whether its examples come from the caller."""
        data = (self._value() or {}).get("data")
        return isinstance(data, dict) and data.get("source") == "given"

    def given(self) -> ScenarioText:
        """With `"data": {"source": "given"}`, for examples in memory.

        Raises:
            InvalidError: where the scenario reads other data.
        """
        value = self._value()
        if value is None:
            return self
        data = value.get("data")
        if data is None:
            value["data"] = {"source": "given"}
            return ScenarioText(_library.encoded(value), self.name, self.directory)
        source = data.get("source") if isinstance(data, dict) else None
        if source != "given":
            raise InvalidError(
                f'data.source: found {json.dumps(source)} beside train=; allowed: "given", or no '
                'section "data" '
                "at all: examples in memory take the place of those of a file"
            )
        return self


def read(scenario: ScenarioLike) -> ScenarioText:
    """Reads a scenario.

    Args:
        scenario: a path of a JSON file; a text that begins with "{"; or a dict.
    """
    if isinstance(scenario, Mapping):
        return ScenarioText(_library.encoded(dict(scenario)), None, None)
    if isinstance(scenario, str) and scenario.lstrip()[:1] == "{":
        return ScenarioText(scenario.encode("utf-8"), None, None)
    if not isinstance(scenario, (str, os.PathLike)):
        raise InvalidError(
            f"scenario: found {type(scenario).__name__}; allowed: a path, a dict, or JSON as a text"
        )
    path = os.fspath(scenario)
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}") from error
    stem = os.path.basename(path)
    return ScenarioText(
        text, stem[:-5] if stem.endswith(".json") else stem, os.path.dirname(path) or "."
    )


def overrides(values: Mapping[str, Any] | Iterable[str] | None) -> list[str]:
    """`set={"privacy.targetEpsilon": 2}` or `set=["privacy.targetEpsilon=2"]`, as texts KEY=VALUE.

    None as a value unsets a key.
    """
    if values is None:
        return []
    if isinstance(values, str):
        return [values]
    if isinstance(values, Mapping):
        return [f"{name}={_library.encoded(value).decode()}" for name, value in values.items()]
    return [str(value) for value in values]
