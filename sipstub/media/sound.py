"""What the stub lets others hear: silence or a tone, packet by packet, in the codecs that it can speak.

The tone is as long as a whole number of its periods in each packet, so that all packets of a call have the same payload and none
begins with a click.  Codecs other than G.711 are not spoken: a payload that only looks like G.722 or G.729 would be noise.
"""

from __future__ import annotations

import array
import enum
import math
from functools import lru_cache

from sipstub.media.g711 import LAWS, RATE_HZ, encode

TONE_HZ = 400
"20 samples each: every whole number of 2.5 ms begins anew."
TONE_PEAK = 3_300
"About -20 dBm0: heard, and no strain for whoever sits beside a phone that picked up by itself."
SPOKEN = frozenset(LAWS)
"Names of the codecs that can be sent."
KEPT = 64
"Payloads that are kept ready: two laws, two sounds, each packet time."


class Sound(enum.StrEnum):
    """What is sent."""

    SILENCE = "silence"
    TONE = "tone"


@lru_cache(KEPT)
def payload(sound: Sound, codec: str, milliseconds: int) -> bytes:
    """Return the payload of each packet; the codec is one of SPOKEN."""
    count = RATE_HZ * milliseconds // 1000
    if sound is Sound.SILENCE:
        return encode(array.array("h", bytes(2 * count)), codec)
    turn = 2 * math.pi * TONE_HZ / RATE_HZ
    return encode(array.array("h", [round(TONE_PEAK * math.sin(turn * at)) for at in range(count)]), codec)
