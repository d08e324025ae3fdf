"""The kinds of file that a phone may ask for."""

from __future__ import annotations

import enum


class FileKind(enum.StrEnum):
    """What a file is to a phone."""

    MAC = "mac"
    COMMON = "common"
    STATIC = "static"
