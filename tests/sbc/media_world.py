"""Calls through an SBC that media pass through, in simulated time: its ports are a ledger, and what they send is kept."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from msrp_lab import ListLink, ListPort
from sbc_world import Peer, World

from sipstub.dialog.dialog import dialog_of_client, dialog_of_server
from sipstub.media.agreement import Address
from sipstub.media.connect_tone import ConnectTone
from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.port import PortRange
from sipstub.media.relay_end import RelayEnd
from sipstub.sbc.media.anchored import AnchoredMedia
from sipstub.sbc.media.dsp import DspPool
from sipstub.sbc.media.rules import MediaRules
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of
from sipstub.sip.sdp import Sdp

FIRST_PORT = 6000
OURS = "SHA-256 " + ":".join(["0A"] * 32)
"The fingerprint of a certificate of the SBC."
HEADER = struct.Struct("!BBHII")


class LedgerListener(ListPort):
    """A port for TCP of no socket."""

    def __init__(self, ledger: Ledger, host: str, port: int, fingerprint: str) -> None:
        super().__init__(host, port, fingerprint)
        self._ledger = ledger

    def close(self) -> None:
        super().close()
        self._ledger.taken.discard(self.port)


class LedgerPort:
    """A port of no socket."""

    def __init__(self, ledger: Ledger, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.sent: list[tuple[bytes, Address]] = []
        self.control_sent: list[tuple[bytes, Address]] = []
        self._ledger = ledger

    def send(self, data: bytes, address: Address) -> bool:
        self.sent.append((data, address))
        return True

    def send_control(self, data: bytes, address: Address) -> bool:
        self.control_sent.append((data, address))
        return True

    def close(self) -> None:
        self._ledger.taken.discard(self.port)


class Ledger:
    """A place of ports that knows which are taken."""

    def __init__(self, limit: int = 64) -> None:
        self.taken: set[int] = set()
        self.ends: dict[int, RelayEnd] = {}
        self.streams: dict[int, MsrpEnd] = {}
        self.ranges: list[PortRange | None] = []
        self._limit = limit
        self._next = FIRST_PORT

    def open(self, near: str, own: str = "", ports: PortRange | None = None) -> RelayEnd | None:
        self.ranges.append(ports)
        if len(self.taken) >= self._limit:
            return None
        port = self._next if ports is None else ports.low
        self._next += 2
        self.taken.add(port)
        end = RelayEnd(LedgerPort(self, own, port), ssrc=port, sequence=100, timestamp=1000)
        self.ends[port] = end
        return end

    def open_stream(self, near: str, own: str = "", ports: PortRange | None = None, *, is_secure: bool = False) -> MsrpEnd | None:
        self.ranges.append(ports)
        if len(self.taken) >= self._limit:
            return None
        port = self._next if ports is None else ports.low
        self._next += 2
        self.taken.add(port)
        self.streams[port] = MsrpEnd(LedgerListener(self, own, port, OURS if is_secure else ""), f"session{port}")
        return self.streams[port]

    def opened(self, port: int, now: float = 0.0) -> list[tuple[Address, ListLink]]:
        """Return the connections that an end of MSRP opened, now that it had time for it."""
        self.streams[port].on_timer(now)
        return list(self.streams[port].port.opened)  # type: ignore[attr-defined]

    def play(self, end: RelayEnd) -> None:
        """Have the first 20 ms of a tone go out."""
        end.on_tone(0.0)

    def sent(self, port: int) -> list[tuple[bytes, Address]]:
        """Return what left a port, and forget it."""
        found = self.ends[port].port.sent  # type: ignore[attr-defined]
        found, self.ends[port].port.sent = list(found), []  # type: ignore[attr-defined]
        return list(found)

    def control_sent(self, port: int) -> list[tuple[bytes, Address]]:
        found = self.ends[port].port.control_sent  # type: ignore[attr-defined]
        found, self.ends[port].port.control_sent = list(found), []  # type: ignore[attr-defined]
        return list(found)


class MediaWorld(World):
    """The SBC with peers a (10.0.1.1), b (10.0.2.1) and c (10.0.3.1); what a calls goes to b, numbers with 3 to c."""

    def __init__(self, settings: SbcSettings, *, limit: int = 64, dsps: int = 4, tone: ConnectTone | None = None) -> None:
        super().__init__(site_of(settings))
        self.ledger = Ledger(limit)
        self.media = AnchoredMedia(MediaRules.of(settings), self.ledger, dsps=DspPool(dsps), tone=tone)
        self.media.serve(self.flush, lambda: self.now)
        self.sbc.media = self.media
        self.a, self.b, self.c = (self.peer(name, f"10.0.{number}.1") for number, name in enumerate("abc", 1))

    def assert_media_is_free(self) -> None:
        """Fail if a port, a DSP or a session is still held."""
        self.assert_both_legs_are_free()
        assert not self.ledger.taken, self.ledger.taken
        assert self.media.dsps.taken == 0
        assert not self.media.sessions
        assert not any(end.links for end in self.ledger.streams.values())


@contextmanager
def a_media_world(
    values: Mapping[str, int | str] | None = None,
    a: Mapping[str, int | str] | None = None,
    b: Mapping[str, int | str] | None = None,
    *,
    c: Mapping[str, int | str] | None = None,
    more: Mapping[str, int | str] | None = None,
    coders: Mapping[str, tuple[str, ...]] | None = None,
    allowed: Mapping[str, tuple[str, ...]] | None = None,
    limit: int = 64,
    dsps: int = 4,
    tone: ConnectTone | None = None,
) -> Iterator[MediaWorld]:
    """Yield a world with profiles of all three, `more` columns of their groups and lists of coders; at its end all is free."""
    settings = SbcSettings()
    for name, value in (values or {}).items():
        settings = settings.with_value(name, value)
    for number, (name, profile) in enumerate({"a": a, "b": b, "c": c}.items(), 1):
        settings = settings.with_row("IpProfile", ProfileName=name, **(profile or {})).with_row("ProxySet", ProxyName=name)
        settings = settings.with_row("ProxyIp", ProxySetId=name, IpAddress=f"10.0.{number}.1:5060")
        settings = settings.with_row("IPGroup", Name=name, ProfileName=name, ProxySetName=name, **(more or {}))
    settings = settings.with_row("IP2IPRouting", DestUsernamePrefix="3*", DestIPGroupName="c")
    settings = settings.with_row("IP2IPRouting", SrcIPGroupName="a", DestIPGroupName="b")
    settings = settings.with_row("IP2IPRouting", DestIPGroupName="a")
    for name, names in (coders or {}).items():
        settings = settings.with_row("AudioCodersGroups", Name=name)
        for coder in names:
            settings = settings.with_row("AudioCoders", AudioCodersGroupId=name, Name=coder)
    for name, names in (allowed or {}).items():
        settings = settings.with_row("AllowedAudioCodersGroups", Name=name)
        for coder in names:
            settings = settings.with_row("AllowedAudioCoders", AllowedAudioCodersGroupName=name, CoderID=coder)
    world = MediaWorld(settings, limit=limit, dsps=dsps, tone=tone)
    yield world
    world.assert_media_is_free()


def sdp(host: str, port: int, formats: str = "8", *lines: str, kind: str = "audio", protocol: str = "RTP/AVP") -> bytes:
    """Return a description of one line."""
    head = f"v=0\r\no=me 7 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm={kind} {port} {protocol} {formats}\r\n"
    return (head + "".join(f"a={line}\r\n" for line in lines)).encode()


def line_of(body: bytes, place: int = 0) -> tuple[str | None, int, tuple[str, ...]]:
    """Return address, port and formats of one line."""
    found = Sdp.parse(body)
    return found.address_of(found.media[place]), found.media[place].port, found.media[place].formats


def rtp(
    payload_type: int = 8, sequence: int = 5, timestamp: int = 800, ssrc: int = 0xAAAA, payload: bytes = b"\xd5" * 160
) -> bytes:
    """Return a packet."""
    return HEADER.pack(0x80, payload_type, sequence, timestamp, ssrc) + payload


def read(data: bytes) -> tuple[int, int, int, int]:
    """Return payload type, sequence number, timestamp and SSRC."""
    _, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    return second & 0x7F, sequence, timestamp, ssrc


class Talk:
    """A call from a to b that is up, with the ports that each was told."""

    def __init__(
        self, world: MediaWorld, offer: bytes, answer: bytes, *, to: str = "sip:200@corp.example", callee: Peer | None = None
    ) -> None:
        self.world = world
        self.callee = callee or world.b
        invite = world.a.ask("INVITE", to, body=offer)
        self.arrived = self.callee.request("INVITE")
        accepted = self.callee.answer(self.arrived, 200, body=answer)
        self.ok = world.a.response(200)
        ours = dialog_of_client(invite, self.ok)
        assert ours is not None
        self.ours = ours
        world.a.send(ours, "ACK")
        self.callee.request("ACK")
        self.theirs = dialog_of_server(self.arrived, accepted.to.tag or "", is_accepted=True)
        self.at_b, self.at_a = line_of(self.arrived.body)[1], line_of(self.ok.body)[1]

    def from_a(self, data: bytes, source: Address = ("10.0.1.1", 4000), at: float = 0.0) -> list[tuple[bytes, Address]]:
        """Have a packet of a come; return what b gets."""
        self.world.ledger.ends[self.at_a].receive(data, source, at)
        return self.world.ledger.sent(self.at_b)

    def from_b(self, data: bytes, source: Address = ("10.0.2.1", 5000), at: float = 0.0) -> list[tuple[bytes, Address]]:
        """Have a packet of b come; return what a gets."""
        self.world.ledger.ends[self.at_b].receive(data, source, at)
        return self.world.ledger.sent(self.at_a)

    def end(self) -> None:
        """Hang up."""
        self.world.a.send(self.ours, "BYE")
        self.world.a.response(200)
        self.callee.answer(self.callee.request("BYE"), 200)
