"""Refreshes of the SBC's own: on a leg whose session timer is its own, once there is a dialog.  RFC 4028 sections 7.4 and 10."""

from __future__ import annotations

from sipstub.sbc import handshake
from sipstub.sbc.asking import Asking
from sipstub.sbc.leg import ALLOW, Leg
from sipstub.session_timer.header import Pairs
from sipstub.session_timer.keeper import Keeper
from sipstub.sip.message import Request
from sipstub.transaction.event import ResponseArrived, TransactionFailed


def keep(leg: Leg) -> None:
    """Refresh a leg of our own from now on."""
    session = leg.session
    if session.timer is None or leg.dialog is None or session.keeper is not None:
        return

    def described(offer: bytes) -> bytes | None:
        return leg.description or None

    session.keeper = Keeper(
        leg.dialog,
        session.timer,
        described,
        headers=_headers(leg),
        description=leg.description,
        negotiation=leg.negotiation,
    )


def on_timer(leg: Leg, now: float) -> None:
    """Send what is due on a leg that is kept."""
    keeper = leg.session.keeper
    if keeper is not None and (due := keeper.next_timer) is not None and due <= now:
        keeper.headers = _headers(leg)
        if _is_left_to_the_other_end(leg):
            keeper.timer.leave(now)
        _send(leg, keeper, keeper.on_timer(now), now)


def _is_left_to_the_other_end(leg: Leg) -> bool:
    """Return whether the end of the other leg refreshes often enough: its requests are passed on to this leg [choice].

    So one of both refreshes, and requests of the SBC and of that end do not meet with 491.
    """
    timer, peer = leg.session.timer, leg.peer
    if timer is None or timer.interval_s is None or peer is None or peer.is_closed:
        return False
    kept_up_s = peer.session.kept_up_s
    return kept_up_s is not None and kept_up_s <= timer.interval_s


def _headers(leg: Leg) -> Pairs:
    return (("Contact", leg.contact), ("Allow", ALLOW), ("User-Agent", leg.agent))


def _send(leg: Leg, keeper: Keeper, requests: list[Request], now: float) -> None:
    relay = leg.relay
    for request in requests:
        if request.method == "ACK":
            handshake.keep(leg, request)
        elif request.method == "BYE":
            leg.is_closed = True
            Asking(leg, request).begin(now)
            relay.end(now, f"session timer: {keeper.ended}")
        else:
            _ask(leg, keeper, request, now)


def _ask(leg: Leg, keeper: Keeper, request: Request, now: float) -> None:
    relay = leg.relay

    def heard(event: ResponseArrived | TransactionFailed, at: float) -> None:
        if isinstance(event, TransactionFailed):
            found = keeper.failed(asking.made, event.status, at)
        else:
            found = keeper.answered(asking.made, event.response, at, chance=relay.sbc.chance())
            if 200 <= event.response.status < 300:
                relay.media.answered(leg, event.response.body)
        _send(leg, keeper, [one for one in found if not relay.is_over or one.method == "ACK"], at)
        relay.sbc.agenda.note(relay)

    asking = Asking(leg, request, heard, keeper.asked_again)
    asking.begin(now)
