"""The command, and what an installed wheel is: one library, one program, no Swift beside them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from conftest import tiny

import fedsim
from fedsim import _command

#: Scripts/wheel.sh sets it: the tests run with a wheel, and not with the sources.
IS_INSTALLED = bool(os.environ.get("FEDSIM_INSTALLED"))
installed = pytest.mark.skipif(
    not IS_INSTALLED, reason="asks what a wheel has, and this is not one"
)


def has_command() -> bool:
    """Whether there is a program, as in every wheel."""
    try:
        return bool(_command.path())
    except FileNotFoundError:
        return IS_INSTALLED


commanded = pytest.mark.skipif(not has_command(), reason="FEDSIM_COMMAND names no program")


def fedsim_command(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `python -m fedsim` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "fedsim", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


@commanded
def test_command_and_library_are_one_version() -> None:
    said = fedsim_command("--version")
    assert (said.returncode, said.stderr) == (0, "")
    assert fedsim.about()["version"] in said.stdout


@commanded
def test_command_hands_on_arguments_and_its_exit_code() -> None:
    said = fedsim_command("validate", "there is no such file.json")
    assert said.returncode == 2
    assert "there is no such file.json" in said.stderr
    assert fedsim_command("account", "--nonsense").returncode == 2


@commanded
def test_command_and_library_make_the_same_run(tmp_path: Path) -> None:
    (tmp_path / "tiny.json").write_text(json.dumps(tiny()))
    said = fedsim_command("run", "tiny.json", "--out", "command", folder=tmp_path)
    assert said.returncode == 0, said.stderr
    fedsim.run(tmp_path / "tiny.json", out=tmp_path / "library", progress=False)
    for name in ("scenario.json", "rounds.jsonl", "model.safetensors", "ledger.json"):
        assert (tmp_path / "command" / name).read_bytes() == (
            tmp_path / "library" / name
        ).read_bytes()


def test_missing_command_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FEDSIM_COMMAND", str(tmp_path / "nothing"))
    with pytest.raises(FileNotFoundError, match=r"nothing.*allowed: an installed wheel"):
        _command.path()
    with pytest.raises(SystemExit, match="fedsim: the fedsim command"):
        _command.main()


@installed
def test_no_swift_library_is_in_the_process() -> None:
    fedsim.about()
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("the system does not say which libraries a process has")
    names = {
        Path(line.split(maxsplit=5)[5]).name
        for line in maps.read_text().splitlines()
        if ".so" in line
    }
    assert any(name.startswith("libFedSimC") for name in names)
    swift = re.compile(r"swift|Foundation|dispatch|BlocksRuntime|icu", re.IGNORECASE)
    assert [name for name in names if swift.search(name)] == []


@installed
def test_wheel_has_types_licences_and_an_entry_point() -> None:
    about = metadata.distribution("fedsim")
    files = {Path(str(file)).name for file in about.files or []}
    assert {"py.typed", "LICENSE", "swift.txt", "libsodium.txt", "zlib.txt"} <= files
    assert about.version == fedsim.__version__ == fedsim.about()["version"]
    assert [(entry.name, entry.value) for entry in about.entry_points] == [
        ("fedsim", "fedsim._command:main")
    ]
    script = Path(sys.executable).parent / "fedsim"
    said = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert fedsim.__version__ in said.stdout


@installed
def test_only_numpy_is_required() -> None:
    required = [line for line in metadata.requires("fedsim") or [] if "extra ==" not in line]
    assert [re.split(r"[ <>=!;]", line)[0] for line in required] == ["numpy"]


@installed
def test_import_asks_for_no_framework() -> None:
    program = (
        "import sys, fedsim; fedsim.about(); "
        "print({'pandas', 'torch', 'flwr', 'matplotlib', 'tqdm'} & set(sys.modules))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout == "set()\n"
