"""Names of dialogs in dialog-info bodies (RFC 4235), said in the words of the leg that reads them.

EnableSBCDialogInfoInterworking.  Only the three attributes are touched, so that all else stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.sax.saxutils import unescape  # replaces five entities in a text, parses nothing

from sipstub.dialog.dialog_id import DialogId
from sipstub.sbc.leg import Leg

TYPE = "application/dialog-info+xml"
MAX_BYTES = 65_536
"Larger bodies pass as they are."
MAX_ELEMENTS = 256
QUOTES = {"&quot;": '"', "&apos;": "'"}
_DIALOG = re.compile(rb"<(?:[\w.-]+:)?dialog\s[^<>]*>")
_ATTRIBUTE = re.compile(rb"\b(call-id|local-tag|remote-tag)\s*=\s*(\"[^\"<>]*\"|'[^'<>]*')")


def reworded(body: bytes, find: Callable[[DialogId], Leg | None]) -> bytes:
    """Return the body with dialogs of one leg named as the other leg of the same call knows them; others as they are."""
    if len(body) > MAX_BYTES:
        return body
    return _DIALOG.sub(lambda match: _element(match[0], find), body, count=MAX_ELEMENTS)


def _element(text: bytes, find: Callable[[DialogId], Leg | None]) -> bytes:
    said = {name: unescape(value[1:-1].decode("utf-8", "replace"), QUOTES) for name, value in _ATTRIBUTE.findall(text)}
    if b"call-id" not in said:
        return text
    named = DialogId(said[b"call-id"], said.get(b"local-tag", ""), said.get(b"remote-tag", ""))
    leg = find(named)
    is_ours = leg is not None
    leg = leg or find(named.of_peer)
    if leg is None or leg.peer is None or leg.peer.dialog is None:
        return text
    other = leg.peer.dialog.id.of_peer if is_ours else leg.peer.dialog.id
    words = {b"call-id": other.call_id, b"local-tag": other.local_tag, b"remote-tag": other.remote_tag}
    return _ATTRIBUTE.sub(lambda match: match[1] + b'="' + _escaped(words[match[1]]) + b'"', text)


def _escaped(text: str) -> bytes:
    for letter, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(letter, entity)
    return text.encode("utf-8", "surrogateescape")
