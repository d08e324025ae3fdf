"""SDP: read, built, changed, written; what a phone's settings show in."""

from __future__ import annotations

import pytest

from sipstub.sip.error import SipError
from sipstub.sip.sdp import Media, Sdp

TEXT = """v=0
o=- 20001 20002 IN IP4 10.0.0.1
s=SDP data
c=IN IP4 10.0.0.1
t=0 0
k=prompt
a=sendonly
m=audio 11780 RTP/SAVP 0 8 18 9 101 97
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:9 G722/8000
a=fmtp:101 0-15
a=rtpmap:101 telephone-event/8000
a=rtpmap:97 opus/48000/2
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0
a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:c2VjcmV0
a=ptime:20
a=x-odd
a=sendrecv
m=video 0 RTP/AVP 31
c=IN IP6 2001:db8::1
m=image 5000/2 udptl t38
""".replace("\n", "\r\n")


def test_every_line_comes_out_again_in_its_place() -> None:
    assert str(Sdp.parse(TEXT)) == TEXT and bytes(Sdp.parse(TEXT.encode())) == TEXT.encode()
    assert str(Sdp.parse(TEXT.replace("\r\n", "\n"))) == TEXT


def test_the_settings_of_a_phone_can_be_read_off() -> None:
    sdp = Sdp.parse(TEXT)
    audio, video, image = sdp.media
    assert (audio.kind, audio.port, audio.protocol, audio.ptime_ms) == ("audio", 11780, "RTP/SAVP", 20)
    assert [codec.name for codec in audio.codecs] == ["PCMU", "PCMA", "G729", "G722", "telephone-event", "opus"]
    assert audio.codecs[2].fmtp == "annexb=no" and audio.codecs[4].payload == "101" and audio.codecs[5].channels == 2
    assert [crypto.suite for crypto in audio.cryptos] == ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]
    assert [sdp.direction_of(media) for media in sdp.media] == ["sendrecv", "sendonly", "sendonly"]
    assert [sdp.address_of(media) for media in sdp.media] == ["10.0.0.1", "2001:db8::1", "10.0.0.1"]
    assert [codec.name for codec in video.codecs] == ["H261"] and image.port_count == 2 and image.codecs == ()
    assert (sdp.origin.session, sdp.origin.version, sdp.origin.address) == ("20001", "20002", "10.0.0.1")


def test_a_built_description_reads_back_the_same() -> None:
    media = Media("audio", 11780, "RTP/AVP", ("8", "101"), (("a", "rtpmap:8 PCMA/8000"), ("a", "sendrecv")))
    for address, family in (("10.0.0.1", "IP4"), ("2001:db8::1", "IP6")):
        built = Sdp.build(address=address, session=20001, version=20001, media=(media,), name="SDP data")
        assert Sdp.parse(bytes(built)) == built and f"c=IN {family} {address}\r\n" in str(built)
    assert Sdp.parse(TEXT).with_media(media).media == (media,)


def test_no_key_of_srtp_shows_in_a_repr() -> None:
    assert "c2VjcmV0" not in repr(Sdp.parse(TEXT).media[0].cryptos)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=1\r\n",
        "o=- 1 1 IN IP4 h\r\nv=0\r\n",
        "v=0\r\ns=-\r\n",
        "v=0\r\no=- x 1 IN IP4 h\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP9 h\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\n\r\nt=0 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nV=0\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio x RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 65536 RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\ns=a\0b\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\ns=a\rb\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\n" + "a=x\r\n" * 3000,
        "v=0\r\no=- 1 1 IN IP4 h\r\n" + "m=audio 1 RTP/AVP 0\r\n" * 70,
    ],
)
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(SipError):
        Sdp.parse(text)


def test_no_value_can_add_a_line() -> None:
    with pytest.raises(SipError):
        str(Sdp.parse(TEXT).with_media(Media("audio", 1, "RTP/AVP", ("0",), (("a", "x\r\nm=audio 2 RTP/AVP 0"),))))
