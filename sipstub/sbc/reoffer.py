"""A re-INVITE of the SBC's own: it tells one side where the media of another is.

491 and other refusals are left at that: the call goes on as it was negotiated [choice].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sipstub.sbc.asking import Asking
from sipstub.sbc.leg import SDP, Leg
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.sip.sdp import Media, Sdp
from sipstub.transaction.event import ResponseArrived, TransactionFailed

if TYPE_CHECKING:
    from sipstub.sbc.relay import Relay

DIRECTIONS = (b"a=sendonly", b"a=recvonly", b"a=inactive", b"a=sendrecv")


def direction(body: bytes) -> bytes:
    """Return the first direction that a description says; sendrecv where it says none."""
    return next((line for line in body.splitlines() if line in DIRECTIONS), b"a=sendrecv")


def agreed(said: bytes, heard: bytes) -> list[tuple[str, str, frozenset[tuple[str, int]]]] | None:
    """Return what both descriptions of a leg have in common, line by line: kind, protocol, coders; None if that is not clear."""
    try:
        lines = zip(Sdp.parse(said).media, Sdp.parse(heard).media, strict=True)
        return [
            (ours.kind, ours.protocol if ours.port and theirs.port else "", _coders(ours) & _coders(theirs))
            for ours, theirs in lines
        ]
    except (SipError, ValueError):
        return None


def _coders(media: Media) -> frozenset[tuple[str, int]]:
    return frozenset((codec.name.lower(), codec.clock_hz) for codec in media.codecs) if media.port else frozenset()


def reoffer(
    relay: Relay,
    leg: Leg,
    body: bytes,
    now: float,
    done: Callable[[Response, float], None] = lambda response, now: None,
    gone: Callable[[int, float], None] = lambda status, now: None,
) -> None:
    """Send it, if nothing else is being negotiated on that leg; `done` gets the last answer, `gone` what ends the call."""
    if leg.dialog is None or leg.is_closed or not leg.negotiation.may_ask("INVITE", has_offer=True):
        return
    made = leg.request("INVITE")
    made.headers.add("Allow", leg.allow)
    made.set_body(body, SDP)
    send = leg.session.put_on_request(made, leg.session)
    leg.negotiation.ask("INVITE", has_offer=True)
    if send is not None and leg.session.timer is not None:
        leg.session.timer.asked(made, send, now)

    def answered(event: ResponseArrived | TransactionFailed, at: float) -> None:
        assert leg.dialog is not None
        made = asking.made
        number = made.cseq.number
        if isinstance(event, TransactionFailed):
            leg.negotiation.asked_done("INVITE")
            leg.dialog.on_no_answer(made)
            relay.end(at, "no answer to INVITE")
            gone(event.status, at)
            return
        response = event.response
        if response.status < 200:
            return
        if number in leg.acks:
            relay.repeated(leg, number)
            return
        leg.negotiation.asked_done("INVITE")
        leg.dialog.receive_response(made, response)
        if leg.session.timer is not None:
            leg.session.timer.answered(response, at)
        if response.status < 300:
            leg.took(response)
            leg.said(made)
            relay.media.answered(leg, response.body)
            leg.move()
            relay.acknowledge(leg, number)
        if leg.dialog.is_ended:
            relay.end(at, f"{response.status} to INVITE")
            gone(response.status, at)
        else:
            done(response, at)
        relay.sbc.agenda.note(relay)

    def again(before: Request, after: Request) -> None:
        if leg.session.timer is not None:
            leg.session.timer.asked_again(before, after)

    asking = Asking(leg, made, answered, again)
    asking.begin(now)
