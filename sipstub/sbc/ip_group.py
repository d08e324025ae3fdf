"""An IP Group: phones that register here (User), or a server that is known by the addresses of its Proxy Set (Server)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sipstub.sbc.group_authentication import END_TO_END, GroupAuthentication
from sipstub.sbc.ip_profile import IpProfile
from sipstub.sbc.proxy_set import ProxySet


class GroupType(enum.StrEnum):
    """Who is on that side."""

    USER = "user"
    SERVER = "server"


class ForkingMode(enum.IntEnum):
    """EnableSBCClientForking: how several contacts of one user are called."""

    SEQUENTIAL = 0
    PARALLEL = 1
    SEQUENTIAL_AVAILABLE = 2


@dataclass(frozen=True, slots=True)
class IpGroup:
    """One row."""

    name: str
    type: GroupType
    profile: IpProfile
    proxy_set: ProxySet | None = None
    sip_group_name: str = ""
    "Host of Request-URI and To towards it, where one is given."
    local_host_name: str = ""
    "Host of ours in Contact and Refer-To towards it, where one is given."
    source_host_name: str = ""
    "Host of From towards it, where one is given."
    keeps_call_id: int = -1
    "SBCKeepOriginalCallID; -1 is the global setting."
    forking_mode: ForkingMode = ForkingMode.SEQUENTIAL
    is_classified_by_proxy_set: bool = True
    max_users: int = -1
    "MaxNumOfRegUsers; -1 is no limit but that of the table."
    authentication: GroupAuthentication = END_TO_END

    @property
    def is_user(self) -> bool:
        """Return whether phones are there."""
        return self.type is GroupType.USER
