"""G.711: samples of 16 bits to A-law and mu-law and back, by tables made here.  ITU-T G.711, RFC 3551 section 4.5.14.

Decoding gives the middle of each step, as the recommendation does; encoding takes the step that a sample lies in.
"""

from __future__ import annotations

import array
import sys
from functools import lru_cache

RATE_HZ = 8000
PCMU, PCMA = "PCMU", "PCMA"
LAWS = (PCMU, PCMA)
BIAS = 0x84
"Of mu-law, in units of 16 bits: 33 of the 14 that it is defined over."
CLIP = 32_635
"The largest sample that mu-law can tell apart."
MIDDLE = 1 << 15


def decode(data: bytes, law: str) -> array.array[int]:
    """Return the samples, -32768 to 32767, one for each byte."""
    table = _samples(law)
    return array.array("h", [table[byte] for byte in data])


def encode(samples: array.array[int], law: str) -> bytes:
    """Return one byte for each sample."""
    table = _bytes(law)
    return bytes([table[sample + MIDDLE] for sample in samples])


def transcoded(data: bytes, law: str, into: str) -> bytes:
    """Return the same sound in the other law; what is in it already comes back as it is."""
    return data if law == into else data.translate(_translation(law, into))


def samples_of(data: bytes) -> array.array[int]:
    """Return samples from bytes of 16 bits each, the low one first; an odd byte at the end is left out."""
    found = array.array("h", data[: len(data) & ~1])
    if sys.byteorder == "big":
        found.byteswap()
    return found


@lru_cache(len(LAWS))
def _samples(law: str) -> tuple[int, ...]:
    return tuple((_from_mu if law == PCMU else _from_a)(byte) for byte in range(256))


@lru_cache(len(LAWS))
def _bytes(law: str) -> bytes:
    """Return the byte of each sample, from -32768 up."""
    to = _to_mu if law == PCMU else _to_a
    return bytes(to(sample) for sample in range(-MIDDLE, MIDDLE))


@lru_cache(len(LAWS))
def _translation(law: str, into: str) -> bytes:
    return encode(decode(bytes(range(256)), law), into)


def _from_mu(byte: int) -> int:
    byte = ~byte & 0xFF
    size = ((byte & 0x0F) << 3 | BIAS) << (byte >> 4 & 0x07)
    return BIAS - size if byte & 0x80 else size - BIAS


def _to_mu(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    size = min(abs(sample), CLIP) + BIAS
    segment = size.bit_length() - 8
    return ~(sign | segment << 4 | size >> (segment + 3) & 0x0F) & 0xFF


def _from_a(byte: int) -> int:
    byte ^= 0x55
    segment, step = byte >> 4 & 0x07, byte & 0x0F
    size = step << 4 | 0x08 if segment == 0 else (step << 4 | 0x108) << (segment - 1)
    return size if byte & 0x80 else -size


def _to_a(sample: int) -> int:
    # A-law has no zero: what is just below it is the first negative step
    sign, size = (0x80, sample) if sample >= 0 else (0, -sample - 1)
    segment = max(size.bit_length() - 8, 0)
    step = size >> (4 if segment == 0 else segment + 3) & 0x0F
    return (sign | segment << 4 | step) ^ 0x55
