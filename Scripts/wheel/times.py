"""How long an installed fedsim takes to be there: medians of five, each in a process of its own."""

import statistics
import subprocess
import sys
import time
from pathlib import Path


def seconds(*command: str) -> float:
    """The median time of a command, the first one left out."""
    taken = []
    for _ in range(6):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


nothing = seconds(sys.executable, "-c", "pass")
numpy = seconds(sys.executable, "-c", "import numpy")
fedsim = seconds(sys.executable, "-c", "import fedsim")
library = seconds(sys.executable, "-c", "import fedsim; fedsim.about()")
command = seconds(str(Path(sys.executable).parent / "fedsim"), "--version")
print(
    f"python {1000 * nothing:.0f} ms; import numpy {1000 * (numpy - nothing):.0f}; import fedsim after it "
    f"{1000 * (fedsim - numpy):.0f}; its library loaded and asked {1000 * (library - fedsim):.0f}; fedsim --version {1000 * command:.0f} ms"
)
