"""Whatever two peers do in whatever order, nothing is left of it in the end: no call, no dialog, no transaction, no timer."""

from __future__ import annotations

import random

import pytest
from sbc_world import ANSWER, CHANGED, OFFER, Peer, World, three_servers

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sbc.leg import Leg
from sipstub.sbc.media_plane import DirectMedia
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.transaction.follow import cancel_for

SEEDS = range(80)
STEPS = 60
STATUSES = (100, 180, 183, 200, 200, 200, 202, 302, 401, 422, 481, 486, 491, 500, 603)
PAUSES = (0.0, 0.1, 0.6, 5.0, 33.0, 95.0, 700.0)
MODES = ({}, {"SBCSessionExpiresMode": 3}, {"SBCSessionExpiresMode": 1}, {"SBCSessionExpiresMode": 2})


SIDES = (
    {},
    {"SbcPrackMode": 1},
    {"SbcPrackMode": 2, "SBCRemoteDelayedOfferSupport": 0},
    {"SBCRemoteDelayedOfferSupport": 0, "SBCRemoteMultipleEarlyDialogs": 1},
    {"SBCRemoteReinviteSupport": 0, "SBCRemoteEarlyMediaSupport": 0},
)
RELIABLE = ("1", "2", "7", "8")


class Offering(DirectMedia):
    """Media that have an offer for who has to have one; where it names nobody's port yet, a re-INVITE follows."""

    def __init__(self, offer: bytes) -> None:
        self.offer = offer

    def first_offer(self, leg: Leg) -> bytes:
        return self.offer


class Unruly:
    """A peer that does anything at all."""

    def __init__(self, peer: Peer, chance: random.Random) -> None:
        self.peer = peer
        self.chance = chance
        self.asked: list[Request] = []
        self.sent: list[Request] = []
        self.dialogs: list[Dialog] = []

    def listen(self) -> None:
        """Learn dialogs from what came."""
        for message in self.peer.inbox:
            if isinstance(message, Request):
                self.asked.append(message)
            elif message.to.tag and message.status < 300:
                invite = next(
                    (one for one in self.sent if one.call_id == message.call_id and one.method == message.cseq.method), None
                )
                made = dialog_of_client(invite, message) if invite is not None and message.cseq.method == "INVITE" else None
                if made is not None and all(one.id != made.id for one in self.dialogs):
                    self.dialogs.append(made)
        self.peer.inbox.clear()

    def act(self) -> None:
        """Do something."""
        self.listen()
        what = self.chance.random()
        if what < 0.15:
            extra = [("Session-Expires", "100"), ("Supported", "timer, 100rel")] if self.chance.random() < 0.5 else []
            extra += [("Require", "100rel")] if self.chance.random() < 0.3 else []
            uri = self.chance.choice(("sip:200@x.example", "sip:300@x.example"))
            self.sent.append(self.peer.ask("INVITE", uri, *extra, body=self.chance.choice((OFFER, b""))))
        elif what < 0.55 and self.asked:
            self.reply(self.chance.choice(self.asked))
        elif what < 0.62 and self.sent:
            self.peer.say(cancel_for(self.chance.choice(self.sent)))
        elif self.dialogs:
            self.within(self.chance.choice(self.dialogs))

    def reply(self, request: Request) -> None:
        """Answer what was asked, rightly or not, once or again."""
        if request.method == "ACK":
            return
        status = self.chance.choice(STATUSES)
        tag = self.chance.choice(("x", "x", "x", "y"))
        headers = [("Session-Expires", "100;refresher=uac")] if self.chance.random() < 0.3 else []
        if status == 183 and self.chance.random() < 0.5:
            headers += [("Require", "100rel"), ("RSeq", self.chance.choice(RELIABLE))]
        if status in (302, 422):
            headers.append(("Contact", "<sip:300@x.example>") if status == 302 else ("Min-SE", "200"))
        self.peer.answer(request, status, *headers, body=self.chance.choice((ANSWER, b"")), tag=tag)
        if request.method == "INVITE" and request.to.tag is None and 100 < status < 300:
            made = dialog_of_server(request, tag, is_accepted=True)
            if all(one.id != made.id for one in self.dialogs):
                self.dialogs.append(made)

    def within(self, dialog: Dialog) -> None:
        """Ask something in a dialog."""
        method = self.chance.choice(("ACK", "ACK", "BYE", "INVITE", "UPDATE", "INFO", "PRACK", "REFER", "NOTIFY", "OPTIONS"))
        headers: list[tuple[str, str]] = []
        if method == "PRACK":
            headers.append(("RAck", f"{self.chance.choice(RELIABLE)} 1 INVITE"))
        if method == "REFER":
            headers.append(("Refer-To", "<sip:300@x.example>"))
        if method == "NOTIFY":
            headers += [("Event", "refer"), ("Subscription-State", "active")]
        body = self.chance.choice((CHANGED, b"")) if method in ("INVITE", "UPDATE", "ACK") else b""
        cseq = self.chance.choice((None, 1)) if method == "ACK" else None
        self.peer.send(dialog, method, *headers, body=body, cseq=cseq)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_left(seed: int) -> None:
    chance = random.Random(seed)
    values = {
        "SBCMaxCallDuration": chance.choice((0, 1)),
        "SBCAlertTimeout": chance.choice((5, 600)),
        "SBCReferBehavior": chance.choice((0, 1, 3)),
        "SBC3xxBehavior": chance.choice((0, 1, 2)),
        "SBCForkingHandlingMode": chance.choice((0, 1)),
        "SBCEnableByeAuthentication": chance.choice((0, 1)),
    }
    profiles = [{**chance.choice(MODES), **chance.choice(SIDES)} for _ in range(2)]
    world, *peers = three_servers(values, *profiles)
    world.sbc.media = Offering(chance.choice((OFFER, OFFER.replace(b"audio 4000", b"audio 9"))))
    unruly = [Unruly(peer, chance) for peer in peers]
    for _ in range(STEPS):
        try:
            chance.choice(unruly).act()
        except SipError:
            continue
        if chance.random() < 0.4:
            world.run(chance.choice(PAUSES))
    settle(world)


def settle(world: World) -> None:
    """Let everybody fall silent, then hang up what could go on for ever, and look for leftovers."""
    world.run(2000)
    for relay in world.sbc.relays:
        relay.end(world.now, "the test is over")
    world.flush()
    world.run(1000)
    world.assert_both_legs_are_free()
    assert isinstance(world.log[0][3], Request | Response)
