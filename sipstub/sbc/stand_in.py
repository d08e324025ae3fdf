"""The settings of a customer's SBC for a place where all addresses are ours: phones on one side, one registrar on the other.

What a phone feels is kept: globals, IP Profiles, coder groups and what IP Groups say of users.  What names the customer's network
is replaced: SIP Interfaces, Proxy Sets, Classification and routes; names of hosts and Media Realms are left out.  Each such
change is told.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sipstub.sbc.predict.sides import SideProblem, sides
from sipstub.sbc.settings.parameter import Value
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.vocabulary import the_vocabulary

PHONES, REGISTRAR, INNER = "phones", "registrar", "inner"
"What groups are called that the file does not have, and the SIP Interface towards the registrar."
USER, SERVER = 1, 0
SOME_ADDRESS = "127.0.0.1:5060"
"Of a registrar, where only the rules of both legs are asked for."
KEPT = ("MaxNumOfRegUsers", "EnableSBCClientForking", "SBCKeepOriginalCallID")
"Columns of an IP Group that stay as they are."
NAMES = ("SIPGroupName", "SourceHostName", "LocalHostName", "MediaRealm")
"Columns that name hosts or ports of the customer's network."
REPLACED = {
    "SIPInterface": "SIP Interface",
    "ProxySet": "Proxy Set",
    "ProxyIp": "proxy address",
    "Classification": "rule of Classification",
    "IP2IPRouting": "route",
    "CpMediaRealm": "Media Realm",
    "SRD": "SRD",
    "Account": "Account",
    "RadiusServers": "RADIUS server",
    "HTTPRemoteServices": "HTTP service",
    "PushNotificationServers": "push server",
}
"Tables whose rows are not taken along, with what people call one."


@dataclass(frozen=True, slots=True)
class StandIn:
    """The settings as they are used, and what was changed about them."""

    settings: SbcSettings
    phones: str
    "Name of the IP Group of the phones."
    far: str
    "Name of the IP Group behind which the registrar is."
    notes: tuple[str, ...] = ()


def stand_in(
    settings: SbcSettings,
    *,
    phones: str | None = None,
    far: str | None = None,
    registrar: str = SOME_ADDRESS,
    ports: Sequence[int] = (),
    inner_port: int = 0,
) -> StandIn:
    """Return settings by which an SBC stands between phones and the registrar at that address.

    `phones` and `far` name IP Groups, or IP Profiles where there are no groups.  `ports` are those of our UDP sockets for phones,
    in the order in which they are bound, `inner_port` that of the one towards the registrar, which comes after them.
    SideProblem where nobody can tell which settings are those of the phones.
    """
    one, two = _groups(settings, phones, far)
    profiles = [
        _profile(settings, one, phones, is_phones=True),
        _profile(settings, two, far, is_phones=False),
    ]
    if one is None and two is None and len(settings.ip_profiles) > 1 and not (phones and far):
        names = ", ".join(row.name or str(row.index) for row in settings.ip_profiles)
        hint = f"--phone-group and --far-group name two of {names}"
        raise SideProblem("there are IP Profiles and no IP Groups: which is that of the phones?", hint=hint)
    name = one.name or str(one.index) if one is not None else PHONES
    other = two.name or str(two.index) if two is not None else REGISTRAR
    has_survival = _has_survival(settings, one)
    notes = tuple(_notes(settings, one, two, profiles))
    statuses = [row.value("ClassificationFailureResponseType") for row in settings.sip_interfaces[:1]]
    is_direct = any(row.number("SBCDirectMedia") for row in settings.sip_interfaces)
    proxy = None if two is None else settings.row("ProxySet", two.text("ProxySetName"))
    for table in (*REPLACED, "IPGroup"):
        settings = settings.with_rows(the_vocabulary().table(table), ())
    interfaces = [(f"{PHONES}{number}", port) for number, port in enumerate(ports, 1)]
    for title, port in [*interfaces, (INNER, inner_port)] if inner_port else interfaces:
        columns: dict[str, Value] = {"UDPPort": port, "TCPPort": 0, "TLSPort": 0, "SBCDirectMedia": int(is_direct)}
        columns |= {"ClassificationFailureResponseType": statuses[0]} if statuses else {}
        settings = settings.with_row("SIPInterface", None, **columns, InterfaceName=title)
    kept = {} if proxy is None else {column: proxy.value(column) for column in ("EnableProxyKeepAlive", "ProxyKeepAliveTime")}
    facing: dict[str, Value] = {"SBCIPv4SIPInterfaceName": INNER} if inner_port else {}
    settings = settings.with_row("ProxySet", 0, ProxyName=REGISTRAR, **kept, **facing)
    settings = settings.with_row("ProxyIp", 0, ProxySetId=REGISTRAR, IpAddress=registrar, TransportType="udp")
    settings = settings.with_row("IPGroup", 0, Name=name, Type="user", ProfileName=profiles[0], **_kept(one))
    settings = settings.with_row("IPGroup", 1, Name=other, ProxySetName=REGISTRAR, ProfileName=profiles[1], **_kept(two))
    settings = settings.with_row("Classification", 0, ClassificationName=name, SrcIPGroupName=name)
    settings = settings.with_row("IP2IPRouting", 0, SrcIPGroupName=name, DestIPGroupName=other)
    if has_survival:
        settings = settings.with_row("IP2IPRouting", 1, SrcIPGroupName=name, DestIPGroupName=name, AltRouteOptions=1)
    settings = settings.with_row("IP2IPRouting", 2, SrcIPGroupName=other, DestIPGroupName=name)
    return StandIn(settings, name, other, notes)


def _groups(settings: SbcSettings, phones: str | None, far: str | None) -> tuple[Row | None, Row | None]:
    """Return the rows of both IP Groups, as far as there are any; SideProblem for a group of the wrong type."""
    if not settings.ip_groups:
        return None, None
    one, two = sides(settings, phones, far)
    if one is not None and one.number("Type") != USER:
        raise SideProblem(
            f"IP Group {one.name} is of type Server, and phones register", hint="--phone-group names one of type User"
        )
    if two is not None and two.number("Type") == USER:
        raise SideProblem(f"IP Group {two.name} is of type User, and no registrar", hint="--far-group names one of type Server")
    return one, two


def _profile(settings: SbcSettings, group: Row | None, name: str | None, *, is_phones: bool) -> str:
    """Return the name of the IP Profile of a side; empty for the globals.

    Without groups a profile that is named counts, else the only one is that of the phones.
    """
    if group is not None or settings.ip_groups:
        return "" if group is None else group.text("ProfileName")
    if name is None:
        only = settings.ip_profiles[0] if is_phones and len(settings.ip_profiles) == 1 else None
        return "" if only is None else only.name or str(only.index)
    if settings.row("IpProfile", name) is None:
        names = ", ".join(row.name or str(row.index) for row in settings.ip_profiles)
        raise SideProblem(f"there is no IP Group and no IP Profile {name!r}", hint=f"the file has {names or 'none'}")
    return name


def _kept(group: Row | None) -> dict[str, Value]:
    return {} if group is None else {column: group.value(column) for column in KEPT if column in group.given}


def _has_survival(settings: SbcSettings, phones: Row | None) -> bool:
    """Return whether an alternative route of the file leads from the phones back to the phones."""
    if phones is None:
        return False
    for route in settings.routes:
        source, target = route.text("SrcIPGroupName"), settings.row("IPGroup", route.text("DestIPGroupName"))
        is_theirs = not source or settings.row("IPGroup", source) == phones
        if route.number("AltRouteOptions") and is_theirs and target == phones:
            return True
    return False


def _notes(settings: SbcSettings, one: Row | None, two: Row | None, profiles: Sequence[str]) -> Iterator[str]:
    """Give what a person should know of the difference between the file and what is used."""
    for side, group, profile in ((PHONES, one, profiles[0]), (REGISTRAR, two, profiles[1])):
        what = f"IP Profile {profile}" if profile else "the globals"
        yield f"{side}: IP Group {group.name or group.index}, {what}" if group is not None else f"{side}: {what}"
    counts = {word: len(settings.table(table)) for table, word in REPLACED.items()}
    counts["IP Group"] = len([group for group in settings.ip_groups if group not in (one, two)])
    told = [
        f"{count} {word}{'s' if count != 1 and not word.startswith('rule') else ''}" for word, count in counts.items() if count
    ]
    if told:
        yield f"not taken along, the addresses here are ours: {', '.join(told)}"
    for group in (one, two):
        named = [] if group is None else [column for column in NAMES if group.text(column)]
        if group is not None and named:
            yield f"IP Group {group.name or group.index}: without {', '.join(named)}, which is of the customer's network"
        if group is not None and group.number("AuthenticationMode"):
            yield (
                f"IP Group {group.name or group.index}: AuthenticationMode {group.number('AuthenticationMode')} counts as 0: "
                "the registrar here asks each phone for its own password"
            )
    if not settings.number("EnableSBCApplication"):
        yield "EnableSBCApplication is 0: no phone can register"
