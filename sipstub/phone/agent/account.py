"""One account as its file describes it.  Names that V80 took over from V7x (`sip_server_host`, `outbound_host`) are not read.

Numbers are as in the file, within what makes sense on the wire; what a file leaves out is in `factory.py`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from sipstub.phone.agent.factory import CODEC_PAYLOADS, FACTORY_ORDER, factory_slots
from sipstub.phone.agent.key import watched_numbers
from sipstub.phone.agent.setting import Reader
from sipstub.phone.format.effective import Effective

MAX_ACCOUNTS = 16
MAX_SERVERS = 2
MAX_PROXIES = 2
MAX_CODEC_SLOTS = 16
SHORTEST_RETRY_S = 1
"`reg_fail_retry_interval = 0` would be a flood."
SHORTEST_PROBE_S = 10
SHORTEST_FAILBACK_S = 60
LAST = 1_000
"Where priority 0 stands."

RFC_4916 = "2"
"Of cp_source."
TRANSPORTS = {"0": "UDP", "1": "TCP", "2": "TLS", "3": "UDP"}
"3 asks DNS, which the virtual phone does not; it takes UDP then."


class KeepAliveKind(enum.StrEnum):
    """What holds the way through a NAT open."""

    OFF = "0"
    DATAGRAM = "1"
    OPTIONS = "2"
    NOTIFY = "3"


class Failback(enum.StrEnum):
    """When a phone goes back to the first address of its server."""

    NEW_REQUEST = "0"
    DNS_TTL = "1"
    REGISTRATION = "2"
    DURATION = "3"


@dataclass(frozen=True, slots=True)
class Server:
    """A registrar."""

    number: int
    host: str
    port: int
    "0 leaves it to DNS; then it is not written."
    transport: str
    "UDP, TCP or TLS."
    expires_s: int
    tries: int
    "Before the next server is asked; at least one."
    failback: Failback
    failback_s: int
    is_registered_first: bool
    "Whether nothing else is asked of a second server before a REGISTER."


@dataclass(frozen=True, slots=True)
class Proxy:
    """An outbound proxy."""

    number: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class CodecSlot:
    """One slot of the codec list."""

    slot: int
    name: str
    "As the file writes it: `G722`."
    payload: int
    priority: int
    "1 is the best; 0 counts as the last."
    is_enabled: bool

    @property
    def sdp_name(self) -> str:
        """Return the name in SDP: both rates of G.723 are one there."""
        return "G723" if self.name.startswith("G723") else self.name


@dataclass(frozen=True, slots=True)
class Account:
    """What one account is told."""

    number: int
    is_enabled: bool
    user: str
    auth_name: str
    "For the digest; the user where it is blank."
    password: str = field(repr=False)
    display_name: str
    servers: tuple[Server, ...]
    proxies: tuple[Proxy, ...]
    "None unless they are switched on."
    proxy_probe_s: int
    is_successive: bool
    "Whether the second server is asked only when the first has failed."
    probe_s: int
    "Spacing of the tries to get back to the first server."
    retry_s: int
    t1_s: float
    t2_s: float
    t4_s: float
    listen_port: int
    tls_listen_port: int
    clears_first: bool
    "unregister_on_reboot"
    has_mac_header: bool
    line_header: str
    "Value of `Line`, empty for none."
    proxy_require: str
    is_compact: bool
    has_rport: bool
    stun_server: str
    "Empty if STUN is off."
    stun_port: int
    keepalive: KeepAliveKind
    keepalive_s: int
    subscribes_reg: bool
    subscribes_mwi: bool
    mwi_expires_s: int
    mwi_user: str
    "Whose mailbox: the user, or the voicemail number."
    watched: tuple[str, ...]
    "Numbers behind its busy-lamp keys."
    watch_package: str
    "Event of those subscriptions."
    watch_expires_s: int
    has_user_phone: bool
    is_anonymous: bool
    shows_changes: bool
    "Whether the callee is shown by RFC 4916."
    has_100rel: bool
    session_expires_s: int
    "0 if RFC 4028 is off."
    refresher: str
    "uac: the phone; uas: the peer."
    codecs: tuple[CodecSlot, ...]
    "All slots in their order."
    ptime_ms: int
    "0 for none in the offer."
    dtmf_type: str
    dtmf_payload: int
    dtmf_info: str
    srtp: str
    "0 off, 1 optional, 2 compulsory."
    rtp_port: int
    "The first port of media."
    is_auto_answered: bool
    auto_answer_s: int
    escapes_pound: bool

    @property
    def can_register(self) -> bool:
        """Return whether there is anything to register and somebody to register at."""
        return self.is_enabled and bool(self.user) and bool(self.servers)

    @property
    def offered(self) -> tuple[CodecSlot, ...]:
        """Return what is offered, best first; a payload type stands once."""
        found: dict[int, CodecSlot] = {}
        for slot in sorted(self.codecs, key=lambda slot: (slot.priority or LAST, slot.slot)):
            if slot.is_enabled:
                found.setdefault(slot.payload, slot)
        return tuple(found.values())

    @property
    def has_telephone_event(self) -> bool:
        """Return whether digits may travel as RTP events."""
        return self.dtmf_type in ("1", "3")


def read_accounts(settings: Effective, *, codec_slots: int = 0) -> tuple[Account, ...]:
    """Return all accounts that the settings speak of, switched off ones too."""
    names = {name.split(".")[1] for name in settings if name.startswith("account.")}
    numbers = sorted(int(name) for name in names if name.isascii() and name.isdigit() and 1 <= int(name) <= MAX_ACCOUNTS)
    return tuple(_account(Reader(settings), number, codec_slots) for number in numbers)


def _account(read: Reader, number: int, codec_slots: int) -> Account:
    at = f"account.{number}."
    user = read.text(at + "user_name")
    to_voicemail = read.is_on(at + "subscribe_mwi_to_vm")
    stun = read.text(at + "nat.stun_server") or read.text("sip.nat_stun.server")
    info = read.text(at + "dtmf.info_type")
    return Account(
        number=number,
        is_enabled=read.is_on(at + "enable"),
        user=user,
        auth_name=read.text(at + "auth_name") or user,
        password=read.text(at + "password"),
        display_name=read.text(at + "display_name"),
        servers=tuple(_servers(read, at)),
        proxies=tuple(_proxies(read, at)) if read.is_on(at + "outbound_proxy_enable") else (),
        proxy_probe_s=read.number(at + "outbound_proxy_fallback_interval", SHORTEST_PROBE_S),
        is_successive=read.is_on(at + "fallback.redundancy_type"),
        probe_s=read.number(at + "fallback.timeout", SHORTEST_PROBE_S),
        retry_s=read.number(at + "reg_fail_retry_interval", SHORTEST_RETRY_S),
        t1_s=read.seconds(at + "advanced.timer_t1"),
        t2_s=read.seconds(at + "advanced.timer_t2"),
        t4_s=read.seconds(at + "advanced.timer_t4"),
        listen_port=read.number(at + "sip_listen_port") or read.number("sip.listen_port"),
        tls_listen_port=read.number("sip.tls_listen_port"),
        clears_first=read.is_on(at + "unregister_on_reboot"),
        has_mac_header=read.is_on(at + "register_mac"),
        line_header=str(number - 1) if read.is_on(at + "register_line") else "",
        proxy_require=read.text(at + "proxy_require"),
        is_compact=read.is_on(at + "compact_header_enable"),
        has_rport=read.is_on(at + "nat.rport"),
        stun_server=stun if read.is_on(at + "nat.nat_traversal") else "",
        stun_port=read.number(at + "nat.stun_port") or read.number("sip.nat_stun.port"),
        keepalive=_word(KeepAliveKind, read.text(at + "nat.udp_update_enable"), KeepAliveKind.DATAGRAM),
        keepalive_s=read.number(at + "nat.udp_update_time", 1),
        subscribes_reg=read.is_on(at + "subscribe_register"),
        subscribes_mwi=read.is_on(at + "subscribe_mwi"),
        mwi_expires_s=read.number(at + "subscribe_mwi_expires"),
        mwi_user=(read.text(f"voice_mail.number.{number}") if to_voicemail else "") or user,
        watched=watched_numbers(read.settings, number),
        watch_package="presence" if read.text(at + "blf.subscribe_event") == "1" else "dialog",
        watch_expires_s=read.number(at + "blf.subscribe_period"),
        is_anonymous=read.is_on(at + "anonymous_call"),
        shows_changes=read.text(at + "cp_source") == RFC_4916,
        has_user_phone=read.is_on(at + "enable_user_equal_phone"),
        has_100rel=read.is_on(at + "100rel_enable"),
        session_expires_s=read.number(at + "session_timer.expires", 1) if read.is_on(at + "session_timer.enable") else 0,
        refresher="uas" if read.text(at + "session_timer.refresher") == "1" else "uac",
        codecs=tuple(_codecs(read, at, codec_slots)),
        ptime_ms=read.number(at + "ptime"),
        dtmf_type=read.text(at + "dtmf.type"),
        dtmf_payload=read.number(at + "dtmf.dtmf_payload"),
        dtmf_info=info if info in ("1", "2", "3") else "1",
        srtp=read.text(at + "srtp_encryption"),
        rtp_port=read.number("network.port.min_rtpport", 1024),
        is_auto_answered=read.is_on(at + "auto_answer"),
        auto_answer_s=read.number("features.auto_answer_delay"),
        escapes_pound=read.is_on("sip.use_23_as_pound"),
    )


def _word(kind: type[KeepAliveKind], text: str, missing: KeepAliveKind) -> KeepAliveKind:
    return kind(text) if text in set(kind) else missing


def _servers(read: Reader, at: str) -> list[Server]:
    found = []
    for number in range(1, MAX_SERVERS + 1):
        name = f"{at}sip_server.{number}."
        host = read.text(name + "address")
        if not host:
            continue
        mode = read.text(name + "failback_mode")
        wait = read.number(name + "failback_timeout")
        found.append(
            Server(
                number=number,
                host=host,
                port=read.number(name + "port"),
                transport=TRANSPORTS.get(read.text(name + "transport_type"), "UDP"),
                expires_s=read.number(name + "expires"),
                tries=read.number(name + "retry_counts", 1),
                failback=Failback(mode) if mode in set(Failback) else Failback.NEW_REQUEST,
                failback_s=max(wait, SHORTEST_FAILBACK_S) if wait else 0,
                is_registered_first=read.is_on(name + "register_on_enable"),
            )
        )
    return found


def _proxies(read: Reader, at: str) -> list[Proxy]:
    numbers = range(1, MAX_PROXIES + 1)
    named = [(number, f"{at}outbound_proxy.{number}.") for number in numbers]
    return [Proxy(number, host, read.number(name + "port")) for number, name in named if (host := read.text(name + "address"))]


def _codecs(read: Reader, at: str, codec_slots: int) -> list[CodecSlot]:
    factory = factory_slots(codec_slots)
    found = []
    for slot in range(1, (codec_slots or MAX_CODEC_SLOTS) + 1):
        name = f"{at}codec.{slot}."
        usual = factory[slot - 1] if slot <= len(factory) else ""
        codec = read.text(name + "payload_type") or usual
        if codec not in CODEC_PAYLOADS:
            continue
        usual_priority = FACTORY_ORDER.index(usual) + 1 if usual in FACTORY_ORDER else 0
        stated = read.text(name + "enable")
        payload = read.text(name + "rtpmap")
        priority = read.text(name + "priority")
        found.append(
            CodecSlot(
                slot=slot,
                name=codec,
                payload=int(payload) if payload.isascii() and payload.isdigit() else int(CODEC_PAYLOADS[codec]),
                priority=int(priority) if priority.isascii() and priority.isdigit() else usual_priority,
                is_enabled=stated == "1" if stated else usual in FACTORY_ORDER,
            )
        )
    return found
