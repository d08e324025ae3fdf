"""An attended transfer that the SBC carries out to a side that knows no Replaces: two calls become one (REFER 3, Replaces 1).

The side that the transferor had asked gets a re-INVITE with what the other one said last; with its answer that one moves into its
call, is told where media are now, and the transferor is hung up on in both calls.  Refused, both calls stay as they are.  What
has been told is told in any case, whatever EnableSBCMediaSync says: nobody could be heard else [choice].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.sbc.leg import SDP
from sipstub.sbc.media_plane import MediaRefused
from sipstub.sbc.reoffer import method_for, reoffer
from sipstub.sbc.replacing import Named, refusal_of
from sipstub.sip.message import Request, Response

if TYPE_CHECKING:
    from sipstub.sbc.transfer import Transfer

NO_SUCH_CALL, CHANGING = 481, 491


class Tying:
    """One of them."""

    def __init__(self, transfer: Transfer, found: Named) -> None:
        self._transfer = transfer
        self._found = found
        self._moving = transfer.caller
        self._before = self._moving.side

    def begin(self, now: float) -> None:
        """Ask the side that the transferor had asked before."""
        found, moving = self._found, self._moving
        call, staying = found.call, found.staying
        status = self._refusal()
        if not status:
            moving.side = None
            try:
                body = call.body_for(staying, self._transfer.request, moving)
            except MediaRefused as refusal:
                status = refusal.status
            else:
                reoffer(call, staying, body, now, self._answered, self._gone)
                return
        self._back()
        self._transfer.refused(status, now)

    def _refusal(self) -> int:
        """Return why it cannot be, 0 if it can."""
        found, moving, wanted = self._found, self._moving, self._transfer.replaces
        assert wanted is not None
        if found.call is self._transfer.relay or not found.call.is_connected:
            return NO_SUCH_CALL
        refusal = refusal_of(found, wanted)
        if refusal is not None:
            return refusal.status
        is_idle = moving.unacked is None and bool(moving.heard_description)
        return 0 if is_idle and method_for(moving) is not None and method_for(found.staying) is not None else CHANGING

    def _answered(self, response: Response, now: float) -> None:
        found, moving, transfer = self._found, self._moving, self._transfer
        call, staying = found.call, found.staying
        if response.status >= 300:
            self._back()
            transfer.refused(response.status, now)
            return
        is_late = transfer.is_over or moving.is_closed or call.is_over or found.replaced.is_closed or method_for(moving) is None
        try:
            body = b"" if is_late else call.body_for(moving, response, staying)
        except MediaRefused:
            body = b""
        if not body:
            self._back()
            self._restore(now)
            transfer.refused(CHANGING, now)
            return
        transfer.relay.legs.remove(moving)
        moving.relay = call
        call.let_in(moving, staying)
        call.media.connected(staying, moving, now)
        call.put_out(found.replaced, moving, now)
        transfer.tied(now)
        moving.show(response)
        reoffer(call, moving, body, now)

    def _gone(self, status: int, now: float) -> None:
        self._back()
        self._transfer.refused(status, now)

    def _back(self) -> None:
        """Have the one that was to move keep its ports, and give back the new ones."""
        found = self._found
        self._moving.side = self._before
        if not found.call.is_over and found.call.is_connected:
            found.call.media.stay(found.staying, found.replaced)

    def _restore(self, now: float) -> None:
        """Tell the side that has been asked where the media of its own call are."""
        found = self._found
        call, staying, replaced = found.call, found.staying, found.replaced
        if call.is_over or replaced.is_closed or not replaced.heard_description:
            return
        offer = Request("INVITE", self._transfer.request.uri)
        offer.set_body(replaced.heard_description, SDP)
        reoffer(call, staying, call.body_for(staying, offer, replaced), now, keeps_timer=True)
