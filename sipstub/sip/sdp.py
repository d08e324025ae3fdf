"""SDP: lines in their order, unknown ones kept, with views of what a phone's settings show in.  RFC 8866, RFC 3264, RFC 4568.

`parse` is strict about form (letter, equals sign, value) and the few lines it types, and keeps the rest as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sipstub.sip.error import SipError
from sipstub.sip.scanner import parse_number, refuse_injection

MAX_LINES = 2048
MAX_MEDIA = 64
MAX_FORMATS = 256
"Of one line; RTP has 128 payload types."
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
STATIC_CODECS = {
    "0": ("PCMU", 8000, 1),
    "3": ("GSM", 8000, 1),
    "4": ("G723", 8000, 1),
    "8": ("PCMA", 8000, 1),
    "9": ("G722", 8000, 1),
    "13": ("CN", 8000, 1),
    "15": ("G728", 8000, 1),
    "18": ("G729", 8000, 1),
    "31": ("H261", 90000, 1),
    "34": ("H263", 90000, 1),
}
"Payload types of RFC 3551 that need no rtpmap: name, clock rate, channels."

_LINE = re.compile(r"([a-z])=(.*)\Z")
_MEDIA = re.compile(r"([!-~]++) ([0-9]{1,5})(?:/([0-9]{1,5}))? ([!-~]++)((?: [!-~]++)*+) *\Z")
_ORIGIN = re.compile(r"([!-~]++) ([0-9]++) ([0-9]++) ([!-~]++) ([!-~]++) ([!-~]++)\Z")
_CONNECTION = re.compile(r"(IN) (IP4|IP6) ([!-~]++)\Z", re.IGNORECASE)
_RTPMAP = re.compile(r"([0-9]{1,3}) +([^/ ]++)/([1-9][0-9]{0,8})(?:/([0-9]{1,3}))? *\Z")
_CRYPTO = re.compile(r"([0-9]{1,9}) +([!-~]++) +(\S.*)\Z")

Line = tuple[str, str]
"Letter and value."


@dataclass(frozen=True, slots=True)
class Codec:
    """One format of an audio or video line."""

    payload: str
    name: str
    "As written; compare without case."
    clock_hz: int
    channels: int = 1
    fmtp: str | None = None


@dataclass(frozen=True, slots=True)
class Crypto:
    """One SRTP suite that is offered."""

    tag: int
    suite: str
    key_params: str
    "Secret."

    def __repr__(self) -> str:
        return f"Crypto({self.tag}, {self.suite!r}, ***)"


class _Section:
    """What a session and a media description have in common."""

    __slots__ = ()
    lines: tuple[Line, ...]

    def values(self, letter: str) -> list[str]:
        """Return the values of all lines of that letter."""
        return [value for found, value in self.lines if found == letter]

    def attributes(self, name: str) -> list[str]:
        """Return the values of an attribute, empty texts where it has none."""
        found = []
        for value in self.values("a"):
            head, _, rest = value.partition(":")
            if head == name:
                found.append(rest)
        return found

    @property
    def connection(self) -> str | None:
        """Return the address of the connection line, without TTL."""
        for value in self.values("c"):
            match = _CONNECTION.match(value)
            if match is None:
                raise SipError(f"not a connection line: {value!r}")
            return match[3].partition("/")[0]
        return None

    @property
    def own_direction(self) -> str | None:
        """Return the direction that stands here."""
        return next((name for value in self.values("a") for name in DIRECTIONS if value == name), None)


@dataclass(frozen=True, slots=True)
class Media(_Section):
    """One m= line and what follows it."""

    kind: str
    "audio, video, image, ..."
    port: int
    protocol: str
    "RTP/AVP, RTP/SAVP, ..."
    formats: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    "The lines behind the m= line."
    port_count: int | None = None
    _codecs: tuple[Codec, ...] | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, value: str, lines: tuple[Line, ...] = ()) -> Media:
        """Return the description from the value of its m= line."""
        match = _MEDIA.match(value)
        if match is None:
            raise SipError(f"not a media line: {value!r}")
        port = parse_number(match[2], "port of media", limit=65535)
        formats = tuple(match[5].split())
        if len(formats) > MAX_FORMATS:
            raise SipError(f"a media line of {len(formats)} formats, at most {MAX_FORMATS} are taken")
        return cls(match[1], port, match[4], formats, lines, int(match[3]) if match[3] else None)

    @property
    def text(self) -> str:
        """Return the value of the m= line."""
        count = "" if self.port_count is None else f"/{self.port_count}"
        return " ".join([self.kind, f"{self.port}{count}", self.protocol, *self.formats])

    @property
    def codecs(self) -> tuple[Codec, ...]:
        """Return the formats in their order of preference, named by rtpmap or RFC 3551; unknown ones are left out."""
        if self._codecs is None:
            object.__setattr__(self, "_codecs", self._read_codecs())
        return self._codecs or ()

    def _read_codecs(self) -> tuple[Codec, ...]:
        maps: dict[str, tuple[str, int, int]] = {}
        for value in self.attributes("rtpmap"):
            match = _RTPMAP.match(value)
            if match is None:
                raise SipError(f"not an rtpmap: {value!r}")
            maps[match[1]] = (match[2], int(match[3]), int(match[4] or 1))
        fmtp = {payload: rest for payload, _, rest in (value.partition(" ") for value in self.attributes("fmtp"))}
        known = {**STATIC_CODECS, **maps}
        return tuple(Codec(payload, *known[payload], fmtp.get(payload)) for payload in self.formats if payload in known)

    @property
    def ptime_ms(self) -> int | None:
        """Return the packet time."""
        found = self.attributes("ptime")
        return parse_number(found[0], "ptime", limit=10_000) if found else None

    @property
    def cryptos(self) -> tuple[Crypto, ...]:
        """Return the SRTP suites, in their order (RFC 4568)."""
        found = []
        for value in self.attributes("crypto"):
            match = _CRYPTO.match(value)
            if match is None:
                raise SipError("not a crypto attribute")  # never its text: it is a key
            found.append(Crypto(int(match[1]), match[2], match[3]))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Sdp(_Section):
    """A session description."""

    lines: tuple[Line, ...]
    "Of the session, before the first m= line."
    media: tuple[Media, ...] = ()

    @classmethod
    def parse(cls, data: bytes | str) -> Sdp:
        """Return the description, or raise SipError.  Lines may end with LF alone; RFC 4566 section 5 asks us to take that."""
        text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
        lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
        if len(lines) > MAX_LINES:
            raise SipError(f"SDP of {len(lines)} lines, at most {MAX_LINES} are taken")
        session: list[Line] = []
        sections: list[tuple[str, list[Line]]] = []
        for line in lines:
            match = _LINE.match(line)
            if match is None or "\r" in line or "\0" in line:
                raise SipError(f"not a line of SDP: {line!r}")
            if match[1] == "m":
                sections.append((match[2], []))
            else:
                (sections[-1][1] if sections else session).append((match[1], match[2]))
        if session[:1] != [("v", "0")]:
            raise SipError("SDP does not begin with v=0")
        if len(sections) > MAX_MEDIA:
            raise SipError(f"SDP with {len(sections)} media, at most {MAX_MEDIA} are taken")
        found = cls(tuple(session), tuple(Media.parse(value, tuple(inner)) for value, inner in sections))
        _ = found.origin, found.connection, [media.connection for media in found.media]
        return found

    @classmethod
    def build(
        cls, *, address: str, session: int, version: int, media: tuple[Media, ...], user: str = "-", name: str = "-"
    ) -> Sdp:
        """Return a description with the lines that every one has; IPv6 is told by its colons."""
        family = "IP6" if ":" in address else "IP4"
        head = (
            ("v", "0"),
            ("o", f"{user} {session} {version} IN {family} {address}"),
            ("s", name),
            ("c", f"IN {family} {address}"),
            ("t", "0 0"),
        )
        return cls(head, media)

    def __str__(self) -> str:
        return "".join(f"{letter}={refuse_injection(value)}\r\n" for letter, value in self._all())

    def __bytes__(self) -> bytes:
        return str(self).encode("utf-8", "surrogateescape")

    def _all(self) -> Iterator[Line]:
        yield from self.lines
        for media in self.media:
            yield "m", media.text
            yield from media.lines

    @property
    def origin(self) -> Origin:
        """Return who made this, and which version of it; raises SipError if it is missing."""
        found = self.values("o")
        match = _ORIGIN.match(found[0]) if found else None
        if match is None:
            raise SipError("SDP without a proper o= line")
        return Origin(match[1], match[2], match[3], match[6])

    def address_of(self, media: Media) -> str | None:
        """Return where this media is to be sent: its own connection line, or that of the session."""
        return media.connection or self.connection

    def direction_of(self, media: Media) -> str:
        """Return the direction of this media: its own, that of the session, or sendrecv (RFC 3264 section 5.1)."""
        return media.own_direction or self.own_direction or DIRECTIONS[0]

    def with_media(self, *media: Media) -> Sdp:
        """Return the same session with other media."""
        return replace(self, media=media)


@dataclass(frozen=True, slots=True)
class Origin:
    """The o= line: equal session and version mean an unchanged description."""

    user: str
    session: str
    version: str
    address: str
