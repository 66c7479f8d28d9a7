"""What can go wrong, as exceptions that say what was found and what is allowed.

All are `FedSimError`, and each is also the built-in exception that a caller would expect:
`InvalidError` is a `ValueError`, `StateError` a `RuntimeError`, `FolderError` an `OSError`.
"""

from __future__ import annotations

__all__ = [
    "FedSimError",
    "FedSimWarning",
    "FolderError",
    "InvalidError",
    "LibraryError",
    "PayloadError",
    "PrivacyRefused",
    "StateError",
    "Stopped",
]


class FedSimError(Exception):
    """Everything that FedSim refuses."""


class InvalidError(FedSimError, ValueError):
    """An argument, a scenario, a key or data that cannot be used; the message names the place."""


class PrivacyRefused(FedSimError, ValueError):  # noqa: N818 - a refusal, no mistake
    """No guarantee would follow, or none is proved. The message has the reason."""


class PayloadError(FedSimError, ValueError):
    """Bytes that no honest client sends."""


class StateError(FedSimError, RuntimeError):
    """Not now: a round is open, a client was not drawn or has sent, a key was used, all is done."""


class FolderError(FedSimError, OSError):
    """A folder or a file: there is a run already, it cannot be written, it is of another run."""


class Stopped(FedSimError):  # noqa: N818 - nothing went wrong
    """The call was stopped from another thread; the object is as it was before the call."""


class FedSimWarning(UserWarning):
    """What a reader of a run's epsilon should not miss, such as a delta above 1/N."""


class LibraryError(FedSimError, ImportError):
    """The shared library is missing, or is not the one that this package was made for."""


#: What a failure of the library becomes: the FS_* constants of fedsim.h.
BY_CODE: dict[int, type[FedSimError]] = {
    -1: InvalidError,
    -2: PrivacyRefused,
    -3: PayloadError,
    -4: StateError,
    -5: FolderError,
    -6: Stopped,
}
