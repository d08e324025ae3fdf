"""The media of one call: an end for each line of each side, tied as offers and answers pass.  RFC 3264.

Ports are taken when an offer passes and kept until the call ends, or until somebody else is talked to.  A re-offer counts when it
is answered: one that is refused leaves packets where they went.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, overload

from sipstub.media.g711 import LAWS
from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.msrp_terms import MsrpTerms
from sipstub.media.relay_end import RelayEnd
from sipstub.media.relay_terms import Mediation, RelayTerms
from sipstub.sbc.media.coders import answered, is_voice, offered, payloads
from sipstub.sbc.media.fax import FaxWatch
from sipstub.sbc.media.first_offer import description, voice_of
from sipstub.sbc.media.message_line import is_message, message_at, message_terms, setup_of
from sipstub.sbc.media.order import Layout, kept_order, straight
from sipstub.sbc.media.packet_line import is_relayed, packet_at, packet_terms
from sipstub.sbc.media.side import MediaSide
from sipstub.sbc.media_plane import MediaRefused
from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request
from sipstub.sip.sdp import Media, Sdp

if TYPE_CHECKING:
    from sipstub.sbc.leg import Leg
    from sipstub.sbc.media.anchored import AnchoredMedia
    from sipstub.sbc.relay import Relay

MAX_LINES = 4
"Media lines of one side that have ports; further ones are refused."
MAX_SIDES = 32
"Sides of one call that have ports at a time: forks, and who it was transferred to."
NO_TONE = "the tone on connect cannot be played"
NOT_ACCEPTABLE, UNAVAILABLE = 488, 503
"What a call gets whose media cannot pass, and one that no port or DSP is free for [choice]."


class AnchoredSession:
    """One call."""

    def __init__(self, plane: AnchoredMedia, relay: Relay) -> None:
        self._plane = plane
        self.relay = relay
        self._sides: list[MediaSide] = []
        self._offerer: MediaSide | None = None
        self._layouts: dict[MediaSide, Layout] = {}
        self._pending: list[Callable[[], None]] = []
        "What descriptions say, from the time on when they are answered."
        self._has_dsp = False
        self._is_connected = False
        self._is_over = False
        self._fax: FaxWatch | None = None

    @property
    def is_direct(self) -> bool:
        """Return whether media go from phone to phone."""
        return self._plane.rules.is_direct

    @property
    def ends(self) -> tuple[RelayEnd, ...]:
        """Return all ends, side by side."""
        return tuple(end for side in self._sides for end in side.ends.values())

    @property
    def streams(self) -> tuple[MsrpEnd, ...]:
        """Return those of MSRP."""
        return tuple(end for side in self._sides for end in side.streams.values())

    def asked_without_offer(self) -> None:
        """Take note of an INVITE that leaves the offer to the other side."""
        self._offerer = None

    def carry(self, message: Message, source: Leg, to: Leg, *, tells: bool = True) -> bytes:
        """Return the description in a message as the other leg gets it, if it `tells` it; raises MediaRefused."""
        if self._is_over:
            return self.refused(message.body)
        one, other = self._side(source), self._side(to)
        try:
            sdp = one.read(message.body)
            is_answer = self._is_answer(message, other)
            return self._answer(sdp, one, other, message.body, tells) if is_answer else self._offer(sdp, one, other, message.body)
        except SipError as error:
            raise MediaRefused(NOT_ACCEPTABLE, error.fact) from None

    def _is_answer(self, message: Message, to: MediaSide) -> bool:
        if isinstance(message, Request) and message.method != "PRACK":
            return message.method == "ACK"
        return self._offerer is to

    def answered(self, leg: Leg, body: bytes) -> None:
        """Take the answer of one leg to an offer of the SBC's own."""
        side = self._side(leg)
        try:
            sdp = Sdp.parse(body)
            side.heard = sdp.media
            for place, media in enumerate(sdp.media):
                end = side.ends.get(place)
                if end is not None:
                    end.name(packet_terms(sdp, media) if media.port and not is_message(media) else None)
                stream = side.streams.get(place)
                if stream is not None:
                    stream.name(message_terms(sdp, media, is_answer=True) if media.port and is_message(media) else None)
                    stream.begin()
        except SipError:
            return

    def refused(self, body: bytes) -> bytes:
        """Return a description with every line refused."""
        try:
            sdp = Sdp.parse(body)
        except SipError:
            return b""
        return bytes(sdp.with_media(*(replace(one, port=0, lines=()) for one in sdp.media)))

    def connected(self, one: Leg, other: Leg, now: float) -> str:
        """Take note of who talks to whom from now on and free what others hold; return why the call has to end, if so."""
        was_connected, self._is_connected = self._is_connected, True
        self.stay(one, other)
        self._begin()
        if self._fax is not None:
            self._fax.stop()
        self._fax = FaxWatch(self, (one, other), now + self._plane.rules.fax_window_s)
        return "" if was_connected or self._play(one if one.is_caller else other, other if one.is_caller else one) else NO_TONE

    def stay(self, one: Leg, other: Leg) -> None:
        """Free what was taken for anybody but the two that talk."""
        talking = [self._side(one), self._side(other)]
        for side in self._sides:
            if side not in talking:
                side.close()
                self._layouts.pop(side, None)
        self._sides = talking

    def _play(self, caller: Leg, callee: Leg) -> bool:
        """Play the tone on connect; return False where it cannot be played, and the call is not to be without it."""
        tone, rules = self._plane.tone, self._plane.rules
        if tone is None:
            return True
        side = self._side(caller if tone.is_for_caller else callee)
        end = side.ends.get(0)
        voice = payloads(side.heard[0]) if side.heard and is_voice(side.heard[0]) else {}
        law = next(((number, name.partition("/")[0]) for number, name in voice.items() if name.partition("/")[0] in LAWS), None)
        if end is None or not end.is_on or law is None or not tone.sound:
            return rules.connects_without_tone
        end.play(tone.packets(law[1]), law[0])
        self._plane.place.play(end)
        return True

    def end(self) -> None:
        """Free whatever is held for it."""
        self._is_over = True
        for line in filter(None, (end.account for end in self.streams)):
            self._plane.tell(line, self.now)
        for side in self._sides:
            side.close()
        if self._has_dsp:
            self._has_dsp = False
            self._plane.dsps.give()
        self._plane.sessions.discard(self)

    # Offers and answers

    def _offer(self, sdp: Sdp, one: MediaSide, other: MediaSide, body: bytes) -> bytes:
        rules = self._plane.rules
        is_direct = rules.passes_by(one.hop, other.hop)
        self._offerer, self._pending = one, []
        one.setup = setup_of(sdp)
        one.heard, lines, layout = sdp.media, sdp.media, straight(len(sdp.media))
        if rules.keeps_order and other.said:
            lines, layout = kept_order(lines, other.said)
        self._layouts[other] = layout
        profile = replace(other.profile, extensions=()) if is_direct and other.profile.extensions else other.profile
        found, may_transcode = [], self._is_forced(one, other)
        for place, (line, of) in enumerate(zip(lines, layout, strict=True)):
            worded, is_more = offered(line, profile, mixes_extensions=rules.mixes_extensions)
            may_transcode |= is_more
            found.append(
                self._direct(worded) if is_direct else self._line(sdp, line, worded, (one, of), (other, place), is_answer=False)
            )
        if not any(line.port for line in found) and any(line.port for line in lines):
            raise MediaRefused(NOT_ACCEPTABLE, "no media that could pass")
        if may_transcode and rules.reserves_at_offer and not is_direct:
            self._reserve()
        return self._worded(sdp, other, tuple(found), body if is_direct else None)

    def _answer(self, sdp: Sdp, one: MediaSide, other: MediaSide, body: bytes, tells: bool) -> bytes:
        is_direct = self._plane.rules.passes_by(one.hop, other.hop)
        one.heard = sdp.media
        pairs = zip(self._layouts.get(one, straight(len(sdp.media))), enumerate(sdp.media), strict=False)
        found, transcodes = [], self._is_forced(one, other)
        for place, of, line in sorted((place, of, line) for place, (of, line) in pairs if place is not None):
            worded, is_substitute = answered(line, other.heard[place] if place < len(other.heard) else None)
            transcodes |= is_substitute
            found.append(
                self._direct(worded)
                if is_direct
                else self._line(sdp, line, worded, (one, of), (other, place), is_answer=True, tells=tells)
            )
        if transcodes and not is_direct:
            self._reserve()
        for name in self._pending:
            name()
        self._pending = []
        if self._is_connected:
            self._begin()
        return self._worded(sdp, other, tuple(found), body if is_direct else None)

    def _line(
        self,
        sdp: Sdp,
        line: Media,
        worded: Media,
        source: tuple[MediaSide, int | None],
        to: tuple[MediaSide, int],
        *,
        is_answer: bool,
        tells: bool = True,
    ) -> Media:
        """Return one line as it goes out, with the ends of both sides taken and tied."""
        (one, of), (other, place) = source, to
        if is_message(worded) and of is not None and max(of, place) < MAX_LINES:
            return self._message(sdp, line, worded, (one, of), (other, place), is_answer=is_answer)
        if not worded.port or not is_relayed(worded) or of is None or max(of, place) >= MAX_LINES:
            return self._refused(worded, source, to, is_answer)
        near, far = self._end(one, of), self._end(other, place)
        self._name(near, packet_terms(sdp, line), is_answer)
        if is_answer or not self._is_connected:
            far.peer = near
            if is_answer or near.peer is None:
                near.tie(far)
        if is_answer:
            self._silence(one.streams.get(of), other.streams.get(place))
        if tells:
            far.tell(payloads(worded) if is_voice(worded) or worded.protocol.upper().startswith("RTP/") else {})
        return packet_at(worded, far.port.host, far.port.port)

    def _message(
        self, sdp: Sdp, line: Media, worded: Media, source: tuple[MediaSide, int], to: tuple[MediaSide, int], *, is_answer: bool
    ) -> Media:
        """Return one line of MSRP as it goes out (EnableMSRP)."""
        (one, of), (other, place) = source, to
        terms = message_terms(sdp, line, is_answer=is_answer)
        if not worded.port or terms is None or not self._plane.rules.has_msrp:
            return self._refused(worded, source, to, is_answer)
        near, far = (self._stream(side, at, is_secure=terms.is_secure) for side, at in ((one, of), (other, place)))
        self._name(near, terms, is_answer)
        if is_answer or near.peer is None:
            near.tie(far)
        if is_answer:
            self._silence(one.ends.get(of), other.ends.get(place))
        asked = other.heard[place : place + 1]
        offered = "".join(map(setup_of, asked)) or other.setup
        return message_at(worded, far, offered if is_answer else None)

    def _refused(
        self, worded: Media, source: tuple[MediaSide, int | None], to: tuple[MediaSide, int | None], is_answer: bool
    ) -> Media:
        for side, place in (source, to):
            for end in side.at(place):
                self._name(end, None, is_answer)
        return replace(worded, port=0)

    @staticmethod
    def _silence(*ends: RelayEnd | MsrpEnd | None) -> None:
        """Have nothing pass any more at a place whose line has become one of another kind."""
        for end in ends:
            if end is not None:
                end.name(None)

    def _direct(self, worded: Media) -> Media:
        """Return one line as it passes by: without MSRP that is refused all the same [choice]."""
        return replace(worded, port=0) if is_message(worded) and not self._plane.rules.has_msrp else worded

    def _begin(self) -> None:
        for end in self.streams:
            end.begin()

    @overload
    def _name(self, end: RelayEnd, terms: RelayTerms | None, is_answer: bool) -> None: ...
    @overload
    def _name(self, end: MsrpEnd, terms: MsrpTerms | None, is_answer: bool) -> None: ...
    def _name(self, end: RelayEnd | MsrpEnd, terms: RelayTerms | MsrpTerms | None, is_answer: bool) -> None:
        name = partial(end.name, terms)  # type: ignore[arg-type]
        if is_answer or not self._is_connected or (isinstance(end, RelayEnd) and not end.is_on):
            name()
        else:
            self._pending.append(name)

    def _worded(self, sdp: Sdp, other: MediaSide, found: tuple[Media, ...], body: bytes | None) -> bytes:
        other.said = found
        if body is not None:
            return body if found == sdp.media else bytes(sdp.with_media(*found))
        host = next(iter(other.hosts), self.relay.core.places.via(other.hop).host.strip("[]"))
        return bytes(other.worded(sdp, host, found))

    # Offers of the SBC's own

    def first_offer(self, leg: Leg) -> bytes:
        """Return an offer in extension coders, to a side whose INVITE came without one; empty where there are none."""
        side, rules = self._side(leg), self._plane.rules
        line = voice_of(side.profile.extensions)
        if line is None or self._is_over:
            return b""
        host = self.relay.core.places.via(leg.hop).host.strip("[]")
        if not rules.passes_by(self.relay.source_for(leg).hop, leg.hop):
            end = self._end(side, 0)
            host, line = end.port.host, replace(line, port=end.port.port)
        side.said = (line,)
        return bytes(side.worded(description(host), host, side.said))

    def voice_line(self, leg: Leg) -> Media | None:
        """Return the first line that a leg was told if that is voice that can be listened to."""
        said = self._side(leg).said
        return said[0] if said and is_voice(said[0]) and said[0].port else None

    def voice_end(self, leg: Leg) -> RelayEnd | None:
        """Return the end of that line."""
        return self._side(leg).ends.get(0) if self.voice_line(leg) is not None else None

    def fax_mode(self, leg: Leg) -> int:
        """Return SBCRemoteRenegotiateOnFaxDetection of a leg."""
        return self._side(leg).profile.fax

    @property
    def now(self) -> float:
        """Return the time that the core lives in."""
        return self._plane.clock()

    def wake(self) -> None:
        """Have sent what a tone made the call say."""
        self._plane.wake()

    def offer_of_ours(self, leg: Leg, line: Media) -> bytes:
        """Return an offer to a leg with another first line than it has now; nothing if there is none."""
        side = self._side(leg)
        end = side.ends.get(0)
        if self._is_over or end is None or not side.said or not leg.description:
            return b""
        end.tell(payloads(line) if is_voice(line) else {})
        side.said = (line, *side.said[1:])
        return bytes(side.worded(Sdp.parse(leg.description), end.port.host, side.said))

    # What is held

    def _side(self, leg: Leg) -> MediaSide:
        if leg.side is None:
            if len(self._sides) >= MAX_SIDES:
                raise MediaRefused(UNAVAILABLE, f"{MAX_SIDES} sides of one call")
            own = self.relay.core.places.listened(leg.hop)
            leg.side = MediaSide(self._plane.rules.profile(leg.group.name), leg.hop, own, next(self._plane.numbers))
        if leg.side not in self._sides:
            self._sides.append(leg.side)
        return leg.side

    def _end(self, side: MediaSide, place: int) -> RelayEnd:
        end = side.ends.get(place)
        if end is None:
            end = self._plane.place.open(side.hop.host, side.own, side.profile.ports)
            if end is None:
                raise MediaRefused(UNAVAILABLE, "no port is free")
            end.mediation, end.control_mode = side.profile.mediation, side.profile.control_mode
            side.ends[place] = end
            self._plane.sessions.add(self)
        return end

    def _stream(self, side: MediaSide, place: int, *, is_secure: bool) -> MsrpEnd:
        end = side.streams.get(place)
        if end is not None and end.uri.is_secure is not is_secure:
            raise MediaRefused(NOT_ACCEPTABLE, "messages that begin or end to be secure")
        if end is None:
            end = self._plane.place.open_stream(side.hop.host, side.own, side.profile.ports, is_secure=is_secure)
            if end is None:
                raise MediaRefused(UNAVAILABLE, "no port is free for MSRP")
            side.streams[place] = end
            self._plane.sessions.add(self)
        return end

    def _is_forced(self, one: MediaSide, other: MediaSide) -> bool:
        return Mediation.FORCE in (one.profile.mediation, other.profile.mediation)

    def _reserve(self) -> None:
        if not self._has_dsp:
            if not self._plane.dsps.take():
                raise MediaRefused(UNAVAILABLE, "no DSP is free")
            self._has_dsp = True
            self._plane.sessions.add(self)
