"""Digest credentials in the shape that nearly all phones send; whatever this does not know is for `Credentials`."""

from __future__ import annotations

import re

_DIGEST_PARAMS = (
    r'username="([^",\\]*+)"',
    r'realm="([^",\\]*+)"',
    r'nonce="([^",\\]++)"',
    r'uri="([^",\\]++)"',
    r'response="([0-9a-f]{32,64}+)"',
    r'cnonce="([^",\\]*+)"',
    r"qop=(auth)(?![^,])",
    r"nc=([0-9a-f]{8})",
    r"algorithm=(MD5|SHA-256)(?![^,])",
)
_DIGEST = re.compile(rf"Digest (?:(?:{'|'.join(_DIGEST_PARAMS)})(?:, ?+|\Z)){{8,9}}")


class PlainCredentials:
    """What `Credentials` says of the same text."""

    __slots__ = ("algorithm", "cnonce", "nc_text", "nonce", "qop", "realm", "response", "uri", "username")
    is_digest = True

    def __init__(self, parts: tuple[str, ...]) -> None:
        (
            self.username, self.realm, self.nonce, self.uri, self.response, self.cnonce, self.qop, self.nc_text, algorithm
        ) = parts  # fmt: skip
        self.algorithm = algorithm or "MD5"

    @property
    def nc(self) -> int:
        """Return how often the nonce was used, this time included."""
        return int(self.nc_text, 16)


def parse_plain_credentials(text: str) -> PlainCredentials | None:
    """Return the credentials with qop `auth` in one line of printable ASCII, or None if they are for `Credentials`."""
    match = _DIGEST.fullmatch(text)
    if match is None:
        return None
    parts = match.groups()
    wanted, is_named = parts[:-1], parts[-1] is not None
    if None in wanted or text.count(",") != len(wanted) - 1 + is_named:  # one of them stands twice, or a comma too many
        return None
    return PlainCredentials(parts)
