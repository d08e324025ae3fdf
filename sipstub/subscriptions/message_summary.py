"""Messages waiting, as text.  RFC 3842."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sipstub.subscriptions.package import News, Package

NAME = "message-summary"
CONTENT_TYPE = "application/simple-message-summary"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What lies in one mailbox."""

    new: int = 0
    old: int = 0
    urgent_new: int = 0
    urgent_old: int = 0


EMPTY = Mailbox()


def summary(mailbox: Mailbox, account: str) -> bytes:
    """Return the body: the lamp, whose it is, and the count of voice messages (RFC 3842 section 5.2)."""
    lamp = "yes" if mailbox.new or mailbox.urgent_new else "no"
    counts = f"{mailbox.new}/{mailbox.old} ({mailbox.urgent_new}/{mailbox.urgent_old})"
    return f"Messages-Waiting: {lamp}\r\nMessage-Account: {account}\r\nVoice-Message: {counts}\r\n".encode()


def message_summary(mailbox_of: Callable[[str], Mailbox] = lambda resource: EMPTY) -> Package:
    """Return the package; without mailboxes nobody has messages."""

    def body(news: News) -> bytes:
        return summary(mailbox_of(news.resource), news.entity)

    return Package(NAME, CONTENT_TYPE, body, default_expires_s=3600)
