"""Two sides and a wire between them that loses, doubles and delays by list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sip_side import OUR_VIA, OUR_VIA_TCP, PHONE, PHONE_TCP

from sipstub.sip.message import Request
from sipstub.sip.reader import parse_message
from sipstub.transaction.event import Event
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.machine import ClientTransaction
from sipstub.transaction.sending import Hop, Sending
from sipstub.transaction.timing import USUAL, Timing

LOSE, DOUBLE, LATE = "lose", "double", "late"
TRIP_S = 0.01
LATE_S = 0.9
OUR_HOP = Hop("UDP", "10.0.0.1", 5060, 2)
OUR_HOP_TCP = Hop("TCP", "10.0.0.1", 5060, 2)

Answerer = Callable[["Wire", Event], None]


@dataclass
class Wire:
    """A client and a server.  `fates` says what becomes of the first, second, ... message on the wire, of either side."""

    serve: Answerer
    "What the user of the server does with each event."
    fates: Iterable[str] = ()
    timing: Timing = USUAL
    is_reliable: bool = False
    now: float = 0.0
    told: list[Event] = field(default_factory=list)
    "What the user of the client was told."
    served: list[Event] = field(default_factory=list)
    "What the user of the server was told."
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    "Time, sender and first line of everything that was sent."

    def __post_init__(self) -> None:
        self.client = TransactionLayer(self.timing)
        self.server = TransactionLayer(self.timing)
        self._fates = iter(self.fates)
        self._way: list[tuple[float, int, TransactionLayer, bytes]] = []
        self._number = 0

    def ask(self, request: Request) -> ClientTransaction:
        """Send a request of the client."""
        hop, via = (PHONE_TCP, OUR_VIA_TCP) if self.is_reliable else (PHONE, OUR_VIA)
        return self.client.request(request, hop, via, self.now)

    def run(self, seconds: float = 700.0) -> None:
        """Let both sides talk until nothing happens any more, or the time is over."""
        end = self.now + seconds
        while True:
            self._collect()
            times = [when for when in (self.client.next_timer, self.server.next_timer) if when is not None]
            times += [item[0] for item in self._way]
            if not times or min(times) > end:
                self.now = end if times else self.now
                return
            self.now = max(self.now, min(times))
            for item in sorted(item for item in self._way if item[0] <= self.now):
                self._way.remove(item)
                layer = item[2]
                source = (OUR_HOP_TCP if self.is_reliable else OUR_HOP) if layer is self.server else self._phone
                layer.receive(parse_message(item[3]), source, self.now)
            self.client.on_timer(self.now)
            self.server.on_timer(self.now)

    @property
    def _phone(self) -> Hop:
        return PHONE_TCP if self.is_reliable else PHONE

    def _collect(self) -> None:
        moved = True
        while moved:
            moved = False
            for layer, name, peer in ((self.client, "client", self.server), (self.server, "server", self.client)):
                while (event := layer.next_event()) is not None:
                    moved = True
                    if layer is self.client:
                        self.told.append(event)
                    else:
                        self.served.append(event)
                        self.serve(self, event)
                for sending in layer.to_send():
                    moved = True
                    self._put(sending, name, peer)

    def _put(self, sending: Sending, name: str, peer: TransactionLayer) -> None:
        self.lines.append((round(self.now, 6), name, sending.data.split(b"\r\n")[0].decode().removeprefix("SIP/2.0 ")))
        fate = "" if self.is_reliable else next(self._fates, "")
        if fate == LOSE:
            return
        for copy in range(2 if fate == DOUBLE else 1):
            self._number += 1
            trip = LATE_S if fate == LATE else TRIP_S + copy * 0.3
            self._way.append((self.now + trip, self._number, peer, sending.data))
