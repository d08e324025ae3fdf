"""A fax that calls: its tone, heard in a window after connect, has the SBC ask for T.38, or for bare G.711 where that is refused.

SBCRemoteRenegotiateOnFaxDetection of a leg's profile: 0 leaves it to the phones; 1 asks that leg if it is the one that answered;
2 asks it in any case [choice: the manual's words for 1 and 2 are few].  Legs are asked one after the other, who answered first.
A leg that refuses T.38 is asked for G.711, and the other one is asked for that at once: there is no gateway between the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.media.cng import CngDetector
from sipstub.media.g711 import LAWS, decode
from sipstub.media.packet import RtpPacket
from sipstub.media.relay_end import RelayEnd
from sipstub.sbc.media.coders import payloads
from sipstub.sbc.reoffer import method_for, reoffer
from sipstub.sip.message import Response
from sipstub.sip.sdp import Media

if TYPE_CHECKING:
    from sipstub.sbc.leg import Leg
    from sipstub.sbc.media.session import AnchoredSession

ANSWER_SIDE, ALWAYS = 1, 2
REFUSALS = frozenset({415, 488, 606})
"What says that T.38 is not known there; after another answer the call stays as it is."
T38_LINES = (
    ("a", "T38FaxVersion:0"),
    ("a", "T38MaxBitRate:14400"),
    ("a", "T38FaxRateManagement:transferredTCF"),
    ("a", "T38FaxMaxDatagram:238"),
    ("a", "T38FaxUdpEC:t38UDPRedundancy"),
)


class FaxWatch:
    """One call, from its connect on."""

    def __init__(self, session: AnchoredSession, legs: tuple[Leg, Leg], until: float) -> None:
        """`legs` are those that talk; nothing is heard after `until`."""
        self._session = session
        answering = [leg for leg in legs if not leg.is_caller]
        self._legs = [*answering, *(leg for leg in legs if leg.is_caller)]
        self._until = until
        self._ends = [end for leg in legs if (end := session.voice_end(leg)) is not None]
        self._voice = {leg: line for leg in legs if (line := session.voice_line(leg)) is not None}
        self._asked: list[Leg] = []
        self._uses_g711 = False
        if self._wanted and len(self._ends) == len(legs):
            for end in self._ends:
                self._listen(end)

    @property
    def _wanted(self) -> list[Leg]:
        found = []
        for leg in self._legs:
            mode = self._session.fax_mode(leg)
            if mode == ALWAYS or (mode == ANSWER_SIDE and not leg.is_caller):
                found.append(leg)
        return found

    def _listen(self, end: RelayEnd) -> None:
        detector = CngDetector()

        def heard(packet: RtpPacket, codec: str, now: float) -> None:
            if self._session.now > self._until:
                self.stop()
            elif codec in LAWS and detector.take(decode(packet.payload, codec)) and method_for(self._wanted[0]) is not None:
                self.stop()
                self._asked = self._wanted
                self._ask_next(self._session.now)
                self._session.wake()

        end.hears = heard

    def stop(self) -> None:
        """Listen no more."""
        for end in self._ends:
            end.hears = None

    def _ask_next(self, now: float) -> None:
        if not self._asked:
            return
        leg = self._asked[0]
        if method_for(leg) is None:
            self._asked = []
            return
        voice = self._voice.get(leg)
        body = self._session.offer_of_ours(leg, self._line(voice)) if voice is not None else b""
        if body:
            reoffer(self._session.relay, leg, body, now, self._answered, keeps_timer=True)

    def _line(self, voice: Media) -> Media:
        """Return the line that takes the place of that of voice."""
        if not self._uses_g711:
            return Media("image", voice.port, "udptl", ("t38",), T38_LINES)
        laws = [str(number) for number, name in payloads(voice).items() if name.partition("/")[0] in LAWS]
        return Media(
            "audio", voice.port, "RTP/AVP", tuple(laws) or ("8", "0"), (("a", "silenceSupp:off - - - -"), ("a", "ptime:20"))
        )

    def _answered(self, response: Response, now: float) -> None:
        leg = self._asked[0]
        if response.status >= 300:
            self._session.offer_of_ours(leg, self._voice[leg])  # what it was before, which nobody is told again
        if response.status < 300:
            self._asked = self._asked[1:]
        elif response.status in REFUSALS and not self._uses_g711:
            self._uses_g711 = True
            self._asked = [leg, *(one for one in self._wanted if one is not leg)]
        else:
            self._asked = []
        self._ask_next(now)
