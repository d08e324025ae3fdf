"""Options of a read request: what is accepted, what is left out, and that nothing is fatal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.services.tftp_options import PLAIN_TERMS, WINDOW_BLOCKS, WINDOW_BYTES, Terms, negotiate

BELOW_TO_ABOVE = {
    "blksize": (7, 8, 512, 1428, 65464, 65465),
    "timeout": (0, 1, 1, 60, 255, 256),
    "windowsize": (0, 1, 1, 8, 65535, 65536),
}


@pytest.mark.parametrize("name", BELOW_TO_ABOVE)
def test_an_option_is_accepted_within_its_range_and_left_out_beyond_it(name: str) -> None:
    below, lowest, default, inside, highest, above = BELOW_TO_ABOVE[name]
    for value in (lowest, default, inside):
        assert negotiate({name: str(value)}, 10).accepted == ((name, str(value)),)
    assert [found for found, _ in negotiate({name: str(highest)}, 10).accepted] == [name]
    for value in (below, above, -1):
        assert negotiate({name: str(value)}, 10) == PLAIN_TERMS


@pytest.mark.parametrize(
    "text", ["abc", "", "-5", "+5", "1e3", "0x200", " 512", "512 ", "5_1_2", "\u0665\u0661\u0662", "9" * 5000, "1428.0"]
)
def test_a_value_that_is_no_plain_number_is_ignored(text: str) -> None:
    options = {"blksize": text, "tsize": text, "timeout": text, "windowsize": text}
    assert negotiate(options, 10) == PLAIN_TERMS


def test_option_names_are_known_in_any_letter_case_and_answered_as_they_were_spelt() -> None:
    terms = negotiate({"BlkSize": "1428", "TSIZE": "0", "TimeOut": "3", "WINDOWSIZE": "4"}, 77)
    assert terms == Terms(1428, 4, 3, (("BlkSize", "1428"), ("TSIZE", "77"), ("TimeOut", "3"), ("WINDOWSIZE", "4")))


def test_an_option_given_twice_counts_once() -> None:
    assert negotiate({"blksize": "1024", "BLKSIZE": "2048"}, 10).accepted == (("blksize", "1024"),)


def test_an_unknown_option_is_left_out_and_the_others_stay() -> None:
    assert negotiate({"multicast": "", "blksize": "1024", "x-made-up": "7"}, 10).accepted == (("blksize", "1024"),)


@pytest.mark.parametrize("size_bytes", [None, 0], ids=["not known", "an empty file, whose size curl would take for a fault"])
def test_the_size_is_declined_where_it_is(size_bytes: int | None) -> None:
    assert negotiate({"tsize": "0"}, size_bytes) == PLAIN_TERMS


def test_no_window_holds_more_blocks_or_bytes_than_a_send_buffer_takes() -> None:
    assert negotiate({"windowsize": "65535"}, 0).accepted == (("windowsize", str(WINDOW_BLOCKS)),)
    terms = negotiate({"windowsize": "65535", "blksize": "65464"}, 0)
    assert terms.windowsize >= 1 and terms.windowsize * terms.blksize <= WINDOW_BYTES
    assert terms.accepted == (("windowsize", str(terms.windowsize)), ("blksize", "65464"))


@given(
    st.dictionaries(
        st.sampled_from(["blksize", "TSIZE", "timeout", "windowsize", "x"]) | st.text(), st.text() | st.integers().map(str)
    )
)
def test_no_options_at_all_lead_beyond_the_limits(options: dict[str, str]) -> None:
    terms = negotiate(options, 5)
    assert 8 <= terms.blksize <= 65464
    assert 1 <= terms.windowsize <= WINDOW_BLOCKS
    assert terms.timeout_s is None or 1 <= terms.timeout_s <= 255
    for name, value in terms.accepted:
        assert name in options
        assert name.lower() == "tsize" or int(value) <= int(options[name])
