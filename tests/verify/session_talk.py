"""A call with a session timer, written message by message: what rules about session timers are tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from verify_builders import PHONE, STUB, Talk

SDP = "v=0\r\no=- {0} {0} IN IP4 10.1.0.77\r\ns=-\r\nc=IN IP4 10.1.0.77\r\nt=0 0\r\nm=audio 11780 RTP/AVP 0\r\n"
UPDATE = "90;refresher=uac"
Said = Callable[[], Talk]


@dataclass
class Held(Talk):
    """One call after the other; each has a Call-ID of its own."""

    calls: int = 0
    numbers: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    is_out: bool = True
    is_held: bool = True
    "Whether the stub kept the calls up, so that nobody at the phone hung up."

    def say(
        self,
        method: str,
        *,
        is_phones: bool = True,
        status: int = 200,
        asked: str = "",
        granted: str = "",
        supported: str = "timer",
        require: str = "timer",
        min_se: str = "",
        answer_min_se: str = "",
        body: str = "",
        answer_body: str = "",
        after: float = 0.01,
        cseq: int = 0,
        call_id: str = "",
        tag: str = "t",
        new: bool = False,
        more: str = "",
    ) -> Held:
        """Send a request of either side, and its answer unless `status` is 0."""
        self.now += after
        self.numbers[is_phones] = cseq or self.numbers[is_phones] + 1
        number = self.numbers[is_phones]
        phone, stub = f"<sip:{self.user}@{STUB}:5060>", f"<sip:199@{STUB}:5060>"
        sides = [f"{phone};tag=7{self.calls}", f"{stub};tag={tag}{self.calls}"]
        if new:
            sides[1 if is_phones else 0] = stub if is_phones else phone
        sides = sides if is_phones else sides[::-1]
        target = f"sip:199@{STUB}:5060" if is_phones else f"sip:{self.user}@{PHONE}:5060;line=abc"
        identity = [
            f"Via: SIP/2.0/UDP {PHONE if is_phones else STUB}:5060;branch=z9hG4bK2{len(self.messages)}",
            f"From: {sides[0]}",
            f"To: {sides[1]}",
            f"Call-ID: {call_id or f'held{self.calls}'}",
            f"CSeq: {number} {method}",
        ]
        head = [*identity, f"Contact: <sip:{self.user if is_phones else 199}@{PHONE if is_phones else STUB}:5060>"]
        head += ["Max-Forwards: 70", *([f"User-Agent: {self.agent}"] if is_phones else [])]
        head += [f"{name}: {value}" for name, value in [*_pairs(asked, min_se), ("Supported", supported)] if value]
        head += [*([more] if more else []), *_content(body)]
        self.record("\r\n".join([f"{method} {target} SIP/2.0", *head, "", body]).encode(), is_inbound=is_phones)
        if status:
            tagged = [
                line + (f";tag={tag if is_phones else 7}{self.calls}" if new and line.startswith("To:") else "")
                for line in identity
            ]
            pairs = [*_pairs(granted, answer_min_se), ("Require", require if granted else "")]
            more = [f"{name}: {value}" for name, value in pairs if value]
            text = "\r\n".join([f"SIP/2.0 {status} X", *tagged, *more, *_content(answer_body), "", answer_body])
            self.record(text.encode(), is_inbound=not is_phones)
        return self

    def out(self, asked: str = UPDATE, granted: str = UPDATE, **more: object) -> Held:
        """Have the phone call, and be answered."""
        return self._call(True, asked, granted, **more)

    def called(self, asked: str = "90;refresher=uas", granted: str = "90;refresher=uas", **more: object) -> Held:
        """Call the phone."""
        return self._call(False, asked, granted, **more)

    def _call(self, is_out: bool, asked: str, granted: str, **more: object) -> Held:
        self.calls += 1
        self.is_out = is_out
        texts = {"body": SDP.format(1), "answer_body": SDP.format(1)}
        return self.say("INVITE", is_phones=is_out, asked=asked, granted=granted, new=True, **{**texts, **more})  # type: ignore[arg-type]

    def refresh(
        self, after: float = 45.0, asked: str = UPDATE, granted: str = UPDATE, method: str = "UPDATE", **more: object
    ) -> Held:
        """Have the phone refresh."""
        return self.say(method, after=after, asked=asked, granted=granted, **more)  # type: ignore[arg-type]

    def refreshed(
        self, after: float = 45.0, asked: str = UPDATE, granted: str = UPDATE, method: str = "UPDATE", **more: object
    ) -> Held:
        """Refresh the phone."""
        return self.say(method, is_phones=False, after=after, asked=asked, granted=granted, **more)  # type: ignore[arg-type]

    def bye(self, after: float = 5.0, *, is_phones: bool = False) -> Held:
        """Hang up."""
        return self.say("BYE", is_phones=is_phones, after=after)

    def alive(self, after: float = 60.0) -> Held:
        """Let time pass; the phone is still there."""
        self.now += after
        self.keepalive()
        return self

    def facts(self):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        return replace(super().facts(), held=frozenset(f"held{number}" for number in range(1, self.calls + 1) if self.is_held))


def _pairs(expires: str, min_se: str) -> list[tuple[str, str]]:
    return [("Session-Expires", expires), ("Min-SE", min_se)]


def _content(body: str) -> list[str]:
    return ["Content-Type: application/sdp", f"Content-Length: {len(body)}"] if body else ["Content-Length: 0"]
