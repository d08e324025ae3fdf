"""Messages with one line that is wrong, in every way we know, on either leg: nothing of them stays, and good calls go on."""

from __future__ import annotations

import pytest
from sbc_world import ANSWER, OFFER, Peer, World, hang_up, place, two_servers

from bench.sip_anomaly_edits import LINE_EDITS
from sipstub.sip.message import Message, Request

URI = "sip:200@corp.example"
LINES = (b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Content-Length", b"Session-Expires", b"Max-Forwards")


class Quiet(Peer):
    """Makes messages and sends none: their bytes are spoilt first."""

    def say(self, message: Message) -> None:
        pass


def edited(message: Message, name: bytes, edit: str) -> bytes:
    """Return a message with one of its lines made wrong."""
    head, _, body = message.to_bytes().partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    made: list[bytes] = []
    for line in lines:
        key, _, value = line.partition(b":")
        made += LINE_EDITS[edit](key, value.strip()) if key.strip().lower() == name.lower() else [line]
    return b"\r\n".join([start, *made]) + b"\r\n\r\n" + body


def put(world: World, peer: Peer, data: bytes) -> None:
    """Have the SBC get these bytes."""
    world.core.receive(data, peer.hop, world.now)
    world.flush()


@pytest.mark.parametrize("edit", sorted(LINE_EDITS))
def test_a_wrong_line_leaves_nothing_behind_on_either_leg(edit: str) -> None:
    own = {"SBCSessionExpiresMode": 3}
    world, a, b = two_servers({}, own, own)
    quiet_a, quiet_b = Quiet(world, "a", a.hop), Quiet(world, "b", b.hop)
    timer = ("Session-Expires", "1800")
    for name in LINES:
        good, _ = place(a, b)
        invite = quiet_a.ask("INVITE", URI, timer, body=OFFER, call_id=f"wrong-{name.decode()}")
        put(world, a, edited(invite, name, edit))
        for arrived in [one for one in b.inbox if isinstance(one, Request) and one.method == "INVITE"]:
            b.answer(arrived, 486)
        b.inbox.clear()
        a.ask("INVITE", URI, timer, body=OFFER)
        arrived = b.request("INVITE")
        accepted = quiet_b.answer(arrived, 200, ("Session-Expires", "1800;refresher=uac"), body=ANSWER)
        put(world, b, edited(accepted, name, edit))
        a.inbox.clear()
        b.inbox.clear()
        hang_up(a, b, good)
        world.run(40)
        a.inbox.clear()
        b.inbox.clear()
    world.run(8000)
    world.assert_both_legs_are_free()
