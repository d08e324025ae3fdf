"""The settings that media feel, looked up once: global ones, and one profile for each IP Group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sipstub.media.port import PortProblem, PortRange
from sipstub.media.relay_terms import ControlMode, Mediation
from sipstub.sbc.proxy_set import SiteProblem
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import udp_sockets
from sipstub.transaction.sending import Hop

DEVICE_NAMES = {"G711ALAW64K": "PCMA", "G711ALAW": "PCMA", "G711ULAW64K": "PCMU", "G711ULAW": "PCMU", "G711MULAW": "PCMU"}
"Coders whose names in settings are not those of descriptions, in capitals."


@dataclass(frozen=True, slots=True)
class MediaProfile:
    """What holds on the legs of one IP Group."""

    mediation: Mediation = Mediation.MEDIATE
    control_mode: ControlMode = ControlMode.TRANSPARENT
    fax: int = 0
    "SBCRemoteRenegotiateOnFaxDetection."
    extensions: tuple[str, ...] = ()
    "Coders that are added to offers, in capitals, in their order."
    allowed: tuple[str, ...] = ()
    "The only coders that are offered, in capitals, in their order; none: all."
    ports: PortRange | None = None
    "Of its Media Realm; None where it has none."

    @classmethod
    def of(cls, settings: SbcSettings, group: Row) -> MediaProfile:
        """Return the profile of an IP Group; raises SiteProblem for a realm without a pair of ports."""
        row = settings.leg(group)
        return cls(
            Mediation(row.number("TranscodingMode")),
            ControlMode(row.number("SBCRTCPMode")),
            row.number("SBCRemoteRenegotiateOnFaxDetection"),
            _coders(settings, "AudioCodersGroups", row.text("SBCExtensionCodersGroupName"), "AudioCoders"),
            _coders(settings, "AllowedAudioCodersGroups", row.text("SBCAllowedAudioCodersGroupName"), "AllowedAudioCoders"),
            _ports(settings, group.text("MediaRealm")),
        )


NO_PROFILE = MediaProfile()


@dataclass(frozen=True, slots=True)
class MediaRules:
    """All of them."""

    is_direct: bool = False
    "SBCDirectMedia."
    direct_sockets: frozenset[int] = frozenset()
    "Numbers, in hops, of the UDP sockets of SIP Interfaces with direct media."
    keeps_order: bool = False
    "SBCEnforceMediaOrder."
    mixes_extensions: bool = False
    "SBCPreferencesMode."
    reserves_at_offer: bool = True
    "ReserveDSPOnSDPOffer."
    fax_window_s: int = 10
    "SBCFaxDetectionTimeout."
    has_msrp: bool = False
    "EnableMSRP."
    connects_without_tone: bool = False
    "PlayToneOnConnectFailureBehavior."
    profiles: Mapping[str, MediaProfile] = field(default_factory=dict)
    "By name of the IP Group."

    @classmethod
    def of(cls, settings: SbcSettings) -> MediaRules:
        """Return the rules; raises SiteProblem for what nothing could be relayed by."""
        interfaces = settings.sip_interfaces
        direct = [row.index for row in interfaces if row.number("SBCDirectMedia")]
        sockets = udp_sockets(settings)
        number = settings.number
        return cls(
            number("SBCDirectMedia") == 1 or (bool(direct) and len(direct) == len(interfaces)),
            frozenset(sockets[index] for index in direct if index in sockets),
            number("SBCEnforceMediaOrder") == 1,
            number("SBCPreferencesMode") == 1,
            number("ReserveDSPOnSDPOffer") == 1,
            number("SBCFaxDetectionTimeout"),
            number("EnableMSRP") == 1,
            number("PlayToneOnConnectFailureBehavior") == 1,
            {row.name or str(row.index): MediaProfile.of(settings, row) for row in settings.ip_groups},
        )

    def profile(self, group: str) -> MediaProfile:
        """Return the profile of an IP Group."""
        return self.profiles.get(group, NO_PROFILE)

    def passes_by(self, one: Hop, other: Hop) -> bool:
        """Return whether media go from side to side: where the global says so, or the SIP Interfaces of both sides [choice]."""
        return self.is_direct or (self._is_direct(one) and self._is_direct(other))

    def _is_direct(self, hop: Hop) -> bool:
        return not hop.is_reliable and hop.socket in self.direct_sockets


def _coders(settings: SbcSettings, groups: str, name: str, table: str) -> tuple[str, ...]:
    """Return the names of a list, none where no list is named."""
    wanted = settings.row(groups, name)
    if wanted is None:
        return ()
    of, coder = ("AudioCodersGroupId", "Name") if table == "AudioCoders" else ("AllowedAudioCodersGroupName", "CoderID")
    found = []
    for row in settings.table(table):
        owner = settings.row(groups, row.text(of))
        if owner is not None and owner.index == wanted.index:
            found.append(_name(row.text(coder)))
    return tuple(found)


def _name(text: str) -> str:
    """Return a coder as descriptions call it; a device writes G.711 in words of its own too."""
    name = text.upper()
    return DEVICE_NAMES.get(name, name)


def _ports(settings: SbcSettings, realm: str) -> PortRange | None:
    row = settings.row("CpMediaRealm", realm)
    if row is None:
        return None
    try:
        return PortRange.parse(f"{row.number('PortRangeStart')}-{row.number('PortRangeEnd')}")
    except PortProblem as problem:
        raise SiteProblem(f"media realm {realm}: {problem.message}") from None
