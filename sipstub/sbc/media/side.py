"""One side of a call as its media see it: the ends of its lines, and the description that it knows of us."""

from __future__ import annotations

from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.relay_end import RelayEnd
from sipstub.sbc.media.rules import MediaProfile
from sipstub.sip.sdp import Media, Sdp
from sipstub.sip.wildcard import UNSPECIFIED
from sipstub.transaction.sending import Hop


class MediaSide:
    """One of them; forks of one INVITE share one."""

    __slots__ = ("_last", "_read", "_version", "ends", "heard", "hop", "number", "own", "profile", "said", "setup", "streams")

    def __init__(self, profile: MediaProfile, hop: Hop, own: str, number: int) -> None:
        """`own` is our address towards it, which may be a wildcard, `number` the session that descriptions of ours are of."""
        self.profile = profile
        self.hop = hop
        self.own = own
        self.number = number
        self.ends: dict[int, RelayEnd] = {}
        "By place of their line in what is said on this side."
        self.streams: dict[int, MsrpEnd] = {}
        "The same of lines of MSRP."
        self.heard: tuple[Media, ...] = ()
        "Lines of its last description."
        self.setup = ""
        "Who connects, by what stands before all lines of its last offer."
        self.said: tuple[Media, ...] = ()
        "Lines of the last one it got."
        self._version = 0
        self._last: tuple[object, ...] = ()
        self._read: tuple[bytes, Sdp] | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the addresses that descriptions for it name."""
        return tuple([end.port.host for end in self.ends.values()] + [end.port.host for end in self.streams.values()])

    def read(self, body: bytes) -> Sdp:
        """Return a description that came from it; one that comes again, as with each refresh, is not read again.

        Raises SipError.
        """
        if self._read is None or self._read[0] != body:
            self._read = body, Sdp.parse(body)
        return self._read[1]

    def at(self, place: int | None) -> tuple[RelayEnd | MsrpEnd, ...]:
        """Return what there is for a line: ends of packets and of MSRP, where its kind has changed."""
        found = (self.ends.get(place), self.streams.get(place)) if place is not None else ()
        return tuple(end for end in found if end is not None)

    def close(self) -> None:
        """Give all ports back."""
        for end in self.ends.values():
            end.close()
        for stream in self.streams.values():
            stream.close()
        self.ends.clear()
        self.streams.clear()

    def worded(self, sdp: Sdp, host: str, media: tuple[Media, ...]) -> Sdp:
        """Return what the side is told: as one session of ours whose version grows with each change (RFC 3264 section 8)."""
        family = "IP6" if ":" in host else "IP4"
        lines = []
        for letter, value in sdp.lines:
            if letter == "c":
                lines.append((letter, value if is_nowhere(value) else f"IN {family} {host}"))
            elif letter != "o" and not (letter == "a" and is_of_the_way(value)):
                lines.append((letter, value))
        if self._last != (tuple(lines), media):
            self._version += 1
            self._last = (tuple(lines), media)
        lines.insert(1, ("o", f"- {self.number} {self._version} IN {family} {host}"))
        return Sdp(tuple(lines), media)


def is_nowhere(connection: str) -> bool:
    """Return whether a connection line means hold, as before RFC 3264."""
    return connection.split(" ")[-1] in UNSPECIFIED


def is_of_the_way(attribute: str) -> bool:
    """Return whether an attribute would lead media past us: ICE, and both kinds of packets on one port."""
    name = attribute.partition(":")[0]
    return name in ("candidate", "end-of-candidates", "remote-candidates", "rtcp-mux", "rtcp", "alt") or name.startswith("ice-")
