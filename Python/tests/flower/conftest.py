"""Tests of `fedsim.flower` need flwr and FedSim's library; without them this folder is skipped."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

HERE = Path(__file__).parent
collect_ignore_glob = [] if importlib.util.find_spec("flwr") else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder have the mark `flower`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.flower)
