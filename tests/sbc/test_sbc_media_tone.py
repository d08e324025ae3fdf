"""PlayToneOnConnectFailureBehavior: a tone for one side of a call, and what becomes of the call where there is none."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

import pytest
from media_world import Talk, a_media_world, line_of, read, rtp, sdp
from sbc_proof import named

from sipstub.dialog.dialog import dialog_of_client
from sipstub.media.connect_tone import ConnectTone, ToneProblem

OFFER, ANSWER = sdp("10.0.1.1", 4000), sdp("10.0.2.1", 5000)
SOUND = struct.pack("<400h", *(round(8000 * math.sin(at / 3)) for at in range(400)))


def a_file(folder: Path, rate: int = 8000) -> Path:
    file = folder / "tone.wav"
    with wave.open(str(file), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(SOUND)
    return file


@pytest.mark.parametrize("side", ["src", "dst"])
def test_one_side_hears_the_tone_first_and_then_the_other_side(side: str, tmp_path: Path) -> None:
    with a_media_world(tone=ConnectTone.parse(f"{side}:{a_file(tmp_path)}")) as world:
        talk = Talk(world, OFFER, ANSWER)
        port, speak = (talk.at_a, talk.from_b) if side == "src" else (talk.at_b, talk.from_a)
        sent = [data for data, _ in world.ledger.sent(port)]
        assert not speak(rtp(8, 1)), "the other side is left out meanwhile"
        while world.ledger.ends[port].is_playing:
            world.ledger.play(world.ledger.ends[port])
            sent += [data for data, _ in world.ledger.sent(port)]
        assert [len(data) for data in sent] == [172, 172, 172]
        numbers = [read(data)[1] for data in sent]
        after = read(speak(rtp(8, 7))[0][0])
        assert [*numbers, after[1]] == [100, 101, 102, 103] and after[3] == read(sent[0])[3], "one source for all"
        talk.end()


@pytest.mark.parametrize(
    ("value", "ends"),
    [named("PlayToneOnConnectFailureBehavior", 0, True), named("PlayToneOnConnectFailureBehavior", 1, False)],
)
@pytest.mark.parametrize("trouble", ["no file", "another rate", "no G.711", "direct"])
def test_a_call_whose_tone_cannot_be_played(value: int, ends: bool, trouble: str, tmp_path: Path) -> None:
    file = tmp_path / "none.wav" if trouble == "no file" else a_file(tmp_path, 16_000 if trouble == "another rate" else 8000)
    coder = "9" if trouble == "no G.711" else "8"
    values = {"PlayToneOnConnectFailureBehavior": value, "SBCDirectMedia": int(trouble == "direct")}
    with a_media_world(values, tone=ConnectTone.parse(f"src:{file}")) as world:
        invite = world.a.ask("INVITE", "sip:200@corp.example", body=sdp("10.0.1.1", 4000, coder))
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 200, body=sdp("10.0.2.1", 5000, coder))
        ok = world.a.response(200)
        assert line_of(ok.body)[2] == (coder,)
        ours = dialog_of_client(invite, ok)
        assert ours is not None
        if ends:
            world.b.request("ACK")
            world.b.answer(world.b.request("BYE"), 200)
            assert not world.a.inbox, "no BYE before the ACK (RFC 3261 section 15)"
            world.a.send(ours, "ACK")
            world.a.answer(world.a.request("BYE"), 200)
        else:
            world.a.send(ours, "ACK")
            world.b.request("ACK")
            world.run(30.0)
            assert not world.a.inbox and not world.b.inbox
            world.a.send(ours, "BYE")
            world.b.answer(world.b.request("BYE"), 200)


def test_a_tone_names_its_side() -> None:
    with pytest.raises(ToneProblem, match="src:FILE"):
        ConnectTone.parse("tone.wav")
