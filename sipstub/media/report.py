"""What came of the media of one call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaReport:
    """Counts of one call, both directions."""

    sent: int = 0
    received: int = 0
    "Packets of the call; what is counted below did not belong to it or came too fast."
    lost: int = 0
    "By the numbers of the packets (RFC 3550 appendix A.3)."
    jitter_ms: float = 0.0
    "RFC 3550 appendix A.8."
    codec: str = ""
    "What we sent; empty for nothing."
    heard: tuple[str, ...] = ()
    "Codecs that came, in order of their first packet."
    keys: str = ""
    "Digits that came by telephone-event."
    first_at: float | None = None
    "When the first packet came, by the clock of the loop."
    last_at: float | None = None
    skipped: int = 0
    "Packets that were not sent because their time was long over."
    foreign: int = 0
    "Datagrams from elsewhere."
    stun: int = 0
    "Datagrams of STUN, as some phones send to keep their NAT open; they are not answered."
    strange: int = 0
    "Datagrams that were no RTP, or of a codec that was not agreed on."
    told_lost: int | None = None
    "What the other side says by RTCP that it lost of ours; None where it said nothing."
    round_trip_s: float | None = None
    "By RTCP."
    dropped: int = 0
    "Datagrams that came faster than they are read, as far as the system counts them."
    why_silent: str = ""
    "Why nothing was sent; empty if something was."

    def __str__(self) -> str:
        sent = f"{self.sent} sent" + (f" ({self.codec})" if self.sent else f" ({self.why_silent})" if self.why_silent else "")
        text = f"RTP: {sent}, {self.received} received"
        details = [*self.heard] if self.received else []
        if self.received:
            details += [f"{self.lost} lost", f"jitter {self.jitter_ms:.1f} ms"]
        details += [f"digits {self.keys}"] if self.keys else []
        details += [f"the other side lost {self.told_lost}"] if self.told_lost is not None else []
        counted = (
            ("dropped", self.dropped),
            ("from elsewhere", self.foreign),
            ("STUN", self.stun),
            ("not RTP of this call", self.strange),
        )
        details += [f"{count} {name}" for name, count in counted if count]
        return f"{text} ({', '.join(details)})" if details else text


NO_PORT = MediaReport(why_silent="no port was free")
