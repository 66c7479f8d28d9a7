"""Reads safetensors files: a header of JSON, and numbers."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FolderError

__all__ = ["read_safetensors"]

#: No header of a model is longer.
LONGEST_HEADER = 100_000_000


def read_safetensors(path: str) -> dict[str, NDArray[np.float32]]:
    """Named arrays of 32-bit floats, in the order of their places in the file."""
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            count = int.from_bytes(file.read(8), "little")
            if size < 8 or count > min(LONGEST_HEADER, size - 8):
                raise FolderError(f"{path}: found no header; allowed: a safetensors file")
            header: dict[str, Any] = json.loads(file.read(count))
            body = file.read()
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise FolderError(f"{path}: no JSON in its header: {error}") from error
    tensors: dict[str, NDArray[np.float32]] = {}
    entries = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
    try:
        for name, entry in sorted(entries, key=lambda item: item[1]["data_offsets"][0]):
            start, end = entry["data_offsets"]
            if entry["dtype"] != "F32":
                raise FolderError(f"{path}: found {name} of type {entry['dtype']}; allowed: F32")
            tensors[name] = np.frombuffer(body[start:end], "<f4").reshape(entry["shape"]).copy()
    except (KeyError, TypeError, ValueError) as error:
        raise FolderError(f"{path}: found a header that no file of FedSim has: {error}") from error
    return tensors
