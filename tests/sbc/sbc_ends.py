"""Ends of a call that do what RFC 4028 wants of them, or answer only, in the simulated time of `sbc_world`."""

from __future__ import annotations

from dataclasses import dataclass, field

from sbc_world import ANSWER, OFFER, Peer, World

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sbc.predict.end import UAC, UAS, End, Said, raised
from sipstub.sip.message import Message, Request, Response

URI = "sip:200@corp.example"


def said(message: Message) -> Said:
    """Return what a message says of the timer."""
    has_timer = "timer" in message.supported or "timer" in message.require
    minimum = message.headers.get("min-se")
    expires = message.session_expires
    least = None if minimum is None else int(minimum)
    if expires is None:
        return Said(None, None, least, has_timer)
    return Said(expires.seconds, expires.refresher, least, has_timer)


def headers(what: Said, *, is_answer: bool = False, is_required: bool = False) -> list[tuple[str, str]]:
    """Return the headers that say it."""
    found = [("Supported", "timer")] if what.has_timer else []
    if what.expires_s is not None:
        found.append(("Session-Expires", f"{what.expires_s}" + (f";refresher={what.refresher}" if what.refresher else "")))
        found += [("Require", "timer")] if is_answer and is_required else []
    if what.min_se_s is not None:
        found.append(("Min-SE", str(what.min_se_s)))
    return found


@dataclass
class Bot:
    """One end."""

    peer: Peer
    end: End
    refreshes: bool
    "Whether it does what is its to do; else it answers only."
    invites: list[tuple[str, Said]] = field(default_factory=list)
    "What the INVITEs said that it sent or got before the call was up."
    answers: list[tuple[int, Said]] = field(default_factory=list)
    "The final answers that it got to those."
    got: list[tuple[float, str]] = field(default_factory=list)
    "When it was asked again, and by what, in the call."
    bodies: list[bool] = field(default_factory=list)
    "Whether those had a description."
    bye_at: float | None = None
    dialog: Dialog | None = None
    up_at: float | None = None
    due: float | None = None
    _invite: Request | None = None
    _accepted: bool = False

    @property
    def _allow(self) -> tuple[str, str]:
        return ("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE" if self.end.takes_update else "INVITE, ACK, BYE, CANCEL")

    def call(self) -> None:
        """Send the INVITE."""
        self._ask(self.end.asks, 1)

    def work(self) -> None:
        """Answer what has come."""
        while self.peer.inbox:
            found = self.peer.next() if not _is_100(self.peer.inbox[0]) else self.peer.inbox.pop(0)
            if isinstance(found, Request):
                self._request(found)
            elif found.status > 100:
                self._response(found)

    def tick(self, now: float) -> None:
        """Refresh, if that is due."""
        if self.due is not None and self.due <= now and self.dialog is not None:
            self.due = None
            assert self._interval is not None
            body = (OFFER if self._invite is not None else ANSWER) if self.end.method == "INVITE" else b""
            says = Said(self._interval, UAC, None, has_timer=True)
            self.peer.send(self.dialog, self.end.method, self._allow, *headers(says), body=body)

    _interval: int | None = None

    def _ask(self, what: Said, cseq: int) -> None:
        self.invites.append(("INVITE", what))
        self._asked = what
        extra = (self._allow, *headers(what))
        self._invite = self.peer.ask("INVITE", URI, *extra, body=OFFER, cseq=cseq, call_id=f"{self.peer.name}-call", tag="tag-a")

    def _response(self, response: Response) -> None:
        now = self.peer.world.now
        if self.up_at is not None and response.cseq.method != "BYE":
            if response.status == 491:
                self.due = now + 1
            elif response.status == 200 and not (response.cseq.method == "INVITE" and response.cseq.number == self._first):
                if response.cseq.method == "INVITE":
                    assert self.dialog is not None
                    self.peer.send(self.dialog, "ACK", cseq=response.cseq.number)
                self._agreed(said(response), now, is_mine=True)
            return
        if response.cseq.method != "INVITE":
            return
        if response.status >= 200:
            self.answers.append((response.status, said(response)))
        if response.status == 422 and self.end.has_timer:
            self._ask(raised(self._asked, int(response.headers.get("min-se") or 0)), response.cseq.number + 1)
        elif response.status == 200:
            assert self._invite is not None
            self.dialog = dialog_of_client(self._invite, response)
            assert self.dialog is not None
            self._first = response.cseq.number
            self.peer.send(self.dialog, "ACK", cseq=response.cseq.number)
            self.up_at = now
            self._agreed(said(response), now, is_mine=True)

    _first = 0

    def _request(self, request: Request) -> None:
        now = self.peer.world.now
        if request.method == "BYE":
            self.bye_at, self.due = now, None
            self.peer.answer(request, 200)
        elif request.method in ("INVITE", "UPDATE"):
            heard = said(request)
            if self.up_at is None:
                self.invites.append((request.method, heard))
                if (least := self.end.refuses(heard)) is not None:
                    self.peer.answer(request, 422, ("Min-SE", str(least)), tag=f"b{len(self.invites)}")
                    return
            else:
                self.got.append((now - self.up_at, request.method))
                self.bodies.append(bool(request.body) and "Content-Type" in request.headers)
            says = self.end.agrees(heard)
            body = b"" if request.method == "UPDATE" else OFFER if self._invite is not None else ANSWER
            more = headers(says, is_answer=True, is_required=heard.has_timer)
            accepted = self.peer.answer(request, 200, self._allow, *more, body=body)
            if self.up_at is None:
                self.dialog = dialog_of_server(request, accepted.to.tag or "", is_accepted=True)
                self.up_at = now
            self._agreed(says, now, is_mine=False)

    def _agreed(self, what: Said, now: float, *, is_mine: bool) -> None:
        self._interval = what.expires_s
        is_ours = what.expires_s is not None and what.refresher == (UAC if is_mine else UAS)
        self.due = now + (what.expires_s or 0) / 2 if is_ours and self.end.has_timer and self.refreshes else None


def _is_100(message: Message) -> bool:
    return isinstance(message, Response) and message.status == 100


def run(world: World, bots: tuple[Bot, ...], seconds: float) -> None:
    """Let time pass, with the ends at work."""
    end = world.now + seconds
    for _ in range(10_000):
        while any(bot.peer.inbox for bot in bots):
            for bot in bots:
                bot.work()
        times = [at for at in (world.core.next_timer, *(bot.due for bot in bots)) if at is not None and at <= end]
        if not times:
            break
        world.now = max(world.now, min(times))
        for bot in bots:
            bot.tick(world.now)
        world.core.on_timer(world.now)
        world.flush()
    else:
        raise AssertionError("time does not pass")
    world.now = end
