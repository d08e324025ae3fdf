"""A `MediaPlane` that media pass through: descriptions name ports of ours on both legs, taken with the offer, freed at the end.

plane = AnchoredMedia(MediaRules.of(settings), engine)
compose_sbc(site, now, media=plane)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sipstub.media.connect_tone import ConnectTone
from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.port import PortRange
from sipstub.media.relay_end import RelayEnd
from sipstub.sbc.media.dsp import DspPool
from sipstub.sbc.media.rules import MediaRules
from sipstub.sbc.media.session import AnchoredSession

if TYPE_CHECKING:
    from sipstub.sbc.relay import Relay


class RelayPlace(Protocol):
    """Who has ports to give away."""

    def open(self, near: str, own: str = "", ports: PortRange | None = None) -> RelayEnd | None:
        """Return an end towards `near` at our address `own`, in a range if one is named; None where nothing is free."""

    def open_stream(self, near: str, own: str = "", ports: PortRange | None = None, *, is_secure: bool = False) -> MsrpEnd | None:
        """Return an end of MSRP, over TLS if it `is_secure`, as `open` does one of packets."""

    def play(self, end: RelayEnd) -> None:
        """Have the tone of an end go out in its time."""


class AnchoredMedia:
    """All of one SBC."""

    def __init__(
        self,
        rules: MediaRules,
        place: RelayPlace,
        *,
        dsps: DspPool | None = None,
        tone: ConnectTone | None = None,
        tell: Callable[[str, float], None] = lambda text, now: None,
    ) -> None:
        self.rules = rules
        self.place = place
        self.dsps = dsps or DspPool()
        self.tell = tell
        self.tone = tone
        "What one side of each call hears first."
        self.sessions: set[AnchoredSession] = set()
        "Those that hold anything."
        self.numbers = itertools.count(1)
        self.wake: Callable[[], None] = lambda: None
        self.clock: Callable[[], float] = lambda: 0.0

    def serve(self, wake: Callable[[], None], clock: Callable[[], float]) -> None:
        """Take who runs the core: `wake` has it send what a tone made it say, `clock` is the time that it lives in."""
        self.wake, self.clock = wake, clock

    def session(self, relay: Relay) -> AnchoredSession:
        """Return the media of a new call."""
        return AnchoredSession(self, relay)
