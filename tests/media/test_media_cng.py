"""The tone of a calling fax is heard, and nothing else is taken for it."""

from __future__ import annotations

import array
import math
import random

import pytest

from sipstub.media.cng import CngDetector
from sipstub.media.g711 import PCMA, PCMU, decode, encode


def tone(hz: float, seconds: float, peak: int = 8000) -> array.array[int]:
    return array.array("h", [round(peak * math.sin(2 * math.pi * hz * at / 8000)) for at in range(int(8000 * seconds))])


@pytest.mark.parametrize("law", [PCMA, PCMU])
@pytest.mark.parametrize(
    ("hz", "seconds", "peak", "is_heard"),
    [
        (1100, 0.5, 8000, True),
        (1100, 0.5, 1500, True),
        (1100, 0.425, 8000, True),
        (1090, 0.5, 8000, True),
        (1110, 0.5, 8000, True),
        (1100, 0.25, 8000, False),
        (1100, 0.5, 100, False),
        (1000, 1.0, 8000, False),
        (1200, 1.0, 8000, False),
        (400, 1.0, 8000, False),
        (2100, 1.0, 8000, False),
    ],
)
def test_tones(hz: float, seconds: float, peak: int, is_heard: bool, law: str) -> None:
    assert CngDetector().take(decode(encode(tone(hz, seconds, peak), law), law)) is is_heard


def test_packets_of_any_length_make_it_up() -> None:
    detector, sound = CngDetector(), tone(1100, 0.5)
    assert any(detector.take(sound[at : at + 137]) for at in range(0, len(sound), 137))


def test_noise_silence_and_two_tones_at_once_are_not_it() -> None:
    source = random.Random(1)
    noise = array.array("h", [source.randint(-9000, 9000) for _ in range(16_000)])
    two = array.array("h", [one + other for one, other in zip(tone(1100, 1), tone(770, 1), strict=True)])
    for sound in (noise, two, array.array("h", bytes(32_000))):
        assert not CngDetector().take(sound)


def test_a_tone_with_a_gap_begins_anew() -> None:
    sound = tone(1100, 0.2) + array.array("h", bytes(3200)) + tone(1100, 0.2)
    assert not CngDetector().take(sound)
