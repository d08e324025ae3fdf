"""Whatever happens to a call until it is up, in whatever order: reliable answers, PRACK, offers, forks, CANCEL, silence."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from sbc_world import ANSWER, OFFER, two_servers

from sipstub.dialog.dialog import dialog_of_client, dialog_of_server
from sipstub.sbc.leg import Leg
from sipstub.sbc.media_plane import DirectMedia
from sipstub.sip.message import Request, Response
from sipstub.transaction.follow import cancel_for

SEEDS = range(120)
STEPS = 20
HEARD_S = 31.0
URI = "sip:200@corp.example"
SAID = ((("Supported", "100rel"),), (("Require", "100rel"),), (("Require", "100rel"),))
PROFILES = (
    {"SbcPrackMode": 1},
    {"SbcPrackMode": 2},
    {"SbcPrackMode": 1, "SBCRemoteDelayedOfferSupport": 0},
    {"SbcPrackMode": 3, "SBCRemoteDelayedOfferSupport": 0},
    {"SbcPrackMode": 2, "SBCRemoteMultipleEarlyDialogs": 1},
    {"SbcPrackMode": 1, "SBCRemoteEarlyMediaSupport": 0},
)
PAUSES = (*[0.0] * 16, 0.6, 0.6, 2.0, 9.0, 33.0)


class Offering(DirectMedia):
    """Media that have an offer for who has to have one; where it names the discard port, a re-INVITE follows."""

    def __init__(self, port: int) -> None:
        self.offer = OFFER.replace(b"audio 4000", b"audio %d" % port)

    def first_offer(self, leg: Leg) -> bytes:
        return self.offer


class Early:
    """One call and what both sides may do next."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        values = {"SBCForkingHandlingMode": chance.choice((0, 1)), "SBCAlertTimeout": chance.choice((5, 600, 600, 600))}
        self.world, self.a, self.b = two_servers(values, chance.choice(PROFILES), chance.choice(PROFILES))
        self.world.sbc.media = Offering(chance.choice((4000, 9)))
        self.rung: list[Response] = []
        self.answers: list[Response] = []
        self.asked: list[Request] = []
        self.rseqs: Counter[str] = Counter()
        self.cseq = 10
        self.up: set[str] = set()
        "Tags of forks whose 200 has to get its ACK."
        self.gone: set[str] = set()
        "Those that hung up themselves."
        self.is_refused = self.has_answered = False
        self.known_until = self.world.now + HEARD_S
        "So long an answer finds somebody who waits for it."
        self.invite = self.a.ask("INVITE", URI, *chance.choice(SAID), body=chance.choice((OFFER, b"")))
        self.listen()
        self.arrived = next((one for one in self.asked if one.method == "INVITE"), None)

    def listen(self) -> None:
        """Take what came, and answer what needs no thought."""
        for message in (*self.a.inbox, *self.b.inbox):
            if isinstance(message, Response) and message.cseq.method == "INVITE" and 100 < message.status < 300:
                (self.rung if message.status < 200 else self.answers).append(message)
        self.asked += [one for one in self.b.inbox if isinstance(one, Request)]
        self.a.inbox.clear()
        self.b.inbox.clear()

    @property
    def acts(self) -> list[Callable[[], object]]:
        """Return what may be done."""
        found: list[Callable[[], object]] = [
            self.ring,
            self.ring,
            self.answer,
            self.confirm,
            self.confirm,
            self.acknowledge,
            self.acknowledge,
            self.reply,
        ]
        if self.chance.random() < 0.1:
            found += [self.refuse, self.cancel, self.leave]
        return found

    def ring(self) -> None:
        if self.arrived is not None:
            tag, headers = self.chance.choice("xxxxxxy"), []
            if not self.has_answered and self.world.now < self.known_until:
                self.known_until = float("inf")
            if self.chance.random() < 0.4:
                self.rseqs[tag] += self.chance.random() < 0.8
                headers = [("Require", "100rel"), ("RSeq", str(max(self.rseqs[tag], 1)))]
            self.b.answer(self.arrived, self.chance.choice((180, 183)), *headers, body=self.chance.choice((ANSWER, b"")), tag=tag)

    def answer(self) -> None:
        if self.arrived is not None:
            tag = self.chance.choice("xxxxxy")
            if all(one.method != "CANCEL" for one in self.asked) and not self.is_refused and self.world.now < self.known_until:
                self.up |= {tag} - self.gone
            self.has_answered = True
            self.known_until = min(self.known_until, self.world.now + HEARD_S)
            self.b.answer(self.arrived, 200, body=self.chance.choice((ANSWER, ANSWER, b"")), tag=tag)

    def refuse(self) -> None:
        if self.arrived is not None:
            self.is_refused = True
            self.b.answer(self.arrived, self.chance.choice((302, 486, 603)), ("Contact", "<sip:300@x.example>"), tag="x")

    def confirm(self) -> None:
        rung = [one for one in self.rung if one.rseq is not None]
        one = (rung[-1] if self.chance.random() < 0.7 else self.chance.choice(rung)) if rung else None
        if one is not None and (dialog := dialog_of_client(self.invite, one)) is not None:
            self.cseq += 1
            dialog.local_cseq = self.cseq
            self.a.send(dialog, "PRACK", ("RAck", f"{one.rseq} 1 INVITE"), body=self.chance.choice((OFFER, b"", b"")))

    def acknowledge(self) -> None:
        if self.answers and (dialog := dialog_of_client(self.invite, self.answers[-1])) is not None:
            self.a.send(dialog, "ACK", body=self.chance.choice((ANSWER, b"")), cseq=1)

    def reply(self) -> None:
        for request in self.asked:
            if request.method not in ("ACK", "INVITE") or (request.method == "INVITE" and request is not self.arrived):
                self.b.answer(request, self.chance.choice((200, 200, 481)), body=ANSWER if request.method == "INVITE" else b"")

    def cancel(self) -> None:
        self.a.say(cancel_for(self.invite))

    def leave(self) -> None:
        """Hang up on either side, before the answer or behind it."""
        if self.arrived is not None and self.chance.random() < 0.5:
            self.up.discard("x")
            self.gone.add("x")
            self.b.send(dialog_of_server(self.arrived, "x", is_accepted=True), "BYE")
        elif self.rung and (dialog := dialog_of_client(self.invite, self.rung[-1])) is not None:
            dialog.local_cseq = self.cseq + 1
            self.a.send(dialog, "BYE")


def play(seed: int) -> Early:
    """Have one call happen."""
    early = Early(random.Random(seed))
    for _ in range(STEPS):
        early.chance.choice(early.acts)()
        early.world.run(early.chance.choice(PAUSES))
        early.listen()
    return early


def settle(early: Early) -> None:
    """End what could go on, and look for leftovers, and for sides that were left alone."""
    world = early.world
    for relay in world.sbc.relays:
        relay.end(world.now, "the test is over")
    world.flush()
    world.run(100)
    world.assert_both_legs_are_free()
    acknowledged = {one.to.tag for _, _, to, one in world.log if to == "b" and isinstance(one, Request) and one.method == "ACK"}
    assert early.up <= acknowledged, "a fork answered, and waits for its ACK in vain"


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_left_of_a_call_that_was_about_to_be_up(seed: int) -> None:
    settle(play(seed))
