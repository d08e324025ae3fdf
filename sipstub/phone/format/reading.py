"""Any phone's file, whatever its format: told apart by how it begins."""

from __future__ import annotations

from sipstub.phone.format.cfg import CfgFile, parse_cfg
from sipstub.phone.format.lpconfig import parse_lpconfig

XML_BEGINS = b"<"


def is_lpconfig(data: bytes) -> bool:
    """Return whether these bytes begin as XML does; a cfg file begins with its version line."""
    return data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == XML_BEGINS


def read_file(data: bytes) -> CfgFile:
    """Return the assignments and faults of a phone's file.  Pure; never raises."""
    return parse_lpconfig(data) if is_lpconfig(data) else parse_cfg(data)
