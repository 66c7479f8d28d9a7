"""The table of signatures says what fedsim.h says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fedsim import _library, _signatures

HEADER = Path(__file__).parents[2] / "Sources/CFedSim/include/fedsim.h"

#: What an argument of C is called in the table, by its type without names of arguments.
LETTERS = [
    (r"^uint8_t \*\*$", "o"),
    (r"^fs_handle \*$", "H"),
    (r"^fs_handle$", "h"),
    (r"^const (char|uint8_t) \*$", "s"),
    (r"^(const )?(float|double|int32_t|int64_t|uint8_t) \*$|^const uint8_t \*const \*$", "p"),
    (r"^void \*$", "p"),
    (r"^int32_t$", "i"),
    (r"^int64_t$", "l"),
    (r"^uint64_t$", "u"),
    (r"^double$", "d"),
]


def functions(text: str) -> dict[str, tuple[str, str]]:
    """Name -> (result, letters) of every prototype."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = {}
    for result, name, arguments in re.findall(
        r"^(int32_t|int64_t|void) (fs_\w+)\(([^;]*)\);", text, flags=re.M
    ):
        letters = ""
        parts = [] if arguments.strip() == "void" else [one.strip() for one in arguments.split(",")]
        if parts[-2:] == ["char *error", "int64_t capacity"]:
            parts = [*parts[:-2], "error"]
        for part in parts:
            letters += "e" if part == "error" else letter(part)
        found[name] = (result, letters)
    return found


def letter(argument: str) -> str:
    """The letter of one argument of a prototype."""
    # key[32], out[4]: arrays are addresses.
    argument = re.sub(r"(\w+)\[\w+\]$", r"*\1", argument)
    kind = re.sub(r"\w+$", "", argument).strip() if "*" in argument else argument.rsplit(" ", 1)[0]
    for pattern, one in LETTERS:
        if re.match(pattern, kind):
            return one
    raise AssertionError(f"no letter for {argument!r} ({kind!r})")


@pytest.mark.skipif(not HEADER.exists(), reason="an installed wheel has no header beside its tests")
def test_the_table_is_the_header() -> None:
    text = HEADER.read_text()
    header = functions(text)
    assert set(header) == set(_signatures.TABLE)
    for name, (result, letters) in header.items():
        # Bytes may also be given by address.
        assert letters.replace("p", "s") == _signatures.TABLE[name].replace("p", "s"), name
        assert (result == "void") == (name in _signatures.VOID), name
    assert re.search(rf"FS_ABI = {_signatures.ABI}\b", text)
    assert re.search(rf"FS_KEY_BYTES = {_signatures.KEY_BYTES}\b", text)
    assert len(header) > 30


@pytest.mark.skipif(not HEADER.exists(), reason="an installed wheel has no header beside its tests")
def test_every_code_is_an_exception() -> None:
    from fedsim.errors import BY_CODE

    codes = {int(n) for n in re.findall(r"FS_\w+ = (-\d+)", HEADER.read_text())}
    assert codes == set(BY_CODE)


def test_the_library_has_every_function() -> None:
    loaded = _library.library()
    assert [name for name in _signatures.TABLE if not hasattr(loaded, name)] == []


def test_another_abi_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library, "_loaded", None)
    monkeypatch.setattr(_library, "ABI", 77)
    with pytest.raises(_library.LibraryError, match="ABI 1, and this package needs ABI 77"):
        _library.library()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library, "_loaded", None)
    monkeypatch.setenv("FEDSIM_LIBRARY", "/nowhere/libFedSimC.so")
    with pytest.raises(ImportError, match=r"/nowhere/libFedSimC.so cannot be loaded"):
        _library.library()
