"""FedSim's accountant for Opacus: epsilon of DP-SGD from above and from below.

>>> import fedsim.opacus                     # registers the accountant "fedsim"
>>> from opacus import PrivacyEngine
>>> engine = PrivacyEngine(accountant="fedsim")
>>> model, optimizer, loader = engine.make_private_with_epsilon(..., target_epsilon=3,
target_delta=1e-5)
>>> ...
>>> engine.get_epsilon(1e-5)                 # proved, rounding included
>>> engine.accountant.spending(1e-5)         # both bounds, relation, sampling, theorem

**What it is about.** The unit is one *example* of the data loader, not one client. The relation is
add-or-remove, with q and the expected batch size public constants; zero-out gives the same. Batches
must be Poisson samples: Opacus draws them so (`poisson_sampling=True`, its default). An engine does
not tell its accountant where it is told otherwise, so `fedsim.opacus.PrivacyEngine` is an engine
that refuses it.

**What is refused**, as an optimizer step would spend what is not proved here:

- gradients of several batches in one step: an example may be in two of them, and then moves the sum
  by 2 C;
- adaptive clipping (`clipping="adaptive"`): the count of unclipped examples is released with its
  own noise, and is divided by the size of the drawn batch, which is not public.

It needs `opacus`, 1.6 (`pip install fedsim[opacus]`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import opacus
from opacus.accountants import IAccountant, register_accountant
from opacus.optimizers import AdaClipDPOptimizer, DPOptimizer

from .accounting import Event, Spending, account
from .errors import InvalidError, PrivacyRefused

__all__ = ["FedSimAccountant", "PrivacyEngine"]

#: What Opacus's engines call the accountant by.
NAME = "fedsim"


class FedSimAccountant(IAccountant):
    """An Opacus `IAccountant` with two-sided bounds, of the name "fedsim".

    `history` has what Opacus's own accountants have in theirs: (noise multiplier, sample rate,
    steps). Checkpoints of an engine save and restore it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: list[tuple[float, float, int]] = []

    # What Opacus asks for

    def step(self, *, noise_multiplier: float, sample_rate: float) -> None:
        """Counts one optimizer step.

        Args:
            noise_multiplier: z, the standard deviation of the noise on the sum of clipped gradients
                over the clipping norm.
            sample_rate: q, the probability that an example is in the batch.

        Raises:
            InvalidError: for a z that is no number from 0, or a q outside 0 to 1.
        """
        z, q = _step(noise_multiplier, sample_rate)
        if self.history and self.history[-1][:2] == (z, q):
            self.history[-1] = (z, q, self.history[-1][2] + 1)
        else:
            self.history.append((z, q, 1))

    def get_epsilon(self, delta: float, *args: Any, **kwargs: Any) -> float:
        """The upper bound of epsilon of all steps so far.

        Args:
            delta: between 0 and 1.
            args: none.
            kwargs: `coarse=True` for bounds about 10^-3 apart, in a tenth of the time. Others,
                which Opacus hands through from `make_private_with_epsilon`, mean nothing here.
        """
        rounds = self._rounds()
        if rounds is None:
            return math.inf
        return self._account(rounds, delta, **kwargs).epsilon if rounds else 0.0

    def __len__(self) -> int:
        """The number of steps so far."""
        return sum(steps for _, _, steps in self.history)

    @classmethod
    def mechanism(cls) -> str:
        """The name in Opacus's registry."""
        return NAME

    def get_optimizer_hook_fn(self, sample_rate: float) -> Callable[[DPOptimizer], None]:
        """What an engine attaches to its optimizer: counts each step, and refuses what is not
        proved."""

        def hook(optimizer: DPOptimizer) -> None:
            if isinstance(optimizer, AdaClipDPOptimizer):
                raise PrivacyRefused(
                    'clipping="adaptive": Opacus divides the noisy count of unclipped examples by '
                    "the size of "
                    "the drawn batch, which is not public; nothing is proved of it here. "
                    'Allowed: clipping="flat" or "per_layer"'
                )
            batches = optimizer.accumulated_iterations
            if batches != 1:
                raise PrivacyRefused(
                    f"found gradients of {batches} batches in one step: an example may be in "
                    f"several of them, "
                    "and moves the sum by as many clipping norms. Allowed: one Poisson batch a "
                    "step "
                    "(opacus.utils.batch_memory_manager splits a large one without changing what "
                    "it is)"
                )
            self.step(noise_multiplier=optimizer.noise_multiplier, sample_rate=sample_rate)

        return hook

    def load_state_dict(self, state_dict: Any) -> None:
        """Takes the history of a checkpoint, which must be of this accountant.

        Raises:
            ValueError: for a state of another accountant, or entries that no accountant writes.
        """
        before = self.history
        super().load_state_dict(state_dict)
        try:
            self.history = [_entry(entry) for entry in self.history]
        except InvalidError:
            self.history = before
            raise

    # What FedSim has beside it

    def spending(self, delta: float, *, coarse: bool = False) -> Spending:
        """Both bounds of epsilon, with what they are about.

        Args:
            delta: between 0 and 1.
            coarse: bounds further apart, in a tenth of the time.

        Raises:
            InvalidError: before the first step, and where a step had no noise: epsilon is then 0,
                or inf.
        """
        rounds = self._rounds()
        if not rounds:
            raise InvalidError(
                "no step was counted: epsilon is 0"
                if rounds is not None
                else "a step had no noise: epsilon is inf"
            )
        return self._account(rounds, delta, coarse=coarse)

    def get_epsilon_lower_bound(self, delta: float) -> float:
        """No proof for these steps gives less than this epsilon."""
        rounds = self._rounds()
        if rounds is None:
            return math.inf
        return (self._account(rounds, delta).epsilon_lower_bound or 0.0) if rounds else 0.0

    def _rounds(self) -> list[Event] | None:
        """The steps as rounds; None where one has no noise."""
        steps: dict[tuple[float, float], int] = {}
        for entry in self.history:
            z, q, count = _entry(entry)
            if q > 0 and count > 0:
                if z == 0:
                    return None
                steps[z, q] = steps.get((z, q), 0) + count
        return [Event(z, q, "poisson", count) for (z, q), count in steps.items()]

    def _account(
        self, rounds: list[Event], delta: float, *, coarse: bool = False, **_: Any
    ) -> Spending:
        spent: Spending = account(
            ledger=rounds, delta=float(delta), relation="add-or-remove", coarse=coarse
        )
        return spent


class PrivacyEngine(opacus.PrivacyEngine):
    """Opacus's engine with this accountant, which refuses batches that are no Poisson samples.

    Args:
        secure_mode: as in Opacus: noise from a cryptographic generator, for a release that is no
            simulation.
    """

    def __init__(self, *, accountant: str = NAME, secure_mode: bool = False) -> None:
        super().__init__(accountant=accountant, secure_mode=secure_mode)

    def make_private(self, *, poisson_sampling: bool = True, **arguments: Any) -> Any:
        """As in Opacus; also what `make_private_with_epsilon` calls.

        Raises:
            PrivacyRefused: for `poisson_sampling=False`.
        """
        if not poisson_sampling:
            raise PrivacyRefused(
                "poisson_sampling=False: the batches of a shuffled loader are no independent "
                "samples, and "
                "epsilon for Poisson batches is none for them. Allowed: poisson_sampling=True"
            )
        return super().make_private(poisson_sampling=True, **arguments)


def _step(noise_multiplier: Any, sample_rate: Any) -> tuple[float, float]:
    z, q = float(noise_multiplier), float(sample_rate)
    if not 0 <= z < math.inf:
        raise InvalidError(
            f"noise_multiplier: found {noise_multiplier!r}; allowed: a number from 0"
        )
    if not 0 <= q <= 1:
        raise InvalidError(f"sample_rate: found {sample_rate!r}; allowed: 0 to 1")
    return z, q


def _entry(entry: Any) -> tuple[float, float, int]:
    """An entry of a history, checked: Opacus's calibration and checkpoints set whole histories."""
    try:
        noise_multiplier, sample_rate, steps = entry
        z, q = _step(noise_multiplier, sample_rate)
        count = int(steps)
    except (TypeError, ValueError) as error:
        raise InvalidError(
            f"history: found {entry!r}; allowed: (noise multiplier, sample rate, number of steps)"
        ) from error
    if count < 0 or count != steps:
        raise InvalidError(f"history: found {steps!r} steps; allowed: a whole number from 0")
    return z, q, count


# A module that is loaded anew registers its own class.
register_accountant(NAME, FedSimAccountant, force=True)
