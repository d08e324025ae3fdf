"""Identities, Diversion, SIPS and host names in the first request of a call, on the other leg."""

from __future__ import annotations

import pytest
from sbc_proof import named, proves, shown
from sbc_world import ANSWER, CHANGED, OFFER, World, a_site, place, two_servers

URI = "sip:200@corp.example"
PAI = ("P-Asserted-Identity", '"Boss" <sip:boss@corp.example>')


@pytest.mark.parametrize(
    ("mode", "name", "came", "want"),
    [
        named(name, mode, name, came, want, case="with" if came else "without")
        for name in ("SBCAssertIdentity", "IpProfile.SBCAssertIdentity")
        for mode, came, want in (
            (0, False, None),
            (0, True, PAI[1]),
            (1, False, "<sip:a@corp.example>"),
            (1, True, "<sip:a@corp.example>"),
            (2, False, None),
            (2, True, None),
        )
    ],
)
def test_p_asserted_identity(mode: int, name: str, came: bool, want: str | None) -> None:
    is_global = name == "SBCAssertIdentity"
    values, profile = ({"SBCAssertIdentity": mode}, {}) if is_global else ({}, {"SBCAssertIdentity": mode})
    _, a, b = two_servers(values, None, profile)
    a.ask("INVITE", URI, *([PAI] if came else []), body=OFFER)
    assert b.request("INVITE").headers.get("p-asserted-identity") == want


def test_p_asserted_identity_of_a_reinvite_is_left_alone() -> None:
    _, a, b = two_servers({"SBCAssertIdentity": 2})
    ours, _ = place(a, b)
    a.send(ours, "INVITE", PAI, body=CHANGED)
    assert b.request("INVITE").headers.get("p-asserted-identity") == PAI[1]


@pytest.mark.parametrize(
    ("mode", "came", "want"),
    [
        named("SBCDiversionUriType", 0, "<sip:100@x>;reason=no-answer", "<sip:100@x>;reason=no-answer"),
        named("SBCDiversionUriType", 0, "<tel:100>", "<tel:100>"),
        named("SBCDiversionUriType", 1, "<sip:100@x>;reason=no-answer", "<sip:100@x>;reason=no-answer"),
        named("SBCDiversionUriType", 1, "<tel:100>", "<sip:100@corp.example>"),
        named("SBCDiversionUriType", 2, "<sip:100@x>;reason=no-answer", "<tel:100>;reason=no-answer"),
        named("SBCDiversionUriType", 2, "<tel:100>", "<tel:100>"),
    ],
)
def test_diversion(mode: int, came: str, want: str) -> None:
    _, a, b = two_servers({"SBCDiversionUriType": mode})
    a.ask("INVITE", URI, ("Diversion", came), body=OFFER)
    assert b.request("INVITE").headers.get("diversion") == want


REDIRECTED = (("SBCDiversionMode", "Diversion"), ("SBCHistoryInfoMode", "History-Info"))


@pytest.mark.parametrize(("mode", "column", "header"), [named(names[0], mode, *names) for names in REDIRECTED for mode in (0, 2)])
def test_a_header_of_redirection_that_is_left_or_removed(mode: int, column: str, header: str) -> None:
    _, a, b = two_servers({}, None, {column: mode})
    a.ask("INVITE", URI, (header, "<sip:100@x>;index=1"), body=OFFER)
    assert b.request("INVITE").headers.get(header) == (None if mode == 2 else "<sip:100@x>;index=1")


CAME = "<sip:100@x>;reason=no-answer, <sip:99@x>;reason=unconditional;privacy=full"
TOLD = [
    "<sip:99@x?Privacy=history>;index=1",
    "<sip:100@x;cause=302>;index=1.1;mp=1",
    "<sip:200@corp.example;cause=408>;index=1.1.1;mp=1.1",
]


@proves("SBCHistoryInfoMode", 1)
def test_history_is_told_of_diversions() -> None:
    _, a, b = two_servers({}, None, {"SBCHistoryInfoMode": 1})
    a.ask("INVITE", URI, ("Diversion", CAME), body=OFFER)
    arrived = b.request("INVITE")
    assert arrived.headers.all("history-info") == TOLD and arrived.headers.all("diversion") == [CAME]


@proves("SBCDiversionMode", 1)
def test_diversions_are_told_of_history() -> None:
    _, a, b = two_servers({}, None, {"SBCDiversionMode": 1})
    a.ask("INVITE", URI, ("History-Info", ", ".join(TOLD)), body=OFFER)
    assert ", ".join(b.request("INVITE").headers.all("diversion")) == CAME


def test_what_is_told_of_the_other_one_stays_where_that_is_taken_away() -> None:
    _, a, b = two_servers({}, None, {"SBCDiversionMode": 2, "SBCHistoryInfoMode": 1})
    a.ask("INVITE", URI, ("Diversion", CAME), body=OFFER)
    arrived = b.request("INVITE")
    assert arrived.headers.all("history-info") == TOLD and arrived.headers.all("diversion") == []


@pytest.mark.parametrize("header", ["Diversion", "History-Info"])
def test_what_came_is_not_told_twice(header: str) -> None:
    _, a, b = two_servers({}, None, {"SBCDiversionMode": 1, "SBCHistoryInfoMode": 1})
    both = (("Diversion", CAME), ("History-Info", "<sip:7@x>;index=1"))
    a.ask("INVITE", URI, *both, body=OFFER)
    assert b.request("INVITE").headers.all(header) == [dict(both)[header]]


def test_history_without_a_cause_is_no_diversion() -> None:
    _, a, b = two_servers({}, None, {"SBCDiversionMode": 1})
    a.ask("INVITE", URI, ("History-Info", "<sip:7@x>;index=1, <sip:8@x;cause=x>;index=1.1, <tel:8>;index=1.1.1"), body=OFFER)
    assert b.request("INVITE").headers.all("diversion") == ["<sip:7@x>;reason=unknown"]


def test_several_diversions_in_one_line_are_several() -> None:
    _, a, b = two_servers({"SBCDiversionUriType": 2})
    a.ask("INVITE", URI, ("Diversion", CAME), body=OFFER)
    found = b.request("INVITE").headers.all("diversion")
    assert found == ["<tel:100>;reason=no-answer", "<tel:99>;reason=unconditional;privacy=full"]


def test_a_diversion_that_cannot_be_read_is_refused_and_leaves_nothing() -> None:
    world, a, b = two_servers({"SBCDiversionUriType": 2})
    a.ask("INVITE", URI, ("Diversion", "<te l:1>"), body=OFFER)
    assert a.response(400) and b.inbox == []
    world.assert_both_legs_are_free()


def test_a_history_that_cannot_be_read_stays_as_it_came_and_leaves_nothing() -> None:
    world, a, b = two_servers({}, None, {"SBCDiversionMode": 1})
    a.ask("INVITE", URI, ("History-Info", "<<>;index=1"), body=OFFER)
    arrived = b.request("INVITE")
    assert arrived.headers.all("history-info") == ["<<>;index=1"] and arrived.headers.all("diversion") == []
    b.answer(arrived, 486)
    b.request("ACK")
    assert a.response(486)
    world.assert_both_legs_are_free()


def test_a_name_has_no_tel_form() -> None:
    _, a, b = two_servers({"SBCDiversionUriType": 2})
    a.ask("INVITE", URI, ("Diversion", "<sip:office@x>"), ("Diversion", "<sip:+49-30.7@x>"), body=OFFER)
    assert b.request("INVITE").headers.all("diversion") == ["<sip:office@x>", "<tel:+49-30.7>"]


SECURE = (
    ("P-Asserted-Identity", "<sips:boss@corp.example>"),
    ("P-Preferred-Identity", "sips:boss@corp.example"),
)


@pytest.mark.parametrize(
    ("mode", "left"),
    [
        named("SBCRemoveSIPSFromNonSecuredTransport", 0, {"from", "to", "p-asserted-identity", "p-preferred-identity"}),
        named("SBCRemoveSIPSFromNonSecuredTransport", 1, set()),
    ],
)
def test_sips_over_an_unsecured_transport(mode: int, left: set[str]) -> None:
    _, a, b = two_servers({"SBCRemoveSIPSFromNonSecuredTransport": mode})
    a.ask("INVITE", "sips:200@corp.example", *SECURE, from_="<sips:a@corp.example>", body=OFFER)
    arrived = b.request("INVITE")
    assert arrived.uri_text == "sip:200@corp.example" and "sips:" not in arrived.headers.lines("contact")[0]
    assert {field.key for field in arrived.headers if "sips:" in field.value} == left
    assert arrived.from_.tag and arrived.body == OFFER


@pytest.mark.parametrize(
    ("mode", "left"),
    [
        named("SBCRemoveSIPSFromNonSecuredTransport", 0, {"from", "to", "p-asserted-identity", "p-preferred-identity"}),
        named("SBCRemoveSIPSFromNonSecuredTransport", 1, set()),
    ],
)
@pytest.mark.parametrize(
    ("method", "more"), [("SUBSCRIBE", ("Event", "dialog")), ("REFER", ("Refer-To", "<sip:300@corp.example>"))]
)
def test_sips_in_other_requests_that_open_a_dialog(method: str, more: tuple[str, str], mode: int, left: set[str]) -> None:
    _, a, b = two_servers({"SBCRemoveSIPSFromNonSecuredTransport": mode})
    a.ask(method, "sips:200@corp.example", *SECURE, more, from_="<sips:a@corp.example>")
    arrived = b.request(method)
    assert arrived.uri_text == "sip:200@corp.example" and "sips:" not in arrived.headers.lines("contact")[0]
    assert {field.key for field in arrived.headers if "sips:" in field.value} == left


def test_sips_stays_in_requests_that_open_no_dialog() -> None:
    _, a, b = two_servers({"SBCRemoveSIPSFromNonSecuredTransport": 1})
    a.ask("MESSAGE", "sips:200@corp.example", from_="<sips:a@corp.example>")
    arrived = b.request("MESSAGE")
    assert arrived.uri_text == "sips:200@corp.example" and str(arrived.from_.uri) == "sips:a@corp.example"


@pytest.mark.parametrize(
    ("mode", "source", "destination"),
    [
        named("SIPTopologyHidingMode", 0, "corp.example", "corp.example"),
        named("SIPTopologyHidingMode", 1, "10.0.0.1", "10.0.2.1"),
    ],
)
def test_host_names_are_hidden_or_not(mode: int, source: str, destination: str) -> None:
    _, a, b = two_servers({"SIPTopologyHidingMode": mode})
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    assert str(arrived.from_.uri) == f"sip:a@{source}"
    assert arrived.uri_text == str(arrived.to.uri) == f"sip:200@{destination}"


WHO = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Diversion")


@pytest.mark.parametrize(
    ("mode", "name", "host"),
    [
        shown("SIPTopologyHidingMode", 0, "", "inside.example", case="off"),
        named("SIPTopologyHidingMode", 1, "", "10.0.0.1", case="unnamed"),
        named("SIPTopologyHidingMode", 1, "here.example", "here.example", case="named"),
    ],
)
def test_the_callers_other_identities_are_hidden_like_from(mode: int, name: str, host: str) -> None:
    _, a, b = two_servers({"SIPTopologyHidingMode": mode}, b_more={"SourceHostName": name})
    a.ask("INVITE", URI, *((header, "<sip:1@inside.example>, <tel:+1>") for header in WHO), body=OFFER)
    arrived = b.request("INVITE")
    for header in WHO:
        assert ", ".join(arrived.headers.all(header)) == f"<sip:1@{host}>, <tel:+1>"
    assert (b"inside.example" in arrived.to_bytes()) is (mode == 0)


@pytest.mark.parametrize("mode", [shown("SIPTopologyHidingMode", 0), shown("SIPTopologyHidingMode", 1)])
def test_names_of_the_group_stand_in_any_case(mode: int) -> None:
    names = {"SIPGroupName": "there.example", "SourceHostName": "here.example", "LocalHostName": "sbc.example"}
    _, a, b = two_servers({"SIPTopologyHidingMode": mode}, b_more=names)
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    assert str(arrived.from_.uri) == "sip:a@here.example"
    assert arrived.uri_text == str(arrived.to.uri) == "sip:200@there.example"
    assert str(arrived.contacts.addresses[0].uri) == "sip:a@sbc.example;transport=udp"


@pytest.mark.parametrize(
    ("value", "want"),
    [named("SBCKeepUserAgentHeader", *pair) for pair in ((-1, "sipstub-sbc"), (0, "sipstub-sbc"), (1, "Phone/1"))],
)
def test_the_user_agent(value: int, want: str) -> None:
    _, a, b = two_servers({}, None, {"SBCKeepUserAgentHeader": value})
    a.ask("INVITE", URI, ("User-Agent", "Phone/1"), body=OFFER)
    assert b.request("INVITE").headers.all("user-agent") == [want]


# Who is who, and where requests go


def test_rules_of_classification_look_at_all_that_they_name() -> None:
    groups = {"one": {}, "two": {}, "out": {"proxies": ["10.0.2.1:5060"]}}
    rules = (
        {"SrcAddress": "10.0.9.9", "ActionType": 0},
        {"SrcUsernamePrefix": "77*", "SrcIPGroupName": "one"},
        {"SrcHost": "other.example", "SrcIPGroupName": "one"},
        {"DestUsernamePrefix": "0*", "SrcIPGroupName": "two"},
        {"SrcTransportType": 1, "SrcIPGroupName": "two"},
    )
    routes = ({"SrcIPGroupName": "one", "DestIPGroupName": "out"}, {"SrcIPGroupName": "two", "DestIPGroupName": "out"})
    world = World(a_site({}, groups, routes, rules))
    out = world.peer("out", "10.0.2.1")

    def is_known(host: str, uri: str, user: str, transport: str = "UDP", from_: str = "") -> bool:
        peer = world.peer(host, host, 5060, transport)
        peer.user = user
        peer.ask("INVITE", uri, from_=from_, body=OFFER)
        found = "INVITE" in out.heard
        out.inbox.clear()
        return found

    assert is_known("10.0.1.1", URI, "771")
    assert is_known("10.0.1.2", URI, "1", from_="<sip:1@other.example>")
    assert is_known("10.0.1.3", "sip:0123@x", "1")
    assert is_known("10.0.1.4", URI, "1", "TCP")
    assert not is_known("10.0.1.5", URI, "1")
    assert not is_known("10.0.9.9", URI, "771"), "denied by the first row"


def test_an_alternative_row_takes_over_when_the_first_has_no_answer() -> None:
    groups = {"a": {"proxies": ["10.0.1.1:5060"]}, "b": {"proxies": ["10.0.2.1:5060"]}, "c": {"proxies": ["10.0.3.1:5060"]}}
    routes = ({"SrcIPGroupName": "a", "DestIPGroupName": "b"}, {"DestIPGroupName": "c", "AltRouteOptions": 1})
    world = World(a_site({}, groups, routes))
    a, b, c = (world.peer(name, f"10.0.{number}.1") for number, name in enumerate("abc", 1))
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 503)
    b.request("ACK")
    got = c.request("INVITE")
    c.answer(got, 200, body=ANSWER)
    assert a.response(200)


@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_goes_to_the_caller_before_any_alternative_row(status: int) -> None:
    groups = {"a": {"proxies": ["10.0.1.1:5060"]}, "b": {"proxies": ["10.0.2.1:5060"]}, "c": {"proxies": ["10.0.3.1:5060"]}}
    routes = ({"SrcIPGroupName": "a", "DestIPGroupName": "b"}, {"DestIPGroupName": "c", "AltRouteOptions": 1})
    world = World(a_site({}, groups, routes))
    a, b, c = (world.peer(name, f"10.0.{number}.1") for number, name in enumerate("abc", 1))
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), status)
    b.request("ACK")
    assert a.response(status) and not c.inbox
    world.assert_both_legs_are_free()


def test_routes_by_number_host_address_and_request_uri() -> None:
    groups = {"a": {"proxies": ["10.0.1.1:5060"]}, "b": {"proxies": ["10.0.2.1:5060"]}, "c": {"proxies": ["10.0.3.1:5060"]}}
    routes = (
        {"DestHost": "b.example", "DestIPGroupName": "b"},
        {"DestUsernamePrefix": "9", "DestType": 1, "DestAddress": "10.0.4.1", "DestPort": 5062},
        {"SrcUsernamePrefix": "a", "DestType": 2},
    )
    world = World(a_site({}, groups, routes))
    a, b, c, d = (world.peer(name, f"10.0.{number}.1", 5062 if name == "d" else 5060) for number, name in enumerate("abcd", 1))
    for uri, where in (("sip:1@b.example", b), ("sip:911@x", d), ("sip:1@10.0.3.1:5060", c)):
        a.ask("INVITE", uri, body=OFFER)
        assert where.request("INVITE").uri_text == uri
    a.inbox.clear()
    a.ask("INVITE", "sip:1@10.0.5.1", body=OFFER)
    assert "General Routing Failure" in (a.response(404).headers.get("reason") or "")
