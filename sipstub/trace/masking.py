"""Messages without what opens a door: digests, tokens, passwords in URIs, media keys.  Works on any bytes, parsable or not.

Who knows nonce, cnonce and response can try passwords at home, so response, rspauth and cnonce are cut; header, names and order
stay.  Keys of SDES (RFC 4568), `k=` (RFC 4566) and MIKEY (RFC 4567) are cut in bodies, and so are headers within bodies
(message/sipfrag).  Every secret becomes as many asterisks, so that Content-Length stays true.  Time is linear in the text.
"""

from __future__ import annotations

import re

MAX_URI_PART = 256
"Longest user and password of a URI that are looked for."

_BEGIN = rb"(?:\A|(?<=\n))"
_LINE = rb"[^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*+"
_AUTH = re.compile(_BEGIN + rb"((?:proxy-)?(?:authorization|authentication-info)[ \t]*+:)(" + _LINE + rb")", re.IGNORECASE)
_VALUE = re.compile(
    rb'((?<![\w-])(?:response|rspauth|cnonce)\s*+=\s*+"?+)((?<=")(?:[^"\\\r\n]++|\\[^\r\n])*+|[^",\s]*+)', re.IGNORECASE
)
_OTHER_SCHEME = re.compile(rb"(\s*+(?!digest\s)[^\s,=]++\s++)([^\s,=]++=*+\s*+)\Z", re.IGNORECASE)
_PASSWORD = re.compile(rb"(sips?:[^\s:@<>\"]{1,%d}:)([^\s@<>\":/]{1,%d})(?=@)" % (MAX_URI_PART, MAX_URI_PART), re.IGNORECASE)
_KEY = re.compile(_BEGIN + rb"(a=key-mgmt:mikey[ \t]++|k=(?:clear|base64|uri):)([^\r\n]++)", re.IGNORECASE)
_CRYPTO = re.compile(_BEGIN + rb"a=crypto:[^\r\n]++", re.IGNORECASE)
_INLINE = re.compile(rb"(inline:)([^|;\s]++)", re.IGNORECASE)


def mask(data: bytes) -> bytes:
    """Return the message with its secrets cut, as long as it was."""
    data = _AUTH.sub(_auth, data)
    if b"@" in data:
        data = _PASSWORD.sub(_stars, data)
    return _CRYPTO.sub(lambda line: _INLINE.sub(_stars, line[0]), _KEY.sub(_stars, data))


def _auth(match: re.Match[bytes]) -> bytes:
    name, value = match.groups()
    if _OTHER_SCHEME.match(value):  # Basic, Bearer: one opaque text, and all of it is the secret
        return bytes(name + _OTHER_SCHEME.sub(_stars, value))
    return bytes(name + _VALUE.sub(_stars, value))


def _stars(match: re.Match[bytes]) -> bytes:
    return bytes(match[1] + b"*" * len(match[2]))
