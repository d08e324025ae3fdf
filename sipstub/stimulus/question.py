"""Requests outside of calls that the stub sends to a phone: OPTIONS, and NOTIFY check-sync."""

from __future__ import annotations

from collections.abc import Callable

from sipstub.core.core import Core
from sipstub.dialog.dialog import MAX_FORWARDS
from sipstub.dialog.route import allowed_in_request
from sipstub.registrar.binding import Binding
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request
from sipstub.stimulus.act import Acts
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.verify.stimulus import Stimulus

Pairs = tuple[tuple[str, str], ...]
OPTIONS: Pairs = (("Accept", "application/sdp"),)


def check_sync(*, with_reboot: bool) -> Pairs:
    """Return the headers of the NOTIFY that tells a phone to fetch its files, or to restart."""
    return ("Event", "check-sync;reboot=true" if with_reboot else "check-sync"), ("Subscription-State", "terminated")


class Questions:
    """Sends them, and notes what was answered."""

    def __init__(self, core: Core, acts: Acts, token: Callable[[], str]) -> None:
        self._core = core
        self._acts = acts
        self._token = token

    def ask(self, kind: Stimulus, method: str, headers: Pairs, binding: Binding, now: float) -> None:
        """Send a request to one binding, over the flow that it registered by."""
        hop = self._core.hop_to(binding)
        contact = self._core.places.contact(hop)
        request = Request(method, allowed_in_request(binding.uri), [("Route", route) for route in binding.path])
        for name, value in (
            ("Max-Forwards", MAX_FORWARDS),
            ("From", f"<{contact.partition(';')[0]}>;tag={self._token()}"),
            ("To", f"<{binding.contact}>"),
            ("Call-ID", self._token()),
            ("CSeq", CSeq(1, method)),
            ("Contact", f"<{contact}>"),
            *headers,
        ):
            request.headers.add(name, value)
        event = dict(headers).get("Event", "")
        what = f"{method} {event}".strip()
        act = self._acts.begin(kind, binding.aor, what, now, call_id=request.call_id, line=f"{method} ")

        def answered(event: ResponseArrived | TransactionFailed, at: float) -> None:
            if isinstance(event, TransactionFailed):
                self._acts.end(act, at, f"{what}: no answer")
            elif event.response.status >= 200:
                self._acts.end(act, at, f"{what}: {event.response.status}")

        self._core.request(request, hop, now, answered)
