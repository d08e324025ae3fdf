"""G.711 against its definition: values of the recommendation, steps, and the way through both laws and back."""

from __future__ import annotations

import array
from bisect import bisect
from itertools import pairwise

import pytest

from sipstub.media.g711 import LAWS, PCMA, PCMU, decode, encode, samples_of, transcoded
from sipstub.media.sound import TONE_HZ, TONE_PEAK, Sound, payload

EVERY_BYTE = bytes(range(256))


@pytest.mark.parametrize(
    ("law", "byte", "sample"),
    [
        # ITU-T G.711, tables 1a to 2b: decision values of 13 and 14 bits, here of 16
        (PCMA, 0xD5, 8),
        (PCMA, 0x55, -8),
        (PCMA, 0xAA, 32256),
        (PCMA, 0x2A, -32256),
        (PCMU, 0xFF, 0),
        (PCMU, 0x7F, 0),
        (PCMU, 0x80, 32124),
        (PCMU, 0x00, -32124),
        (PCMU, 0xFE, 8),
    ],
)
def test_bytes_mean_what_the_recommendation_says(law: str, byte: int, sample: int) -> None:
    assert decode(bytes([byte]), law)[0] == sample


@pytest.mark.parametrize("law", LAWS)
def test_each_byte_comes_back(law: str) -> None:
    back = encode(decode(EVERY_BYTE, law), law)
    # mu-law has two zeros, which are one sample
    assert {(a, b) for a, b in zip(EVERY_BYTE, back, strict=True) if a != b} == ({(0x7F, 0xFF)} if law == PCMU else set())


@pytest.mark.parametrize(
    ("law", "edges"),
    [
        # the ends of the segments, from the tables: 14 bits of mu-law and 13 of A-law, here 16
        (PCMU, [4 * edge for edge in (31, 95, 223, 479, 991, 2015, 4063)]),
        (PCMA, [8 * edge for edge in (64, 128, 256, 512, 1024, 2048)]),
    ],
)
def test_segments_begin_where_the_tables_say(law: str, edges: list[int]) -> None:
    encoded = encode(array.array("h", range(32768)), law)
    steps = [at for at in range(1, 32768) if encoded[at] != encoded[at - 1]]
    widths = {later - at for at, later in pairwise(steps)}
    assert widths == {2 << power for power in range(2 if law == PCMU else 3, 10)}, "each segment has steps twice as wide"
    wider = [later for (at, later), (_, last) in pairwise(pairwise(steps)) if last - later == 2 * (later - at)]
    assert wider == edges


@pytest.mark.parametrize("law", LAWS)
def test_a_sample_becomes_the_nearest_step_but_at_the_ends_of_segments(law: str) -> None:
    samples = array.array("h", range(-32768, 32768))
    steps = sorted(set(decode(EVERY_BYTE, law)))
    back = decode(encode(samples, law), law)
    assert list(back) == sorted(back), "louder never becomes softer"
    farther = 0
    for sample, got in zip(samples, back, strict=True):
        at = bisect(steps, sample)
        nearest = min(abs(sample - step) for step in steps[max(at - 1, 0) : at + 1])
        farther += abs(sample - got) > nearest
    assert farther < 2 * 256, "a quarter of a step at each of these places"


def test_one_law_becomes_the_other_and_back() -> None:
    for data in (EVERY_BYTE, payload(Sound.TONE, PCMU, 20)):
        once = transcoded(data, PCMU, PCMA)
        assert transcoded(once, PCMA, PCMA) == once
        assert max(abs(a - b) for a, b in zip(decode(data, PCMU), decode(once, PCMA), strict=True)) <= 1024
        # tandem: once through both, the sound does not change any more
        again = transcoded(once, PCMA, PCMU)
        assert transcoded(transcoded(again, PCMU, PCMA), PCMA, PCMU) == again


@pytest.mark.parametrize("law", LAWS)
def test_the_tone_is_a_tone_and_silence_is_silent(law: str) -> None:
    tone = decode(payload(Sound.TONE, law, 20) * 50, law)
    ups = sum(a < 0 <= b for a, b in pairwise(tone))
    assert abs(ups - TONE_HZ) <= 1
    assert 0.9 * TONE_PEAK < max(tone) < 1.1 * TONE_PEAK
    assert max(abs(one) for one in decode(payload(Sound.SILENCE, law, 20), law)) <= 8
    assert len(payload(Sound.SILENCE, law, 30)) == 240


def test_samples_are_read_low_byte_first() -> None:
    assert list(samples_of(b"\x01\x00\xff\xff\x00")) == [1, -1]
