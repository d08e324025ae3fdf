"""What a session description says about the settings of media."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.sdp import Sdp

TELEPHONE_EVENT = "telephone-event"


@dataclass(frozen=True, slots=True)
class CodecFact:
    """One format of the audio line."""

    payload: str
    name: str
    "In capitals: `PCMU`, `G726-32`."


@dataclass(frozen=True, slots=True)
class Offer:
    """The audio of one description."""

    codecs: tuple[CodecFact, ...]
    "In order of preference, without telephone-event."
    events_payload: str | None
    "Payload type of telephone-event; None if it is not there."
    ptime_ms: int | None
    protocols: tuple[str, ...]
    "Of each audio line: `RTP/AVP`, `RTP/SAVP`."
    suites: tuple[str, ...]
    "SRTP suites, in their order; never their keys."
    port: int
    "Of the first audio line."
    address: str

    @property
    def is_secure(self) -> bool:
        """Return whether some audio line is SAVP."""
        return any("SAVP" in protocol.upper() for protocol in self.protocols)

    @property
    def is_plain(self) -> bool:
        """Return whether some audio line is AVP."""
        return any("SAVP" not in protocol.upper() for protocol in self.protocols)


@dataclass(frozen=True, slots=True)
class LateOffer:
    """The phone's 200 to a call that came without an offer: it makes the offer then (RFC 3261 section 13.2.1)."""

    number: int
    at: float
    offer: Offer
    supported: tuple[str, ...] = ()
    "Of the 200, in lower case."

    @property
    def label(self) -> str:
        """Return what people call it."""
        return "200 to INVITE"


def read_offer(body: bytes, content_type: str) -> Offer | None:
    """Return the audio of a body, or None if there is none that can be read."""
    if content_type.lower() != "application/sdp" or not body:
        return None
    try:
        sdp = Sdp.parse(body)
        audio = [media for media in sdp.media if media.kind.lower() == "audio"]
        if not audio:
            return None
        first = audio[0]
        codecs = first.codecs
        return Offer(
            tuple(CodecFact(codec.payload, codec.name.upper()) for codec in codecs if codec.name.lower() != TELEPHONE_EVENT),
            next((codec.payload for codec in codecs if codec.name.lower() == TELEPHONE_EVENT), None),
            next((found for found in (media.ptime_ms for media in audio) if found is not None), None),
            tuple(media.protocol for media in audio),
            tuple(crypto.suite for media in audio for crypto in media.cryptos),
            first.port,
            sdp.address_of(first) or "",
        )
    except SipError:
        return None
