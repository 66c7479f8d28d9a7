"""Who takes part in a round, drawn from a secret."""

from __future__ import annotations

import hashlib
import secrets
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from ._commitment import Commitment


class CohortSampler:
    """Draws cohorts of slots 0 to N - 1 as the account assumes them.

    Randomness is SHAKE-256 of a secret key, the round and a counter: who does not have the key
    learns nothing of who is drawn. Flower's own samplers use `random`, whose state can be computed
    from what it gave, and a fixed number of nodes with a minimum: neither is a Poisson cohort.

    Args:
        commitment: N, q, m_max and the kind of sampling.
        key: 32 bytes, secret; None takes them from the system.
    """

    def __init__(self, commitment: Commitment, key: bytes | None = None) -> None:
        self._commitment = commitment
        self._key = secrets.token_bytes(32) if key is None else key

    def _words(self, round: int, what: str, counter: int, count: int) -> NDArray[np.uint64]:
        seed = self._key + f"fedsim.cohort\0{what}\0{round}\0{counter}".encode()
        data = hashlib.shake_256(seed).digest(8 * count)
        return np.frombuffer(data, dtype="<u8").astype(np.uint64)

    def _shuffled(self, round: int, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """A uniform order: that of random words, drawn again where two are equal."""
        counter = 0
        while True:
            words = self._words(round, "order", counter, len(items))
            if len(np.unique(words)) == len(words):
                return items[np.argsort(words, kind="stable")]
            counter += 1

    def draw(self, round: int) -> tuple[list[int], int]:
        """The cohort of a round, in ascending order; it may be empty.

        A Poisson draw above m_max is cut to a uniform subset of m_max of it: cutting by number or
            by time of
        arrival would favour some clients, which no proof covers.

        Returns:
            the slots, and how many were drawn before the cut.
        """
        commitment = self._commitment
        everybody = np.arange(commitment.clients, dtype=np.int64)
        if commitment.sampling == "everyone":
            return everybody.tolist(), len(everybody)
        if commitment.sampling == "fixed-size":
            drawn = self._shuffled(round, everybody)[: int(commitment.cohort)]
            return sorted(drawn.tolist()), len(drawn)
        uniform = (self._words(round, "coins", 0, commitment.clients) >> np.uint64(11)).astype(
            np.float64
        )
        drawn = everybody[uniform * 2.0**-53 < commitment.sampling_rate]
        count = len(drawn)
        if count > commitment.largest_cohort:
            drawn = self._shuffled(round, drawn)[: commitment.largest_cohort]
        return sorted(drawn.tolist()), count

    def __reduce__(self) -> NoReturn:
        raise TypeError("a CohortSampler holds a secret and cannot be pickled")
