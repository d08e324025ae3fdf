"""One subscription: a dialog of which we send the NOTIFYs, and what is on its way.  RFC 6665 section 4.2."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.dialog.dialog import Dialog
from sipstub.dialog.dialog_id import DialogId
from sipstub.dialog.notifier import Notifier as Grant
from sipstub.sip.event import Event
from sipstub.sip.message import Request
from sipstub.subscriptions.package import News, Package


@dataclass(frozen=True, slots=True)
class Key:
    """What tells subscriptions apart (RFC 6665 section 8.2.1)."""

    dialog: DialogId
    package: str
    id: str | None


@dataclass(slots=True)
class Subscription:
    """Who watches what until when, and where its NOTIFYs go."""

    package: Package
    resource: str
    entity: str
    "The resource by the name that was asked for."
    watcher: str
    "User part of From: whose limit this one counts for."
    event: Event
    dialog: Dialog
    grant: Grant
    "Until when, and why no longer."
    contact: str
    "Our own Contact in this dialog."
    version: int = 0
    in_flight: int = 0
    "NOTIFYs that are not answered yet."
    waiting: tuple[object, ...] | None = None
    "News that came meanwhile; sent when the watcher has answered."

    @property
    def key(self) -> Key:
        """Return what identifies it."""
        return Key(self.dialog.id, self.event.package, self.event.id)

    @property
    def expires_at(self) -> float:
        """Return when it ends."""
        return self.grant.next_timer or float("-inf")

    def notify(self, now: float, details: tuple[object, ...] = ()) -> Request:
        """Return the next NOTIFY, without Via; the last one if the grant has ended."""
        body = self.package.body(News(self.resource, self.entity, self.version, details, now))
        self.version += 1
        headers = [
            ("Contact", self.contact),
            ("Event", self.event),
            ("Subscription-State", self.grant.state(now)),
            ("Content-Type", self.package.content_type),
        ]
        return self.dialog.request("NOTIFY", headers, body)
