"""Everything that can be wrong, as values a person can act on.

    ProvisionerError            base: message, hint, stable code
    ├── SettingsError           provisioner.toml, PROVISIONER_* or a flag
    ├── CatalogueError          the facts under templates/ contradict each other
    ├── EnvironmentProblem      a port, a folder, a file system (exit code 5)
    └── NotFound                a phone, a template, a parameter that was named and is not there

A mistake in a person's files is not an exception but a `Problem`: loading goes on and collects them all.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class ProvisionerError(Exception):
    """What went wrong, what to do about it, and a code that never changes its meaning."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


class SettingsError(ProvisionerError):
    """A setting of the server itself cannot be used."""

    code = "bad-setting"


class CatalogueError(ProvisionerError):
    """The facts under templates/ contradict each other; nothing can be rendered from them."""

    code = "bad-catalogue"


class EnvironmentProblem(ProvisionerError):
    """The machine refuses: a taken port, a folder that cannot be written."""

    code = "environment"


class NotFound(ProvisionerError):
    """Something was named that does not exist."""

    code = "not-found"


class Severity(enum.StrEnum):
    """Whether a problem stops a file from being delivered."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in one place of a person's files."""

    file: str
    "Path as the person would type it, relative to the folder given: `phones/lobby.toml`."

    line: int | None
    "1-based line, or None when the whole file is meant."

    code: str
    "Stable word, a heading in docs/reference/problems.md: `unknown-setting`."

    message: str
    "What was seen, without secrets."

    hint: str = ""
    'What to do: `did you mean "transport"?`.'

    column: int | None = None
    "1-based column, or None."

    key: str | None = None
    "The key as written: `line.transport`."

    phone: str | None = None
    "The MAC (12 lower-case hex digits) of the one phone that this stops, or None if it concerns more."

    severity: Severity = Severity.ERROR
    "Errors stop delivery of the phone's new file; warnings do not."

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{place}  {self.message}"
        if self.hint:
            text += f", {self.hint}"
        return f"{text}  [{self.code}]"

    def as_json(self) -> dict[str, Any]:
        """Return the fields under the names that --json and the API use."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "key": self.key,
            "phone": self.phone,
            "severity": str(self.severity),
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }
