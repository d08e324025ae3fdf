"""A lab layer from its start to its end: what it lays, and that the old bytes come back whatever happens."""

from __future__ import annotations

import pytest
from lab_fleet import ANNA, BEN, HALF_HOUR, NOW, OTHER_PORTS, LabSession
from runtime_folder import Folder

from provisioner.inventory.origin import Rank

PBX = """
[line]
server = "pbx.example"
port = 5080
transport = "tcp"
expires = 600
server2 = "second.example"
outbound_proxy = "edge.example"
outbound_proxy_port = 5090
"""


@pytest.fixture
def session(folder: Folder, session: LabSession) -> LabSession:
    folder.write("defaults.toml", PBX)
    session.load()
    return session


def test_the_layer_points_at_the_stub_and_changes_nothing_else(session: LabSession) -> None:
    before = session.values(ANNA)
    plan = session.start(ANNA)
    assert session.load().is_new
    after = session.values(ANNA)
    changed = {name: after.get(name) for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed == {
        "account.1.sip_server.1.address": "10.1.0.5",
        "account.1.sip_server.1.port": "5060",
        "account.1.outbound_proxy_enable": "0",
        "account.1.sip_server.2.address": "%NULL%",
    }
    assert after["account.1.sip_server.1.transport_type"] == "1" and after["account.1.sip_server.1.expires"] == "600"
    assert {change.name for change in plan.changes} == set(changed)
    assert session.sha256(ANNA) == plan.sha256


def test_only_that_phone_gets_another_file(session: LabSession) -> None:
    ben = session.body(BEN)
    session.start(ANNA)
    session.load()
    assert session.body(BEN) == ben


def test_when_the_time_is_over_the_old_bytes_are_back_by_themselves(session: LabSession) -> None:
    old = session.body(ANNA)
    session.start(ANNA)
    session.load()
    session.fetch(ANNA)
    session.now = NOW + HALF_HOUR - 1
    assert session.load() is None and "10.1.0.5" in session.body(ANNA)
    session.now = NOW + HALF_HOUR
    report = session.load()
    assert report.is_new and session.body(ANNA) == old
    assert session.notes() == []


def test_a_layer_that_is_taken_away_gives_the_old_bytes_at_the_next_look(session: LabSession) -> None:
    old = session.body(ANNA)
    session.start(ANNA)
    session.load()
    assert session.labs.end(ANNA)
    session.load()
    assert session.body(ANNA) == old and session.notes() == []


@pytest.mark.parametrize("after_s", [60.0, HALF_HOUR + 60.0], ids=["while it holds", "when it is over"])
def test_a_killed_server_goes_on_where_it_was(session: LabSession, after_s: float) -> None:
    old = session.body(ANNA)
    session.start(ANNA)
    session.load()
    lab = session.body(ANNA)
    session.now = NOW + after_s
    session.restart()
    session.load()
    assert session.body(ANNA) == (lab if after_s < HALF_HOUR else old)
    session.now = NOW + HALF_HOUR + 90.0
    session.load()
    assert session.body(ANNA) == old and session.notes() == []


def test_a_parameter_that_only_the_layer_names_is_put_back_until_the_phone_has_that(folder: Folder) -> None:
    folder.write("defaults.toml", '[line]\nserver = "pbx.example"\n')
    session = LabSession(folder, OTHER_PORTS)
    try:
        session.load()
        old = session.fetch(ANNA)
        plan = session.start(ANNA)
        assert plan.added == ("account.1.sip_server.1.port",)
        session.load()
        assert session.values(ANNA)["account.1.sip_server.1.port"] == "5160"
        session.fetch(ANNA)
        session.now = NOW + HALF_HOUR
        session.load()
        # A phone keeps what no file names: without this line it would go on asking port 5160 of its own server.
        assert session.values(ANNA) == {**dict(_values(old)), "account.1.sip_server.1.port": "%NULL%"}
        session.restart()
        session.load()
        assert session.load() is None
        session.fetch(ANNA)
        assert session.load().is_new
        assert session.body(ANNA) == old and session.notes() == []
        assert session.load() is None
    finally:
        session.close()


def _values(body: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (line.partition(" = ") for line in body.splitlines()) if value]


@pytest.mark.parametrize("broken", ["defaults.toml", "phones/anna.toml", "templates"])
def test_text_that_broke_meanwhile_does_not_keep_the_phone_in_the_lab(session: LabSession, folder: Folder, broken: str) -> None:
    old = session.body(ANNA)
    session.start(ANNA)
    session.load()
    if broken == "templates":
        models = folder.templates / "yealink/models.toml"
        models.write_text(models.read_text().replace('common_name = "y000000000028.cfg"', 'common_name = "y000000000099.cfg"'))
    else:
        folder.write(broken, "this is not TOML")
    session.load()
    assert "10.1.0.5" in session.body(ANNA)
    session.now = NOW + HALF_HOUR
    session.load()
    assert session.body(ANNA) == old and session.notes() == []


def test_an_edit_made_during_the_lab_is_in_the_file_afterwards(session: LabSession, folder: Folder) -> None:
    session.start(ANNA)
    session.load()
    folder.phone("anna", ANNA, "T46G", "office", "201")
    session.load()
    assert session.values(ANNA)["account.1.user_name"] == "201" and "10.1.0.5" in session.body(ANNA)
    session.now = NOW + HALF_HOUR
    session.load()
    values = session.values(ANNA)
    assert values["account.1.user_name"] == "201" and values["account.1.sip_server.1.address"] == "pbx.example"
    assert session.notes() == []


def test_a_clock_that_is_set_back_ends_the_layer(session: LabSession) -> None:
    old = session.body(ANNA)
    session.start(ANNA)
    session.load()
    session.now = NOW - 3600
    session.load()
    assert session.body(ANNA) == old


def test_every_laid_value_has_the_layer_s_file_and_line_as_its_origin(session: LabSession) -> None:
    session.start(ANNA)
    session.load()
    lines = session.body(ANNA).splitlines()
    origins = session.source.origins(ANNA + ".cfg")
    assert origins is not None
    laid = {line.split(" = ")[0]: origin for line, origin in zip(lines, origins, strict=True) if origin and origin[3] == Rank.LAB}
    assert laid["account.1.sip_server.1.address"][0] == f"@lab/{ANNA}.toml"
    text = session.labs.file(ANNA).read_text().splitlines()
    assert {text[origin[1] - 1].split(" = ")[0] for origin in laid.values()} == {"server", "port", "outbound_proxy", "server2"}


def test_a_phone_that_sends_its_sip_here_already_needs_no_layer(folder: Folder, session: LabSession) -> None:
    folder.write("defaults.toml", '[line]\nserver = "@stub"\n')
    session.load()
    assert [(plan.word, plan.lab) for plan in session.plan(ANNA)] == [("here", None)]


def test_settings_by_parameter_name_and_literal_templates_are_laid_over_too(folder: Folder, session: LabSession) -> None:
    folder.write("defaults.toml", "[line]\nport = 5080\n")
    folder.phone("anna", ANNA, "T46G", "office", "101", '\n[settings]\n"account.1.sip_server.1.address" = "raw.example"\n')
    template = folder.templates / "yealink/v80/model/t42g.cfg"
    text = "account.1.sip_server.1.address = fixed.example"
    template.write_text('{% extends "v80/base.cfg" %}\n{% block extra %}' + f"\n{text}\n" + "{% endblock %}\n")
    session.load()
    assert session.values(ANNA)["account.1.sip_server.1.address"] == "raw.example"
    assert session.values(BEN)["account.1.sip_server.1.address"] == "fixed.example"
    for mac in (ANNA, BEN):
        session.start(mac)
    session.load()
    assert {session.values(mac)["account.1.sip_server.1.address"] for mac in (ANNA, BEN)} == {"10.1.0.5"}


@pytest.mark.parametrize(
    ("word", "transports", "expected"),
    [
        ("udp", {"udp", "tcp"}, ("0", "5060")),
        ("tls", {"udp", "tcp", "tls"}, ("2", "5061")),
        ("tls", {"udp", "tcp"}, ("0", "5060")),
        ("dns", {"udp", "tcp"}, ("0", "5060")),
        ("udp", {"tls"}, ("2", "5061")),
    ],
)
def test_the_transport_is_kept_where_the_stub_speaks_it(
    folder: Folder, session: LabSession, word: str, transports: set[str], expected: tuple[str, str]
) -> None:
    folder.write("defaults.toml", PBX.replace('"tcp"', f'"{word}"'))
    session.load()
    session.start(ANNA, transports=frozenset(transports))
    session.load()
    values = session.values(ANNA)
    assert (values["account.1.sip_server.1.transport_type"], values["account.1.sip_server.1.port"]) == expected


def test_lines_that_are_switched_off_are_left_alone(folder: Folder, session: LabSession) -> None:
    more = '\n[[line]]\nextension = "900"\npassword = "second"\nenabled = false\n'
    folder.phone("anna", ANNA, "T46G", "office", "101", more)
    session.load()
    plan = session.start(ANNA)
    assert plan.lab is not None and [line.number for line in plan.lab.lines] == [1]
    session.load()
    assert session.values(ANNA)["account.2.sip_server.1.address"] == "pbx.example"
