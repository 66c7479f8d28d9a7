"""The ``fedsim`` command, which is a program inside the package."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def path() -> str:
    """Where the program is.

    Returns:
        The file that the environment variable ``FEDSIM_COMMAND`` names (for development), or else
        the one inside the package.

    Raises:
        FileNotFoundError: neither is there, as in an editable install without the variable.
    """
    named = os.environ.get("FEDSIM_COMMAND")
    program = Path(named) if named else Path(__file__).parent / "bin" / "fedsim"
    if not program.is_file():
        raise FileNotFoundError(
            f"the fedsim command: found no file {str(program)!r}; allowed: an installed wheel, "
            "or a program that the environment variable FEDSIM_COMMAND names"
        )
    return str(program)


def main() -> None:
    """Becomes the program: signals, exit codes and standard streams are its own."""
    try:
        program = path()
    except FileNotFoundError as error:
        sys.exit(f"fedsim: {error}")
    sys.stdout.flush()
    os.execv(program, ["fedsim", *sys.argv[1:]])
