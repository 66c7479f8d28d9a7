"""Arrays that go to the library and come back: checked, and copied only where they must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._signatures import KEY_BYTES
from .errors import InvalidError

__all__ = [
    "address",
    "as_array",
    "float_rows",
    "float_vector",
    "integers",
    "key",
    "keys",
    "output",
    "round_number",
    "whole",
]


def as_array(value: Any, name: str) -> NDArray[Any]:
    """A NumPy array of a tensor, an array or numbers; a tensor's memory is shared where it can
    be."""
    if hasattr(value, "detach"):
        value = value.detach()
        if getattr(getattr(value, "device", None), "type", "cpu") != "cpu":
            value = value.cpu()
        if str(getattr(value, "dtype", "")) in ("torch.bfloat16", "torch.float16"):
            value = value.float()
        if hasattr(value, "resolve_conj"):
            value = value.resolve_conj().resolve_neg()
        value = value.numpy()
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InvalidError(
            f"{name}: found {type(value).__name__}; allowed: numbers in an array"
        ) from error


def address(array: NDArray[Any] | None) -> int | None:
    """Where an array's elements are: nothing keeps it alive but the caller's reference."""
    return None if array is None else array.ctypes.data


def _numbers(value: ArrayLike, name: str) -> NDArray[np.float32]:
    array = as_array(value, name)
    if array.dtype.kind not in "fiub":
        raise InvalidError(f"{name}: found elements of type {array.dtype}; allowed: real numbers")
    if array.dtype == np.float32 and array.flags.c_contiguous and array.dtype.isnative:
        return array
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def float_vector(value: ArrayLike, name: str, count: int | None = None) -> NDArray[np.float32]:
    """A vector of 32-bit floats, contiguous; the same array where it is one already.

    Raises:
        InvalidError: for another number of dimensions or elements than `count`, or elements that
            are no numbers.
    """
    array = _numbers(value, name)
    if array.ndim != 1 or (count is not None and array.shape[0] != count):
        allowed = "a vector" if count is None else f"a vector of {count:,}"
        raise InvalidError(
            f"{name}: found shape {array.shape}; allowed: {allowed} (fedsim.flatten makes one of "
            "several arrays)"
        )
    return array


def float_rows(value: Any, name: str, width: int, rows: int | None = None) -> NDArray[np.float32]:
    """Rows of `width` 32-bit floats; a list of vectors is stacked."""
    if isinstance(value, (list, tuple)):
        if not value:
            return np.zeros((0, width), np.float32)
        value = np.stack([float_vector(row, f"{name}[{i}]", width) for i, row in enumerate(value)])
    array = _numbers(value, name)
    if array.ndim != 2 or array.shape[1] != width or (rows is not None and array.shape[0] != rows):
        allowed = f"rows of {width:,}" if rows is None else f"{rows:,} rows of {width:,}"
        raise InvalidError(f"{name}: found shape {array.shape}; allowed: {allowed}")
    return array


def integers(value: Any, name: str, count: int | None = None) -> NDArray[np.int64]:
    """Whole numbers as a vector of 64-bit integers."""
    array = as_array(value, name)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise InvalidError(
            f"{name}: found {array.dtype} of shape {array.shape}; allowed: a vector of integers"
        )
    if count is not None and array.shape[0] != count:
        raise InvalidError(f"{name}: found {array.shape[0]:,} numbers; allowed: {count:,}")
    if array.dtype.kind == "u" and array.size and int(array.max()) > 2**63 - 1:
        raise InvalidError(f"{name}: found {array.max()}; allowed: integers below 2^63")
    return np.ascontiguousarray(array, dtype=np.int64)


def whole(value: Any, name: str, least: int, most: int = 2**63 - 1) -> int:
    """An integer in a range; no fraction, no truth value."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise InvalidError(f"{name}: found {value!r}; allowed: an integer from {least} to {most}")
    if not least <= int(value) <= most:
        raise InvalidError(f"{name}: found {value}; allowed: an integer from {least} to {most}")
    return int(value)


def round_number(value: Any) -> int:
    """The number of a round: what a key is used for once."""
    return whole(value, "round", 0)


def key(value: Any, name: str) -> bytes:
    """32 bytes."""
    if isinstance(value, (bytearray, memoryview)):
        value = bytes(value)
    elif isinstance(value, np.ndarray) and value.dtype == np.uint8:
        value = value.tobytes()
    if not isinstance(value, bytes):
        raise InvalidError(f"{name}: found {type(value).__name__}; allowed: {KEY_BYTES} bytes")
    if len(value) != KEY_BYTES:
        # Never the value: it may be a secret.
        raise InvalidError(f"{name}: found {len(value)} bytes; allowed: {KEY_BYTES}")
    return value


def keys(values: Any, name: str, count: int) -> list[bytes]:
    """A key for each of `count` messages."""
    if isinstance(values, (bytes, bytearray, str)) or not isinstance(
        values, (Sequence, np.ndarray)
    ):
        raise InvalidError(
            f"{name}: found {type(values).__name__}; allowed: a list of {count:,} keys"
        )
    if len(values) != count:
        raise InvalidError(
            f"{name}: found {len(values):,} keys of {count:,} messages; allowed: one for each"
        )
    return [key(value, f"{name}[{index}]") for index, value in enumerate(values)]


def output(out: Any, name: str, count: int) -> NDArray[np.float64]:
    """An array for `count` results: the caller's, checked, or a new one."""
    if out is None:
        return np.empty(count, np.float64)
    if not isinstance(out, np.ndarray):
        raise InvalidError(f"{name}: found {type(out).__name__}; allowed: a NumPy array")
    if out.dtype != np.float64 or not out.dtype.isnative:
        raise InvalidError(f"{name}: found elements of type {out.dtype}; allowed: float64")
    if out.shape != (count,):
        raise InvalidError(f"{name}: found shape {out.shape}; allowed: ({count},)")
    if not out.flags.c_contiguous:
        raise InvalidError(f"{name}: found a strided array; allowed: a contiguous one")
    if not out.flags.writeable:
        raise InvalidError(f"{name}: found a read-only array; allowed: a writeable one")
    if not out.flags.aligned:
        raise InvalidError(f"{name}: found an array that is not aligned; allowed: an aligned one")
    return out
