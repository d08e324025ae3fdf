"""Calls whose sides replace each other, challenge each other and move on, in whatever order: nothing is left in the end."""

from __future__ import annotations

import random

import pytest
from media_world import MediaWorld, Talk, a_media_world
from sbc_world import ANSWER, OFFER
from test_sbc_any_order import PAUSES, STEPS, Unruly

from sipstub.dialog.dialog import Dialog, dialog_of_server
from sipstub.dialog.dialog_id import DialogId
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import escape

SEEDS = range(60)
CHALLENGE = 'Digest realm="far", nonce="{}", algorithm=MD5, qop="auth"'


class Replacing(Unruly):
    """A peer that takes the place of others, and wants passwords."""

    others: list[Replacing]

    def listen(self) -> None:
        """Learn dialogs from what came, and mostly do what is right about it, so that calls come up at all."""
        came = list(self.peer.inbox)
        super().listen()
        for message in came:
            if isinstance(message, Response):
                if message.cseq.method == "INVITE" and 200 <= message.status < 300 and self.chance.random() < 0.9:
                    self.acknowledge(message)
            elif message.method != "ACK" and self.chance.random() < 0.6:
                body = ANSWER if message.method in ("INVITE", "UPDATE") else b""
                self.peer.answer(message, 200, body=body, tag="x")
                if message.method == "INVITE" and message.to.tag is None:
                    self.dialogs.append(dialog_of_server(message, "x", is_accepted=True))

    def acknowledge(self, response: Response) -> None:
        """ACK a 2xx."""
        said = DialogId.of_response_received(response)
        for dialog in self.dialogs:
            if dialog.id == said:
                self.peer.send(dialog, "ACK", cseq=response.cseq.number)
                return

    def act(self) -> None:
        """Do something."""
        if self.chance.random() < 0.3 and (dialogs := self.known()):
            self.listen()
            self.replace(self.chance.choice(dialogs))
        elif self.chance.random() < 0.15 and self.asked:
            self.challenge(self.chance.choice(self.asked))
        else:
            super().act()

    def known(self) -> list[Dialog]:
        """Return dialogs of all peers."""
        return [dialog for one in self.others for dialog in one.dialogs]

    def replace(self, dialog: Dialog) -> None:
        """Ask to take the place of one side, or have another one do it."""
        said = dialog.id
        name = f"{said.call_id};to-tag={said.remote_tag};from-tag={said.local_tag}"
        if self.chance.random() < 0.3:
            name = f"{said.call_id};to-tag={said.local_tag};from-tag={said.remote_tag}"
        if self.chance.random() < 0.2:
            name += ";early-only"
        if self.chance.random() < 0.4 and self.dialogs:
            to = f"<sip:300@x.example?Replaces={escape(name).replace('=', '%3D')}>"
            self.peer.send(self.chance.choice(self.dialogs), "REFER", ("Refer-To", to))
        else:
            body = self.chance.choice((OFFER, OFFER, ANSWER, b""))
            self.sent.append(self.peer.ask("INVITE", "sip:300@x.example", ("Replaces", name), body=body))

    def challenge(self, request: Request) -> None:
        """Want a password."""
        if request.method == "ACK":
            return
        status, header = self.chance.choice(((401, "WWW-Authenticate"), (407, "Proxy-Authenticate")))
        text = CHALLENGE.format(self.chance.randrange(1000)) + self.chance.choice(("", ", stale=true"))
        self.peer.answer(request, status, (header, text), tag="x")


def a_world(chance: random.Random) -> dict[str, int | str]:
    """Return settings of a profile."""
    return {
        "SBCRemoteReplacesBehavior": chance.choice((1, 1, 0)),
        "SBCSessionExpiresMode": chance.choice((0, 3)),
        "SBCRemoteReinviteSupport": chance.choice((2, 2, 0)),
        "SBCRemoteUpdateSupport": chance.choice((2, 0)),
        "SBCKeepVIAHeaders": chance.choice((0, 1)),
        "SBCKeepRoutingHeaders": chance.choice((0, 1)),
        "SBCRemoteRepresentationMode": chance.choice((0, 1, 2)),
        "SbcPrackMode": chance.choice((1, 3)),
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_left_of_calls_whose_sides_change(seed: int) -> None:
    chance = random.Random(seed)
    values = {"SBCReferBehavior": chance.choice((3, 3, 0)), "SBCEnableByeAuthentication": chance.choice((0, 1))}
    profiles = [a_world(chance) for _ in range(3)]
    with a_media_world(values, *profiles[:2], c=profiles[2], more={"AuthenticationMode": 1, "Username": "trunk"}) as world:
        peers = [Replacing(peer, chance) for peer in (world.a, world.b, world.c)]
        for one in peers:
            one.others = peers
        for callee, number in ((peers[1], 200), (peers[2], 300)):
            talk = Talk(world, OFFER, ANSWER, to=f"sip:{number}@x.example", callee=callee.peer)
            peers[0].dialogs.append(talk.ours)
            callee.dialogs.append(talk.theirs)
        for _ in range(STEPS):
            try:
                chance.choice(peers).act()
            except SipError:
                continue
            if chance.random() < 0.3:
                world.run(chance.choice(PAUSES))
        settle(world)


def settle(world: MediaWorld) -> None:
    """Let everybody fall silent, and hang up what could go on for ever; what is left then the world itself looks for."""
    world.run(2000)
    for relay in world.sbc.relays:
        relay.end(world.now, "the test is over")
    world.flush()
    world.run(1000)
