"""A re-INVITE of the SBC's own, UPDATE to a side that takes none: it tells one side where the media of another is.

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


def method_for(leg: Leg) -> str | None:
    """Return how a side can be told a description now; None if it is gone, takes nothing, or is negotiating something else."""
    method = leg.group.profile.offer_method
    if method is None or leg.dialog is None or leg.is_closed or not leg.negotiation.may_ask(method, has_offer=True):
        return None
    return method


def reoffer(
    relay: Relay,
    leg: Leg,
    body: bytes,
    now: float,
    done: Callable[[Response, float], None] = lambda response, now: None,
    gone: Callable[[int, float], None] = lambda status, now: None,
    *,
    keeps_timer: bool = False,
) -> bool:
    """Send it; return whether it went out: the side can be told, and nothing else is being negotiated on that leg.

    `done` gets the last answer, `gone` what ends the call.  `keeps_timer`: it talks to the same end as before, so that a session
    timer of the two goes on; with another end there is none until they agree on one.
    """
    method = method_for(leg)
    if method is None:
        return False
    made = leg.request(method)
    made.headers.add("Allow", leg.allow)
    made.set_body(body, SDP)
    send = leg.session.put_on_request(made, leg.session)
    if keeps_timer:
        leg.session.keep_carried(made)
    leg.negotiation.ask(method, has_offer=True)
    if send is not None and leg.session.timer is not None:
        leg.session.timer.asked(made, send, now)

    def answered(event: ResponseArrived | TransactionFailed, at: float) -> None:
        assert leg.dialog is not None
        made = asking.made
        number = made.cseq.number
        if isinstance(event, TransactionFailed):
            leg.negotiation.asked_done(method)
            leg.dialog.on_no_answer(made)
            relay.end(at, f"no answer to {method}")
            gone(event.status, at)
            return
        response = event.response
        if response.status < 200:
            return
        if number in leg.acks:
            relay.repeated(leg, number)
            return
        leg.negotiation.asked_done(method)
        leg.dialog.receive_response(made, response)
        if leg.session.timer is not None:
            leg.session.timer.answered(response, at)
        else:
            leg.session.answered(response, at)
        if response.status < 300:
            leg.took(response)
            leg.said(made)
            relay.media.answered(leg, response.body)
            leg.move()
            if method == "INVITE":
                relay.acknowledge(leg, number)
        if leg.dialog.is_ended:
            relay.end(at, f"{response.status} to {method}")
            gone(response.status, at)
        else:
            done(response, at)
        relay.sbc.agenda.note(relay)

    def again(before: Request, after: Request) -> None:
        if leg.session.timer is not None:
            leg.session.timer.asked_again(before, after)

    asking = Asking(leg, made, answered, again)
    asking.begin(now)
    return True
