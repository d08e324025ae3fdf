"""One subscription: a dialog of which we send the NOTIFYs.  RFC 6665 section 4.2, RFC 3261 section 12."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sipstub.sip.event import Event
from sipstub.sip.message import Request
from sipstub.subscriptions.package import News, Package

Key = tuple[str, str, str, str, str | None]
"Call-ID, our tag, the watcher's tag, package, id of the event: what tells subscriptions apart (RFC 6665 section 4.4.1)."


@dataclass(slots=True)
class Subscription:
    """Who watches what until when, and where its NOTIFYs go."""

    package: Package
    resource: str
    watcher: str
    "User part of From: whose limit this one counts for."
    event: Event
    call_id: str
    local: str
    "From of our NOTIFYs: To of the SUBSCRIBE with our tag."
    remote: str
    "To of our NOTIFYs: From of the SUBSCRIBE."
    local_tag: str
    remote_tag: str
    target: str
    "Contact of the watcher, as of its last SUBSCRIBE."
    routes: tuple[str, ...]
    contact: str
    "Our own Contact in this dialog."
    remote_cseq: int
    expires_at: float
    local_cseq: int = 0
    version: int = 0
    in_flight: int = 0
    "NOTIFYs that are not answered yet."
    waiting: tuple[object, ...] | None = None
    "News that came meanwhile; sent when the watcher has answered."

    @property
    def key(self) -> Key:
        """Return what identifies it."""
        return (self.call_id, self.local_tag, self.remote_tag, self.event.package, self.event.id)

    def notify(self, now: float, *, ended_by: str | None = None, details: tuple[object, ...] = ()) -> Request:
        """Return the next NOTIFY, without Via; `ended_by` is the reason of the last one (RFC 6665 section 4.1.3)."""
        self.local_cseq += 1
        if ended_by is None:
            state = f"active;expires={max(0, math.ceil(self.expires_at - now))}"
        else:
            state = f"terminated;reason={ended_by}"
        body = self.package.body(News(self.resource, self.version, details, now))
        self.version += 1
        request = Request(
            "NOTIFY",
            self.target,
            [
                *(("Route", route) for route in self.routes),
                ("Max-Forwards", 70),
                ("From", self.local),
                ("To", self.remote),
                ("Call-ID", self.call_id),
                ("CSeq", f"{self.local_cseq} NOTIFY"),
                ("Contact", self.contact),
                ("Event", self.event),
                ("Subscription-State", state),
                ("Content-Type", self.package.content_type),
            ],
            body,
        )
        return request
