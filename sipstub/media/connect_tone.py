"""A tone for one side of a call as soon as it is connected: read from a WAV file once, played as G.711 in packets of 20 ms."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

from sipstub.errors import SipstubError
from sipstub.media.g711 import RATE_HZ, encode, samples_of

PACKET_BYTES = 160
PACKET_S = PACKET_BYTES / RATE_HZ
MAX_SECONDS = 60
"Longer ones are cut off."
SIDES = {"src": True, "dst": False}


class ToneProblem(SipstubError):
    """A tone that is not named properly."""

    code = "bad-tone"


@dataclass(frozen=True, slots=True)
class ConnectTone:
    """One of them; what var.call.src.PlayToneOnConnect and var.call.dst.PlayToneOnConnect of a device ask for."""

    is_for_caller: bool
    sound: bytes = b""
    "Samples of 16 bits, the low byte first; nothing where the tone is not there."

    @classmethod
    def parse(cls, text: str) -> ConnectTone:
        """Return the tone that `src:FILE` names, without sound if the file is none that can be played; raises ToneProblem."""
        side, _, file = text.partition(":")
        if side not in SIDES or not file:
            raise ToneProblem(f"not src:FILE or dst:FILE: {text!r}", hint="src is the caller, dst the called side")
        return cls(SIDES[side], _sound(Path(file)))

    def packets(self, law: str) -> list[bytes]:
        """Return payloads of 20 ms, the last one filled up with silence."""
        data = encode(samples_of(self.sound), law)
        silence = encode(samples_of(bytes(2)), law)
        whole = -(-len(data) // PACKET_BYTES) * PACKET_BYTES
        data += silence * (whole - len(data))
        return [data[at : at + PACKET_BYTES] for at in range(0, whole, PACKET_BYTES)]


def _sound(file: Path) -> bytes:
    try:
        with wave.open(str(file)) as wav:
            if (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) != (1, 2, RATE_HZ):
                return b""
            return bytes(wav.readframes(min(wav.getnframes(), MAX_SECONDS * RATE_HZ)))
    except (OSError, EOFError, wave.Error):
        return b""
