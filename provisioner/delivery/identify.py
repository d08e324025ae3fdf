"""Read what a phone says about itself: the file name it asks for, in every form seen in the field."""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import NamedTuple

MAX_NAME = 255
"Longer names are nobody's file."

MAX_REMEMBERED_VERSIONS = 256
"Firmware versions whose generation is remembered."

OWN_ENDINGS = ("cfg", "xml")
"What the own files of phones end in; the facts of each vendor choose one."

_MAC = r"([0-9a-f]{12}|[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})"
_MAC_FILE = re.compile(_MAC + r"(-local)?\.(cfg|xml|boot|enc)", re.ASCII)
_COMMON = re.compile(r"y0{10}[0-9]{2}\.(cfg|boot)", re.ASCII)


@lru_cache(maxsize=MAX_REMEMBERED_VERSIONS)
def is_newer(firmware: str | None, newest_minor: int) -> bool:
    """Return whether a version such as 28.83.0.35 belongs to a generation after x.`newest_minor`."""
    if firmware is None:
        return False
    minor = firmware[:MAX_NAME].split(".")[1:2]
    return bool(minor) and minor[0].isascii() and minor[0].isdecimal() and int(minor[0]) > newest_minor


class Asked(enum.StrEnum):
    """What kind of file a name means."""

    MAC = "mac"
    COMMON = "common"
    STATIC = "static"
    BOOT = "boot"
    LOCAL = "local"
    BAD = "bad"
    OTHER = "other"


class Name(NamedTuple):
    """A file name, read."""

    asked: Asked
    "The kind of file."

    canonical: str
    "The key of `Snapshot.files`: `001565aabbcc.cfg`; empty for a bad name."

    mac: str | None = None
    "12 hex digits if the name holds a MAC."


def read_name(text: str) -> Name:
    """Return what `text` asks for.  One leading slash is HTTP's; never raises.

    Names are looked up in a table, so no name can leave a folder; those that try are still called bad, to be seen.
    """
    if not text or len(text) > MAX_NAME:
        return Name(Asked.BAD, "")
    name = text[1:] if text[0] == "/" else text
    lowered = name.lower()
    if match := _MAC_FILE.fullmatch(lowered):
        mac = match[1].replace(":", "").replace("-", "").replace(".", "")
        if match[2]:
            return Name(Asked.LOCAL, f"{mac}-local.{match[3]}", mac)
        if match[3] in OWN_ENDINGS:
            return Name(Asked.MAC, f"{mac}.{match[3]}", mac)
        return Name(Asked.BOOT if match[3] == "boot" else Asked.OTHER, f"{mac}.{match[3]}", mac)
    if match := _COMMON.fullmatch(lowered):
        return Name(Asked.COMMON if match[1] == "cfg" else Asked.BOOT, lowered)
    if not name.isprintable() or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        return Name(Asked.BAD, "")
    if name.startswith("files/"):
        return Name(Asked.STATIC, name)
    return Name(Asked.OTHER, name)
