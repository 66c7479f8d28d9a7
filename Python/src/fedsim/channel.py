"""The channel: a vector in, a few bytes out, and the vector plus exact Gaussian noise at the other
end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _arrays, _library
from ._once import UsedOnce
from .errors import InvalidError

__all__ = ["Channel"]

#: From so many coordinates on a call is made where Ctrl-C can leave it.
LONG = 1 << 20


class Channel:
    """Sends vectors of `dimension` numbers in few bits, with N(0, noise_scale^2) noise on each
    coordinate.

    >>> import fedsim, numpy as np
    >>> channel = fedsim.Channel("polar", 1000, clipping_norm=1, noise_scale=0.5,
    ...                          rotation_key=fedsim.random_key())
    >>> key = fedsim.random_key()               # of this client and the server, nobody else
    >>> payload = channel.encode(np.ones(1000) / 40, key=key, round=0)
    >>> noisy = channel.decode(payload, key=key, round=0)
    >>> len(payload) < 40, noisy.shape
    (True, (1000,))

    The noise is exact where `exact` is True: `noisy - clipped` is N(0, noise_scale^2 I) in real
    arithmetic, whatever the vector is. It is independent from one message to the next because
    **each key and round are for one message**: a second `encode` with both is refused, and rounds
    of a key must rise. This object remembers the last round of each key, about a hundred bytes a
    key. Copies in other processes (a Channel can be pickled) do not know of each other: give them
    keys of their own.

    Args:
        codec: "polar", "layered", ...: `fedsim.about()["codecs"]` has them all.
        dimension: numbers of a vector, 1 or more.
        clipping_norm: C; longer vectors are scaled down to it before they are coded. None: no
            clipping.
        noise_scale: sigma of each coordinate of one message. Of a sum of n messages it is sqrt(n)
            times as large; for a guarantee it is z C / sqrt(m_max), never z C / sqrt(the number
            that was drawn): `fedsim.plan` gives it.
        rotation_key: 32 public bytes, the same at both ends.
        options: of the codec, such as {"effort": 3}.
        threads: for `encode_many` and `sum`; no byte depends on it.
    """

    def __init__(
        self,
        codec: str,
        dimension: int,
        *,
        clipping_norm: float | None,
        noise_scale: float,
        rotation_key: bytes,
        options: Mapping[str, Any] | None = None,
        threads: int = 1,
    ) -> None:
        if not isinstance(codec, str):
            raise InvalidError(f'codec: found {codec!r}; allowed: a codec\'s name, such as "polar"')
        self._settings: dict[str, Any] = {
            "codec": codec,
            "dimension": _arrays.whole(dimension, "dimension", 1),
            "clippingNorm": None if clipping_norm is None else float(clipping_norm),
            "noiseScale": float(noise_scale),
            "options": dict(options or {}),
        }
        self._rotation_key = _arrays.key(rotation_key, "rotation_key")
        self._threads = _arrays.whole(threads, "threads", 1, 1024)
        self._used = UsedOnce("encode")
        self._completed = UsedOnce("complete")
        self._handle: _library.Handle | None = None
        self._about: dict[str, Any] = _library.text_of("fs_channel_about", self._number())

    def _number(self) -> int:
        """The library's object. A forked child makes its own: the settings are all that it has."""
        handle = self._handle
        if handle is None or handle.process != os.getpid():
            settings = _library.encoded(self._settings)
            handle = _library.Handle(
                "channel", "fs_channel_new", settings, len(settings), self._rotation_key
            )
            self._handle = handle
        return int(handle)

    # ---- What it is

    @property
    def codec(self) -> str:
        """The codec's name."""
        return str(self._about.get("codec", self._settings["codec"]))

    @property
    def dimension(self) -> int:
        """Numbers of a vector."""
        return int(self._settings["dimension"])

    @property
    def clipping_norm(self) -> float | None:
        """C, or None."""
        value: float | None = self._settings["clippingNorm"]
        return value

    @property
    def noise_scale(self) -> float:
        """sigma of a coordinate of one message."""
        return float(self._settings["noiseScale"])

    @property
    def rotation_key(self) -> bytes:
        """32 bytes, public."""
        return self._rotation_key

    @property
    def threads(self) -> int:
        """Threads of `encode_many` and `sum`."""
        return self._threads

    @property
    def exact(self) -> bool:
        """Whether the noise is exactly Gaussian, whatever the vector."""
        return bool(self._about["exact"])

    @property
    def predicted_bits(self) -> float | None:
        """Bits that a payload is expected to have, of a vector as long as C; None where none is
        known."""
        return self._figure("predictedBits")

    @property
    def information_bits(self) -> float | None:
        """I(X;Y) in bits: what a vector as long as C says about itself through the noise."""
        return self._figure("informationBits")

    @property
    def lower_bound_bits(self) -> float | None:
        """Bits below which no exact code of such a vector can be."""
        return self._figure("lowerBoundBits")

    @property
    def total_variation_bound(self) -> float | None:
        """Bound on the probability that floating point decodes another message than real
        arithmetic."""
        return self._figure("totalVariationBound")

    @property
    def one_length(self) -> bool:
        """Whether all payloads have one length, so that lengths tell nothing."""
        return bool(self._about.get("oneLength"))

    def _figure(self, name: str) -> float | None:
        value = self._about.get(name)
        return None if value is None else float(value)

    # ---- Messages

    def encode(
        self, update: ArrayLike, *, key: bytes, round: int, secret: bytes | None = None
    ) -> bytes:
        """Clips a vector and codes it.

        Args:
            update: `dimension` finite numbers; float32 in one piece is not copied.
            key: 32 bytes shared with the server, and with nobody else.
            round: 0 or more; above all rounds that this key was used for.
            secret: 32 bytes for the client's own randomness; None, the default, takes it from the
                system. To be named in tests only: with `key` it decides the payload.

        Returns:
            the payload, to be sent as it is.

        Raises:
            StateError: for a key and a round that were used.
        """
        vector = _arrays.float_vector(update, "update", self.dimension)
        number, pair = _arrays.round_number(round), _arrays.key(key, "key")
        own = None if secret is None else _arrays.key(secret, "secret")
        handle = self._number()
        with self._used.claim([pair], number):
            return _library.bytes_of(
                "fs_channel_encode", handle, number, pair, own, _arrays.address(vector), len(vector)
            )

    def encode_many(
        self,
        updates: Any,
        *,
        keys: Sequence[bytes],
        round: int,
        secrets: Sequence[bytes] | None = None,
    ) -> list[bytes]:
        """Codes n vectors on `threads` threads: the payloads that `encode` would make of each.

        Args:
            updates: an array of shape (n, dimension), or n vectors.
            keys: n keys, all different.
            round: as in `encode`.
            secrets: n times 32 bytes, or None.
        """
        rows = _arrays.float_rows(updates, "updates", self.dimension)
        count = len(rows)
        number = _arrays.round_number(round)
        pairs = _arrays.keys(keys, "keys", count)
        own = None if secrets is None else b"".join(_arrays.keys(secrets, "secrets", count))
        if count == 0:
            return []
        ends = np.zeros(count, np.int64)
        handle = self._number()
        threads = _library.safe_threads(self._threads)

        def work() -> bytes:
            return _library.bytes_of(
                "fs_channel_encode_many",
                handle,
                number,
                b"".join(pairs),
                own,
                _arrays.address(rows),
                count,
                self.dimension,
                threads,
                _arrays.address(ends),
            )

        with self._used.claim(pairs, number):
            joined = self._call(work, rows.size)
        starts = [0, *ends[:-1].tolist()]
        return [joined[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]

    def decode(
        self, payload: bytes, *, key: bytes, round: int, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """The vector plus noise that a payload stands for.

        Args:
            payload: what `encode` made; other bytes raise PayloadError or decode to some vector.
            key: the key of the message.
            round: its round.
            out: an array of `dimension` float64 to be filled, contiguous and writeable; None makes
                one.
        """
        number, pair = _arrays.round_number(round), _arrays.key(key, "key")
        data = _payload(payload, "payload")
        result = _arrays.output(out, "out", self.dimension)
        _library.result(
            "fs_channel_decode",
            self._number(),
            number,
            pair,
            data,
            len(data),
            _arrays.address(result),
            self.dimension,
        )
        return result

    def sum(
        self,
        payloads: Sequence[bytes],
        *,
        keys: Sequence[bytes],
        round: int,
        terms: int | None = None,
    ) -> NDArray[np.float64]:
        """The sum of what n payloads stand for, exact on a public grid: in any order the same bits.

        Args:
            payloads: n of them.
            keys: the key of each.
            round: the round of all.
            terms: a public bound on the number of payloads, such as m_max; None: n. Sums of one
                bound have one grid.

        Returns:
            `dimension` float64. Its noise has variance n noise_scale^2: see `complete`.
        """
        if isinstance(payloads, (bytes, bytearray, str)):
            raise InvalidError("payloads: found one value; allowed: a list of payloads")
        data = [_payload(payload, f"payloads[{index}]") for index, payload in enumerate(payloads)]
        count = len(data)
        number = _arrays.round_number(round)
        pairs = _arrays.keys(keys, "keys", count)
        bound = max(count, 1) if terms is None else _arrays.whole(terms, "terms", max(count, 1))
        ends = np.cumsum([len(payload) for payload in data], dtype=np.int64)
        result = np.empty(self.dimension, np.float64)
        handle = self._number()
        threads = _library.safe_threads(self._threads)

        def work() -> int:
            return _library.result(
                "fs_channel_sum",
                handle,
                number,
                b"".join(pairs) if count else None,
                b"".join(data) if count else None,
                _arrays.address(ends) if count else None,
                count,
                bound,
                threads,
                _arrays.address(result),
                self.dimension,
            )

        self._call(work, count * self.dimension)
        return result

    def complete(
        self,
        total: NDArray[np.float64],
        *,
        arrived: int,
        noise: float,
        round: int,
        key: bytes | None = None,
    ) -> NDArray[np.float64]:
        """Adds the noise that a sum still lacks: N(0, noise^2 - arrived noise_scale^2) to each
        coordinate.

        A guarantee needs the noise z C on every sum, however many payloads arrived. The library
        draws it from a cryptographic generator; NumPy's is none.

        Args:
            total: what `sum` gave; it is not changed.
            arrived: payloads in it.
            noise: z C, the standard deviation that the sum shall have.
            round: the round; with `key` for one sum only.
            key: 32 bytes that key the noise; None, the default, takes it from the system.

        Raises:
            PrivacyRefused or InvalidError: where the sum has more noise than that already.
        """
        array = _arrays.as_array(total, "total")
        if array.shape != (self.dimension,) or array.dtype != np.float64:
            raise InvalidError(
                f"total: found {array.dtype} of shape {array.shape}; allowed: float64 of shape "
                f"({self.dimension},), as `sum` gives it"
            )
        result = np.array(array, np.float64, order="C")
        number = _arrays.round_number(round)
        own = None if key is None else _arrays.key(key, "key")
        count = _arrays.whole(arrived, "arrived", 0)
        handle = self._number()
        with self._completed.claim([] if own is None else [own], number):
            _library.result(
                "fs_channel_complete",
                handle,
                number,
                own,
                count,
                float(noise),
                _arrays.address(result),
                self.dimension,
            )
        return result

    def _call(self, work: Any, coordinates: int) -> Any:
        return _library.patiently(work, stop=self._handle) if coordinates >= LONG else work()

    # ---- Text and pickles

    def __repr__(self) -> str:
        options = self._settings["options"]
        return (
            f"Channel({self.codec!r}, {self.dimension}, clipping_norm={self.clipping_norm}, "
            f"noise_scale={self.noise_scale}, rotation_key={self._rotation_key.hex()!r}"
            + (f", options={options}" if options else "")
            + ")"
        )

    def __copy__(self) -> Channel:
        """Itself: copies of one process know which keys were used."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Channel:
        return self

    def __reduce__(self) -> Any:
        """Its arguments: not which keys were used, so that a copy needs keys of its own."""
        return _channel, (dict(self._settings), self._rotation_key, self._threads)


def _channel(settings: dict[str, Any], rotation_key: bytes, threads: int) -> Channel:
    return Channel(
        settings["codec"],
        settings["dimension"],
        clipping_norm=settings["clippingNorm"],
        noise_scale=settings["noiseScale"],
        rotation_key=rotation_key,
        options=settings["options"],
        threads=threads,
    )


def _payload(value: Any, name: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 1:
        return value.tobytes()
    raise InvalidError(f"{name}: found {type(value).__name__}; allowed: bytes")
