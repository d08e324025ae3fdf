"""The tone of a calling fax: 1100 Hz, half a second on, three seconds off.  ITU-T T.30 section 4.3.3.1.

Blocks of 20 ms are looked at by the Goertzel algorithm; a tone has nearly all of its power at one frequency, speech has not.
"""

from __future__ import annotations

import array
import math

TONE_HZ = 1100
RATE_HZ = 8000
BLOCK = 160
"Samples; 1100 Hz is a whole number of periods in it."
ENOUGH = 15
"Blocks in a row: 300 ms of the 425 to 575 that the tone may last."
SHARE = 0.8
"Of the power of a block that has to be at 1100 Hz; 38 Hz off, as T.30 allows, a quarter is lost at most."
LEAST_POWER = 300.0**2
"Mean of squares: about -40 dBm0."

_TURN = 2 * math.cos(2 * math.pi * TONE_HZ / RATE_HZ)


class CngDetector:
    """Listens to one side."""

    def __init__(self) -> None:
        self._left = array.array("h")
        self._run = 0

    def take(self, samples: array.array[int]) -> bool:
        """Take what follows; return whether the tone has been there for long enough."""
        self._left.extend(samples)
        while len(self._left) >= BLOCK:
            block, self._left = self._left[:BLOCK], self._left[BLOCK:]
            self._run = self._run + 1 if is_tone(block) else 0
            if self._run >= ENOUGH:
                self._run = 0
                return True
        return False


def is_tone(block: array.array[int]) -> bool:
    """Return whether a block has nothing much but 1100 Hz."""
    power = sum(one * one for one in block)
    if power < LEAST_POWER * BLOCK:
        return False
    before = last = 0.0
    for sample in block:
        before, last = last, sample + _TURN * last - before
    found = before * before + last * last - _TURN * before * last
    return found * 2 / BLOCK >= SHARE * power
