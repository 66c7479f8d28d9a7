"""Who takes part in a round: cohorts that are independent of each other, drawn from a secret
generator.

pfl's own samplers are none: "minimize_reuse" goes through the users in order and starts over,
"random" draws with replacement from NumPy's global generator, whose seed is an argument of every
experiment.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from .._arrays import whole
from ..errors import InvalidError, PrivacyRefused

__all__ = ["Cohorts", "PoissonSampler", "UniformSampler", "derived"]

User = TypeVar("User", bound=Hashable)


def derived(key: bytes, purpose: str, *parts: int | str) -> bytes:
    """32 bytes that follow from a secret key, for one purpose: BLAKE2b, each part with its kind and
    length."""
    state = blake2b(digest_size=32, key=key, person=f"fedsim {purpose}".encode()[:16])
    for part in parts:
        data = f"{type(part).__name__}:{part}".encode()
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.digest()


class _Keyed(random.Random):
    """Python's exact sampling over bits that follow from a key: BLAKE2b of a counter."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._blocks = 0
        self._bits = 0
        self._count = 0
        super().__init__()

    def seed(self, *_: Any, **__: Any) -> None:
        """Nothing: the key decides."""

    def getrandbits(self, k: int) -> int:
        while self._count < k:
            block = blake2b(
                self._blocks.to_bytes(8, "little"), key=self._key, digest_size=64
            ).digest()
            self._bits |= int.from_bytes(block, "little") << self._count
            self._blocks += 1
            self._count += 512
        value = self._bits & ((1 << k) - 1)
        self._bits >>= k
        self._count -= k
        return value

    def random(self) -> float:
        return self.getrandbits(53) * 2.0**-53


class Cohorts(Generic[User]):
    """What samplers have in common: users with numbers, and the cohort of a round that is handed
    out."""

    #: "fixed-size", "poisson" or "everyone": what an accountant has to be told.
    sampling: str

    def __init__(self, users: int | Sequence[User], cohort: int, key: bytes | None) -> None:
        if hasattr(users, "__index__"):
            self._users: list[Any] = list(range(whole(users, "users", 1, 10**9)))
        else:
            self._users = list(users)
        self._numbers = {user: number for number, user in enumerate(self._users)}
        if not self._users:
            raise InvalidError("users: found none; allowed: one or more")
        if len(self._numbers) != len(self._users):
            raise InvalidError(
                "users: found one twice; allowed: each user once, since a user is the unit of "
                "privacy"
            )
        self._size = whole(cohort, "cohort", 1, len(self._users))
        if key is not None and (not isinstance(key, bytes) or len(key) != 32):
            raise InvalidError(
                "key: allowed: 32 bytes, such as fedsim.run_key or fedsim.random_key gives"
            )
        self._random: random.Random = (
            random.SystemRandom() if key is None else _Keyed(derived(key, "cohorts"))
        )
        self._cohort: list[int] = []
        self._given = 0
        self._round = -1

    @property
    def population(self) -> int:
        """How many users there are."""
        return len(self._users)

    @property
    def cohort(self) -> int:
        """The users of a round; their expected number, where it is random."""
        return self._size

    @property
    def sampling_rate(self) -> float:
        """q, the probability that a user is drawn."""
        return self._size / len(self._users)

    @property
    def largest_cohort(self) -> int:
        """m_max: a public bound on the users of a round, over which the noise is shared."""
        return self._size

    # What the channel asks

    @property
    def round(self) -> int:
        """The number of the cohort that is being handed out, from 0; -1 before the first one."""
        return self._round

    @property
    def is_complete(self) -> bool:
        """Whether all of the round's users were handed out."""
        return self._given == len(self._cohort)

    def number(self, user: Any) -> int:
        """The number of a user that was handed out in this round; of the last one for None.

        Raises:
            PrivacyRefused: where the user was not.
        """
        given = self._cohort[: self._given]
        if user is None:
            if not given:
                raise PrivacyRefused(
                    "an update came before the sampler had drawn: another sampler drew its user"
                )
            return given[-1]
        number = self._numbers.get(user)
        # The last one is nearly always it: pfl trains a user as soon as it is drawn.
        if number is None or not ((given and given[-1] == number) or number in given):
            raise PrivacyRefused(
                f"user {user!r} was not drawn by the sampler in round {self._round}: another "
                f"sampler drew it, or a "
                "loader that reads ahead. Allowed: FederatedDataset(make_dataset, sampler) with "
                "the sampler that "
                "the channel has"
            )
        return number

    def _draw(self) -> list[int]:
        raise NotImplementedError

    def _begin(self) -> None:
        self._round += 1
        self._cohort = self._draw()
        self._given = 0

    def _give(self) -> Any:
        self._given += 1
        return self._users[self._cohort[self._given - 1]]

    def __reduce__(self) -> Any:
        raise TypeError(
            "a sampler's generator is a secret, and a copy would draw the same cohorts: it is not "
            "pickled"
        )

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__reduce__()


class UniformSampler(Cohorts[User]):
    """A pfl user sampler whose rounds are independent uniform subsets of one size.

    >>> sampler = UniformSampler(200, cohort=50)
    >>> dataset = FederatedDataset(make_dataset, sampler)

    Every `cohort` calls hand out the users of one round, in random order, each once; then another
    subset is drawn. pfl's `train_cohort_size` must be the same number: the channel refuses others.

    Args:
        users: their identifiers, each once; or their number n, for 0 ... n - 1.
        cohort: users of a round, m. With as many as there are users everyone takes part.
        key: 32 secret bytes that decide all cohorts, to repeat an experiment; None, the default,
            draws from the system. NumPy's seeds have no say.
    """

    def __init__(
        self, users: int | Sequence[User], cohort: int, *, key: bytes | None = None
    ) -> None:
        super().__init__(users, cohort, key)
        self.sampling = "everyone" if self.cohort == self.population else "fixed-size"

    def _draw(self) -> list[int]:
        return self._random.sample(range(self.population), self.cohort)

    def __call__(self) -> User:
        """The next user: what pfl's `FederatedDataset` calls."""
        if self.is_complete:
            self._begin()
        user: User = self._give()
        return user


class PoissonSampler(Cohorts[User]):
    """Cohorts to which every user belongs with probability q = cohort / users, independently of all
    others.

    Their number varies, so it needs a `PoissonDataset` in place of pfl's `FederatedDataset`, and a
    `ChannelBackend`, which releases the noise of a round that nobody takes part in.

    Args:
        users: their identifiers, or their number.
        cohort: the expected number of users of a round.
        largest_cohort: m_max: larger cohorts are cut to it, after a shuffle; `FedSimAccountant`
            says which one its delta pays for. None: one more than there are users, so that nothing
            is cut, nor would be with another user; the shares of noise are then small, and messages
            long.
        key: as in `UniformSampler`.
    """

    sampling = "poisson"

    def __init__(
        self,
        users: int | Sequence[User],
        cohort: int,
        *,
        largest_cohort: int | None = None,
        key: bytes | None = None,
    ) -> None:
        super().__init__(users, cohort, key)
        most = self.population + 1
        self._largest = (
            most if largest_cohort is None else whole(largest_cohort, "largest_cohort", 1, most)
        )

    @property
    def largest_cohort(self) -> int:
        """m_max: larger cohorts are cut to it."""
        return self._largest

    def _draw(self) -> list[int]:
        # size / population in lowest terms is exact: no rounding of q.
        drawn = [
            number
            for number in range(self.population)
            if self._random.randrange(self.population) < self._size
        ]
        # Which are cut must not depend on their numbers.
        self._random.shuffle(drawn)
        return drawn[: self._largest]

    def begin(self) -> int:
        """Draws the next round's cohort, of which nobody is handed out yet: how many users it
        has."""
        self._begin()
        return len(self._cohort)

    def hand_out(self) -> Iterator[User]:
        """The users of the round, each once."""
        while not self.is_complete:
            yield self._give()

    def __call__(self) -> User:
        raise PrivacyRefused(
            "a Poisson cohort has no fixed number of users, and FederatedDataset asks for one. "
            "Allowed: fedsim.pfl.PoissonDataset(make_dataset, sampler)"
        )
