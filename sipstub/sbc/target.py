"""Where a request goes: a group, a hop, and the Request-URI that it is asked for by there."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sbc.ip_group import IpGroup
from sipstub.sip.uri import Uri
from sipstub.transaction.sending import Hop


@dataclass(frozen=True, slots=True)
class Target:
    """One place to try."""

    group: IpGroup
    hop: Hop
    uri: Uri


Batch = tuple[Target, ...]
"Places that are tried at the same time; the next batch when all of them failed."
