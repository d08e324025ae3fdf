"""One leg of a call or subscription: a user agent with its own dialog, towards one IP Group over one hop."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from sipstub.core.places import Places
from sipstub.dialog.dialog import MAX_FORWARDS, Dialog
from sipstub.dialog.negotiation import Negotiation
from sipstub.dialog.reliable import ReliableOrder
from sipstub.dialog.repeater import Repeater
from sipstub.sbc import representation
from sipstub.sbc.carrying import AGENT_NAME
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.leg_session import LegSession
from sipstub.sbc.reliable_side import ReliableSide
from sipstub.sip.answer import answer
from sipstub.sip.headers import Field
from sipstub.sip.host import host_key
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.uri import SipUri, Uri
from sipstub.sip.via import Via
from sipstub.transaction.machine import ServerTransaction
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.sbc.media.side import MediaSide
    from sipstub.sbc.relay import Relay

_ADDRESS = re.compile(r"[0-9.]+\Z|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\Z")
SDP = "application/sdp"
TIMED = frozenset({"ACK", "INVITE", "UPDATE"})
"Requests whose words about session timers are written by who makes them, or that say nothing of them."
CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
ALLOW = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS, MESSAGE, NOTIFY, REFER, SUBSCRIBE, REGISTER"


class Unacked(NamedTuple):
    """A 2xx to INVITE that went out on this leg and has no ACK yet."""

    transaction: ServerTransaction
    response: Response
    repeater: Repeater
    cseq: int
    other: Leg | None
    "The leg whose 2xx it was, which gets its ACK when this one has come; None for a 2xx of ours."
    other_cseq: int


class Leg:
    """One side."""

    agent = AGENT_NAME
    allow = ALLOW

    __slots__ = (
        "acks",
        "contact",
        "description",
        "dialog",
        "group",
        "has_own_offer",
        "heard_description",
        "hop",
        "is_caller",
        "is_closed",
        "is_confirmed",
        "negotiation",
        "order",
        "peer",
        "proof",
        "refers",
        "relay",
        "reliable",
        "session",
        "side",
        "target",
        "unacked",
        "via",
    )

    def __init__(
        self, relay: Relay, group: IpGroup, hop: Hop, places: Places, session: LegSession, *, is_caller: bool, user: str | None
    ) -> None:
        self.relay = relay
        self.group = group
        self.hop = hop
        "Where requests in its dialog go."
        self.via: Via = places.via(hop)
        self.contact = _contact(places, hop, user, group.local_host_name)
        self.session = session
        self.is_caller = is_caller
        self.dialog: Dialog | None = None
        self.peer: Leg | None = None
        "The leg that it is talking to now."
        self.negotiation = Negotiation()
        self.description = b""
        "The last session description that went out on it."
        self.heard_description = b""
        "The last one that came."
        self.has_own_offer = False
        "Whether it answers an offer of the SBC's in the INVITE, whose caller made none and has not answered yet."
        self.target: Uri | None = None
        "What `hop` was chosen for."
        self.unacked: Unacked | None = None
        self.acks: dict[int, bytes] = {}
        "The last ACK by CSeq, for a 2xx that comes again."
        self.reliable = ReliableSide()
        self.order = ReliableOrder()
        "Of reliable answers that come on it, whoever confirms them."
        self.refers: dict[int, int] = {}
        "From CSeq of each REFER that went out on it to its CSeq on the other one."
        self.proof: tuple[int, list[Field]] = (0, [])
        "CSeq of the last INVITE on it that had a password of ours, and the headers which say that: its ACK says them too."
        self.side: MediaSide | None = None
        "What its media hold; forks of one INVITE share it."
        self.is_confirmed = False
        "Of the callee's side: whether its 2xx has come."
        self.is_closed = False
        "Whether BYE was sent or taken on it, or it never got an answer."

    def request(
        self,
        method: str,
        fields: Iterable[Field] = (),
        body: bytes = b"",
        *,
        cseq: int | None = None,
        max_forwards: int = MAX_FORWARDS,
        of: Request | None = None,
    ) -> Request:
        """Return a request in the dialog: what the leg says itself, then what is carried over; `of` is what is passed on."""
        assert self.dialog is not None
        made = self.dialog.request(method, cseq=cseq, max_forwards=max_forwards)
        if of is not None:
            self.show(of)
            representation.put_vias(made, of, self.group.profile)
        if method not in ("BYE", "PRACK", "ACK"):
            made.headers.add("Contact", self.contact)
        made.headers.take_over(fields)
        representation.put_agent(made, of, self.group.profile)
        if body:
            made.set_body(body)
        if method not in TIMED:
            self.session.mark(made)
        return made

    def answer(
        self,
        request: Request,
        status: int,
        reason: str | None = None,
        fields: Iterable[Field] = (),
        body: bytes = b"",
        *,
        tag: str | None = None,
        contact: str | None = None,
        of: Response | None = None,
    ) -> Response:
        """Return an answer on this leg; `contact` stands in place of ours, for a redirection, `of` is what is passed on."""
        if of is not None and status < 300:
            self.show(of)
        own = self.dialog.id.local_tag if tag is None and status > 100 and self.dialog is not None else tag
        made = answer(request, status, reason, to_tag=own)
        if contact is not None:
            made.headers.add("Contact", contact)
        elif 100 < status < 300 and request.method not in ("BYE", "PRACK"):
            made.headers.add("Contact", self.contact)
        made.headers.take_over(fields)
        representation.put_agent(made, of, self.group.profile)
        if body:
            made.set_body(body)
        return made

    def proves(self, invite: Request) -> None:
        """Take note of the credentials in an INVITE of ours (RFC 3261 section 13.2.2.4)."""
        self.proof = (invite.cseq.number, [field for field in invite.headers if field.key in CREDENTIALS])

    def show(self, message: Message) -> None:
        """Say the Contact of a message that is passed on to this side from now on, if the side is to see it."""
        self.contact = representation.contact_for(self.group.profile, message, self.contact)

    def took(self, message: Message) -> None:
        """Take note of a description that came on this leg, and of where it wants to be reached."""
        if message.body and is_sdp(message):
            self.heard_description = message.body

    def said(self, message: Message) -> None:
        """Take note of a description that went out on it."""
        if message.body and is_sdp(message):
            self.description = message.body
            if self.session.keeper is not None:
                self.session.keeper.description = message.body

    def move(self) -> None:
        """Follow the remote target: the next request goes where the dialog says, as far as that can be reached from here."""
        if self.dialog is None:
            return
        target = self.dialog.way.next_hop
        if target is not self.target:
            self.target = target
            self.hop = hop_towards(target, self.hop, is_phone=self.group.is_user)


def is_sdp(message: Message) -> bool:
    """Return whether the body is a session description alone."""
    for value in message.headers.lines("content-type"):
        return value == SDP or value.partition(";")[0].strip().lower() == SDP
    return False


def hop_towards(uri: Uri, hop: Hop, *, is_phone: bool) -> Hop:
    """Return where a URI leads, or the hop where that cannot be told: names are not looked up.

    A phone is reached by the host that its requests come from, which NAT lets through, and over its connection.
    """
    if not isinstance(uri, SipUri):
        return hop
    host, transport = host_key(uri.host).strip("[]"), uri.transport or ("TLS" if uri.scheme == "sips" else "UDP")
    is_there = host == host_key(hop.host)
    if is_phone or is_there:
        if hop.is_reliable or transport != hop.transport or not is_there or uri.effective_port == hop.port:
            return hop
        return hop._replace(port=uri.effective_port)
    return Hop(transport, host, uri.effective_port) if is_address(host) else hop


def is_address(host: str) -> bool:
    """Return whether a host is an IP address, with or without brackets."""
    return _ADDRESS.match(host.strip("[]")) is not None


def _contact(places: Places, hop: Hop, user: str | None, host: str) -> str:
    """Return our Contact: the user part of the other leg at our own address, or at Local Host Name."""
    text = places.contact(hop)
    if host:
        text = f"sip:{host};transport={hop.transport.lower()}"
    return f"<sip:{user}@{text[4:]}>" if user else f"<{text}>"
