"""Coders of one line, without a call around it: what a side is offered, and what the other is told of its answer."""

from __future__ import annotations

import pytest
from media_world import sdp

from sipstub.sbc.media.coders import answered, offered
from sipstub.sbc.media.rules import MediaProfile
from sipstub.sip.sdp import Media, Sdp

AMR = "rtpmap:96 AMR/8000"
WIDE = "rtpmap:97 PCMU/16000"
TONES = "rtpmap:101 telephone-event/8000"
MORE = MediaProfile(extensions=("PCMU", "PCMU", "PCMA"))


def line(formats: str, *lines: str, port: int = 4000, protocol: str = "RTP/AVP") -> Media:
    return Sdp.parse(sdp("10.0.1.1", port, formats, *lines, protocol=protocol)).media[0]


def attributes(media: Media) -> list[str]:
    """Return what it says of formats."""
    return [value for letter, value in media.lines if letter == "a"]


@pytest.mark.parametrize(
    ("came", "profile", "want", "is_more"),
    [
        (line("8"), MORE, ("8", "0"), True),
        (line("8", protocol="RTP/AVPF"), MORE, ("8", "0"), True),
        (line("8", protocol="RTP/SAVP"), MORE, ("8",), False),
        (line("8", port=0), MORE, ("8",), False),
        (line("96", AMR), MORE, ("96",), False),
        (line("97", WIDE), MORE, ("97",), False),
        (line("8 77"), MORE, ("8", "0", "77"), True),
        (line("8 96 77", AMR), MediaProfile(allowed=("PCMA",)), ("8",), False),
        (line("8 101", TONES), MediaProfile(allowed=("PCMA",)), ("8", "101"), False),
    ],
)
def test_a_side_is_offered_what_is_allowed_and_what_is_added_once(
    came: Media, profile: MediaProfile, want: tuple[str, ...], is_more: bool
) -> None:
    found, was_added = offered(came, profile, mixes_extensions=False)
    assert (found.formats, found.port, was_added) == (want, came.port, is_more)


@pytest.mark.parametrize("tones", ["", " 101"])
def test_a_line_that_no_voice_is_left_of_is_refused(tones: str) -> None:
    found, was_added = offered(line(f"8{tones}", TONES), MediaProfile(allowed=("AMR",)), mixes_extensions=False)
    assert (found.port, was_added) == (0, False)


def test_coders_are_mixed_in_the_order_of_the_allowed_ones_and_what_is_no_coder_comes_last() -> None:
    profile = MediaProfile(allowed=("PCMU", "PCMA"), extensions=("PCMU",))
    came = line("101 8", TONES)
    assert offered(came, profile, mixes_extensions=True)[0].formats == ("0", "8", "101")
    assert offered(came, profile, mixes_extensions=False)[0].formats == ("101", "8", "0")


def test_what_is_said_of_a_format_goes_and_comes_with_it() -> None:
    said = (AMR, "fmtp:96 octet-align=1", "rtcp-fb:96 nack", "rtcp-fb:* ccm fir", TONES, "rtpmap:8 PCMA/8000")
    found, _ = offered(line("96 8 101", *said), MediaProfile(allowed=("PCMA",)), mixes_extensions=False)
    assert attributes(found) == ["rtcp-fb:* ccm fir", TONES, "rtpmap:8 PCMA/8000"]


@pytest.mark.parametrize(
    ("answer", "offer", "want", "is_transcoded"),
    [
        (line("8 0"), line("0 8 101", TONES), ("8", "0"), False),
        (line("8 0 101", TONES), line("8 101", TONES), ("8", "101"), False),
        (line("0 101", TONES), line("8 101", TONES), ("8", "101"), True),
        (line("0"), line("96", AMR), ("0",), False),
        (line("96", AMR), line("8"), ("96",), False),
        (line("0"), line("97", WIDE.replace("PCMU", "PCMA")), ("0",), False),
        (line("0", port=0), line("8"), ("0",), False),
        (line("0"), line("8", protocol="RTP/SAVP"), ("0",), False),
    ],
)
def test_an_answer_keeps_what_was_offered_or_g711_stands_in_for_it(
    answer: Media, offer: Media, want: tuple[str, ...], is_transcoded: bool
) -> None:
    found, fits_by_transcoding = answered(answer, offer)
    assert (found.formats, fits_by_transcoding) == (want, is_transcoded)
