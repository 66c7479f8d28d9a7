"""What rounds have spent: a ledger as `fedsim account --ledger` reads it, and epsilon after each
round."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..errors import FolderError
from ._commitment import Commitment

FORMAT = "fedsim-ledger-1"


class Ledger:
    """The rounds of a federation, in a file too where one is named.

    Args:
        commitment: what is accounted for.
        path: a file that does not exist yet: the ledger of another run is not written over.
    """

    def __init__(self, commitment: Commitment, path: str | os.PathLike[str] | None = None) -> None:
        self._commitment = commitment
        self._rounds: list[int] = []
        self._path = None if path is None else Path(path)
        if self._path is not None:
            if self._path.exists():
                raise FolderError(f"{self._path}: there is a ledger already; allowed: a new file")
            self._write()

    def __len__(self) -> int:
        return len(self._rounds)

    def _event(self) -> dict[str, Any]:
        commitment = self._commitment
        return {
            "sampling": commitment.sampling,
            "samplingRate": commitment.sampling_rate,
            "noiseMultiplier": commitment.accounted_noise_multiplier,
        }

    def json(self) -> dict[str, Any]:
        """The ledger's keys, as in `ledger.json` of a run."""
        commitment = self._commitment
        return {
            "format": FORMAT,
            "relation": commitment.relation,
            "delta": commitment.delta,
            "truncationDelta": commitment.truncation_delta,
            "numericalDelta": commitment.numerical_delta,
            "planned": {**self._event(), "rounds": commitment.rounds},
            "rounds": [{**self._event(), "round": number} for number in self._rounds],
        }

    def charge(self, round: int) -> None:
        """Writes a round down, before anything of it is released."""
        self._rounds.append(round)
        try:
            self._write()
        except OSError as error:
            self._rounds.pop()
            raise FolderError(
                f"{self._path}: cannot be written ({error}); the round is not released"
            ) from error

    def _write(self) -> None:
        if self._path is None:
            return
        beside = self._path.with_name(self._path.name + ".new")
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(self.json(), file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)

    def epsilon(self, rounds: int) -> float:
        """An upper bound on epsilon of the first `rounds` rounds at the plan's delta.

        Of all planned rounds it is the plan's. Before, it is one that takes milliseconds and is a
        few parts in ten thousand above the precise one, but never above the plan's: rounds only add
        to it.
        """
        commitment = self._commitment
        if rounds <= 0:
            return 0.0
        if rounds >= commitment.rounds:
            return commitment.epsilon
        return min(commitment.spent(rounds, coarse=True), commitment.epsilon)
