"""Calls with session timers, written message by message between a phone and the stub."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.trace.recording import Recording

PHONE, STUB = Endpoint("udp", "10.1.2.3", 5062), Endpoint("udp", "10.1.0.5", 5060)
TIMER = "Supported: timer"


@dataclass
class Call:
    """One call; what it says is asked and answered at once, at a moment of its own clock."""

    name: str = "call-1"
    began_at: float = 1_000.0
    messages: list[RecordedMessage] = field(default_factory=list)
    _cseq: int = 0

    def ask(
        self,
        at: float,
        method: str,
        expires: str | None = None,
        status: int | None = 200,
        answer: str | None = "",
        *,
        by_phone: bool = True,
        copies: int = 1,
        tagged: bool = True,
    ) -> Call:
        """Send a request with Session-Expires; `answer` is that of the response, the same one if empty, none if None."""
        self._cseq += 1
        phone, stub = "<sip:101@10.1.0.5>;tag=p", "<sip:199@10.1.0.5>" + (";tag=s" if tagged else "")
        head = [
            f"Via: SIP/2.0/UDP {(PHONE if by_phone else STUB).address};branch=z9hG4bK{self.name}{self._cseq}",
            f"From: {phone if by_phone else stub}",
            f"To: {stub if by_phone else phone}",
            f"Call-ID: {self.name}",
            f"CSeq: {self._cseq} {method}",
        ]
        said = [f"Session-Expires: {expires}"] if expires is not None else []
        request = [f"{method} sip:199@10.1.0.5 SIP/2.0", *head, "Max-Forwards: 70", TIMER, *said]
        for _ in range(copies):
            self._record(at, request, is_inbound=by_phone)
        if status is not None:
            answered = expires if answer == "" else answer
            said = [f"Session-Expires: {answered}"] if answered is not None else []
            head[2 if by_phone else 1] = head[2 if by_phone else 1].removesuffix(";tag=s") + (
                ";tag=s" if by_phone or tagged else ""
            )
            for _ in range(copies):
                self._record(at, [f"SIP/2.0 {status} Fine", *head, *said], is_inbound=not by_phone)
        return self

    def _record(self, at: float, lines: list[str], *, is_inbound: bool) -> None:
        data = ("\r\n".join([*lines, "Content-Length: 0", "", ""])).encode()
        self.messages.append(RecordedMessage(len(self.messages) + 1, self.began_at + at, is_inbound, STUB, PHONE, data))

    @property
    def recording(self) -> Recording:
        """Return it as a recording of the stub's own."""
        return Recording(tuple(self.messages), is_own=True)


def kept_up(refreshes: int, gap_s: float = 45.0, expires: str = "90;refresher=uac") -> Call:
    """Return a call that the phone refreshes so often, and ends ten seconds later."""
    call = Call().ask(0, "INVITE", expires, tagged=False)
    for at in range(1, refreshes + 1):
        call.ask(at * gap_s, "UPDATE", expires)
    return call.ask(refreshes * gap_s + 10, "BYE")
