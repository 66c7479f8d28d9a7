"""What is for one message: a key and a round."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b

from .errors import InvalidError, StateError

__all__ = ["UsedOnce"]


class UsedOnce:
    """Remembers the last round of each key, and lets rounds of a key only rise.

    Keys themselves are not kept, but eight bytes of a hash of each: about a hundred bytes of memory
    a key. Two of n keys share a hash with probability n^2 / 2^65; the second one is then refused
    without need.
    """

    def __init__(self, action: str) -> None:
        self._action = action
        self._rounds: dict[int, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def claim(self, keys: Sequence[bytes], round: int) -> Iterator[None]:
        """Uses keys for a round; where the body fails nothing was sent, and they are as before."""
        hashes = [int.from_bytes(blake2b(key, digest_size=8).digest(), "little") for key in keys]
        if len(set(hashes)) != len(hashes):
            seen: set[int] = set()
            for index, one in enumerate(hashes):
                if one in seen:
                    raise InvalidError(
                        f"keys[{index}]: found a key that an earlier message has; allowed: one "
                        "message for a key and round"
                    )
                seen.add(one)
        with self._lock:
            for index, one in enumerate(hashes):
                last = self._rounds.get(one)
                if last is not None and last >= round:
                    place = f"keys[{index}]" if len(hashes) > 1 else "key"
                    raise StateError(
                        f"{place}: {self._action} in round {round}, and this key was used in round "
                        f"{last}; allowed: "
                        "a later round. A key and a round are for one message: two messages under "
                        "one noise "
                        "would release their difference"
                    )
            before = {one: self._rounds.get(one) for one in hashes}
            for one in hashes:
                self._rounds[one] = round
        try:
            yield
        except BaseException as error:
            # A call that was left behind may have made its message: its keys stay used.
            if isinstance(error, Exception):
                with self._lock:
                    for one, last in before.items():
                        if self._rounds.get(one) == round:
                            if last is None:
                                del self._rounds[one]
                            else:
                                self._rounds[one] = last
            raise
