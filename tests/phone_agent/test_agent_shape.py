"""The messages look like those of V80: which headers, in which order, spelled how."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from phone_wire import BASE, Registrar, Wire, a_phone

from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.models import load_models
from sipstub.sip.examine import examine
from sipstub.sip.message import Request

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
MODELS = load_models(ROOT / "templates" / "yealink" / "models.toml")
NAMES = ["T48G", "T46G", "T42G", "T41P", "T40P", "T29G", "T27P", "T27G", "T40G", "T23P", "T23G", "T21P E2", "T19P E2", "CP860"]
REGISTER_ORDER = ("Via From To Call-ID CSeq Contact Allow Max-Forwards User-Agent Expires Allow-Events Content-Length").split()
INVITE_ORDER = (
    "Via From To Call-ID CSeq Contact Content-Type Allow Max-Forwards User-Agent Supported Allow-Events Content-Length"
).split()
EVERYTHING = {
    "account.1.nat.rport": "1",
    "account.1.register_mac": "1",
    "account.1.register_line": "1",
    "account.1.subscribe_mwi": "1",
    "account.1.subscribe_register": "1",
    "account.1.session_timer.enable": "1",
    "account.1.session_timer.expires": "90",
    "account.1.session_timer.refresher": "1",
    "account.1.100rel_enable": "1",
    "account.1.srtp_encryption": "2",
    "account.1.enable_user_equal_phone": "1",
    "account.1.proxy_require": "com.example.feature",
    "account.1.dtmf.dtmf_payload": "120",
    "account.1.ptime": "30",
}


def names(request: Request) -> list[str]:
    return [field.name for field in request.headers]


def called(*changes: dict[str, str], model: str = "T46G") -> Wire:
    wire = Wire(a_phone(*changes, model=MODELS[model]), Registrar()).start().run(1)
    wire.phone.call(1, "2002", wire.now)
    wire.carry()
    return wire


@pytest.mark.parametrize("model", NAMES)
def test_register_and_invite_have_the_order_of_v80_and_the_models_name(model: str) -> None:
    wire = called(model=model)
    first, second = wire.requests("REGISTER")
    assert names(first) == REGISTER_ORDER
    assert names(second) == [*REGISTER_ORDER[:6], "Authorization", *REGISTER_ORDER[6:]]
    assert names(wire.requests("INVITE")[0]) == INVITE_ORDER
    agent = PhoneIdentity.of("001565aabbcc", MODELS[model]).sip_agent
    assert {request.user_agent for request in (first, second, wire.requests("INVITE")[0])} == {agent}
    assert agent == MODELS[model].sip_agent_sample


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("kind", ["plain", "everything"])
def test_every_message_is_well_formed_by_our_own_judge(model: str, kind: str) -> None:
    wire = called(EVERYTHING if kind == "everything" else {}, model=model)
    for seen in wire.seen:
        if seen.message is not None:
            examine(seen.request)


@pytest.mark.parametrize("case", ["plain", "everything", "compact"])
def test_the_messages_of_a_t46g_are_these(case: str) -> None:
    changes = {"plain": {}, "everything": EVERYTHING, "compact": {"account.1.compact_header_enable": "1"}}[case]
    wire = called(changes)
    text = b"".join(seen.data for seen in wire.seen).decode().replace("\r\n", "\n")
    path = GOLDEN / f"t46g-{case}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")


def test_identifiers_have_the_form_of_the_phones() -> None:
    request = called().requests("REGISTER")[0]
    assert re.fullmatch(r"1_\d+@127\.0\.0\.9", request.call_id)
    assert re.fullmatch(r"z9hG4bK\d+", request.via.branch or "")
    assert re.fullmatch(r"<sip:1001@127\.0\.0\.9:5060;line=[0-9a-f]{15}>", request.headers.all("Contact")[0])
    assert request.headers.all("From")[0].startswith('"Front Desk" <sip:1001@127.0.0.2:5060>;tag=')
    assert request.uri_text == "sip:127.0.0.2:5060"
    assert "Supported" not in request.headers


@pytest.mark.parametrize("rport", ["0", "1"])
def test_rport_stands_in_via_only_if_it_is_on(rport: str) -> None:
    wire = called({"account.1.nat.rport": rport})
    assert {request.via.wants_rport for request in wire.requests("REGISTER")} == {rport == "1"}


def test_a_blank_display_name_leaves_the_address_alone() -> None:
    request = called({"account.1.display_name": ""}).requests("REGISTER")[0]
    assert request.headers.all("From")[0].startswith("<sip:1001@127.0.0.2:5060>;tag=")


@pytest.mark.parametrize("name", ["10111", 'Anna "A" Bell', "Größe", "back\\slash"])
def test_a_display_name_is_always_quoted_and_read_back(name: str) -> None:
    request = called({"account.1.display_name": name}).requests("REGISTER")[0]
    assert request.headers.all("From")[0].startswith('"')
    assert request.from_.display == name


def test_a_user_with_odd_characters_is_escaped() -> None:
    request = called({"account.1.user_name": "a b@c"}).requests("REGISTER")[0]
    assert request.from_.sip_uri.username == "a b@c"


@pytest.mark.parametrize(("account", "line"), [(1, "0"), (3, "2")])
def test_line_counts_from_0_and_mac_has_colons(account: int, line: str) -> None:
    moved = {name.replace("account.1.", f"account.{account}."): value for name, value in BASE.items()}
    moved |= {f"account.{account}.register_line": "1", f"account.{account}.register_mac": "1"}
    wire = Wire(a_phone({"account.1.enable": "0" if account != 1 else "1"}, moved)).start()
    request = wire.requests("REGISTER")[0]
    assert request.headers.get("Line") == line
    assert request.headers.get("MAC") == "00:15:65:aa:bb:cc"


def test_port_0_is_not_written() -> None:
    request = called({"account.1.sip_server.1.port": "0"}).requests("REGISTER")[0]
    assert request.uri_text == "sip:127.0.0.2"


@pytest.mark.parametrize(("on", "uri"), [("0", "sip:2002@127.0.0.2:5060"), ("1", "sip:2002@127.0.0.2:5060;user=phone")])
def test_user_phone_is_in_request_uri_and_to(on: str, uri: str) -> None:
    request = called({"account.1.enable_user_equal_phone": on}).requests("INVITE")[0]
    assert request.uri_text == uri
    assert str(request.to.uri) == uri


@pytest.mark.parametrize(("on", "uri"), [("1", "sip:%2312@127.0.0.2:5060"), ("0", "sip:#12@127.0.0.2:5060")])
def test_a_pound_sign_is_escaped_as_told(on: str, uri: str) -> None:
    wire = Wire(a_phone({"sip.use_23_as_pound": on})).start()
    wire.phone.call(1, "#12", wire.now)
    wire.carry()
    assert wire.requests("INVITE")[0].uri_text == uri


@pytest.mark.parametrize(
    ("changes", "supported", "expires"),
    [
        ({}, "replaces", None),
        ({"account.1.100rel_enable": "1"}, "100rel, replaces", None),
        ({"account.1.session_timer.enable": "1"}, "replaces, timer", "1800;refresher=uac"),
        (
            {
                "account.1.session_timer.enable": "1",
                "account.1.session_timer.expires": "90",
                "account.1.session_timer.refresher": "1",
            },
            "replaces, timer",
            "90;refresher=uas",
        ),
    ],
)
def test_options_and_session_timer_are_offered_as_told(changes: dict[str, str], supported: str, expires: str | None) -> None:
    request = called(changes).requests("INVITE")[0]
    assert request.headers.get("Supported") == supported
    assert request.headers.get("Session-Expires") == expires
