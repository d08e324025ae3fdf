"""What BroadWorks tells of a subscriber in the answer to its REGISTER: numbers, aliases, extensions.

SBCExtensionsProvisioningMode.  Elements are looked for, nothing is resolved: no entity but the five of XML means anything here.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import unescape  # replaces five entities in a text, parses nothing

from sipstub.sip.error import SipError
from sipstub.sip.uri import SipUri, Uri, parse_uri

MAX_BYTES = 65_536
"Longer bodies tell nothing."
MAX_ALIASES = 32
"Of one subscriber."
_ROOT = re.compile(r"<(?:\w+:)?broadsoftdocument[\s>]", re.IGNORECASE)
_ELEMENT = re.compile(r"<(phoneNumber|alias|extension)(?:\s[^<>]*)?>([^<>]{1,256})</\1\s*>")
_NUMBER = re.compile(r"\+?[0-9*#]{1,64}")


def subscriber_aliases(body: bytes, aor: Uri) -> tuple[Uri, ...]:
    """Return the other addresses of a subscriber; numbers are at the host of its own."""
    if not body or len(body) > MAX_BYTES or not isinstance(aor, SipUri):
        return ()
    text = body.decode("utf-8", "replace")
    if _ROOT.search(text) is None:
        return ()
    found: list[Uri] = []
    for kind, raw in _ELEMENT.findall(text)[:MAX_ALIASES]:
        value = unescape(raw.strip(), {"&quot;": '"', "&apos;": "'"})
        try:
            uri = parse_uri(value) if kind == "alias" else SipUri(aor.host, value) if _NUMBER.fullmatch(value) else None
        except SipError:
            continue
        if uri is not None and uri not in found:
            found.append(uri)
    return tuple(found)
