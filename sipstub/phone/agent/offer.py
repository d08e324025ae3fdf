"""Offers and answers of media in the form of V80.  RFC 3264; the order of lines as seen in public.

How "optional" encryption is offered is not known; here it is one plain line with keys.
"""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.phone.agent.account import Account, CodecSlot
from sipstub.phone.agent.identifier import Identifiers
from sipstub.phone.agent.place import Place
from sipstub.sip.error import SipError
from sipstub.sip.sdp import Line, Media, Sdp

SESSION_NAME = "SDP data"
FIRST_SESSION = 20_000
"Sessions are numbered from here."
CLOCK_HZ = 8000
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80")
PLAIN, SECURE = "RTP/AVP", "RTP/SAVP"
SRTP_OPTIONAL, SRTP_COMPULSORY = "1", "2"
FMTP = {"G729": "annexb=no"}


@dataclass(frozen=True, slots=True)
class Description:
    """What one side of a call says about its media, and under which number."""

    session: int
    version: int
    sdp: Sdp

    @property
    def body(self) -> bytes:
        """Return it for the wire."""
        return bytes(self.sdp)


class MediaWriter:
    """Writes the descriptions of one account."""

    def __init__(self, account: Account, identifiers: Identifiers, place: Place) -> None:
        self._account = account
        self._identifiers = identifiers
        self.host = place.host
        "What c= and o= say."
        self._session = FIRST_SESSION

    def offer(self, port: int) -> Description:
        """Return a first offer; each has a number of its own."""
        self._session += 1
        account = self._account
        is_secure = account.srtp == SRTP_COMPULSORY
        suites = SUITES if account.srtp in (SRTP_OPTIONAL, SRTP_COMPULSORY) else ()
        cryptos = [self._crypto(number, suite) for number, suite in enumerate(suites, 1)]
        return self._described(self._audio(port, list(account.offered), SECURE if is_secure else PLAIN, cryptos, True))

    def answer(self, offered: Sdp, port: int) -> Description | None:
        """Return the answer to an offer, codecs in the order of the offer; None if there is nothing in common."""
        media = next((one for one in offered.media if one.kind == "audio" and one.port), None)
        if media is None:
            return None
        account = self._account
        is_secure = media.protocol == SECURE
        wants = account.srtp in (SRTP_OPTIONAL, SRTP_COMPULSORY) if is_secure else account.srtp != SRTP_COMPULSORY
        if not wants:
            return None
        ours = {(slot.sdp_name.lower(), CLOCK_HZ): slot for slot in account.offered}
        common = [
            _renumbered(ours[key], codec.payload)
            for codec in media.codecs
            if (key := (codec.name.lower(), codec.clock_hz)) in ours
        ]
        cryptos = [self._crypto(one.tag, one.suite) for one in media.cryptos if one.suite in SUITES][:1] if is_secure else []
        if not common or (is_secure and not cryptos):
            return None
        has_events = any(codec.name.lower() == "telephone-event" for codec in media.codecs)
        self._session += 1
        answer = self._audio(port, common, media.protocol, cryptos, has_events)
        refused = [_refused(other) for other in offered.media if other is not media]
        at = offered.media.index(media)
        return self._described(*refused[:at], answer, *refused[at:])

    def again(self, before: Description, direction: str = "sendrecv") -> Description:
        """Return the same description once more, for a session that was changed by the other side."""
        media = before.sdp.media[0]
        lines = tuple(("a", direction) if line in _DIRECTIONS else line for line in media.lines)
        changed = Media(media.kind, media.port, media.protocol, media.formats, lines)
        return self._described(changed, *before.sdp.media[1:], session=before.session, version=before.version + 1)

    def _described(self, *media: Media, session: int = 0, version: int = 0) -> Description:
        session, version = session or self._session, version or self._session
        sdp = Sdp.build(address=self.host, session=session, version=version, media=media, name=SESSION_NAME)
        return Description(session, version, sdp)

    def _audio(self, port: int, codecs: list[CodecSlot], protocol: str, cryptos: list[Line], with_events: bool) -> Media:
        account = self._account
        lines: list[Line] = list(cryptos)
        for codec in codecs:
            lines.append(("a", f"rtpmap:{codec.payload} {codec.sdp_name}/{CLOCK_HZ}"))
            if codec.sdp_name in FMTP:
                lines.append(("a", f"fmtp:{codec.payload} {FMTP[codec.sdp_name]}"))
        formats = [str(codec.payload) for codec in codecs]
        if account.has_telephone_event and with_events:
            payload = account.dtmf_payload
            formats.append(str(payload))
            lines += [("a", f"fmtp:{payload} 0-15"), ("a", f"rtpmap:{payload} telephone-event/{CLOCK_HZ}")]
        if account.ptime_ms:
            lines.append(("a", f"ptime:{account.ptime_ms}"))
        lines.append(("a", "sendrecv"))
        return Media("audio", port, protocol, tuple(formats), tuple(lines))

    def _crypto(self, tag: int, suite: str) -> Line:
        return ("a", f"crypto:{tag} {suite} inline:{self._identifiers.srtp_key()}")


_DIRECTIONS = frozenset(("a", word) for word in ("sendrecv", "sendonly", "recvonly", "inactive"))
_ANSWERS = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


def answering_direction(offered: Sdp) -> str:
    """Return the direction that goes with the other side's."""
    return _ANSWERS.get(offered.direction_of(offered.media[0]), "sendrecv") if offered.media else "sendrecv"


def read_sdp(body: bytes) -> Sdp | None:
    """Return a description, or None for what is none."""
    try:
        found = Sdp.parse(body)
        for media in found.media:
            _ = media.codecs, media.cryptos
    except SipError:
        return None
    return found


def _renumbered(slot: CodecSlot, payload: str) -> CodecSlot:
    return CodecSlot(slot.slot, slot.name, int(payload), slot.priority, True)


def _refused(media: Media) -> Media:
    return Media(media.kind, 0, media.protocol, media.formats, ())
