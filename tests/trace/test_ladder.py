"""The ladder: one column per party, repetitions folded, gaps, findings on their arrow, long flows bounded, nothing secret."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_samples import PHONE, STUB, a_registration, a_request, a_response

from sipstub.trace.ladder.flow import Arrow, Flow, LeftOut, Pin, flow_of
from sipstub.trace.ladder.svg import flow_svg
from sipstub.trace.ladder.table import flow_page, flow_table
from sipstub.trace.ladder.text import flow_text
from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.trace.recording import Recording

LOBBY, SERVER, DESK = Endpoint("udp", "10.1.2.3", 5062), Endpoint("udp", "10.1.0.5", 5060), Endpoint("udp", "10.1.2.9", 5060)
STALE = 'WWW-Authenticate: Digest realm="a", nonce="b", stale=TRUE, algorithm=SHA-256'
SVG = "{http://www.w3.org/2000/svg}"


def said(*rows: tuple[float, Endpoint, Endpoint, bytes], stub: str = SERVER.host) -> Recording:
    """Return a recording of what went from one end to another; whoever has the stub's host is local."""
    messages = []
    for number, (at, source, target, data) in enumerate(rows, 1):
        is_inbound = target.host == stub
        local, peer = (target, source) if is_inbound else (source, target)
        messages.append(RecordedMessage(number, 1_000.0 + at, is_inbound, local, peer, data))
    return Recording(tuple(messages), is_own=True)


def arrows(flow: Flow) -> list[Arrow]:
    return [row for row in flow.rows if isinstance(row, Arrow)]


def on(endpoint: Endpoint, **changes: object) -> Endpoint:
    return dataclasses.replace(endpoint, **changes)  # type: ignore[arg-type]


def from_lobby(method: str = "OPTIONS", **parts: object) -> bytes:
    return a_request(method, **({"via": LOBBY.address, "contact": f"<sip:101@{LOBBY.address}>"} | parts))  # type: ignore[arg-type]


def test_the_terminal_shows_what_the_user_guide_shows() -> None:
    recording = Recording(tuple(a_registration()), is_own=True)
    text = flow_text(flow_of(recording, [Pin(3, "FAIL", "register-expiry")], {PHONE.host: "t46g-lobby"}))
    assert text.splitlines() == [
        "   #      time       gap  t46g-lobby                          stub",
        "                          127.0.5.1:5062                 127.0.0.1:5060",
        "   1     0.000            | REGISTER -------------------------> |   expires 3600",
        "   2     0.004    +0.004  | <---------------------- 401 nonce 1 |   MD5 qop auth",
        "   3     0.061    +0.057  | REGISTER -------------------------> |   nonce 1, nc 1, expires 3600   FAIL register-expiry",
        "   4     0.065    +0.004  | <------------------------- 200 Fine |   granted 600",
        "4 messages in 0.065 s between t46g-lobby 127.0.5.1:5062, stub 127.0.0.1:5060",
    ]


def test_connections_of_one_phone_are_one_column_by_via_and_contact() -> None:
    first, second = on(LOBBY, transport="tcp", port=40_001), on(LOBBY, transport="tcp", port=40_002)
    flow = flow_of(
        said(
            (0, LOBBY, SERVER, from_lobby()),
            (1, first, on(SERVER, transport="tcp"), from_lobby(transport="TCP")),
            (2, second, on(SERVER, transport="tls", port=5061), from_lobby("REGISTER", transport="TLS", via="10.1.2.3:7000")),
        )
    )
    assert [len(party.endpoints) for party in flow.parties] == [3, 3]
    assert [(arrow.source, arrow.target) for arrow in arrows(flow)] == [(0, 1)] * 3


def test_a_proxy_that_listens_on_one_port_and_sends_from_another_is_one_column() -> None:
    other = on(SERVER, port=5080)
    rows = [(0.0, LOBBY, SERVER, from_lobby("INVITE")), (0.1, other, DESK, a_request("INVITE", via=other.address))]
    messages = tuple(dataclasses.replace(message, is_inbound=number == 0) for number, message in enumerate(said(*rows).messages))
    flow = flow_of(Recording(messages, is_own=False))
    assert [party.title for party in flow.parties] == ["10.1.2.3:5062", "10.1.0.5:5060", "10.1.2.9:5060"]


def test_two_phones_on_one_host_stay_two_columns() -> None:
    here = [Endpoint("udp", "127.0.0.1", port) for port in (5060, 5062, 5063)]
    rows = [
        (0.0, here[port], here[0], a_request(via=here[port].address, contact=f"<sip:a@{here[port].address}>")) for port in (1, 2)
    ]
    messages = tuple(
        dataclasses.replace(m, is_inbound=True, local=here[0], peer=rows[n][1]) for n, m in enumerate(said(*rows).messages)
    )
    assert len(flow_of(Recording(messages)).parties) == 3


def test_the_same_private_address_behind_two_networks_is_two_phones() -> None:
    inside = {"via": "192.168.1.10:5060", "contact": "<sip:101@192.168.1.10:5060>"}
    flow = flow_of(
        said(
            (0, on(LOBBY, host="203.0.113.1"), SERVER, from_lobby(**inside)),
            (1, on(LOBBY, host="203.0.113.2"), SERVER, from_lobby(**inside)),
        )
    )
    assert len(flow.parties) == 3


def test_who_claims_the_address_of_the_one_it_talks_to_does_not_become_that_one() -> None:
    flow = flow_of(said((0, LOBBY, SERVER, from_lobby(via=SERVER.address, contact=f"<sip:101@{SERVER.address}>"))))
    assert len(flow.parties) == 2


def test_what_a_proxy_passes_on_does_not_make_it_the_phone() -> None:
    passed = from_lobby("REGISTER").replace(b"Via:", b"Via: SIP/2.0/UDP 10.1.0.7:5060;branch=z9hG4bKp\r\nVia:", 1)
    proxy = Endpoint("udp", "10.1.0.7", 5060)
    flow = flow_of(Recording(said((0, LOBBY, proxy, from_lobby("REGISTER")), (1, proxy, SERVER, passed)).messages))
    assert len(flow.parties) == 3


def test_on_one_machine_neither_a_proxy_and_its_phone_nor_two_servers_become_one() -> None:
    phone, proxy, server = (Endpoint("udp", "127.0.0.1", port) for port in (5062, 5070, 5060))
    first = a_request(via=phone.address, contact=f"<sip:101@{phone.address}>")
    passed = first.replace(b"Via:", b"Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKp\r\nVia:", 1)
    rows = [RecordedMessage(1, 1.0, True, proxy, phone, first), RecordedMessage(2, 1.1, True, server, proxy, passed)]
    flow = flow_of(Recording(tuple(rows)))
    assert [party.title for party in flow.parties] == ["101 127.0.0.1:5062", "127.0.0.1:5070", "127.0.0.1:5060"]
    assert [party.is_local for party in flow.parties] == [False, False, True]


def test_a_phone_is_called_by_the_user_that_it_registers_unless_it_has_a_name() -> None:
    recording = said((0, LOBBY, SERVER, from_lobby("REGISTER")))
    assert [party.name for party in flow_of(recording).parties] == ["101", "stub"]
    assert [party.name for party in flow_of(recording, names={LOBBY.address: "lobby", SERVER.host: "pbx"}).parties] == [
        "lobby",
        "pbx",
    ]


def test_parties_beyond_the_last_column_share_it() -> None:
    rows = [(float(n), on(LOBBY, host=f"10.2.0.{n}"), SERVER, a_request(via=f"10.2.0.{n}", contact=None)) for n in range(1, 20)]
    flow = flow_of(said(*rows))
    assert len(flow.parties) == 8 and flow.parties[-1].title == "others"
    assert {arrow.source for arrow in arrows(flow)} == {0, *range(2, 8)}


def test_a_message_sent_again_is_one_arrow_with_a_count() -> None:
    invite = from_lobby("INVITE")
    flow = flow_of(said(*((at, LOBBY, SERVER, invite) for at in (0, 0.5, 1.5)), (1.6, SERVER, LOBBY, a_response(100, "INVITE"))))
    assert [arrow.text for arrow in arrows(flow)] == ["INVITE x3", "100 Fine"]
    assert arrows(flow)[0].remark == "sent again for 1.5 s" and flow.messages == 4
    assert "INVITE x3 ---" in flow_text(flow)


def test_the_same_bytes_much_later_or_the_other_way_are_another_message() -> None:
    options = from_lobby()
    flow = flow_of(said((0, LOBBY, SERVER, options), (1, SERVER, LOBBY, options), (100, LOBBY, SERVER, options)))
    assert [arrow.repeats for arrow in arrows(flow)] == [1, 1, 1]


def test_keep_alives_fold_with_their_spacing_until_something_is_said() -> None:
    beats = [(at, LOBBY, SERVER, b"\r\n\r\n") for at in (30.0, 60.0, 90.0)]
    flow = flow_of(
        said((0, LOBBY, SERVER, from_lobby()), *beats, (91, LOBBY, SERVER, from_lobby(cseq=2)), (120, LOBBY, SERVER, b"\r\n\r\n"))
    )
    assert [arrow.text for arrow in arrows(flow)] == ["OPTIONS", "keep-alive x3", "OPTIONS", "keep-alive"]
    assert [arrow.remark for arrow in arrows(flow)][1::2] == ["every 30 s, CRLF", "CRLF"]


def test_gaps_are_told_between_arrows() -> None:
    flow = flow_of(said((0, LOBBY, SERVER, from_lobby()), (57.25, SERVER, LOBBY, a_response(200, "OPTIONS"))))
    assert arrows(flow)[1].gap_s == pytest.approx(57.25) and "+57.250" in flow_text(flow)


def test_a_finding_on_a_folded_message_is_pinned_to_its_arrow_worst_first() -> None:
    invite = from_lobby("INVITE")
    pins = [Pin(2, "PASS", "one"), Pin(1, "FAIL", "two", "expected a, seen b"), Pin(9, "FAIL", "of nothing")]
    flow = flow_of(said((0, LOBBY, SERVER, invite), (0.5, LOBBY, SERVER, invite)), pins)
    assert [pin.text for pin in arrows(flow)[0].pins] == ["FAIL two", "PASS one"]
    assert flow_text(flow).count("FAIL two, PASS one") == 1


def test_a_long_flow_keeps_its_ends_and_its_findings() -> None:
    rows = [(float(n), LOBBY, SERVER, from_lobby(cseq=n + 1)) for n in range(1_000)]
    flow = flow_of(said(*rows), [Pin(500, "FAIL", "rule")], max_rows=40)
    numbers = [arrow.number for arrow in arrows(flow)]
    assert len(numbers) == 40 and numbers[0] == 1 and numbers[-10:] == list(range(991, 1_001)) and 500 in numbers
    assert sum(row.count for row in flow.rows if isinstance(row, LeftOut)) == 960
    assert "more not drawn" in flow_text(flow) and flow_svg(flow).count("not drawn") == 2
    worst = flow_of(said(*rows), [Pin(n, "PASS", "x") for n in range(1, 1_000)] + [Pin(700, "FAIL", "y")], max_rows=40)
    assert 700 in [arrow.number for arrow in arrows(worst)]


@pytest.mark.parametrize(
    ("data", "label", "remark"),
    [
        (a_request(extra=("Expires: 60",)), "REGISTER", "expires 60"),
        (a_request(contact="*", extra=("Expires: 0",)), "REGISTER", "expires 0, all contacts"),
        (a_request(contact=None), "REGISTER", "asks for the bindings"),
        (a_response(423, extra=("Min-Expires: 600",)), "423 Fine", "Min-Expires 600"),
        (a_response(503, extra=("Retry-After: 30",)), "503 Fine", "Retry-After 30"),
        (a_response(401, extra=(STALE,)), "401 nonce 1", "SHA-256 stale"),
        (
            a_request("NOTIFY", extra=("Event: dialog", "Subscription-State: active;expires=60")),
            "NOTIFY",
            "dialog active;expires=60",
        ),
        (a_request("REFER", extra=("Refer-To: <sip:103:pw@10.0.0.1>",)), "REFER", "to sip:103:***@10.0.0.1"),
        (
            a_request("INVITE", extra=("Session-Expires: 1800;refresher=uac", "Min-SE: 90")),
            "INVITE",
            "1800;refresher=uac, Min-SE 90",
        ),
        (a_request("INVITE", extra=("Session-Expires: soon",)), "INVITE", "wrong:"),
        (a_request("INVITE").replace(b" sip:127", b" sip:102@127", 1), "INVITE 102", ""),
        (b"REGISTER\x1b[2J sip:a SIP/2.0\r\n\r\n", "unreadable", ""),
    ],
)
def test_the_gist_of_a_message(data: bytes, label: str, remark: str) -> None:
    arrow = arrows(flow_of(said((0, LOBBY, SERVER, data))))[0]
    assert arrow.text == label and remark in arrow.remark
    assert arrow.remark.isprintable() and arrow.text.isprintable()


def test_codecs_are_told() -> None:
    sdp = b"v=0\r\no=- 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 8\r\n"
    sdp += b"a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendonly\r\n"
    arrow = arrows(flow_of(said((0, LOBBY, SERVER, from_lobby("INVITE", extra=("Content-Type: application/sdp",), body=sdp)))))[0]
    assert arrow.remark == "audio G722 PCMA sendonly"


def pictured() -> Flow:
    hostile = from_lobby("INVITE", extra=('Event: a<b>&"',)).replace(b"sip:127.0.0.1 SIP", b"sip:%3Cscript%3E@127.0.0.1 SIP")
    recording = said(
        (0, LOBBY, SERVER, from_lobby("REGISTER")),
        (1, SERVER, LOBBY, a_response(200)),
        (2, LOBBY, SERVER, hostile),
        (3, LOBBY, LOBBY, from_lobby("BYE")),
        (4, LOBBY, SERVER, b"\0\0"),
    )
    recording = Recording(recording.messages, ("a <note>",), True)
    pins = [Pin(1, "FAIL", "register-expiry", "expected <600>"), Pin(2, "INFO", "other")]
    return flow_of(recording, pins, {LOBBY.host: "<b>lobby</b>"})


def test_the_picture_is_well_formed_named_and_described() -> None:
    root = ET.fromstring(flow_svg(pictured(), title="Call <1>", prefix="p1", stands_alone=True))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None and title.text == "Call <1>" and description is not None and description.text
    assert "FAIL register-expiry at message 1" in description.text
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}" and root.get("role") == "img"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) and {"p1-m1", "p1-m2", "p1-m3"} <= set(ids)
    assert all(name is not None and name.startswith("p1-") for name in ids)


def test_the_picture_keeps_a_strict_page_strict() -> None:
    picture = flow_svg(pictured())
    assert not re.search(r"<script|<style|style=|href|\son\w+=|<b>", picture)
    assert "xmlns" not in picture and "<rect" not in picture


def test_the_table_says_the_same_as_the_picture() -> None:
    flow = pictured()
    table = ET.fromstring(flow_table(flow, caption="Call"))
    rows = table.findall("tbody/tr")
    assert len(rows) == len(flow.rows) == 5
    assert [head.get("scope") for head in table.findall("thead/tr/th")] == ["col"] * 8
    assert ["".join(cell.itertext()) for cell in rows[0]][-3:] == ["REGISTER", "", "FAIL register-expiry: expected <600>"]
    moment = rows[1].find("td/time")
    assert moment is not None and moment.get("datetime") == "1970-01-01T00:16:41.000Z"


def test_the_page_is_whole_and_escapes_everything() -> None:
    flow = pictured()
    page = flow_page(flow, flow_svg(flow), title="<Call>")
    assert "<title>&lt;Call&gt;</title>" in page and "a &lt;note&gt;" in page and "<b>" not in page and "http://" not in page


def test_no_secret_is_in_any_form() -> None:
    flow = flow_of(Recording(tuple(a_registration())))
    for text in (flow_text(flow), flow_svg(flow), flow_table(flow), repr(flow)):
        assert "0123456789abcdef" not in text and "c0ffee" not in text


def test_nothing_said_is_drawn_too() -> None:
    flow = flow_of(Recording((), ("nothing came",)))
    assert flow_text(flow) == "no messages\nnote: nothing came\n"
    ET.fromstring(flow_svg(flow))
    ET.fromstring(flow_table(flow))


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([PHONE, DESK, STUB]), st.binary(max_size=60)), max_size=10),
    st.floats(-1e12, 1e12),
)
def test_any_messages_are_drawn(rows: list[tuple[bool, Endpoint, bytes]], at: float) -> None:
    messages = [
        RecordedMessage(n, at, inbound, STUB, peer, b"REGISTER sip:a SIP/2.0\r\n" + data)
        for n, (inbound, peer, data) in enumerate(rows)
    ]
    flow = flow_of(Recording(tuple(messages), is_own=bool(rows) and rows[0][0]))
    assert flow_text(flow).replace("\n", "").isprintable()
    ET.fromstring(flow_svg(flow, stands_alone=True))
    ET.fromstring(flow_table(flow))


def test_what_two_stubs_of_one_record_say_to_each_other_is_one_arrow_and_one_more_for_each_that_was_lost() -> None:
    front, behind = on(SERVER, port=5070), on(SERVER, host="10.1.0.6")
    ask = a_request("OPTIONS", via=front.address, contact=f"<sip:sbc@{front.address}>")
    rows = [(LOBBY, SERVER, from_lobby()), (front, behind, ask), (front, behind, ask), (behind, front, a_response(200))]
    messages: list[RecordedMessage] = []
    for place, (source, target, data) in enumerate(rows):
        for is_inbound in (False, True):
            ends = (target, source) if is_inbound else (source, target)
            is_kept = ends[0] != LOBBY and (place, is_inbound) != (1, True)
            if is_kept:  # the second message was lost, and sent again
                at = 1_000.0 + place + is_inbound / 8
                messages.append(RecordedMessage(len(messages) + 1, at, is_inbound, *ends, data))
    flow = flow_of(Recording(tuple(messages), is_own=True), [Pin(4, "WARN", "heard")], {behind.host: "registrar"})
    assert [party.name for party in flow.parties] == ["", "stub", "registrar"]
    assert [set(party.endpoints) for party in flow.parties] == [{LOBBY}, {SERVER, front}, {behind}]
    assert [(row.source, row.target, row.repeats, row.last_at - 1_000) for row in arrows(flow)] == [
        (0, 1, 1, 0.125),
        (1, 2, 2, 2.0),
        (2, 1, 1, 3.0),
    ]
    assert [pin.rule for pin in arrows(flow)[1].pins] == ["heard"] and "(to itself)" not in flow_text(flow)
    assert flow.messages == 4 and [party.is_local for party in flow.parties] == [False, True, True]
