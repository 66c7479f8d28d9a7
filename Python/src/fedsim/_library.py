"""The shared library: found, checked, and called.

`FEDSIM_LIBRARY` names another library than the one in this package, for development. It is loaded
at the first call. ctypes gives the interpreter's lock away during every call, so that other threads
run.

Calls that may take long go through `patiently`: a worker thread makes the call, and the main thread
waits where Python can interrupt it, so that Ctrl-C works within a second.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ._signatures import ABI, TABLE, TYPES, VOID
from .errors import (
    BY_CODE,
    FedSimError,
    FedSimWarning,
    InvalidError,
    LibraryError,
    StateError,
    Stopped,
)

__all__ = [
    "Handle",
    "about",
    "bytes_of",
    "check_process",
    "encoded",
    "is_forked",
    "leave",
    "library",
    "patiently",
    "result",
    "safe_threads",
    "stoppable",
    "text_of",
    "warn",
    "work_in",
]

Result = TypeVar("Result")

#: Room for a reason: longer ones are cut by the library, between characters.
ERROR_BYTES = 4096
#: How long Ctrl-C waits for a call that was told to stop, in seconds, before it is left behind.
PATIENCE = 0.8

_process = os.getpid()
_lock = threading.Lock()
_loaded: ctypes.CDLL | None = None
_warned = False


def _path() -> Path:
    named = os.environ.get("FEDSIM_LIBRARY")
    if named:
        return Path(named)
    folder = Path(__file__).parent
    for name in ("libFedSimC.so", "libFedSimC.dylib"):
        if (folder / name).exists():
            return folder / name
    raise LibraryError(
        f"libFedSimC.so is not in {folder}: install a wheel of fedsim, or name the library of a "
        "build "
        "in the environment variable FEDSIM_LIBRARY"
    )


def library() -> ctypes.CDLL:
    """The loaded library, with its functions declared.

    Raises:
        LibraryError: where it is missing, cannot be loaded, or has another ABI than this package.
    """
    global _loaded
    if _loaded is not None:
        return _loaded
    with _lock:
        if _loaded is not None:
            return _loaded
        path = _path()
        try:
            loaded = ctypes.CDLL(str(path))
            loaded.fs_abi.restype = ctypes.c_int32
            loaded.fs_abi.argtypes = []
            found = int(loaded.fs_abi())
        except (OSError, AttributeError) as error:
            raise LibraryError(f"{path} cannot be loaded: {error}") from error
        if found != ABI:
            raise LibraryError(
                f"{path} has ABI {found}, and this package needs ABI {ABI}: "
                "install both from one version of fedsim"
            )
        for name, letters in TABLE.items():
            function = getattr(loaded, name, None)
            if function is None:
                continue  # `_function` says so where it is called.
            function.restype = None if name in VOID else ctypes.c_int64
            function.argtypes = [part for letter in letters for part in TYPES[letter]]
        loaded.fs_abi.restype = ctypes.c_int32
        _loaded = loaded
    return _loaded


def _function(name: str) -> Any:
    try:
        return getattr(library(), name)
    except AttributeError as error:
        raise LibraryError(f"the library has no {name}: it is older than this package") from error


def failure(code: int, reason: str) -> FedSimError:
    """The exception of a code below zero."""
    return BY_CODE.get(code, FedSimError)(reason or f"the library failed with {code}")


def result(name: str, *arguments: Any) -> int:
    """Calls a function whose last two arguments are for the reason of a failure.

    Returns:
        what it returned: 0 or more.

    Raises:
        FedSimError: with the library's reason.
    """
    error = ctypes.create_string_buffer(ERROR_BYTES)
    code = int(_function(name)(*arguments, error, ERROR_BYTES))
    if code < 0:
        raise failure(code, error.value.decode("utf-8", "replace"))
    return code


def bytes_of(name: str, *arguments: Any) -> bytes:
    """Calls a function that hands bytes out, and frees them."""
    out = ctypes.c_void_p()
    count = result(name, *arguments, ctypes.byref(out))
    try:
        return ctypes.string_at(out, count) if out.value else b""
    finally:
        library().fs_free(out)


def text_of(name: str, *arguments: Any) -> Any:
    """Calls a function that hands JSON out; None where there are no bytes."""
    data = bytes_of(name, *arguments)
    return json.loads(data) if data else None


def encoded(value: Any) -> bytes:
    """A value as JSON, in the bytes that the library reads.

    Raises:
        InvalidError: for what JSON has no value for, numbers that are not finite among them.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
        return text.encode("utf-8")
    except (ValueError, TypeError) as error:
        raise InvalidError(f"found a value that is no JSON: {error}") from error


def _plain(value: Any) -> Any:
    """Numbers of NumPy as Python's."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        return item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is not a value of JSON")


def about() -> dict[str, Any]:
    """What the library is and knows.

    Returns:
        a dict with `version`, `codecs` (each with name, whether it is exact, and its options with
        their ranges), `accountants`, `relations`, `samplings` and `threads` (cores of this
        machine).
    """
    value: dict[str, Any] = text_of("fs_about")
    return value


def warn(about: dict[str, Any]) -> None:
    """Says what a run's first line warns of, once for each text and place."""
    level, frame = 1, sys._getframe()
    # The line of the caller's own code.
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("fedsim"):
        level, frame = level + 1, frame.f_back
    for text in about.get("warnings") or ():
        warnings.warn(str(text), FedSimWarning, stacklevel=level)


class Handle:
    """An object of the library, released with this one.

    It belongs to the process that made it: after a fork the child must not use it.
    """

    __slots__ = ("__weakref__", "asked", "heard", "number", "process", "what")

    def __init__(self, what: str, name: str, *arguments: Any) -> None:
        self.number = 0
        #: How often a stop was asked for, and how many of these no further call will hear.
        self.asked = self.heard = 0
        self.what = what
        self.process = os.getpid()
        out = ctypes.c_int64(0)
        result(name, *arguments, ctypes.byref(out))
        self.number = out.value

    def __int__(self) -> int:
        if self.number == 0:
            raise StateError(f"this {self.what} is closed")
        check_process(self.process, self.what)
        return self.number

    def release(self) -> None:
        """Gives the object back; a second time nothing happens."""
        number, self.number = self.number, 0
        if number and self.process == os.getpid() and _loaded is not None:
            _loaded.fs_release(number)

    def __del__(self) -> None:
        if getattr(self, "number", 0):
            self.release()

    def __reduce__(self) -> Any:
        raise TypeError(f"a {self.what} belongs to its process and cannot be pickled")


#: Who works in a folder, in this process.
_at_work: weakref.WeakValueDictionary[str, Handle] = weakref.WeakValueDictionary()


def work_in(folder: str | os.PathLike[str], handle: Handle) -> None:
    """Remembers who works in a folder."""
    _at_work[os.path.realpath(folder)] = handle


def leave(folder: str | os.PathLike[str]) -> None:
    """Releases what works in a folder: a cell of a notebook that is run again makes another one."""
    handle = _at_work.pop(os.path.realpath(folder), None)
    if handle is not None:
        handle.release()


def check_process(process: int, what: str) -> None:
    """Refuses an object in a forked child of the process that made it."""
    if process != os.getpid():
        raise StateError(
            f"this {what} belongs to process {process}, and this one is its fork {os.getpid()}: "
            "the "
            "library's threads do not survive a fork. Make it in the child, or start children with "
            'multiprocessing.get_context("spawn")'
        )


def is_forked() -> bool:
    """Whether this process is a fork of the one that imported the package."""
    return os.getpid() != _process


def safe_threads(threads: int) -> int:
    """As many threads, or one in a forked child, with a warning the first time.

    No result depends on the number of threads.
    """
    global _warned
    if not is_forked():
        return threads
    if threads != 1 and not _warned:
        _warned = True
        warnings.warn(
            "this process was forked after fedsim was imported: the library works with one thread "
            "here, "
            'since its own do not survive a fork. multiprocessing.get_context("spawn") has no such '
            "limit",
            RuntimeWarning,
            stacklevel=3,
        )
    return 1


class _Call:
    """A call in a thread of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self.done = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None
        # A daemon: a call that is left behind does not keep the interpreter from ending.
        threading.Thread(target=self._run, name="fedsim", daemon=True).start()

    def _run(self) -> None:
        try:
            self.value = self._work()
        except BaseException as error:
            self.error = error
        self.done.set()

    def wait(self, seconds: float) -> None:
        """Waits for its end, also where Ctrl-C comes again and again."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                if self.done.wait(left):
                    return
            except KeyboardInterrupt:
                continue


def stoppable(work: Callable[[], Result], handle: Handle) -> Result:
    """Makes a call that a stop may end.

    A stop that came when its call had just ended is for the next one, which nobody wanted to stop:
    that one is made again.
    """
    before = handle.asked
    is_late = before > handle.heard
    try:
        value = work()
    except Stopped:
        handle.heard = before
        if is_late and handle.asked == before:
            return stoppable(work, handle)
        handle.heard = handle.asked
        raise
    handle.heard = before
    return value


#: Seconds between looks at a call that takes long.
SLICE = 0.125


def patiently(
    work: Callable[[], Result],
    *,
    stop: Handle | None = None,
    watch: Callable[[], None] | None = None,
) -> Result:
    """Makes a call that may take long, so that Ctrl-C ends it within a second.

    Args:
        work: the call, and all that has to be done with what it made even where nobody waits for it
            any
            more: it runs to its end, in a thread of its own.
        stop: the object that is told to stop where KeyboardInterrupt is raised. A call without one
            is left behind: it goes on until it ends.
        watch: called about eight times a second, to show progress.

    Raises:
        KeyboardInterrupt: in the main thread, by Ctrl-C.
    """
    made = work if stop is None else lambda: stoppable(work, stop)
    if threading.current_thread() is not threading.main_thread():
        return made()
    call = _Call(made)
    try:
        while not call.done.wait(SLICE):
            if watch is not None:
                watch()
    except BaseException as interruption:
        if stop is not None and stop.number and not call.done.is_set():
            stop.asked += 1
            library().fs_stop(stop.number)
            call.wait(PATIENCE)
        if isinstance(call.error, Stopped):
            # It says how far the call had come.
            raise interruption from call.error
        raise
    if call.error is not None:
        error, call.error = call.error, None
        try:
            raise error
        finally:
            del error
    value: Result = call.value
    return value
