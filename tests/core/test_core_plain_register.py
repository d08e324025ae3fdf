"""The short way of a plain REGISTER gives the same bytes, and leaves the same behind, as the ordinary way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from core_twins import PASSWORD, REALM, Draft, Twins, a_policy
from hypothesis import given, settings
from hypothesis import strategies as st

from sipstub.core.challenge import examine_register
from sipstub.registrar.policy import Limits
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.answer import answer
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.message import Request
from sipstub.sip.plain_register import MAX_PLAIN_BYTES, parse_plain_register
from sipstub.sip.reader import parse_message
from sipstub.transaction.sending import Hop

CAPTURES = sorted((Path(__file__).parents[1] / "corpus" / "sip" / "captures").glob("*register*.sip"))
PLAIN = {
    "as Yealink writes it": Draft(),
    "without rport": Draft(rport=""),
    "without rport, from another port than it says": Draft(rport="", via="127.0.0.1:5999"),
    "from another address than it says": Draft(via="10.0.0.7:5062"),
    "without rport, from another address": Draft(rport="", via="10.0.0.7"),
    "from a name": Draft(via="phone.example:5062"),
    "the default port": Draft(via="127.0.0.1"),
    "a user with dots": Draft(user="a.b-c", contact="<sip:a.b-c@127.0.0.1>"),
    "a contact without a user": Draft(contact="<sip:127.0.0.1:5062>"),
    "a line in the contact": Draft(contact="<sip:100@127.0.0.1:5062;line=0123456789abcde>"),
    "a transport in the contact": Draft(contact="<sip:100@127.0.0.1:5062;transport=udp>"),
    "no display name": Draft(address="<sip:100@stub.example>"),
    "a display name with a comma": Draft(address='"Desk, first <floor>" <sip:100@127.0.0.1>'),
    "with Line": Draft(more=("Line: 1",)),
    "to remove itself": Draft(expires="0"),
    "for too long": Draft(expires="999999999"),
    "too brief": Draft(expires="59"),
    "of another domain": Draft(uri="sip:elsewhere.example"),
    "an address of another domain": Draft(address="<sip:100@elsewhere.example>"),
    "of a user who is not there": Draft(user="999"),
    "the request's port": Draft(uri="sip:127.0.0.1:5060"),
    "a user agent of one letter": Draft(agent="x"),
}
NOT_PLAIN = {
    "a folded line": Draft(agent="Yealink\r\n SIP"),
    "a compact name": Draft(more=("l: 0",)),
    "a second Contact": Draft(more=("Contact: <sip:100@127.0.0.2>",)),
    "two contacts": Draft(contact="<sip:100@127.0.0.1:5062>, <sip:100@127.0.0.2>"),
    "a second Via": Draft(more=("Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKo",)),
    "a second To": Draft(more=("To: <sip:101@stub.example>",)),
    "a second Expires": Draft(more=("Expires: 10",)),
    "a second From in front": Draft(user='100@stub.example>;tag=x\r\nFrom: "" <sip:101'),
    "a second Call-ID": Draft(more=("Call-ID: other",)),
    "a second CSeq": Draft(more=("CSeq: 9 REGISTER",)),
    "a second Content-Length": Draft(more=("Content-Length: 0",)),
    "a body": Draft(more=("Content-Length: 5", "", "hello")),
    "an extension that is required": Draft(more=("Require: foo",)),
    "an extension that is supported": Draft(more=("Supported: path, outbound",)),
    "a path": Draft(more=("Path: <sip:proxy.example;lr>",)),
    "an unknown header": Draft(more=("X-Anything: 1",)),
    "a tag of ours": Draft(address="<sip:100@stub.example>;tag=t"),
    "a branch of nothing": Draft(branch="z9hG4bK"),
    "an old branch": Draft(branch="1"),
    "an escaped user": Draft(user="%31%30%30"),
    "an expiry of letters": Draft(expires="soon"),
    "a port out of range": Draft(via="127.0.0.1:65536"),
    "a port of zero": Draft(contact="<sip:100@127.0.0.1:0>"),
    "an address out of range": Draft(via="127.0.0.256"),
    "a contact's address out of range": Draft(contact="<sip:100@300.0.0.1>"),
    "a name that is none": Draft(address="<sip:100@stub..example>"),
    "a URI of a name that is none": Draft(uri="sip:-.-"),
    "a contact with parameters": Draft(contact='<sip:100@127.0.0.1:5062>;+sip.instance="<urn:uuid:1>"'),
    "a star": Draft(contact="*"),
    "blanks before the colon": Draft(more=("Line : 1",)),
    "a blank at the end": Draft(agent="Yealink "),
    "letters beyond ASCII": Draft(agent="Téléphone"),
    "a quoted quote": Draft(address='"a\\"b" <sip:100@stub.example>'),
    "a method of another kind": Draft(cseq="1 REGISTER\r\nX:"),
    "too long": Draft(agent="y" * MAX_PLAIN_BYTES),
    "credentials of another scheme": Draft(authorization="Basic abc"),
    "empty credentials": Draft(authorization="Digest "),
}
BROKEN_BY_SIGNING = ("a second From in front", "a branch of nothing", "a method of another kind")
"Their drafts cannot be written again with credentials, or are sound then."


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_register_is_answered_the_same(name: str) -> None:
    twins, draft = Twins(), PLAIN[name]
    first = twins.ask(bytes(draft))
    assert twins.taken == 1
    if b" 401 " in first[0]:
        challenge = twins.challenge(bytes(replace(draft, branch="z9hG4bKb")))
        signed = draft.signed(challenge)
        given_first = twins.ask(bytes(signed))
        assert twins.taken == 3
        assert twins.ask(bytes(signed)) == given_first  # a repetition
        refresh = replace(draft, cseq="7", branch="z9hG4bKr", tag="f2")
        twins.ask(bytes(refresh.signed(challenge, nc=2)), after_s=60)
        assert twins.taken == 4  # not the repetition: the table of transactions knew it


@pytest.mark.parametrize("draft", [Draft(), Draft(more=("X-Anything: 1",))], ids=["short way", "ordinary way"])
def test_a_repetition_without_credentials_is_given_the_same_bytes(draft: Draft) -> None:
    twins = Twins()
    first = twins.ask(bytes(draft))
    assert b" 401 " in first[0]
    assert twins.ask(bytes(draft), after_s=0.5) == first
    assert twins.ask(bytes(draft), after_s=31) == first
    assert twins.challenge(bytes(draft), Hop("UDP", "127.0.0.1", 5070, 1)).nonce.encode() not in first[0]  # somebody else
    assert twins.challenge(bytes(replace(draft, branch="z9hG4bKother"))).nonce.encode() not in first[0]  # another request
    assert twins.ask(bytes(draft), after_s=2) != first  # no repetition any more


@pytest.mark.parametrize("name", PLAIN)
def test_the_order_of_the_lines_does_not_matter(name: str) -> None:
    request, *lines = PLAIN[name].lines()[:-2]
    for order in (lines[::-1], lines[3:] + lines[:3]):
        twins = Twins()
        twins.ask("\r\n".join([request, *order, "", ""]).encode())
        assert twins.taken == 1
        twins.ask("\r\n".join([request, *order, order[4], "", ""]).encode())  # one of them twice
        assert twins.taken == 1


@pytest.mark.parametrize("missing", ["Via", "From", "To", "Call-ID", "CSeq", "Contact"])
def test_a_line_that_is_missing_is_for_the_ordinary_way(missing: str) -> None:
    twins = Twins()
    for lines in (Draft().lines(), [Draft().lines()[0], *Draft().lines()[-3:0:-1], "", ""]):
        twins.ask("\r\n".join(line for line in lines if not line.startswith(f"{missing}:")).encode())
    assert twins.taken == 0


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_what_is_not_plain_goes_the_ordinary_way(name: str) -> None:
    twins, draft = Twins(), NOT_PLAIN[name]
    twins.ask(bytes(draft))
    assert twins.taken == 0
    if not draft.authorization and name not in BROKEN_BY_SIGNING:
        challenge = twins.challenge(bytes(Draft()))
        twins.ask(bytes(draft.signed(challenge)))
        assert twins.taken == 1


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_the_requests_of_foreign_phones_are_answered_the_same(path: Path) -> None:
    twins = Twins(a_policy())
    twins.ask(path.read_bytes())


def test_every_denial_is_the_same() -> None:
    twins = Twins()
    draft = Draft()
    challenge = twins.challenge(bytes(draft))
    wrong = draft.signed(challenge, password="guess")
    twins.ask(bytes(wrong))
    twins.ask(bytes(wrong))  # again
    unknown = replace(draft, user="999", call_id="c2", branch="z9hG4bKu")
    twins.ask(bytes(unknown.signed(challenge)))
    other = replace(draft, user="101", call_id="c3", branch="z9hG4bKo")
    twins.ask(bytes(other.signed(challenge, login="100")))  # right, but not its own
    good = replace(draft, call_id="c4", branch="z9hG4bKg").signed(challenge, nc=2)
    assert b" 200 " in twins.ask(bytes(good))[0]
    replay = replace(draft, call_id="c5", branch="z9hG4bKp").signed(challenge, nc=2)
    assert b"stale=true" in twins.ask(bytes(replay))[0]
    old = replace(draft, call_id="c6", branch="z9hG4bKs").signed(challenge, nc=9)
    assert b"stale=true" in twins.ask(bytes(old), after_s=301)[0]
    elsewhere = replace(draft, call_id="c7", branch="z9hG4bKe").signed(challenge, nc=10)
    twins.ask(bytes(replace(elsewhere, uri="sip:127.0.0.1")))  # the digest is for another URI
    for text in ("nc=0000000a", "qop=auth", "algorithm=MD5", "c0ffee", "realm="):
        assert text in elsewhere.authorization
        broken = replace(
            elsewhere, authorization=elsewhere.authorization.replace(text, text[:-1] + "0"), branch=f"z9hG4bK{text[:2]}"
        )
        twins.ask(bytes(broken))
    for number in range(12):  # until the door is shut
        guess = replace(draft, call_id=f"g{number}", branch=f"z9hG4bKg{number}")
        twins.ask(bytes(guess.signed(twins.challenge(bytes(guess)), password="guess")))
    assert b" 403 " in twins.ask(bytes(replace(guess, call_id="last", branch="z9hG4bKl").signed(challenge)))[0]


@pytest.mark.parametrize(
    "more", [",", ", ", ", nc=00000001", ', username="101"', " ", ', opaque="x"', ", algorithm=MD5", ",,qop=auth", ", qop=authx"]
)
def test_credentials_that_say_something_twice_or_too_much_go_the_ordinary_way(more: str) -> None:
    twins = Twins()
    signed = Draft().signed(twins.challenge(bytes(Draft())))
    twins.ask(bytes(replace(signed, authorization=signed.authorization + more)))
    assert twins.taken == 1


@pytest.mark.parametrize(
    ("change", "after_s"),
    [
        ({}, 60), ({"expires": "60"}, 1), ({"expires": "0"}, 1), ({"expires": "59"}, 1), ({"expires": "99999"}, 1),
        ({"agent": "Yealink SIP-T46G 28.81.0.10"}, 1), ({"agent": "y" * 400}, 1), ({"address": "<sip:100@stub.example>"}, 1),
        ({"call_id": "another", "cseq": "1"}, 1), ({"cseq": "1"}, 1), ({"via": "127.0.0.1:5099"}, 1),
        ({"contact": "<sip:100@127.0.0.1:5062;line=2>"}, 1), ({"contact": "<sip:100@127.0.0.1>"}, 1), ({}, 3601),
    ],
)  # fmt: skip
@pytest.mark.parametrize("port", [5062, 5070])
def test_a_refresh_changes_the_same_whatever_else_is_new_in_it(change: dict[str, str], after_s: int, port: int) -> None:
    twins, draft = Twins(), Draft(cseq="5")
    assert b" 200 " in twins.ask(bytes(draft.signed(twins.challenge(bytes(draft)))))[0]
    again = replace(replace(draft, cseq="9", branch="z9hG4bKagain"), **change)  # type: ignore[arg-type]
    source = Hop("UDP", "127.0.0.1", port, 1)
    challenge = twins.challenge(bytes(again), source)
    twins.ask(bytes(again.signed(challenge)), source, after_s=min(after_s, 299))
    twins.ask(bytes(Draft(branch="z9hG4bKlater")), source, after_s=after_s)
    assert twins.taken == 5
    assert [one.before for one in twins.sides[0].changes] == [one.before for one in twins.sides[1].changes]


def test_order_copies_and_limits_are_the_same() -> None:
    twins = Twins(a_policy(limits=Limits(contacts=3, aors=2)))
    draft = Draft(cseq="10")
    challenge = twins.challenge(bytes(draft))
    first = draft.signed(challenge)
    assert b" 200 " in twins.ask(bytes(first))[0]
    copy = replace(first, branch="z9hG4bKcopy")
    assert b" 482 " in twins.ask(bytes(copy))[0]  # it came another way, too
    assert twins.taken == 2
    late = replace(draft, cseq="3", branch="z9hG4bKlate").signed(challenge, nc=2)
    assert b" 500 " in twins.ask(bytes(late))[0]
    for number in range(4):
        another = replace(draft, call_id=f"n{number}", branch=f"z9hG4bKn{number}", contact=f"<sip:100@127.0.0.{number + 2}>")
        twins.ask(bytes(another.signed(challenge, nc=number + 3)))
    upper = replace(draft, call_id="up", branch="z9hG4bKup", contact="<sip:100@127.0.0.1:5062;transport=udp>")
    twins.ask(bytes(upper.signed(challenge, nc=7)))
    for number, user in enumerate(("101", "a.b-c")):
        more = replace(draft, user=user, call_id=user, branch=f"z9hG4bKm{number}")
        twins.ask(bytes(more.signed(challenge, nc=8 + number)))
    cancel = bytes(first).replace(b"REGISTER sip", b"CANCEL sip").replace(b" REGISTER\r\n", b" CANCEL\r\n")
    assert b" 200 " in twins.ask(cancel)[0]
    twins.ask(bytes(first), after_s=33)  # its transaction is over: a replay now
    twins.ask(bytes(Draft()), after_s=8000)  # all bindings have ended


def test_addresses_that_differ_in_what_does_not_count_are_one_binding() -> None:
    twins = Twins()
    for number, contact in enumerate(("<sip:100@Phone.example>", "<sip:100@phone.example>", "<sip:100@phone.example;line=1>")):
        draft = Draft(call_id=f"c{number}", branch=f"z9hG4bKq{number}", contact=contact)
        twins.ask(bytes(draft.signed(twins.challenge(bytes(draft)))))
    assert len(twins.sides[0].stub.registrar.location) == 1


def test_who_watches_hears_the_same_and_in_the_same_order() -> None:
    twins = Twins()
    subscribe = (
        "SUBSCRIBE sip:100@stub.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bKw{0};rport\r\n"
        "From: <sip:100@stub.example>;tag=w\r\nTo: <sip:100@stub.example>\r\nCall-ID: watch\r\nCSeq: {0} SUBSCRIBE\r\n"
        "Contact: <sip:100@127.0.0.1:5062>\r\nEvent: reg\r\nExpires: 600\r\nMax-Forwards: 70\r\n{1}Content-Length: 0\r\n\r\n"
    )
    challenge = twins.challenge(subscribe.format(1, "").encode())
    ha1 = make_ha1("100", REALM, PASSWORD)
    credentials = respond(challenge, method="SUBSCRIBE", uri="sip:100@stub.example", username="100", ha1=ha1, cnonce="c")
    notify = parse_message(twins.ask(subscribe.format(2, f"Authorization: {credentials}\r\n").encode())[1])
    assert isinstance(notify, Request)
    twins.ask(bytes(answer(notify, 200)))
    draft = Draft()
    answers = twins.ask(bytes(draft.signed(twins.challenge(bytes(draft)))))
    assert [data.partition(b"\r\n")[0] for data in answers] == [b"NOTIFY sip:100@127.0.0.1:5062 SIP/2.0", b"SIP/2.0 200 OK"]
    assert twins.taken == 2


def test_a_gate_sees_every_register() -> None:
    twins = Twins()
    seen: list[str] = []

    def gate(request: Request, source: Hop, now: float) -> bool:
        seen.append(request.method)
        return True

    for side in twins.sides:
        side.stub.core.gate = gate
    assert twins.ask(bytes(Draft())) == []
    assert (seen, twins.taken) == (["REGISTER"] * 2, 0)


def test_another_service_of_register_gets_every_register() -> None:
    twins = Twins()
    twins.short.add(twins.sides[0].stub.registering)
    assert twins.short.plain is None


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_only_datagrams_go_the_short_way(transport: str) -> None:
    twins = Twins()
    hop = Hop(transport, "127.0.0.1", 40_000, 7)
    assert b" 401 " in twins.ask(bytes(Draft()), hop)[0]
    assert twins.taken == 0


def test_users_with_sha_256_get_it_by_the_short_way() -> None:
    users = Users([RegistrarUser.of("100", PASSWORD, REALM, algorithms=("MD5", "SHA-256"))])
    twins = Twins(a_policy(algorithm=lambda agent: "SHA-256"), users)
    draft = Draft()
    challenge = twins.challenge(bytes(draft))
    assert challenge.algorithm == "SHA-256"
    login = make_ha1("100", REALM, PASSWORD, "SHA-256")
    credentials = respond(challenge, method="REGISTER", uri=draft.uri, username="100", ha1=login, cnonce="c")
    assert b" 200 " in twins.ask(bytes(replace(draft, cseq="2", branch="z9hG4bK2", authorization=str(credentials))))[0]
    assert twins.taken == 2


VALUES = (
    "", " ", ";", ",", "\r\n", "\r\n ", "\0", '"', "\\", "<", ">", "@", ":", "%41", "\xe9", "\u20ac", "z9hG4bK", ";rport", "=",
    "x" * 300,
)  # fmt: skip


@st.composite
def a_change(draw: st.DrawFn) -> tuple[str, int, int, str]:
    """Return what to do to a message, where, and with what."""
    kind = draw(st.sampled_from(("cut", "put", "double line", "swap lines", "drop line", "case", "change")))
    value = draw(st.sampled_from(VALUES) | st.text(st.characters(codec="latin-1"), max_size=3))
    return kind, draw(st.integers(0, 2000)), draw(st.integers(0, 2000)), value


def _changed(data: bytes, changes: list[tuple[str, int, int, str]]) -> bytes:
    for kind, one, two, value in changes:
        lines = data.split(b"\r\n")
        at, line, other = one % len(data), one % len(lines), two % len(lines)
        if kind == "put":
            data = data[:at] + value.encode("utf-8") + data[at:]
        elif kind == "cut":
            data = data[:at] + data[at + two % 9 :]
        elif kind == "change":
            data = data[:at] + bytes([two % 256]) + data[at + 1 :]
        elif kind == "case":
            data = data[:at] + data[at : at + two % 40].swapcase() + data[at + two % 40 :]
        else:
            if kind == "double line":
                lines.insert(other, lines[line])
            elif kind == "swap lines":
                lines[line], lines[other] = lines[other], lines[line]
            else:
                del lines[line]
            data = b"\r\n".join(lines)
        if not data:
            break
    return data


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(PLAIN)), st.lists(a_change(), min_size=1, max_size=3), st.booleans())
def test_a_spoilt_register_gets_the_same_verdict_by_both_ways(
    name: str, changes: list[tuple[str, int, int, str]], is_signed: bool
) -> None:
    twins, draft = Twins(), PLAIN[name]
    if is_signed:
        draft = draft.signed(twins.challenge(bytes(Draft())))
    spoilt = _changed(bytes(draft), changes)
    if spoilt:
        twins.ask(spoilt)
        twins.ask(spoilt)
    _is_read_the_same(spoilt)
    assert twins.ask(bytes(Draft(branch="z9hG4bKafter")))  # and the next good one is answered


def _is_read_the_same(data: bytes) -> None:
    """Hold what the short way reads, if it takes the message, against what the ordinary one reads."""
    plain = parse_plain_register(data)
    if plain is None:
        return
    request = parse_message(data)
    assert isinstance(request, Request)
    examine_register(request)
    for name in (
        "method", "uri_text", "uri", "to", "call_id", "cseq", "contacts", "expires", "user_agent", "supported", "require",
        "paths", "body", "raw",
    ):  # fmt: skip
        assert getattr(plain, name) == getattr(request, name), name
    assert (plain.branch, plain.via_port, plain.wants_rport) == (request.via.branch, request.via.port, request.via.wants_rport)
    assert (plain.from_tag, plain.to_text, plain.from_text) == (request.from_.tag, *map(request.headers.get, ("To", "From")))
    assert request.to.tag is None
    assert len(plain.vias) == len(request.vias) == 1
    assert len(plain.authorization) == len(request.authorization)
    for ours, theirs in zip(plain.authorization, request.authorization, strict=True):
        for name in ("is_digest", "username", "realm", "nonce", "uri", "response", "cnonce", "qop", "nc", "nc_text", "algorithm"):
            assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize("name", PLAIN)
def test_it_is_read_the_same(name: str) -> None:
    challenge = Twins().challenge(bytes(Draft()))
    for draft in (PLAIN[name], PLAIN[name].signed(challenge), PLAIN[name].signed(challenge, form=",")):
        assert parse_plain_register(bytes(draft)) is not None
        _is_read_the_same(bytes(draft))
