"""The site that an SBC stands in, made of its settings: groups, who belongs to them, and where their requests go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sipstub.sbc.classification import ClassificationRule
from sipstub.sbc.global_setting import Globals
from sipstub.sbc.group_authentication import RadiusServer, group_authentication, radius_servers
from sipstub.sbc.http_service import HttpService, push_servers, routing_server
from sipstub.sbc.ip_group import ForkingMode, GroupType, IpGroup
from sipstub.sbc.ip_profile import IpProfile
from sipstub.sbc.proxy_set import ProxySet, SiteProblem, proxy_address
from sipstub.sbc.routing import RoutingRule, Trigger
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.shared_line import SHARED_LINE, SharedLineRule
from sipstub.sbc.unclassified import ANY_SOCKET, unclassified_groups
from sipstub.transaction.sending import Hop

UNCLASSIFIED_STATUS = 500
"Classification Failure Response Type of the SIP Interface where nothing is said [unverified]."
TRANSPORTS = {-1: "UDP", 0: "UDP", 1: "TCP", 2: "TLS"}
METHODS: dict[int, frozenset[str]] = {
    0: frozenset(),
    1: frozenset({"INVITE"}),
    2: frozenset({"REGISTER"}),
    3: frozenset({"SUBSCRIBE"}),
    4: frozenset({"INVITE", "REGISTER"}),
    5: frozenset({"INVITE", "SUBSCRIBE"}),
    6: frozenset({"OPTIONS"}),
}
"RequestType of a route; nothing is everything."
TRIGGERS: dict[int, frozenset[Trigger]] = {
    0: frozenset(),
    1: frozenset({Trigger.REDIRECT}),
    2: frozenset({Trigger.REFER}),
    3: frozenset({Trigger.REDIRECT, Trigger.REFER}),
    4: frozenset({Trigger.INITIAL}),
}
TO_GROUP, TO_ADDRESS, TO_URI, TO_ROUTING_SERVER = 0, 1, 2, 8


@dataclass(frozen=True, slots=True)
class Site:
    """All of it; a reload swaps it whole."""

    groups: tuple[IpGroup, ...]
    routing: tuple[RoutingRule, ...]
    classification: tuple[ClassificationRule, ...] = ()
    settings: Globals = field(default_factory=Globals)
    unclassified_status: int = UNCLASSIFIED_STATUS
    "0 gives no answer at all."
    radius_servers: tuple[RadiusServer, ...] = ()
    "That check digests with SBCServerAuthMode 2, in their order."
    shared_lines: tuple[SharedLineRule, ...] = ()
    "What tells secondary numbers from primary ones."
    push_servers: Mapping[str, HttpService] = field(default_factory=dict)
    "By provider, in lower case."

    unclassified: Mapping[int, IpGroup | None] = field(default_factory=dict)
    "With AllowUnclassifiedCalls, by socket."

    def unclassified_group(self, source: Hop) -> IpGroup | None:
        """Return whose a request is that no rule knows."""
        found = self.unclassified
        return found.get(ANY_SOCKET if source.is_reliable else source.socket, found.get(ANY_SOCKET))

    @property
    def proxy_sets(self) -> tuple[ProxySet, ...]:
        """Return the Proxy Sets that groups name, each once."""
        return tuple({group.proxy_set.name: group.proxy_set for group in self.groups if group.proxy_set is not None}.values())


def site_of(settings: SbcSettings) -> Site:
    """Return the site; raises SiteProblem for what no B2BUA could act on."""
    found = Globals(settings)
    sockets = udp_sockets(settings)
    proxy_sets = {row.index: _proxy_set(settings, row, sockets) for row in settings.proxy_sets}
    groups = tuple(_group(settings, row, found, proxy_sets) for row in settings.ip_groups)
    by_index = {row.index: group for row, group in zip(settings.ip_groups, groups, strict=True)}

    def group_named(name: str) -> IpGroup | None:
        row = settings.row("IPGroup", name)
        return None if row is None else by_index[row.index]

    server = routing_server(settings)
    statuses = [row.number("ClassificationFailureResponseType") for row in settings.sip_interfaces]
    return Site(
        groups,
        tuple(
            _route(row, group_named(row.text("SrcIPGroupName")), group_named(row.text("DestIPGroupName")), server)
            for row in settings.routes
        ),
        tuple(
            _classification(
                row, group_named(row.text("SrcIPGroupName")), _socket(settings, row.text("SrcSIPInterfaceName"), sockets)
            )
            for row in settings.classifications
        ),
        found,
        statuses[0] if statuses else UNCLASSIFIED_STATUS,
        radius_servers(settings),
        tuple(
            _shared_line(row, group_named(row.text("SrcIPGroupName")))
            for row in settings.table("IPInboundManipulation")
            if row.number("ManipulationPurpose") == SHARED_LINE
        ),
        push_servers(settings),
        unclassified_groups(settings, by_index, sockets),
    )


def udp_sockets(settings: SbcSettings) -> dict[int, int]:
    """Return the number that hops give to the UDP socket of each SIP Interface, by index: they are counted as they are bound."""
    listening = [row.index for row in settings.sip_interfaces if row.number("UDPPort")]
    return {index: number for number, index in enumerate(listening, 1)}


def _socket(settings: SbcSettings, name: str, sockets: dict[int, int]) -> int:
    row = settings.row("SIPInterface", name)
    return 0 if row is None else sockets.get(row.index, 0)


def _proxy_set(settings: SbcSettings, row: Row, sockets: dict[int, int]) -> ProxySet:
    socket = _socket(settings, row.text("SBCIPv4SIPInterfaceName"), sockets)
    addresses = []
    for one in settings.proxy_ips:
        named = settings.row("ProxySet", one.text("ProxySetId"))
        if named is not None and named.index == row.index:
            hop = proxy_address(one.text("IpAddress"), TRANSPORTS[one.number("TransportType")])
            hop = hop if hop.is_reliable else hop._replace(socket=socket)
            addresses.append((one.number("Priority"), one.number("ProxyIpIndex"), hop))
    addresses.sort(key=lambda entry: entry[:2])
    pause = row.number("ProxyKeepAliveTime") if row.number("EnableProxyKeepAlive") else 0
    return ProxySet(row.name or str(row.index), tuple(hop for _, _, hop in addresses), pause)


def _group(settings: SbcSettings, row: Row, found: Globals, proxy_sets: dict[int, ProxySet]) -> IpGroup:
    proxies = settings.row("ProxySet", row.text("ProxySetName"))
    return IpGroup(
        row.name or str(row.index),
        GroupType.USER if row.number("Type") == 1 else GroupType.SERVER,
        IpProfile.of(settings.leg(row), found, is_proxy=_is_proxy(settings, row)),
        None if proxies is None else proxy_sets[proxies.index],
        sip_group_name=row.text("SIPGroupName"),
        local_host_name=row.text("LocalHostName"),
        source_host_name=row.text("SourceHostName"),
        keeps_call_id=row.number("SBCKeepOriginalCallID"),
        forking_mode=ForkingMode(row.number("EnableSBCClientForking")),
        is_classified_by_proxy_set=row.number("ClassifyByProxySet") == 1,
        max_users=row.number("MaxNumOfRegUsers"),
        authentication=group_authentication(settings, row),
    )


def _is_proxy(settings: SbcSettings, row: Row) -> bool:
    """Return the Operation Mode of a group: its own, or that of its SRD."""
    if row.number("SBCOperationMode") >= 0:
        return row.number("SBCOperationMode") == 1
    name = row.text("SRDName")
    srd = settings.row("SRD", name) if name else next(iter(settings.table("SRD")), None)
    return srd is not None and srd.number("SBCOperationMode") == 1


def _route(row: Row, source: IpGroup | None, destination: IpGroup | None, server: HttpService | None) -> RoutingRule:
    kind, hop = row.number("DestType"), None
    if kind == TO_ROUTING_SERVER and server is None:
        hint = "a row of HTTPRemoteServices with HTTPType routing and its URL in Path"
        raise SiteProblem(f"IP2IPRouting {row.index} asks a routing server, and there is none", hint=hint)
    if kind == TO_GROUP and destination is None:
        raise SiteProblem(f"IP2IPRouting {row.index} has no destination", hint="name an IP Group in DestIPGroupName")
    if kind == TO_ADDRESS:
        port = f":{row.number('DestPort')}" if row.number("DestPort") else ""
        hop = proxy_address(row.text("DestAddress") + port, TRANSPORTS[row.number("DestTransportType")])
    return RoutingRule(
        destination,
        address=hop,
        source=source,
        methods=METHODS[row.number("RequestType")],
        source_prefix=_prefix(row.text("SrcUsernamePrefix")),
        source_host=_prefix(row.text("SrcHost")),
        prefix=_prefix(row.text("DestUsernamePrefix")),
        host=_prefix(row.text("DestHost")),
        triggers=TRIGGERS[row.number("Trigger")],
        is_alternative=row.number("AltRouteOptions") != 0,
        ignores_inputs=row.number("AltRouteOptions") == 1,
        follows_uri=kind == TO_URI,
        service=server if kind == TO_ROUTING_SERVER else None,
    )


def _classification(row: Row, group: IpGroup | None, socket: int) -> ClassificationRule:
    transport = row.number("SrcTransportType")
    return ClassificationRule(
        group if row.number("ActionType") == 1 else None,
        address=row.text("SrcAddress"),
        transport="" if transport < 0 else TRANSPORTS[transport],
        socket=socket,
        source_prefix=_prefix(row.text("SrcUsernamePrefix")),
        source_host=_prefix(row.text("SrcHost")),
        prefix=_prefix(row.text("DestUsernamePrefix")),
        host=_prefix(row.text("DestHost")),
    )


def _shared_line(row: Row, group: IpGroup | None) -> SharedLineRule:
    return SharedLineRule(
        group,
        _prefix(row.text("SrcUsernamePrefix")),
        row.number("RemoveFromLeft"),
        row.number("RemoveFromRight"),
        row.text("Prefix2Add"),
        row.text("Suffix2Add"),
    )


def _prefix(pattern: str) -> str:
    """Return the beginning that a pattern wants; a star stands for any rest."""
    return pattern.rstrip("*")
