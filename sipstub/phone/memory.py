"""What a phone keeps between two passes: the hash of each file and its settings.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sipstub.phone.format.effective import Effective


@dataclass(frozen=True, slots=True)
class PhoneMemory:
    """The flash of one phone; a new one is a phone in factory state."""

    md5s: Mapping[str, str] = field(default_factory=dict)
    "File name to hash, of the files of the last complete pass."

    effective: Effective = field(default_factory=Effective)
    "The settings in force.  What no file mentions any more stays until `%NULL%` takes it back."
