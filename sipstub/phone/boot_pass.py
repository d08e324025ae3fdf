"""The order of one provisioning pass and what the phone makes of the answers.  Pure: somebody else fetches.

    wanted = boot.next_file()          the next file, or None at the end
    boot.take(wanted, fetched, ...)    what came of it
    report, memory = boot.finish()

V80: common file, MAC file, and with custom.sync and custom.protect the local file.  From generation 81 on the boot files
first.  A 404 is harmless but for the MAC file, without which the phone has the common settings only.  When the server does
not answer at all, the pass ends.  Sources and what is only inferred: docs/reference/boot.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from sipstub.phone.format.boot_file import included_files
from sipstub.phone.format.cfg import CfgFile, parse_cfg
from sipstub.phone.format.effective import Effective, apply_files
from sipstub.phone.identity import COMMON_BOOT_FILE, PhoneIdentity
from sipstub.phone.location import Location
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.outcome import Fetched, Outcome
from sipstub.phone.report import BootReport, FileReport, Role

SYNC = "auto_provision.custom.sync"
PROTECT = "auto_provision.custom.protect"
FIRMWARE_URLS = ("firmware.url", "static.firmware.url")

NeedsReboot = Callable[[str], bool]

_VERSION = re.compile(r"\d+(?:\.\d+){3,}", re.ASCII)
_CFG_ROLES = (Role.COMMON, Role.MAC, Role.INCLUDED)
_SILENT = (Outcome.TIMED_OUT, Outcome.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file to fetch now."""

    name: str
    "Without the folder."

    role: Role
    "What it is to the phone."


class BootPass:
    """One pass of one phone."""

    def __init__(
        self, identity: PhoneIdentity, location: Location, memory: PhoneMemory, *, needs_reboot: NeedsReboot | None = None
    ) -> None:
        self._identity = identity
        self._location = location
        self._memory = memory
        self._needs_reboot = needs_reboot or (lambda _name: False)
        self._files: list[FileReport] = []
        self._cfgs: list[tuple[str, CfgFile]] = []
        self._local: tuple[str, CfgFile] | None = None
        self._notes: list[str] = []
        self._is_silent = False
        self._queue = self._first_files()
        self._has_asked_local = False

    def _first_files(self) -> list[WantedFile]:
        if self._location.file is not None:
            return [WantedFile(self._location.file, Role.MAC)]
        if self._identity.asks_boot_files:
            return [WantedFile(self._identity.boot_file, Role.BOOT), WantedFile(COMMON_BOOT_FILE, Role.BOOT), *self._cfg_files()]
        return self._cfg_files()

    def _cfg_files(self) -> list[WantedFile]:
        return [WantedFile(self._identity.model.common_name, Role.COMMON), WantedFile(self._identity.mac_file, Role.MAC)]

    def next_file(self) -> WantedFile | None:
        """Return the file to ask for now, or None when the pass is over."""
        if self._is_silent:
            return None
        if self._queue:
            return self._queue[0]
        if not self._has_asked_local and self._wants_local():
            return WantedFile(self._identity.local_file, Role.LOCAL)
        return None

    def _wants_local(self) -> bool:
        if self._is_unchanged() or not self._cfgs:
            return False
        after = self._applied()
        return after.is_on(SYNC) and after.is_on(PROTECT)

    def take(self, wanted: WantedFile, fetched: Fetched, *, duration_s: float = 0.0) -> FileReport:
        """Note what became of `wanted`, and return it as it will stand in the report."""
        if self._queue and self._queue[0] == wanted:
            del self._queue[0]
        if wanted.role is Role.LOCAL:
            self._has_asked_local = True
        is_received = fetched.outcome is Outcome.RECEIVED
        file = parse_cfg(fetched.body) if is_received and wanted.role is not Role.BOOT else None
        md5 = hashlib.md5(fetched.body, usedforsecurity=False).hexdigest() if is_received else ""
        report = FileReport(
            name=wanted.name,
            role=wanted.role,
            outcome=fetched.outcome,
            detail=fetched.detail,
            status=fetched.status,
            body=fetched.body,
            md5=md5,
            sha256=hashlib.sha256(fetched.body).hexdigest() if is_received else "",
            is_changed=is_received and md5 != self._memory.md5s.get(wanted.name),
            is_ignored=file.is_ignored if file else False,
            entries=len(file.entries) if file else 0,
            faults=file.faults if file else (),
            is_retransmitted=fetched.is_retransmitted,
            duration_s=duration_s,
        )
        self._files.append(report)
        if fetched.outcome in _SILENT:
            self._is_silent = True
            self._notes.append(f"the server did not answer for {wanted.name}; the pass ends")
        elif wanted.role is Role.BOOT:
            self._take_boot_file(fetched)
        elif file is None:
            self._take_missing(wanted)
        elif file.is_ignored:
            self._notes.append(f"{wanted.name} is ignored: the first line is not the version line")
        elif wanted.role is Role.LOCAL:
            self._local = (wanted.name, file)
        else:
            self._cfgs.append((wanted.name, file))
        return report

    def _take_boot_file(self, fetched: Fetched) -> None:
        if fetched.outcome is not Outcome.RECEIVED:
            return
        names = included_files(fetched.body, self._identity.mac)
        roles = {self._identity.model.common_name: Role.COMMON, self._identity.mac_file: Role.MAC}
        self._queue = [WantedFile(name, roles.get(name, Role.INCLUDED)) for name in dict.fromkeys(names)]
        if not names:
            self._notes.append("the boot file includes nothing, so nothing is fetched")

    def _take_missing(self, wanted: WantedFile) -> None:
        if wanted.role is Role.MAC:
            self._notes.append(f"no {wanted.name}: the phone has common settings only")

    def _is_unchanged(self) -> bool:
        now = {file.name: file.md5 for file in self._files if file.role in _CFG_ROLES and file.md5}
        before = {name: md5 for name, md5 in self._memory.md5s.items() if name != self._identity.local_file}
        return bool(now) and now == before

    def _applied(self) -> Effective:
        return apply_files(self._memory.effective, self._cfgs)

    def finish(self) -> tuple[BootReport, PhoneMemory]:
        """Return what the pass did, and what the phone keeps of it."""
        before = self._memory.effective
        is_unchanged = self._is_unchanged()
        after = before if is_unchanged or self._is_silent else self._applied()
        memory = self._memory
        if not is_unchanged and not self._is_silent:
            if self._local is not None:
                after = apply_files(after, [self._local])
            memory = PhoneMemory({file.name: file.md5 for file in self._files if file.md5 and file.role is not Role.BOOT}, after)
        self._note_firmware(after)
        old, new = before.values(), after.values()
        changed = tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))
        report = BootReport(
            identity=self._identity,
            url=str(self._location),
            transport=self._location.scheme,
            files=tuple(self._files),
            is_unchanged=is_unchanged,
            changed=changed,
            reboot_for=tuple(name for name in changed if self._needs_reboot(name)),
            effective=after,
            notes=tuple(self._notes),
        )
        return report, memory

    def _note_firmware(self, after: Effective) -> None:
        url = next((text for name in FIRMWARE_URLS if (text := after.text(name))), "")
        if not url:
            return
        named = _VERSION.findall(url.rpartition("/")[2])
        if not named:
            self._notes.append("firmware.url names a file whose version cannot be told from its name")
        elif named[-1] != self._identity.firmware:
            self._notes.append(f"firmware.url wants {named[-1]}: a real phone would load it, reboot and start over")
