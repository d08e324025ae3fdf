"""What the accounts of one phone share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sipstub.media.place import NO_MEDIA, MediaPlace
from sipstub.phone.agent.alarm import Alarms
from sipstub.phone.agent.conduct import Conduct
from sipstub.phone.agent.event import PhoneEvent
from sipstub.phone.agent.identifier import Identifiers
from sipstub.phone.agent.place import Names, Place
from sipstub.phone.identity import PhoneIdentity

LINE_DIGITS = 15
"Of the `line=` parameter."


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who the phone is, where it is, how it behaves, and whom it tells."""

    identity: PhoneIdentity
    place: Place
    names: Names
    conduct: Conduct
    identifiers: Identifiers
    alarms: Alarms
    tell: Callable[[PhoneEvent], None]
    media: MediaPlace = NO_MEDIA
    "Where its calls get their ports."
