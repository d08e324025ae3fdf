"""REGISTERs of real phones, as they stood on the wire, are read, challenged, and bound when their password is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from registrar_builders import KEY, START, At

from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.message import Request
from sipstub.sip.reader import parse_message

CAPTURES = Path(__file__).parent.parent / "corpus" / "sip" / "captures"
REGISTERS = sorted(CAPTURES.glob("*register*.sip"))
HOST = "127.9.0.1"


def read(path: Path) -> Request:
    found = parse_message(path.read_bytes())
    assert isinstance(found, Request)
    return found


def test_there_are_captures_of_several_phones() -> None:
    assert len({path.name.split("-")[0] for path in REGISTERS}) >= 4


@pytest.mark.parametrize("path", REGISTERS, ids=lambda path: path.stem)
def test_a_real_phone_registers(path: Path) -> None:
    request = read(path)
    name = request.to.sip_uri.username or ""
    registrar = Registrar(Users([RegistrarUser.of(name, "secret", HOST)]), Policy(HOST, domains=(HOST,)), KEY)
    source = At("tcp" if "tcp" in path.name else "udp", "127.0.0.1", 5085)
    first = registrar.handle(request, source, START)
    assert (first.status, len(first.www_authenticate)) == (401, 1)
    again = read(path)
    challenge = first.www_authenticate[0]
    uri = again.authorization[0].uri if again.authorization else again.uri_text
    ha1 = make_ha1(name, HOST, "secret")
    again.headers.set("Authorization", respond(challenge, method="REGISTER", uri=uri, username=name, ha1=ha1, cnonce="c"))
    answer = registrar.handle(again, source, START)
    assert answer.status == 200
    said = [str(contact.uri) for contact in again.contacts]
    assert [str(contact.uri) for contact in answer.contacts] == said and said
    asked = again.contacts.addresses[0].expires_s if again.contacts.addresses[0].expires_s is not None else again.expires
    assert answer.contacts.addresses[0].expires_s == asked


@pytest.mark.parametrize("path", [path for path in REGISTERS if "auth" in path.name], ids=lambda path: path.stem)
def test_the_nonce_of_another_server_brings_a_new_challenge(path: Path) -> None:
    registrar = Registrar(Users(), Policy(HOST, domains=(HOST,)), KEY)
    answer = registrar.handle(read(path), At(), START)
    assert (answer.status, answer.www_authenticate[0].is_stale) == (401, False)
