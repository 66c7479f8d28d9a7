"""What the tests of Examples/python share: where the examples are, and images in MNIST's format."""

from __future__ import annotations

import gzip
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import fedsim

EXAMPLES = Path(__file__).resolve().parents[3] / "Examples" / "python"


def load(name: str) -> ModuleType:
    """An example as a module."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)  # Its dataclasses look for it.
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def environment(mnist: Path) -> dict[str, str]:
    """Of an example that runs on its own: one thread for each library, and where the images are."""
    one = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    package = str(Path(fedsim.__file__).resolve().parents[1])  # Also where it is not installed.
    found = {"PYTHONPATH": package, "FEDSIM_MNIST": str(mnist), "MPLBACKEND": "agg"}
    return {**os.environ, **one, **found}


def run(name: str, *arguments: str, mnist: Path) -> str:
    """What an example prints."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(mnist), cwd=mnist, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="session")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 1000 images in MNIST's format: each digit is a pattern, with noise."""
    random = np.random.default_rng(7)
    patterns = np.kron(random.integers(0, 2, (10, 7, 7)), np.ones((4, 4)))
    labels = random.integers(0, 10, 1000)
    images = 150 * patterns[labels] + random.normal(50, 20, (1000, 28, 28))
    folder = tmp_path_factory.mktemp("mnist")
    for name, array, head in (
        ("t10k-images-idx3-ubyte.gz", np.clip(images, 0, 255), [0x803, 1000, 28, 28]),
        ("t10k-labels-idx1-ubyte.gz", labels, [0x801, 1000]),
    ):
        content = np.array(head, ">u4").tobytes() + array.astype(np.uint8).tobytes()
        (folder / name).write_bytes(gzip.compress(content))
    return folder
