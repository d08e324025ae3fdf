"""What a phone does after both files: the later file wins.  Pure.

`%NULL%` in the MAC file takes back what the common file said.  An empty right side is kept as an empty value: what
V80 makes of it (keep, or default) differs by release, so nobody should rely on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sipstub.phone.format.cfg import RESET, USER_PASSWORD, CfgEntry, CfgFile


@dataclass(frozen=True, slots=True)
class Setting:
    """The assignment that counts for one key, and where it stands."""

    entry: CfgEntry
    "Name, value and line."

    file: str
    "The name of the file that says so: `001565aabbcc.cfg`."

    @property
    def value(self) -> str:
        """The text after the equals sign; may be secret."""
        return self.entry.value

    @property
    def is_reset(self) -> bool:
        """Whether it says `%NULL%`."""
        return self.entry.is_reset


@dataclass(frozen=True, slots=True)
class Effective:
    """The settings of a phone after a provisioning pass; a mapping-like view by key."""

    settings: Mapping[str, Setting] = field(default_factory=dict, repr=False)
    "By key, resets included."

    user_passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    "User to password, from all lines of `security.user_password` of both files."

    def text(self, name: str, default: str = "") -> str:
        """Return the value of `name`; `default` where no file mentions it or the last one resets it."""
        setting = self.settings.get(name)
        return default if setting is None or setting.entry.value == RESET else setting.entry.value

    def is_on(self, name: str, *, default: bool = False) -> bool:
        """Return whether a switch is `1`; `default` where it is unset, reset or empty."""
        text = self.text(name)
        return default if not text else text == "1"

    def values(self) -> dict[str, str]:
        """Return name to value without the resets."""
        return {name: found.value for name, found in self.settings.items() if not found.is_reset}

    def __iter__(self) -> Iterator[str]:
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)

    def __contains__(self, name: object) -> bool:
        return name in self.settings


def merge(
    common: CfgFile | None,
    mac: CfgFile | None,
    *,
    common_name: str = "common",
    mac_name: str = "mac",
    before: Effective | None = None,
) -> Effective:
    """Return what counts after the common file and then the MAC file; a missing or ignored file says nothing.

    With `before`, the settings that the phone has already: what neither file mentions stays as it is.
    """
    return apply_files(before or Effective(), [(common_name, common), (mac_name, mac)])


def apply_files(before: Effective, files: Iterable[tuple[str, CfgFile | None]]) -> Effective:
    """Return the settings after `files`, each with its name, were taken in this order on top of `before`."""
    settings = dict(before.settings)
    passwords = dict(before.user_passwords)
    for name, file in files:
        if file is None or file.is_ignored:
            continue
        for entry in file.entries:
            settings[entry.name] = Setting(entry, name)
        if USER_PASSWORD in settings:
            passwords.update(file.user_passwords())
    return Effective(settings, passwords)
