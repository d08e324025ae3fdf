"""A 2xx to INVITE and its ACK: one leg after the other, repeated until it is there.  RFC 3261 sections 13.3.1.4 and 17.1.1.3."""

from __future__ import annotations

from collections.abc import Iterable

from sipstub.dialog.repeater import Turn
from sipstub.sbc import delayed_offer
from sipstub.sbc.carrying import carried
from sipstub.sbc.leg import Leg
from sipstub.sip.headers import Field
from sipstub.sip.message import Request

MAX_ACKS = 4
"ACKs of one leg that are kept for a 2xx that comes again."


def acknowledged(leg: Leg, ack: Request, now: float) -> bool:
    """Take the ACK of one leg, which goes on to the leg whose 2xx it was; return whether it is one that was waited for."""
    waiting = leg.unacked
    if waiting is None or ack.cseq.number != waiting.cseq:
        return False
    leg.unacked = None
    leg.took(ack)
    leg.negotiation.offer_answered()
    if leg.session.timer is not None:
        leg.session.timer.receive(ack)
    if waiting.other is not None:
        other = waiting.other
        body = leg.relay.body_for(other, ack)
        own_offer = other.has_own_offer
        told = b"" if own_offer else body
        fields = [field for field in carried(ack) if told or field.key != "content-type"]
        acknowledge(other, waiting.other_cseq, fields, told, of=ack)
        other.negotiation.offer_answered()
        if own_offer and not leg.relay.is_over:
            delayed_offer.settle(other, body, now)
    return True


def acknowledge(leg: Leg, cseq: int, fields: Iterable[Field] = (), body: bytes = b"", *, of: Request | None = None) -> None:
    """Send the ACK to a 2xx of that leg; `of` is the one that is passed on."""
    leg.has_own_offer = False
    ack = leg.request("ACK", fields, body, cseq=cseq, of=of)
    if body:
        leg.said(ack)
    keep(leg, ack)


def keep(leg: Leg, ack: Request) -> None:
    """Send an ACK with the password that its INVITE had, and keep it for a 2xx that comes again."""
    if ack.cseq.number == leg.proof[0]:
        ack.headers.take_over(leg.proof[1])
    while len(leg.acks) >= MAX_ACKS:
        del leg.acks[next(iter(leg.acks))]
    leg.acks[ack.cseq.number] = leg.relay.core.layer.send_outside(ack, leg.hop, leg.via)


def repeated(leg: Leg, cseq: int) -> None:
    """Take a 2xx that came before: it gets its ACK again, if that went out."""
    data = leg.acks.get(cseq)
    if data is not None:
        leg.relay.core.layer.send_again(data, leg.hop)


def is_alive(leg: Leg, now: float) -> bool:
    """Repeat a 2xx where it is time to; return False where its ACK came for so long not that it is given up."""
    waiting = leg.unacked
    assert waiting is not None
    turn = waiting.repeater.on_timer(now)
    if turn is Turn.SEND:
        leg.relay.core.respond(waiting.transaction, waiting.response, now)
    if turn is not Turn.GIVE_UP:
        return True
    leg.unacked = None
    if waiting.other is not None and not waiting.other.is_closed:
        acknowledge(waiting.other, waiting.other_cseq)
    return False
