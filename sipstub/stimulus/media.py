"""What the stub says about media in a call, and what it does by it: one codec and digits, silence or a tone.

RFC 3264.  Where there are no ports to have, it names the discard port of RFC 863: packets of the phone go there and are lost.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
from collections.abc import Callable

from sipstub.media.place import NO_MEDIA, MediaPlace
from sipstub.media.report import MediaReport
from sipstub.media.sound import SPOKEN
from sipstub.media.voice import Voice
from sipstub.sip.error import SipError
from sipstub.sip.sdp import Codec, Line, Media, Sdp

DISCARD = 9
PLAIN, SECURE = "RTP/AVP", "RTP/SAVP"
KNOWN = frozenset({PLAIN, SECURE, "RTP/AVPF"})
SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY_BYTES = 30
"Key and salt of that suite (RFC 4568 section 6.2)."
PTIME_MS = 20
CODECS = (("0", "PCMU"), ("8", "PCMA"), ("9", "G722"), ("18", "G729"))
EVENTS = "telephone-event"
EVENTS_PAYLOAD = "101"
CLOCK_HZ = 8000
SDP_TYPE = "application/sdp"
ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
"RFC 3264 section 6.1."


def random_key() -> str:
    """Return a fresh master key and salt, as SDP writes them."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class MediaTalk:
    """The descriptions of one call, numbered, and its ports, from the first of them until `end`."""

    def __init__(
        self,
        host: str,
        *,
        session: int = 1,
        key: Callable[[], str] = random_key,
        place: MediaPlace = NO_MEDIA,
        near: str = "",
        own: str = "",
    ) -> None:
        """`near` and `own` are the two ends of the call's SIP."""
        self._host = host
        self._session = session
        self._version = session
        self._key = key()
        "Of our SRTP, the same in all descriptions: a new one would begin to count packets anew."
        self._voice = Voice(place, near, own)
        self._is_secure = False

    # What is said

    def offer(self, *, is_secure: bool = False) -> bytes:
        """Return an offer of the codecs that every phone has; a call that was secure stays so."""
        self._voice.open()
        self._is_secure = is_secure or self._is_secure
        lines: list[Line] = [("a", f"crypto:1 {SUITE} inline:{self._key}")] if self._is_secure else []
        lines += [("a", f"rtpmap:{payload} {name}/{CLOCK_HZ}") for payload, name in CODECS]
        lines += _events(EVENTS_PAYLOAD)
        formats = (*(payload for payload, _ in CODECS), EVENTS_PAYLOAD)
        protocol = SECURE if self._is_secure else PLAIN
        return self._described(Media("audio", self._port, protocol, formats, (*lines, *_ending("sendrecv"))))

    def answer(self, body: bytes) -> bytes | None:
        """Return the answer to an offer, and go by both; None where there is nothing that we could take."""
        self._voice.open()
        try:
            offered = Sdp.parse(body)
            media = [self._answered(one, offered.direction_of(one)) for one in offered.media]
        except SipError:
            return None
        if not any(one.port for one in media):
            return None
        first = next(at for at, one in enumerate(media) if one.port)
        kept = [one if at == first else _refused(one) for at, one in enumerate(media)]
        self._is_secure = kept[first].protocol.upper() == SECURE
        said = self._described(*kept)
        self._voice.heard(offered)
        return said

    def answered(self, body: bytes) -> None:
        """Go by the phone's answer to what we said last; nothing changes by an empty one, or one that cannot be read."""
        if body:
            with contextlib.suppress(SipError):
                self._voice.heard(Sdp.parse(body))

    @property
    def _port(self) -> int:
        return DISCARD if self._voice.line is None else self._voice.line.port

    def _answered(self, media: Media, direction: str) -> Media:
        named = [codec for codec in media.codecs if codec.name.lower() != EVENTS]
        cryptos = [one for one in media.cryptos if one.suite == SUITE]
        is_secure = media.protocol.upper() == SECURE
        is_known = media.kind == "audio" and media.protocol.upper() in KNOWN
        if not is_known or not media.port or not named or (is_secure and not cryptos):
            return _refused(media)
        lines: list[Line] = [("a", f"crypto:{cryptos[0].tag} {SUITE} inline:{self._key}")] if is_secure else []
        codec = self._chosen(named)
        lines.append(_rtpmap(codec))
        formats = [codec.payload]
        events = next((codec.payload for codec in media.codecs if codec.name.lower() == EVENTS), None)
        if events is not None:
            formats.append(events)
            lines += _events(events)
        ending = _ending(self._direction(direction))
        return Media("audio", self._port, media.protocol, tuple(formats), (*lines, *ending))

    def _chosen(self, named: list[Codec]) -> Codec:
        """Return the phone's first choice; of those that we can speak, if we speak."""
        spoken = [codec for codec in named if codec.name.upper() in SPOKEN] if self._voice.line is not None else []
        return (spoken or named)[0]

    def _direction(self, theirs: str) -> str:
        if self._voice.line is None:
            return "recvonly" if theirs in ("sendrecv", "sendonly") else "inactive"
        return ANSWERS[theirs]

    def _described(self, *media: Media) -> bytes:
        host = self._host if self._voice.line is None else self._voice.line.host
        sdp = Sdp.build(address=host, session=self._session, version=self._version, media=media, name="sipstub")
        self._version += 1
        self._voice.said(sdp)
        return bytes(sdp)

    # What is done

    def begin(self) -> None:
        """Send from now on, by what was said until now and is said later: the call is answered."""
        self._voice.begin()

    def end(self) -> MediaReport | None:
        """Give the ports back and return what came of it; None where there never were any to have, or nothing was said yet."""
        return self._voice.end()


def _ending(direction: str) -> tuple[Line, Line]:
    return ("a", f"ptime:{PTIME_MS}"), ("a", direction)


def _events(payload: str) -> list[Line]:
    return [("a", f"rtpmap:{payload} {EVENTS}/{CLOCK_HZ}"), ("a", f"fmtp:{payload} 0-15")]


def _rtpmap(codec: Codec) -> Line:
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    return ("a", f"rtpmap:{codec.payload} {codec.name}/{codec.clock_hz}{channels}")


def _refused(media: Media) -> Media:
    return Media(media.kind, 0, media.protocol, media.formats, ())
