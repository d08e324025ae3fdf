"""SRTP against the vectors of RFC 3711 and libsrtp, and what happens to packets that somebody else made."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_lab import PHONE, a_packet, a_session, sdp

from sipstub.media.agreement import Agreement, agree
from sipstub.media.packet import PacketProblem, RtpPacket
from sipstub.media.srtp import AUTHENTICATION, ENCRYPTION, SALTING, Opening, Sealing, SrtpKey, derived, read_key
from sipstub.sip.sdp import Crypto

MASTER = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
SALT = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
KEY = SrtpKey(MASTER, SALT, 10)
OTHER = SrtpKey(bytes(16), bytes(14), 10)
SUITE = "AES_CM_128_HMAC_SHA1_80"


def inline(key: SrtpKey) -> str:
    return "inline:" + base64.b64encode(key.master + key.salt).decode()


def test_session_keys_are_those_of_appendix_b_3() -> None:
    assert derived(KEY, ENCRYPTION, 16) == bytes.fromhex("C61E7A93744F39EE10734AFE3FF7A087")
    assert derived(KEY, SALTING, 14) == bytes.fromhex("30CBBC08863D8C85D49DB34A9AE1")
    assert derived(KEY, AUTHENTICATION, 20) == bytes.fromhex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")


def test_a_packet_is_sealed_as_libsrtp_does() -> None:
    plain = bytes.fromhex("800f1234decafbadcafebabe") + b"\xab" * 16
    sealed = bytes.fromhex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")
    assert Sealing(KEY).seal(plain) == sealed
    assert Opening(KEY).open(sealed) == plain


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.binary(max_size=40), st.booleans())
def test_what_is_sealed_is_opened_over_the_turn_of_the_numbers(gaps: list[int], body: bytes, has_more: bool) -> None:
    sealing, opening = Sealing(KEY), Opening(KEY)
    number = 65_530
    for gap in gaps:
        number += 1 + gap
        extension = (0xBEDE, b"word" * 3) if has_more else None
        packet = bytes(RtpPacket(8, number % 65_536, number, 9, body, sources=(1, 2) if has_more else (), extension=extension))
        assert opening.open(sealing.seal(packet)) == packet


def test_a_packet_is_taken_once_late_ones_too_but_no_old_ones() -> None:
    sealing, opening = Sealing(KEY), Opening(KEY)
    sealed = [sealing.seal(a_packet(number)) for number in range(100)]
    for number in (0, 2, 1, 99, 50):
        opening.open(sealed[number])
    for number in (0, 2, 99, 50, 20):
        with pytest.raises(PacketProblem, match="came before"):
            opening.open(sealed[number])


@given(st.binary(max_size=60))
def test_what_was_not_sealed_with_the_key_is_refused(data: bytes) -> None:
    with pytest.raises(PacketProblem):
        Opening(KEY).open(data)


@pytest.mark.parametrize("at", [1, 5, 12, 30, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    sealed = bytearray(Sealing(KEY).seal(a_packet(1)))
    sealed[at] ^= 1
    with pytest.raises(PacketProblem, match="wrong tag"):
        Opening(KEY).open(bytes(sealed))


@pytest.mark.parametrize(
    "text",
    [
        "inline:short",
        "inline:" + "!" * 40,
        "other:" + "A" * 40,
        inline(KEY) + "|2^20|1:4",
        "",
    ],
)
def test_keys_in_forms_that_are_not_spoken_are_left_alone(text: str) -> None:
    assert read_key(Crypto(1, SUITE, text)) is None
    assert read_key(Crypto(1, "F8_128_HMAC_SHA1_80", inline(KEY))) is None


def test_a_key_is_read_and_never_shown() -> None:
    assert read_key(Crypto(1, SUITE, inline(KEY) + "|2^31")) == KEY
    found = read_key(Crypto(1, "AES_CM_128_HMAC_SHA1_32", inline(KEY)))
    assert found is not None and found.tag_bytes == 4
    assert repr(KEY) == "SrtpKey(***)"
    assert MASTER.hex() not in repr(secured()) and inline(KEY) not in repr(secured())


# In a call


def secured(mine: SrtpKey = KEY, its: SrtpKey = OTHER, tag: int = 1) -> Agreement:
    ours = sdp("192.0.2.1", 16384, "0 101", f"a=crypto:1 {SUITE} {inline(mine)}", protocol="RTP/SAVP")
    theirs = sdp(*PHONE, "0 101", f"a=crypto:{tag} {SUITE} {inline(its)}", protocol="RTP/SAVP")
    found = agree(ours, theirs)
    assert found is not None
    return found


def test_a_secure_call_sends_with_our_key_and_hears_with_theirs() -> None:
    session, far = a_session(), Sealing(OTHER)
    session.agree(secured(), 0.0)
    ((data, _),) = session.due(0.0)
    packet = RtpPacket.parse(Opening(KEY).open(data))
    assert (packet.payload_type, len(packet.payload)) == (0, 160)
    session.receive(far.seal(a_packet(1)), PHONE, 0.0)
    session.receive(a_packet(2), PHONE, 0.02)
    session.receive(Sealing(KEY).seal(a_packet(3)), PHONE, 0.04)
    report = session.report
    assert (report.sent, report.received, report.strange, report.codec) == (1, 1, 2, "PCMU over SRTP")
    assert str(report).startswith("RTP: 1 sent (PCMU over SRTP), 1 received")
    assert session.control.next_at is None, "SRTCP is not spoken"


def test_a_new_description_with_the_same_keys_goes_on_with_the_numbers_of_before() -> None:
    session, far = a_session(), Opening(KEY)
    session.agree(secured(), 0.0)
    for now in (0.0, 0.02, 0.04, 0.06):
        if now == 0.04:
            session.agree(secured(), now)  # the numbers have gone round: 65534, 65535, 0, 1
        ((data, _),) = session.due(now)
        assert len(far.open(data)) == 172


def test_a_key_that_is_not_that_of_our_line_is_not_spoken() -> None:
    session = a_session()
    session.agree(secured(tag=2), 0.0)
    assert session.due(0.0) == []
    assert session.report.why_silent == "no SRTP key that fits"
