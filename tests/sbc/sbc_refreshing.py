"""Ends of a call that do what RFC 4028 says, and note where who talks to them does not."""

from __future__ import annotations

from dataclasses import dataclass, field

from sbc_world import ANSWER, OFFER, Peer, World, acknowledge

from sipstub.dialog.dialog import Dialog, dialog_of_server
from sipstub.sip.message import Message, Request, Response

NOBODY = "nobody refreshed"
PAUSE_S = 3
"After 491."
ALLOW = ("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE")


@dataclass
class End:
    """One of them."""

    peer: Peer
    description: bytes
    has_timer: bool = True
    names: str | None = None
    "Whom it names as refresher when it calls."
    answers: str = "uas"
    "Whom it names when it is called and the caller left it open."
    expires_s: int = 600
    min_se_s: int = 0
    method: str = "UPDATE"
    dialog: Dialog | None = None
    interval_s: int | None = None
    refreshes: bool = False
    since: float = 0.0
    not_before: float = 0.0
    open: Request | None = None
    has_left: bool = False
    wrong: list[str] = field(default_factory=list)
    "What was said to it against the RFC."

    @property
    def wants(self) -> tuple[tuple[str, str], ...]:
        """Return what its INVITE says."""
        if not self.has_timer:
            return ()
        refresher = f";refresher={self.names}" if self.names else ""
        least = (("Min-SE", str(self.min_se_s)),) if self.min_se_s else ()
        return (("Supported", "timer"), ("Session-Expires", f"{self.expires_s}{refresher}"), *least)

    def accepted(self, request: Request, response: Response, now: float) -> None:
        """Take the 2xx to a request of its own."""
        asked, said = request.session_expires, response.session_expires
        self.interval_s = None
        if not self.has_timer or said is None:
            self._note(said is not None and "timer" in response.require, "timer is required of who has none")
            return
        least = max(90, request.min_se.seconds if request.min_se else 0)
        self._note(said.refresher not in ("uac", "uas"), "no refresher")
        self._note("timer" not in response.require, "timer is not required")
        if asked is not None:
            self._note(asked.refresher is not None and said.refresher != asked.refresher, "another refresher")
            self._note(said.seconds > asked.seconds, "raised")
            self._note(said.seconds < min(least, asked.seconds), "lowered under Min-SE")
        self.interval_s, self.refreshes, self.since = said.seconds, said.refresher == "uac", now

    def answer(self, request: Request, now: float) -> Response:
        """Answer an INVITE or UPDATE with 200."""
        asked = request.session_expires
        self.interval_s = None
        said: tuple[tuple[str, str], ...] = ()
        if self.has_timer and asked is not None:
            self._note("timer" not in request.supported, "asked by who has no timer")
            refresher = asked.refresher or self.answers
            self.interval_s, self.refreshes, self.since = asked.seconds, refresher == "uas", now
            said = (("Session-Expires", f"{asked.seconds};refresher={refresher}"), ("Require", "timer"))
        body = self.description if request.method == "INVITE" else b""
        return self.peer.answer(request, 200, *said, ALLOW, body=body)

    def act(self, now: float) -> None:
        """Take what came, and do what is due."""
        while self.peer.inbox and not self.has_left:
            self._take(self.peer.inbox.pop(0), now)
        if self.has_left or self.interval_s is None or self.open is not None:
            return
        assert self.dialog is not None
        if self.refreshes and now >= max(self.since + self.interval_s / 2, self.not_before):
            body = self.description if self.method == "INVITE" else b""
            asks = (("Supported", "timer"), ("Session-Expires", f"{self.interval_s};refresher=uac"))
            self.open = self.peer.send(self.dialog, self.method, *asks, body=body)
        elif not self.refreshes and now >= self.since + self.interval_s - min(32, self.interval_s / 3):
            self._leave(NOBODY)

    def _take(self, message: Message, now: float) -> None:
        if isinstance(message, Request):
            if message.method == "BYE":
                self.peer.answer(message, 200)
                self.has_left = True
            elif message.method in ("INVITE", "UPDATE"):
                self.answer(message, now)
        elif isinstance(message, Response) and self.open is not None and message.cseq == self.open.cseq and message.status >= 200:
            request, self.open = self.open, None
            assert self.dialog is not None
            if message.status == 491:  # who called waits longer than who was called (RFC 3261 section 14.1)
                self.not_before = now + PAUSE_S
                return
            if message.status >= 300:
                self._leave(f"{message.status} to a refresh")
                return
            if request.method == "INVITE":
                self.peer.send(self.dialog, "ACK", cseq=request.cseq.number)
            self.accepted(request, message, now)

    def _leave(self, why: str) -> None:
        assert self.dialog is not None
        self.wrong.append(why)
        self.has_left = True
        self.peer.send(self.dialog, "BYE")

    def _note(self, is_wrong: bool, what: str) -> None:
        if is_wrong:
            self.wrong.append(what)


def call(world: World, caller: End, callee: End) -> None:
    """Connect both."""
    invite = caller.peer.ask("INVITE", "sip:200@corp.example", *caller.wants, ALLOW, body=caller.description)
    arrived = callee.peer.request("INVITE")
    accepted = callee.answer(arrived, world.now)
    ok = caller.peer.response(200)
    caller.dialog = acknowledge(caller.peer, callee.peer, invite, ok)
    callee.dialog = dialog_of_server(arrived, accepted.to.tag or "", is_accepted=True)
    caller.accepted(invite, ok, world.now)


def let_talk(world: World, caller: End, callee: End, seconds: int) -> None:
    """Let both go on for so long, or until one has left."""
    for _ in range(seconds):
        for end in (caller, callee, caller, callee):
            end.act(world.now)
        if caller.has_left or callee.has_left:
            return
        world.run(1)


def ends(caller: Peer, callee: Peer, **of_caller: object) -> tuple[End, End]:
    """Return the ends of a call with their descriptions."""
    return End(caller, OFFER, **of_caller), End(callee, ANSWER)  # type: ignore[arg-type]
