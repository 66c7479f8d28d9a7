"""The functions of `fedsim.h`, one a line; a test compares this table with the header's text.

A letter stands for a type of an argument:

    h  fs_handle, by value           H  fs_handle *, a result
    i  int32_t                       l  int64_t
    u  uint64_t                      d  double
    s  bytes that go in (const char *, const uint8_t *), or None
    p  the address of an array of numbers, or None
    o  uint8_t **, bytes that come out
    e  the last two arguments of whatever can fail: char *error, int64_t capacity
"""

from __future__ import annotations

import ctypes
from typing import Any

__all__ = ["ABI", "KEY_BYTES", "TABLE", "TYPES"]

#: FS_ABI of the header that this package was written for.
ABI = 1
#: FS_KEY_BYTES: the length of every key.
KEY_BYTES = 32

TYPES: dict[str, list[Any]] = {
    "h": [ctypes.c_int64],
    "H": [ctypes.POINTER(ctypes.c_int64)],
    "i": [ctypes.c_int32],
    "l": [ctypes.c_int64],
    "u": [ctypes.c_uint64],
    "d": [ctypes.c_double],
    "s": [ctypes.c_char_p],
    "p": [ctypes.c_void_p],
    "o": [ctypes.POINTER(ctypes.c_void_p)],
    "e": [ctypes.c_char_p, ctypes.c_int64],
}

#: Name -> letters of the arguments. Results are int64_t, but for `fs_abi` and what returns nothing.
TABLE: dict[str, str] = {
    "fs_abi": "",
    "fs_about": "oe",
    "fs_free": "p",
    "fs_release": "h",
    "fs_random_key": "pe",
    "fs_run_key": "upplpe",
    "fs_public_key": "spe",
    "fs_session": "ssipe",
    "fs_channel_new": "slsHe",
    "fs_channel_about": "hoe",
    "fs_channel_encode": "hlssploe",
    "fs_channel_decode": "hlsslple",
    "fs_channel_encode_many": "hlssplllpoe",
    "fs_channel_sum": "hlssplllple",
    "fs_channel_complete": "hlsldple",
    "fs_account": "sloe",
    "fs_calibrate": "sloe",
    "fs_plan": "sloe",
    "fs_data_new": "pllppplpHe",
    "fs_run_new": "slslhhHe",
    "fs_run_about": "hoe",
    "fs_run_next": "hoe",
    "fs_run_finish": "hoe",
    "fs_run_progress": "hp",
    "fs_run_parameters": "hple",
    "fs_run_update": "hllplpe",
    "fs_stop": "h",
    "fs_federation_new": "slslplslHe",
    "fs_federation_of": "hHe",
    "fs_federation_about": "hoe",
    "fs_federation_open": "hoe",
    "fs_federation_parameters": "hple",
    "fs_federation_send": "hppplle",
    "fs_federation_step": "he",
    "fs_federation_close": "hsloe",
    "fs_federation_finish": "hoe",
    "fs_federation_state": "hoe",
    "fs_federation_restore": "hsle",
    "fs_federation_ledger": "hoe",
    "fs_report": "sloe",
}

#: What returns nothing.
VOID = frozenset({"fs_free", "fs_release", "fs_stop"})
