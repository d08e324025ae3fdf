"""Two other readers of SIP, where they are right: sipmessage and aiosipua understand what we understand.

Where one of them is wrong it is left out by name, with the reason.
"""

from __future__ import annotations

from typing import Any

import aiosipua
import pytest
import sipmessage
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_corpus import CAPTURES, cases

from sipstub.sip.contact import Contact
from sipstub.sip.credentials import Credentials
from sipstub.sip.digest import Exchange, challenge_for, check, make_ha1, respond
from sipstub.sip.message import Message, Request
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.params import Params
from sipstub.sip.reader import parse_message
from sipstub.sip.sdp import Sdp
from sipstub.sip.uri import SipUri, Uri
from sipstub.sip.via import Via

VALID = {case.name: case.path.read_bytes() for case in cases() if case.verdict == "ok"}
CAPTURED = {path.stem: path.read_bytes() for path in CAPTURES}
SIPMESSAGE_WRONG = {
    "wsinv": "folded lines",
    "intmeth": "quoted pairs in a display name",
    "esc01": "escapes in parameters of a URI",
    "semiuri": "folded lines",
    "regaut01": "other schemes than Digest",
    "regescrt": "headers of a URI",
    "ipv6-correct-abnf-2-colons": "two colons before IPv4",
    "via-received-param-no-delim": "IPv6 in received without brackets",
}
AIOSIPUA_WRONG = {
    "wsinv": "blanks within Via",
    "intmeth": "quoted pairs in a display name",
    "longreq": "parameters behind a bare address",
    "cparam01": "parameters behind a bare address",
    "inv2543": "parameters behind a bare address",
}


def same_params(ours: Params, theirs: Any) -> None:
    assert {name.lower(): value for name, value in ours.items} == {name.lower(): value for name, value in dict(theirs).items()}


def same_uri(ours: Uri, theirs: Any) -> None:
    assert isinstance(ours, SipUri)
    assert theirs.user in (ours.user, ours.username)  # one keeps escapes, the other undoes them
    assert (ours.scheme, ours.host.strip("[]"), ours.port) == (theirs.scheme, theirs.host.strip("[]"), theirs.port)
    assert {name.lower(): value or "" for name, value in ours.params.items} == {
        name.lower(): value or "" for name, value in dict(getattr(theirs, "parameters", getattr(theirs, "params", {}))).items()
    }


def same_address(ours: NameAddr, theirs: Any, name: str, params: Any) -> None:
    same_uri(ours.uri, theirs.uri)
    assert ours.display == name
    same_params(ours.params, params)


def same_as_sipmessage(ours: Message, data: bytes) -> None:
    theirs: Any = sipmessage.Message.parse(data)
    for our_via, via in zip(ours.vias, theirs.via, strict=True):
        assert (our_via.transport, our_via.host, our_via.port) == (via.transport, via.host, via.port)
        same_params(our_via.params, via.parameters)
    for mine, other in ((ours.from_, theirs.from_address), (ours.to, theirs.to_address)):
        same_address(mine, other, other.name, other.parameters)
    if not ours.contacts.is_star:
        for contact, other in zip(ours.contacts, theirs.contact, strict=True):
            same_address(contact, other, other.name, other.parameters)
    assert (ours.cseq.number, ours.cseq.method) == (theirs.cseq.sequence, theirs.cseq.method)
    assert ours.call_id == theirs.call_id and ours.max_forwards == theirs.max_forwards
    assert ours.expires == theirs.expires
    assert list(ours.supported) == list(theirs.supported)
    if ours.authorization:
        assert ours.authorization[0].params.get("response") == theirs.authorization.parameters["response"]


def same_as_aiosipua(ours: Message, data: bytes) -> None:
    theirs: Any = aiosipua.SipMessage.parse(data)
    for our_via, via in zip(ours.vias, theirs.via, strict=True):
        assert (our_via.transport, our_via.host.strip("[]"), our_via.port) == (via.transport, via.host.strip("[]"), via.port)
        same_params(our_via.params, via.params)
    for mine, other in ((ours.from_, theirs.from_addr), (ours.to, theirs.to_addr)):
        same_address(mine, other, other.display_name or "", other.params)
    for contact, other in zip(ours.contacts, theirs.contact, strict=True):
        same_address(contact, other, other.display_name or "", other.params)
    assert (ours.cseq.number, ours.cseq.method) == (theirs.cseq.seq, theirs.cseq.method)
    assert ours.call_id == theirs.call_id
    if ours.authorization:
        params = aiosipua.parse_auth(theirs.get_header("authorization")).params
        assert {name.lower(): ours.authorization[0].params.get(name.lower()) for name in params} == params


@pytest.mark.parametrize("name", [*CAPTURED, *(name for name in VALID if name not in SIPMESSAGE_WRONG)])
def test_sipmessage_reads_the_same(name: str) -> None:
    data = (CAPTURED | VALID)[name]
    same_as_sipmessage(parse_message(data), data)


@pytest.mark.parametrize("name", [*CAPTURED, *(name for name in VALID if name not in AIOSIPUA_WRONG)])
def test_aiosipua_reads_the_same(name: str) -> None:
    data = (CAPTURED | VALID)[name]
    same_as_aiosipua(parse_message(data), data)


TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.", min_size=1, max_size=8).map(lambda text: "a" + text)
LABEL = st.text("abcxyz", min_size=1, max_size=6)  # sipmessage takes no digits in the last one
HOST = st.one_of(st.lists(LABEL, min_size=1, max_size=3).map(".".join), st.ip_addresses(v=4).map(str), st.just("[2001:db8::7]"))
PORT = st.one_of(st.none(), st.integers(1, 65535))
PARAMS = st.lists(st.tuples(TOKEN, st.one_of(st.none(), TOKEN)), max_size=3, unique_by=lambda pair: pair[0].lower()).map(
    lambda pairs: Params(tuple(pairs))
)
DISPLAY = st.lists(st.text("abcXYZ\u00e9-", min_size=1, max_size=5), max_size=3).map(" ".join)  # sipmessage joins blanks
URI = st.builds(lambda host, user, port, params: SipUri(host, user, port=port, params=params), HOST, TOKEN, PORT, PARAMS)
ADDRESS = st.builds(NameAddr, URI, DISPLAY, PARAMS)
CONTACT = st.builds(Contact, URI, DISPLAY, PARAMS)
VIA = st.builds(
    Via, st.sampled_from(["UDP", "TCP", "TLS"]), HOST, PORT, PARAMS.map(lambda params: params.set("branch", "z9hG4bKx"))
)


@settings(max_examples=150, deadline=None)
@given(
    URI,
    st.lists(VIA, min_size=1, max_size=3),
    ADDRESS,
    ADDRESS,
    st.lists(CONTACT, min_size=1, max_size=2),
    st.integers(0, 2**31 - 1),
)
def test_both_read_what_we_write(
    uri: SipUri, vias: list[Via], sender: NameAddr, target: NameAddr, contacts: list[Contact], number: int
) -> None:
    headers: list[tuple[str, object]] = [("Via", via) for via in vias]
    headers += [("From", sender), ("To", target), ("Call-ID", "x@h"), ("CSeq", f"{number} MESSAGE"), ("Max-Forwards", 70)]
    headers += [("Contact", contact) for contact in contacts]
    made = Request("MESSAGE", uri, headers, b"hello")
    data = made.to_bytes()
    ours = parse_message(data)
    assert ours.vias == tuple(vias) and ours.from_ == sender and ours.to == target and list(ours.contacts) == contacts
    same_as_sipmessage(ours, data)
    same_as_aiosipua(ours, data)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_aiosipua_answers_our_challenges_as_we_do(algorithm: str) -> None:
    text = str(challenge_for("desk, hall", "bm9uY2U=", algorithm=algorithm, opaque="o"))
    challenge = aiosipua.parse_auth(text)
    theirs: Any = aiosipua.build_credentials(
        aiosipua.SipDigestAuth("lena", "secret"), challenge, "REGISTER", "sip:h", nonce_count=3, cnonce="c"
    )
    credentials = Credentials.parse(aiosipua.stringify_auth(theirs))
    ha1 = make_ha1("lena", "desk, hall", "secret", algorithm)
    assert check(credentials, ha1, "REGISTER") and credentials.nc == 3
    ours = respond(
        challenge_for("desk, hall", "bm9uY2U=", algorithm=algorithm, opaque="o"),
        method="REGISTER",
        uri="sip:h",
        username="lena",
        ha1=ha1,
        cnonce="c",
        nc=3,
    )
    assert ours.response == credentials.response and Exchange.of(ours, "X") == Exchange.of(credentials, "X")


@pytest.mark.parametrize("name", [name for name in CAPTURED if "invite" in name])
def test_aiosipua_reads_the_same_offers(name: str) -> None:
    body = parse_message(CAPTURED[name]).body
    ours, theirs = Sdp.parse(body), aiosipua.parse_sdp(body.decode())
    for media, other in zip(ours.media, theirs.media, strict=True):
        assert (media.kind, media.port, media.protocol, list(media.formats)) == (
            other.media,
            other.port,
            other.proto,
            other.formats,
        )
        for mine, codec in zip(media.codecs, other.codecs, strict=True):
            assert (mine.name, mine.clock_hz) == (codec.encoding_name, codec.clock_rate)
            assert codec.fmtp in (mine.fmtp, None)  # it forgets the fmtp of a codec that has no rtpmap
