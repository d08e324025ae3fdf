"""What the stub says about media in a call: it takes one codec and digits, sends nothing, and listens nowhere.

RFC 3264.  The port is the discard port of RFC 863: packets of the phone go there and are lost.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable

from sipstub.sip.error import SipError
from sipstub.sip.sdp import Codec, Line, Media, Sdp

DISCARD = 9
PLAIN, SECURE = "RTP/AVP", "RTP/SAVP"
SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY_BYTES = 30
"Key and salt of that suite (RFC 4568 section 6.2)."
PTIME_MS = 20
CODECS = (("0", "PCMU"), ("8", "PCMA"), ("9", "G722"), ("18", "G729"))
EVENTS = "telephone-event"
EVENTS_PAYLOAD = "101"
CLOCK_HZ = 8000
SDP_TYPE = "application/sdp"


def random_key() -> str:
    """Return a fresh master key and salt, as SDP writes them."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class MediaTalk:
    """The descriptions of one call, numbered."""

    def __init__(self, host: str, *, session: int = 1, key: Callable[[], str] = random_key) -> None:
        self._host = host
        self._session = session
        self._version = session
        self._key = key

    def offer(self, *, is_secure: bool = False) -> bytes:
        """Return an offer of the codecs that every phone has."""
        lines: list[Line] = [("a", f"crypto:1 {SUITE} inline:{self._key()}")] if is_secure else []
        lines += [("a", f"rtpmap:{payload} {name}/{CLOCK_HZ}") for payload, name in CODECS]
        lines += _events(EVENTS_PAYLOAD)
        formats = (*(payload for payload, _ in CODECS), EVENTS_PAYLOAD)
        return self._described(Media("audio", DISCARD, SECURE if is_secure else PLAIN, formats, (*lines, *_ending("sendrecv"))))

    def answer(self, body: bytes) -> bytes | None:
        """Return the answer to an offer; None where there is nothing that we could take."""
        try:
            offered = Sdp.parse(body)
            media = [self._answered(one, offered.direction_of(one)) for one in offered.media]
        except SipError:
            return None
        if not any(one.port for one in media):
            return None
        first = next(at for at, one in enumerate(media) if one.port)
        kept = [one if at == first else _refused(one) for at, one in enumerate(media)]
        return self._described(*kept)

    def _answered(self, media: Media, direction: str) -> Media:
        named = [codec for codec in media.codecs if codec.name.lower() != EVENTS]
        cryptos = [one for one in media.cryptos if one.suite == SUITE]
        is_secure = media.protocol.upper() == SECURE
        if media.kind != "audio" or not media.port or not named or (is_secure and not cryptos):
            return _refused(media)
        lines: list[Line] = [("a", f"crypto:{cryptos[0].tag} {SUITE} inline:{self._key()}")] if is_secure else []
        lines.append(_rtpmap(named[0]))
        formats = [named[0].payload]
        events = next((codec.payload for codec in media.codecs if codec.name.lower() == EVENTS), None)
        if events is not None:
            formats.append(events)
            lines += _events(events)
        ours = "recvonly" if direction in ("sendrecv", "sendonly") else "inactive"
        return Media("audio", DISCARD, media.protocol, tuple(formats), (*lines, *_ending(ours)))

    def _described(self, *media: Media) -> bytes:
        sdp = Sdp.build(address=self._host, session=self._session, version=self._version, media=media, name="sipstub")
        self._version += 1
        return bytes(sdp)


def _ending(direction: str) -> tuple[Line, Line]:
    return ("a", f"ptime:{PTIME_MS}"), ("a", direction)


def _events(payload: str) -> list[Line]:
    return [("a", f"rtpmap:{payload} {EVENTS}/{CLOCK_HZ}"), ("a", f"fmtp:{payload} 0-15")]


def _rtpmap(codec: Codec) -> Line:
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    return ("a", f"rtpmap:{codec.payload} {codec.name}/{codec.clock_hz}{channels}")


def _refused(media: Media) -> Media:
    return Media(media.kind, 0, media.protocol, media.formats, ())
