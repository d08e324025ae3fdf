"""OPTIONS: what we can do.  RFC 3261 section 11.2; phones ask it to see whether we are there."""

from __future__ import annotations

from collections.abc import Callable

from sipstub.sip.answer import answer
from sipstub.sip.message import Response
from sipstub.transaction.event import RequestArrived

ACCEPT = "application/sdp, application/simple-message-summary, application/dialog-info+xml, message/sipfrag"


class Options:
    """The answer is 200 for whoever asks: a keep-alive is no secret."""

    methods = ("OPTIONS",)

    def __init__(self, allow: Callable[[], str], supported: tuple[str, ...] = (), events: tuple[str, ...] = ()) -> None:
        """`allow` gives the methods of all services, when asked."""
        self._allow = allow
        self._supported = ", ".join(supported)
        self._events = ", ".join(events)

    def handle(self, arrived: RequestArrived, now: float) -> Response | None:
        """Return a 200 with Allow, Accept, Supported and Allow-Events."""
        response = answer(arrived.request, 200, to_tag=arrived.transaction.to_tag if arrived.transaction else None)
        headers = response.headers
        headers.add("Allow", self._allow())
        headers.add("Accept", ACCEPT)
        headers.add("Accept-Encoding", "identity")
        headers.add("Accept-Language", "en")
        headers.add("Supported", self._supported)
        if self._events:
            headers.add("Allow-Events", self._events)
        return response

    def next_timer(self) -> float | None:
        """Return None: nothing runs out."""
        return None

    def on_timer(self, now: float) -> None:
        """Nothing to do."""
