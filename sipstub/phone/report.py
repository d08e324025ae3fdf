"""What one provisioning pass did.  Pure values; no text form holds a value of a setting."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from sipstub.phone.format.cfg import CfgFault
from sipstub.phone.format.effective import Effective
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.outcome import Outcome


class Role(enum.StrEnum):
    """What a file is to the phone."""

    BOOT = "boot"
    COMMON = "common"
    MAC = "mac"
    LOCAL = "local"
    INCLUDED = "included"


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file that the phone asked for."""

    name: str
    "As asked for, without the folder."

    role: Role
    "What it is to the phone."

    outcome: Outcome
    "How the transfer ended."

    detail: str
    "What was seen: `HTTP 404`."

    status: int | None
    "HTTP status or TFTP error code, where one came."

    body: bytes = field(repr=False)
    "The bytes received; may hold secrets."

    md5: str
    "What the phone compares with the last pass; empty unless received."

    sha256: str
    "For people and journals; empty unless received."

    is_changed: bool
    "Whether the bytes differ from those of the last pass."

    is_ignored: bool
    "Whether the phone takes nothing from it: no version line."

    entries: int
    "Number of assignments."

    faults: tuple[CfgFault, ...]
    "What the phone stumbles over."

    is_retransmitted: bool
    "Whether a packet had to be sent again (TFTP)."

    duration_s: float
    "From the first packet to the last."

    @property
    def size_bytes(self) -> int:
        """Length of the body."""
        return len(self.body)

    def as_json(self) -> dict[str, Any]:
        """Return the fields without the body."""
        return {
            "name": self.name,
            "role": str(self.role),
            "outcome": str(self.outcome),
            "detail": self.detail,
            "status": self.status,
            "bytes": self.size_bytes,
            "md5": self.md5,
            "sha256": self.sha256,
            "changed": self.is_changed,
            "ignored": self.is_ignored,
            "entries": self.entries,
            "faults": [{"line": fault.line, "code": str(fault.code), "text": fault.text} for fault in self.faults],
            "retransmitted": self.is_retransmitted,
            "duration_s": round(self.duration_s, 6),
        }


@dataclass(frozen=True, slots=True)
class BootReport:
    """One pass of one phone."""

    identity: PhoneIdentity
    "Which phone."

    url: str
    "Where it asked, with the password masked."

    transport: str
    "tftp, http or https."

    files: tuple[FileReport, ...]
    "In the order asked for."

    is_unchanged: bool
    "Whether all cfg files hash as in the last pass, so that nothing was applied."

    changed: tuple[str, ...]
    "Names of the settings that have another value than before the pass, sorted."

    reboot_for: tuple[str, ...]
    "Those of `changed` that are known to need a reboot."

    effective: Effective = field(repr=False)
    "The settings of the phone after the pass."

    notes: tuple[str, ...] = ()
    "What a person should know: other firmware wanted, only common settings."

    @property
    def mac_file(self) -> FileReport | None:
        """The phone's own file, if it was asked for."""
        return next((file for file in self.files if file.role is Role.MAC), None)

    @property
    def common_file(self) -> FileReport | None:
        """The model's file, if it was asked for."""
        return next((file for file in self.files if file.role is Role.COMMON), None)

    @property
    def is_provisioned(self) -> bool:
        """Whether the phone got its own settings: MAC file or an included file received, none failed, none ignored."""
        own = any(file.role in (Role.MAC, Role.INCLUDED) and file.outcome is Outcome.RECEIVED for file in self.files)
        return own and all(_is_harmless(file) for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """Return the fields under the names of --json; names of settings, never values."""
        return {
            "mac": self.identity.mac,
            "model": self.identity.model.name,
            "firmware": self.identity.firmware,
            "agent": self.identity.agent,
            "url": self.url,
            "transport": self.transport,
            "provisioned": self.is_provisioned,
            "unchanged": self.is_unchanged,
            "files": [file.as_json() for file in self.files],
            "settings": len(self.effective),
            "changed": list(self.changed),
            "reboot_for": list(self.reboot_for),
            "notes": list(self.notes),
        }


def _is_harmless(file: FileReport) -> bool:
    if file.outcome is Outcome.RECEIVED:
        return not file.is_ignored
    return file.outcome is Outcome.NOT_FOUND and file.role in (Role.BOOT, Role.COMMON, Role.LOCAL)
