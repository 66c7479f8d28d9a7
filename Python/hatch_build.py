"""Puts the shared library and the command into the wheel: one for every Python 3 of a platform.

Scripts/wheel.sh sets:

* ``FEDSIM_WHEEL_LIBRARY``: the shared library, which becomes ``fedsim/libFedSimC.so``
  (``.dylib`` on macOS),
* ``FEDSIM_WHEEL_COMMAND``: the program, which becomes ``fedsim/bin/fedsim``.

An editable install needs neither: `fedsim._library` takes the library that ``FEDSIM_LIBRARY``
names.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds what Swift made to the files of the package, and says for which platform that is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it writes the archive.

        Args:
            version: ``standard`` or ``editable``.
            build_data: what hatchling reads back: files by their place in the wheel, and the tag.

        Raises:
            RuntimeError: a standard wheel without library or command would install, and fail when
                it is imported.
        """
        if version == "editable":
            return
        suffix = ".dylib" if sys.platform == "darwin" else ".so"
        places = {
            "FEDSIM_WHEEL_LIBRARY": f"fedsim/libFedSimC{suffix}",
            "FEDSIM_WHEEL_COMMAND": "fedsim/bin/fedsim",
        }
        for variable, place in places.items():
            path = os.environ.get(variable, "")
            if not Path(path).is_file():
                raise RuntimeError(
                    f"{variable}: found {path!r}; allowed: a file. Scripts/wheel.sh builds "
                    "and names it"
                )
            build_data["force_include"][str(Path(path).resolve())] = place
        build_data["pure_python"] = False
        # No Python headers are used: any Python 3 can load the library through ctypes.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
