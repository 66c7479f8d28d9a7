"""Keys: what may be shared, and what must stay where it is.

A *pair key* is known to one client and the server. Whoever has it can take the client's noise off,
and a pair key and a round are for **one** message. A `KeyPair` makes pair keys by X25519: only
public keys travel. A *run key* keys all noise of a `fedsim.Federation` and is a secret of its
server.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from . import _arrays, _library
from ._signatures import KEY_BYTES
from .errors import InvalidError

__all__ = ["KeyPair", "random_key", "run_key"]


def _out() -> Any:
    return (ctypes.c_uint8 * KEY_BYTES)()


def random_key() -> bytes:
    """32 fresh bytes from the system's generator."""
    out = _out()
    _library.result("fs_random_key", ctypes.addressof(out))
    return bytes(out)


def _parts(item: Any, name: str) -> list[bytes]:
    """What an object adds to a key. Two objects have the same parts only where they are the same:
    what could hide a difference is refused."""
    if item is None or isinstance(item, (bool, int, float)):
        return [f"{type(item).__name__} {item!r}".encode()]
    if isinstance(item, str):
        return [b"text", item.encode("utf-8")]
    if isinstance(item, (bytes, bytearray)):
        return [b"bytes", bytes(item)]
    if isinstance(item, Mapping):
        named = [
            part
            for key, value in item.items()
            for part in (*_parts(key, name), *_parts(value, f"{name}[{key!r}]"))
        ]
        return [f"mapping {len(item)}".encode(), *named]
    if isinstance(item, (list, tuple)):
        # One by one: an array of them would be of one type, which large numbers are rounded to.
        return [
            f"list {len(item)}".encode(),
            *(part for i, one in enumerate(item) for part in _parts(one, f"{name}[{i}]")),
        ]
    if hasattr(item, "columns") and hasattr(item, "to_numpy"):
        columns = [
            part
            for index, key in enumerate(item.columns)
            for part in (
                *_parts(str(key), name),
                *_parts(_column(item, index), f"{name}[{key!r}]"),
            )
        ]
        return [f"table {len(item.columns)}".encode(), *columns]
    if isinstance(item, np.ma.MaskedArray):
        raise InvalidError(
            f"{name}: found a masked array; allowed: its data and its mask, each as an array"
        )
    kind = ""
    if hasattr(item, "detach"):
        # bfloat16 and float16 become wider numbers, one for one.
        kind = f" {item.dtype}"
    elif hasattr(item, "to_numpy"):
        item = item.to_numpy()
    array = _arrays.as_array(item, name)
    if array.dtype.kind == "O" and array.ndim:
        return [b"objects", *_parts(array.tolist(), name)]
    if array.dtype.kind not in "biufcSUmM":
        raise InvalidError(
            f"{name}: found elements of type {array.dtype}; allowed: arrays of numbers or texts, "
            "bytes, str, lists and dicts of them"
        )
    if not array.dtype.isnative or array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return [f"array{kind} {array.dtype.str} {array.shape}".encode(), array.tobytes()]


def _column(table: Any, index: int) -> Any:
    if hasattr(table, "iloc"):
        return table.iloc[:, index]
    return table[table.columns[index]]


def run_key(seed: int, data: Iterable[Any]) -> bytes:
    """32 bytes for `Federation(run_key=...)` that make a run repeatable without sharing noise.

    Two runs on different data must never have one key: from their difference the noise would fall
    out. So give **all that decides the updates**: every client's examples and labels, the initial
    parameters, the settings of local training, the version of your code. What is left out must be
    the same whenever the seed is.

    Args:
        seed: 0 to 2^64 - 1.
        data: arrays (NumPy, torch), tables and columns (pandas), numbers, bytes, texts, and lists
            and dicts of them, such as a state dict; order, names, shapes, types and values count,
            an index of pandas does not.

    Returns:
        a key by BLAKE2b. It is as secret as the seed and the data together.
    """
    number = _arrays.whole(seed, "seed", 0, 2**64 - 1)
    if isinstance(data, (str, bytes, bytearray, memoryview, np.ndarray, Mapping)) or any(
        hasattr(data, name) for name in ("detach", "to_numpy", "columns")
    ):
        data = [data]
    parts: list[bytes] = []
    for index, item in enumerate(data):
        parts.extend(_parts(item, f"data[{index}]"))
    if not parts:
        raise InvalidError(
            "data: found nothing; allowed: all that decides the updates. Two runs on different "
            "data with "
            "one key have the same noise, and their difference shows the data"
        )
    pointers = (ctypes.c_char_p * len(parts))(*parts)
    counts = (ctypes.c_int64 * len(parts))(*map(len, parts))
    out = _out()
    _library.result(
        "fs_run_key",
        number,
        ctypes.addressof(pointers),
        ctypes.addressof(counts),
        len(parts),
        ctypes.addressof(out),
    )
    return bytes(out)


class KeyPair:
    """An X25519 key pair: the public half travels, the secret one stays.

    >>> client, server = KeyPair(), KeyPair()
    >>> client.session(server.public_key) == server.session(client.public_key, as_server=True)
    True

    It cannot be pickled, and its text shows the public key only.

    Args:
        seed: 32 bytes that are the secret; None takes them from the system. Do not use one seed for
            two pairs.
    """

    __slots__ = ("_secret", "public_key")

    #: 32 bytes to be given to the other side.
    public_key: bytes

    def __init__(self, seed: bytes | None = None) -> None:
        self._secret = random_key() if seed is None else _arrays.key(seed, "seed")
        out = _out()
        _library.result("fs_public_key", self._secret, ctypes.addressof(out))
        self.public_key = bytes(out)

    def session(self, peer_public_key: bytes, *, as_server: bool = False) -> bytes:
        """The pair key that this pair shares with another one.

        Args:
            peer_public_key: 32 bytes; those that make no key are refused.
            as_server: which side this pair is on. One side says True, the other False.

        Returns:
            32 secret bytes, for `Channel`'s `key` and one message in each round.
        """
        peer = _arrays.key(peer_public_key, "peer_public_key")
        out = _out()
        _library.result(
            "fs_session", self._secret, peer, int(bool(as_server)), ctypes.addressof(out)
        )
        return bytes(out)

    def __repr__(self) -> str:
        return f"KeyPair(public_key={self.public_key.hex()})"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a KeyPair holds a secret and cannot be pickled; make one where it is needed"
        )
