"""The SBC of a benchmark between one SIPp that calls and one that is called."""

from __future__ import annotations

_SITE = """
[settings]
{setting} = {value}
[[ProxySet]]
ProxyName = "callers"
[[ProxyIp]]
ProxySetId = "callers"
IpAddress = "127.0.0.1:{caller}"
[[ProxySet]]
ProxyName = "callees"
[[ProxyIp]]
ProxySetId = "callees"
IpAddress = "127.0.0.1:{callee}"
[[IPGroup]]
Name = "callers"
ProxySetName = "callers"
[[IPGroup]]
Name = "callees"
ProxySetName = "callees"
[[IP2IPRouting]]
SrcIPGroupName = "callers"
DestIPGroupName = "callees"
[[IP2IPRouting]]
SrcIPGroupName = "callees"
DestIPGroupName = "callers"
"""


def two_sides(caller: int, callee: int, setting: str, value: int) -> str:
    """Return the settings of an SBC between these two UDP ports of loopback, with one setting of its own."""
    return _SITE.format(caller=caller, callee=callee, setting=setting, value=value)
