"""A provisioning URL as a phone takes it.  Pure.

A URL is a folder, with or without slash at the end; a bare host means TFTP.  A URL whose last part has an extension
names the MAC-specific file itself, and the phone asks for nothing else (recall, docs/reference/boot.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from sipstub.errors import UrlProblem
from sipstub.phone.identity import PhoneIdentity

DEFAULT_PORT = {"tftp": 69, "http": 80, "https": 443}
MAX_URL_CHARACTERS = 511
"The length that the guides give for URL settings."

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f]")
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Location:
    """Where one phone fetches its files."""

    scheme: str
    "tftp, http or https."

    host: str
    "Name or address, IPv6 without brackets."

    port: int
    "Named in the URL, or that of the scheme."

    folder: str
    "Path of the folder, quoted as in a URL, with a slash at both ends."

    file: str | None = None
    "The one file that the URL names, or None for a folder."

    user: str = ""
    "From the authority, unquoted; empty without one."

    password: str = field(default="", repr=False)
    "From the authority, unquoted."

    @classmethod
    def parse(cls, text: str, identity: PhoneIdentity) -> Self:
        """Return where `identity` fetches from with this URL; else UrlProblem, whose text holds no password."""
        if len(text) > MAX_URL_CHARACTERS:
            raise UrlProblem(f"the URL has {len(text)} characters", hint=f"phones take at most {MAX_URL_CHARACTERS}")
        filled = _filled(text.strip(), identity)
        if not filled or _UNSAFE.search(filled):
            raise UrlProblem("the URL is empty or holds a blank or control character", hint="write http://host:port/folder/")
        if not _SCHEME.match(filled):
            filled = "tftp://" + filled
        try:
            parts = urlsplit(filled)
            host, port = parts.hostname, parts.port
        except ValueError:  # its text may repeat a part of the password
            raise UrlProblem(
                "not a URL", hint="write http://host:port/folder/; quote / @ : in a password as %2F %40 %3A"
            ) from None
        scheme = parts.scheme.lower()
        if scheme not in DEFAULT_PORT:
            raise UrlProblem(f"the scheme {scheme!r} is not spoken here", hint="use tftp, http or https")
        if not host:
            raise UrlProblem("the URL names no host", hint="write http://host:port/folder/")
        path = quote(parts.path or "/", safe=_PATH_CHARACTERS)
        folder, _, last = path.rpartition("/")
        names_a_file = "." in last
        if not names_a_file:
            folder = path.rstrip("/")
        return cls(
            scheme=scheme,
            host=host,
            port=DEFAULT_PORT[scheme] if port is None else port,
            folder=folder + "/",
            file=last if names_a_file else None,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def with_credentials(self, user: str, password: str) -> Self:
        """Return the same place with the user and password that the phone has in its settings."""
        return replace(self, user=user, password=password)

    def path(self, name: str) -> str:
        """Return the request target of a file in the folder: `/folder/001565aabbcc.cfg`."""
        return self.folder + name

    def tftp_name(self, name: str) -> str:
        """Return the name for a read request: the path, unquoted, without the first slash."""
        return unquote(self.path(name)).lstrip("/")

    @property
    def authority(self) -> str:
        """Host and port as in a Host header; the port only where it is not that of the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        user = f"{quote(self.user)}:********@" if self.user else ""
        return f"{self.scheme}://{user}{self.authority}{self.folder}{self.file or ''}"


def _filled(text: str, identity: PhoneIdentity) -> str:
    values = {"MAC": identity.mac, "PN": identity.model.pn, "MODEL": identity.model.pn, "FIRMWARE": identity.firmware}
    return re.sub(r"\$(MAC|PN|MODEL|FIRMWARE)", lambda found: quote(values[found[1]]), text)
