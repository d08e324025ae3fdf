"""What a reader of SBC settings stumbles over: collected, one per place, never an exception."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sipstub.errors import SipstubError


class Severity(enum.StrEnum):
    """How much a problem matters."""

    ERROR = "error"
    "The line is not taken, and the settings may not be used."
    WARNING = "warning"
    "Taken, but a person should look."
    NOTE = "note"
    "What the reader understood, or left out because the stub has nothing of the kind."


class Code(enum.StrEnum):
    """Every kind of problem.  Each has a heading in docs/reference/sbc-commands.md."""

    BAD_VALUE = "bad-value"
    BAD_LINE = "bad-line"
    BAD_TABLE = "bad-table"
    BAD_REFERENCE = "bad-reference"
    DUPLICATE = "duplicate"
    UNKNOWN_NAME = "unknown-name"
    UNKNOWN_TABLE = "unknown-table"
    UNKNOWN_LEVEL = "unknown-level"
    GATEWAY_ONLY = "gateway-only"
    NOT_MODELLED = "not-modelled"
    RELEASE = "release"
    CONFLICT = "conflict"
    OLD_SPELLING = "old-spelling"
    UNDERSTOOD_AS = "understood-as"
    OBFUSCATED = "obfuscated"
    TABLE_ORDER = "table-order"
    FILE_FORM = "file-form"
    ENCODING = "encoding"
    TOO_LARGE = "too-large"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written."""

    file: str
    line: int
    "Counted from 1; 0 for what stands in no file."

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong or worth knowing, with its place."""

    severity: Severity
    code: Code
    origin: Origin
    message: str
    "What was seen, without secrets."
    hint: str = ""
    "What is allowed, or what to do."

    def __str__(self) -> str:
        return f"{self.origin}  {self.message}" + (f"; {self.hint}" if self.hint else "") + f"  [{self.code}]"


class SettingsError(SipstubError):
    """Settings that the stub cannot work with: a name that does not exist, a value that is not allowed."""

    code = "bad-sbc-setting"
