"""How packets pass through one end of a relay: what its side takes, and what is done to them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from sipstub.media.agreement import Address
from sipstub.media.g711 import LAWS


class Mediation(enum.IntEnum):
    """TranscodingMode."""

    MEDIATE = 0
    "New headers; transcoded where needed."
    FORCE = 1
    "As 0, and a DSP has its hands on every packet."
    FORWARD = 2
    "As they came where both sides have it."


class ControlMode(enum.IntEnum):
    """SBCRTCPMode."""

    TRANSPARENT = 0
    GENERATE = 1
    GENERATE_WHILE_ACTIVE = 2


@dataclass(frozen=True, slots=True)
class RelayTerms:
    """One media line of the last description of a side."""

    target: Address | None
    "Where it wants packets; None where it named no address that packets could go to."
    control: Address | None = None
    payloads: Mapping[int, str] = field(default_factory=dict)
    "What it takes: names with clock rate by its numbers, as `PCMU/8000`."
    is_rtp: bool = True
    "Else bytes pass as they are, as those of T.38 over UDPTL."
    is_secure: bool = False
    "SRTP between the two ends: nothing of it can be changed."

    @property
    def is_opaque(self) -> bool:
        """Return whether bytes pass as they are."""
        return self.is_secure or not self.is_rtp


@dataclass(frozen=True, slots=True)
class Passage:
    """What becomes of one payload type."""

    payload_type: int
    law: str = ""
    "G.711 that comes; empty where bytes stay as they are."
    into: str = ""

    @property
    def is_transcoded(self) -> bool:
        """Return whether payloads change."""
        return self.law != self.into


def passage(number: int, said: Mapping[int, str], taken: Mapping[int, str]) -> Passage | None:
    """Return how a packet goes to a side that takes `taken`, from one that was told `said`; None if it cannot.

    A number that both sides use for the same goes as it is; else the name decides, and G.711 of one law becomes the other one.
    """
    name = said.get(number)
    if not taken or (number in taken and name in (None, taken[number])):
        return Passage(number)
    if name is None:
        return None
    same = next((other for other, found in taken.items() if found == name), None)
    if same is not None:
        return Passage(same)
    law = name.partition("/")[0]
    if law not in LAWS:
        return None
    for other, found in taken.items():
        into = found.partition("/")[0]
        if into in LAWS:
            return Passage(other, law, into)
    return None
