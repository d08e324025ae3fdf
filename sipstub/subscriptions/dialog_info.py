"""Who is in a call, as XML: what busy lamp fields show.  RFC 4235."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from sipstub.subscriptions.package import News, Package

NAME = "dialog"
CONTENT_TYPE = "application/dialog-info+xml"
NAMESPACE = "urn:ietf:params:xml:ns:dialog-info"
MAX_DIALOGS = 32
"Of one resource in one body."


class DialogState(enum.StrEnum):
    """How far a call is (section 3.7.1)."""

    TRYING = "trying"
    PROCEEDING = "proceeding"
    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class WatchedDialog:
    """One call of a resource, as far as its watchers may know."""

    id: str
    state: DialogState
    is_initiator: bool
    "Whether the resource called, or was called."
    remote: str = ""
    "URI of the other side, where it is told."


def dialog_document(entity: str, version: int, dialogs: Iterable[WatchedDialog]) -> bytes:
    """Return the body with the full state; no dialogs at all say that the resource is idle."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<dialog-info xmlns="{NAMESPACE}" version="{version}" state="full" entity={quoteattr(entity)}>')
    for dialog in list(dialogs)[:MAX_DIALOGS]:
        direction = "initiator" if dialog.is_initiator else "recipient"
        lines.append(f'<dialog id={quoteattr(dialog.id)} direction="{direction}"><state>{dialog.state}</state>')
        if dialog.remote:
            lines.append(f"<remote><identity>{escape(dialog.remote)}</identity></remote>")
        lines.append("</dialog>")
    lines.append("</dialog-info>")
    return "\n".join(lines).encode("utf-8", "replace") + b"\n"


def dialog_info(dialogs_of: Callable[[str], Iterable[WatchedDialog]] = lambda resource: ()) -> Package:
    """Return the package; without knowledge of calls everybody is idle."""

    def body(news: News) -> bytes:
        return dialog_document(news.entity, news.version, dialogs_of(news.resource))

    return Package(NAME, CONTENT_TYPE, body, default_expires_s=3600)
