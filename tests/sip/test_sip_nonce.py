"""Nonces: ours or not, fresh or stale; and counts, so that nothing is played twice."""

from __future__ import annotations

import base64
import hmac

import pytest

from sipstub.sip.nonce import MAC_BYTES, SALT_BYTES, TIME_BYTES, Age, NonceMaker
from sipstub.sip.nonce_count import WINDOW, NonceCounts

KEY = b"k" * 32
NOW = 1_700_000_000.25
MAKER = NonceMaker(KEY, "desk", lifetime_s=300)


def test_a_nonce_is_fresh_for_its_life_and_stale_after_it() -> None:
    nonce = MAKER.make(NOW, b"salt")
    assert MAKER.made_at(nonce) == NOW
    ages = [MAKER.judge(nonce, NOW + later) for later in (0, 300, 300.01, 1e6, -0.5, -2)]
    assert ages == [Age.FRESH, Age.FRESH, Age.STALE, Age.STALE, Age.FRESH, Age.STALE]


def test_salt_makes_a_nonce_of_the_same_moment_another_one() -> None:
    assert MAKER.make(NOW, b"1") != MAKER.make(NOW, b"2") and MAKER.make(NOW, b"1") == MAKER.make(NOW, b"1")


def test_another_key_or_realm_and_any_changed_character_make_it_foreign() -> None:
    nonce = MAKER.make(NOW, b"salt")
    assert NonceMaker(b"x" * 32, "desk").judge(nonce, NOW) is Age.FOREIGN
    assert NonceMaker(KEY, "hall").judge(nonce, NOW) is Age.FOREIGN
    for at in range(len(nonce)):
        forged = nonce[:at] + ("A" if nonce[at] != "A" else "B") + nonce[at + 1 :]
        assert MAKER.judge(forged, NOW) is Age.FOREIGN


@pytest.mark.parametrize("text", ["", "x", "\u00e9" * 40, "=" * 40, "A" * 40, "A" * 41, "A" * 100_000, "\udcff" * 40])
def test_anything_else_is_foreign(text: str) -> None:
    assert MAKER.judge(text, NOW) is Age.FOREIGN


def test_a_short_key_is_refused_and_no_key_shows() -> None:
    with pytest.raises(ValueError, match="at least"):
        NonceMaker(b"short")
    assert "kkk" not in repr(MAKER)


def test_every_count_passes_once_in_any_order_within_the_window() -> None:
    counts = NonceCounts()
    asked = [1, 1, 3, 2, 2, 3, 0, -1, 200, 200 - WINDOW + 1, 200 - WINDOW, 199, 199]
    assert [counts.accept("n", nc, NOW) for nc in asked] == [
        *(True, False, True, True, False, False, False, False),
        *(True, True, False, True, False),
    ]


def test_nonces_do_not_share_counts() -> None:
    counts = NonceCounts()
    assert counts.accept("a", 1, NOW) and counts.accept("b", 1, NOW) and not counts.accept("a", 1, NOW)


def test_what_was_forgotten_for_want_of_room_is_refused_and_not_taken_for_new() -> None:
    counts = NonceCounts(limit=2)
    assert counts.accept("a", 1, 10.0) and counts.accept("b", 1, 11.0) and counts.accept("c", 1, 12.0)
    assert len(counts) == 2
    assert not counts.accept("a", 1, 10.0) and not counts.accept("older", 1, 9.0)
    assert counts.accept("b", 2, 11.0) and not counts.accept("c", 1, 12.0)


def test_stale_nonces_can_be_dropped() -> None:
    counts = NonceCounts()
    for made in range(10):
        counts.accept(f"n{made}", 1, float(made))
    counts.expire(7.0)
    assert len(counts) == 3


@pytest.mark.parametrize("size", [16, 63, 64, 65, 200])
def test_the_mac_of_a_nonce_is_hmac_sha_256_whatever_the_length_of_the_key(size: int) -> None:
    key, realm = bytes(range(size)), "réalm"
    data = base64.urlsafe_b64decode(NonceMaker(key, realm).make(1_700_000_000.5, b"salt"))
    head, mac = data[: TIME_BYTES + SALT_BYTES], data[TIME_BYTES + SALT_BYTES :]
    assert mac == hmac.digest(key, head + realm.encode(), "sha256")[:MAC_BYTES]
