"""What travels: the records of both directions, the digests that bind them together, and the keys
of a pair.

Server to client, beside the user's own records, a ConfigRecord under `RECORD`:
    enrol: federation, settings (`Commitment.channel_text`), rotation (public), server-key
    train: federation, round
Client to server, the same:
    enrolled: federation, public-key, tag
    code: federation, round, tag; and one Array of the type `STYPE` whose data are the payload
A tag is a keyed BLAKE2b of all that the message is about: nobody but the pair can make one, and a
    message
of another round, model, node or federation has another one.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message
from numpy.typing import NDArray

from ..channel import Channel
from ..errors import InvalidError, PayloadError

RECORD = "fedsim"
FORMAT = 1
#: The serialisation type of an Array whose data are a payload of the channel.
STYPE = "fedsim.code.v1"
CODE = "code"
TAG_BYTES = 16
FEDERATION_BYTES = 16
KEY_BYTES = 32

_FLOATS = ("float16", "float32", "float64")


# ---- The model as one vector


@dataclass(frozen=True)
class Layout:
    """Names, shapes and types of a model's arrays, in their order."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    types: tuple[str, ...]

    @staticmethod
    def of(record: ArrayRecord) -> Layout:
        """The layout that a record declares; no array is decoded.

        Raises:
            InvalidError: for arrays that are not of floating-point numbers.
        """
        for name, array in record.items():
            if array.dtype not in _FLOATS:
                raise InvalidError(
                    f"arrays[{name!r}]: found {array.dtype}; allowed: {', '.join(_FLOATS)}. What "
                    "is not a "
                    "parameter (a counter of batches, an index) carries no noise: keep it out of "
                    "the record"
                )
        return Layout(
            tuple(record.keys()),
            tuple(tuple(int(n) for n in array.shape) for array in record.values()),
            tuple(array.dtype for array in record.values()),
        )

    @property
    def dimension(self) -> int:
        """Numbers of all arrays together."""
        return sum(int(np.prod(shape, dtype=np.int64)) for shape in self.shapes)

    def flatten(self, record: ArrayRecord, name: str) -> NDArray[np.float64]:
        """All arrays, one after the other, in double precision.

        Raises:
            InvalidError: for a record of other names or shapes.
        """
        if set(record.keys()) != set(self.names):
            raise InvalidError(f"{name}: found arrays {list(record)}; allowed: {list(self.names)}")
        parts = []
        for key, shape in zip(self.names, self.shapes, strict=True):
            values = record[key].numpy()
            if values.shape != shape or values.dtype.kind != "f":
                raise InvalidError(
                    f"{name}[{key!r}]: found {values.dtype} of shape {values.shape}; allowed: "
                    f"floats of shape {shape}"
                )
            parts.append(values.astype(np.float64).reshape(-1))
        return np.concatenate(parts) if parts else np.zeros(0)

    def record(self, values: NDArray[np.float64]) -> ArrayRecord:
        """A record of these arrays from one vector, each in its own type."""
        arrays: dict[str, Array] = {}
        start = 0
        for name, shape, kind in zip(self.names, self.shapes, self.types, strict=True):
            end = start + int(np.prod(shape, dtype=np.int64))
            with np.errstate(over="ignore"):
                arrays[name] = Array(values[start:end].reshape(shape).astype(kind))
            start = end
        return ArrayRecord(arrays)


def digest(record: ArrayRecord) -> bytes:
    """32 bytes of a record's names, types, shapes and data: the model that a client was sent."""
    state = hashlib.blake2b(digest_size=32, person=b"fedsim.arrays")
    for name, array in record.items():
        head = f"{name}\0{array.dtype}\0{array.stype}\0{tuple(array.shape)}".encode()
        state.update(len(head).to_bytes(8, "little") + head)
        state.update(len(array.data).to_bytes(8, "little"))
        state.update(array.data)
    return state.digest()


# ---- Keys and tags


def settings_digest(settings: str, rotation: bytes, server_key: bytes) -> bytes:
    """32 bytes of what a federation's clients were told at enrolment."""
    return hashlib.blake2b(
        rotation + server_key + settings.encode(), digest_size=32, person=b"fedsim.settings"
    ).digest()


@dataclass(frozen=True, repr=False)
class PairKeys:
    """What one client and the server share in one federation: secret, and never in a message.

    Keys follow from the X25519 session *and* the federation, so that two strategies with one server
    key have different ones.
    """

    code: bytes
    tag: bytes
    settings: bytes

    @staticmethod
    def of(session: bytes, federation: bytes, settings: bytes) -> PairKeys:
        def derived(person: bytes) -> bytes:
            return hashlib.blake2b(
                federation + settings, key=session, person=person, digest_size=32
            ).digest()

        return PairKeys(derived(b"fedsim.code"), derived(b"fedsim.tag"), settings)

    def _tag(self, kind: bytes, *parts: bytes) -> bytes:
        state = hashlib.blake2b(key=self.tag, person=kind, digest_size=TAG_BYTES)
        for part in (self.settings, *parts):
            state.update(len(part).to_bytes(8, "little") + part)
        return state.digest()

    def code_tag(self, round: int, model: bytes, payload: bytes) -> bytes:
        """The tag of a payload: of this pair, this round and this model."""
        return self._tag(b"fedsim.payload", round.to_bytes(8, "little"), model, payload)

    def enrolment_tag(self, public_key: bytes) -> bytes:
        """Shows that who sent the public key has its secret half."""
        return self._tag(b"fedsim.enrolment", public_key)

    def __reduce__(self) -> Any:
        raise TypeError("keys of a pair are secrets and cannot be pickled")


def equal(left: bytes, right: bytes) -> bool:
    """Whether two tags are equal, in time that tells nothing."""
    return hmac.compare_digest(left, right)


@lru_cache(maxsize=8)
def channel_of(
    codec: str, dimension: int, norm: float, scale: float, rotation: bytes, options: str
) -> Channel:
    """A client's channel. A process keeps the last few: making one may cost more than a message."""
    import json

    return Channel(
        codec,
        dimension,
        clipping_norm=norm,
        noise_scale=scale,
        rotation_key=rotation,
        options=json.loads(options) or None,
    )


# ---- Records


def config(kind: str, federation: bytes, **values: Any) -> ConfigRecord:
    """A record of ours."""
    return ConfigRecord(
        {
            "format": FORMAT,
            "kind": kind,
            "federation": federation,
            **{name.replace("_", "-"): value for name, value in values.items()},
        }
    )


def field(record: ConfigRecord, name: str, kind: type, length: int | None = None) -> Any:
    """A value of a record that somebody else wrote.

    Raises:
        PayloadError: where it is missing, or of another type or length.
    """
    value = record.get(name)
    if type(value) is not kind or (length is not None and len(value) != length):  # type: ignore[arg-type]
        size = "" if length is None else f" of {length}"
        raise PayloadError(
            f"{RECORD}.{name}: found {_named(value)}; allowed: {kind.__name__}{size}"
        )
    return value


def _named(value: Any) -> str:
    if isinstance(value, (bytes, str, list)):
        return f"{type(value).__name__} of {len(value)}"
    return "nothing" if value is None else repr(value)


def ours(message: Message) -> ConfigRecord | None:
    """Our record in a message, or None where there is none.

    Raises:
        PayloadError: for another format.
    """
    record = message.content.get(RECORD) if message.has_content() else None
    if not isinstance(record, ConfigRecord):
        return None
    found = record.get("format")
    if type(found) is not int or found != FORMAT:
        raise PayloadError(
            f"{RECORD}.format: found {_named(found)}; allowed: {FORMAT}. Both ends need one "
            "version of fedsim"
        )
    return record


def size_of(message: Message) -> int:
    """Bytes of a message's records, as Flower counts them.

    Raises:
        PayloadError: for values that Flower cannot count: an empty list, an empty text.
    """
    try:
        return sum(record.count_bytes() for record in message.content.values())
    except (ValueError, IndexError, TypeError) as error:
        raise PayloadError(f"found a record that cannot be counted ({error})") from error


def code_of(reply: Message) -> tuple[bytes, ConfigRecord]:
    """The payload of a reply and the record beside it; nothing is decoded.

    Raises:
        PayloadError: for whatever is not exactly one code.
    """
    record = ours(reply)
    if record is None:
        raise PayloadError(
            f"found a reply without a record {RECORD!r}; allowed: what ChannelMod sends. Its "
            "ClientApp needs "
            "mods=[fedsim.flower.ChannelMod(plan)]"
        )
    arrays = [array for found in reply.content.array_records.values() for array in found.values()]
    if field(record, "kind", str) != "code":
        raise PayloadError(f"{RECORD}.kind: found {record['kind']!r}; allowed: 'code'")
    if len(arrays) != 1 or arrays[0].stype != STYPE:
        raise PayloadError(
            f"found {len(arrays)} arrays of types {sorted({array.stype for array in arrays})}; "
            f"allowed: one of {STYPE!r}"
        )
    return arrays[0].data, record
