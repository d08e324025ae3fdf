"""What is exported reads back as the same phones, whatever text their fields hold."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from import_builders import a_rehearsal, contents, run

from provisioner.cli.export import command as export
from provisioner.inventory.exporters.csv_export import csv_of
from provisioner.inventory.importers.csv_text import read_sheet
from provisioner.inventory.layer import KeyKind, KeyPlace, PhoneText, Plain
from provisioner.inventory.origin import Rank
from provisioner.inventory.reading import read_file
from provisioner.inventory.spot import Spot, own_values
from provisioner.inventory.toml_writer import phone_toml
from provisioner.inventory.value import ValueProblem, check_text
from provisioner.inventory.vocabulary import load_vocabulary
from provisioner.mac import MacAddress
from provisioner.runtime.bundled import bundled
from provisioner.secret import Secret

VOCABULARY = load_vocabulary(bundled("templates") / "yealink")


def export_text(devices: Path, *arguments: str) -> str:
    outcome = CliRunner().invoke(export, [*arguments, "--devices", str(devices)], standalone_mode=False, catch_exceptions=False)
    return outcome.stdout


def test_importing_an_export_changes_nothing_with_masked_and_with_revealed_passwords(devices: Path) -> None:
    before = contents(devices)
    for text in (export_text(devices, "csv"), export_text(devices, "csv", "--reveal")):
        outcome = run(devices, text)
        assert outcome.plan.problems == []
        assert len(outcome.plan.phones) == 3
        assert outcome.changes.after == {}
    assert contents(devices) == before


def test_passwords_are_in_an_export_only_when_asked_for(devices: Path) -> None:
    for form in ("csv", "toml"):
        assert "old-password" not in export_text(devices, form)
        assert "old-password" in export_text(devices, form, "--reveal")


def test_the_template_of_an_export_is_understood_by_the_import(devices: Path) -> None:
    header = export_text(devices, "csv", "--empty")
    assert header.startswith("mac,name,model,group,site,template")
    assert run(devices, header).plan.problems == []


def test_a_toml_export_loads_as_the_same_phones(devices: Path) -> None:
    before = a_rehearsal(devices).inventory()
    document = export_text(devices, "toml")
    for name in ("fleet.toml", "phones/lobby.toml"):
        (devices / name).unlink()
    (devices / "all.toml").write_text(document, "utf-8")
    after = a_rehearsal(devices).inventory()
    assert after.problems == before.problems == ()
    assert {mac: own_values(phone.text) for mac, phone in after.phones.items()} == {
        mac: own_values(phone.text) for mac, phone in before.phones.items()
    }
    for mac, phone in before.phones.items():
        other = after.phones[mac]
        assert [{name: value.value for name, value in line.fields.items()} for line in other.lines] == [
            {name: value.value for name, value in line.fields.items()} for line in phone.lines
        ]


def test_a_password_in_the_open_is_left_out_of_a_toml_export_and_said(devices: Path) -> None:
    path = devices / "phones/lobby.toml"
    path.write_text(path.read_text("utf-8").replace('password_file = "secrets/lobby"', 'password = "open-word"'), "utf-8")
    outcome = CliRunner().invoke(export, ["toml", "--devices", str(devices)], standalone_mode=False)
    assert "open-word" not in outcome.output
    assert "1 passwords stand in the open" in outcome.stderr


def test_an_export_of_revealed_passwords_is_readable_by_its_owner_alone(devices: Path, tmp_path: Path) -> None:
    export_text(devices, "csv", "--reveal", "-o", str(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600


def test_an_export_of_files_with_mistakes_says_that_they_are_not_in_it(devices: Path) -> None:
    (devices / "phones/lobby.toml").write_text('mac = "00:15:65:aa:bb:01"\nmodel = "T46G"\nnonsense = 1\n', "utf-8")
    outcome = CliRunner().invoke(export, ["csv", "--devices", str(devices)], standalone_mode=False)
    assert outcome.return_value == 1
    assert "1 problems in devices/" in outcome.stderr


# -- any phone

_ODD = [
    "-",
    "********",
    "\\",
    "\\x",
    "=1+1",
    "+49",
    "@x",
    "03-Jan",
    "1.5E+10",
    "007",
    "101.0",
    "#NAME?",
    "Ä;,\"'|x",
    "\u200bx\u200b",
]


def _is_allowed(text: str) -> bool:
    try:
        check_text(text)
    except ValueProblem:
        return False
    return True


texts = st.one_of(st.sampled_from(_ODD), st.text(max_size=12)).filter(_is_allowed)
printable = texts.filter(lambda text: bool(text) and text.isprintable() and "\u200b" not in text)
hosts = st.sampled_from(["10.1.0.9", "pbx.example", "@stub", "[::1]"])
line_fields: dict[str, Any] = {
    "extension": texts,
    "label": texts,
    "display_name": texts,
    "auth_name": texts,
    "server": hosts,
    "port": st.integers(0, 65535),
    "transport": st.sampled_from(["udp", "tcp", "tls"]),
    "session_timer": st.booleans(),
    "codecs": st.lists(st.sampled_from(["PCMA", "PCMU", "G722"]), min_size=1, unique=True).map(tuple),
    "password": texts.filter(bool).map(Secret),
}
key_fields: dict[str, Any] = {"type": st.sampled_from(["blf", "line"]), "value": texts, "label": texts}
head_fields: dict[str, Any] = {
    "group": printable,
    "site": printable,
    "template": printable,
    "description": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12).filter(
        lambda text: text not in ("********",)
    ),
    "language": texts,
    "time_zone": texts,
    "trust_certificates": st.booleans(),
    "admin_password": texts.filter(bool).map(Secret),
    "reset": st.lists(st.sampled_from(["a.b", "c.d"]), min_size=1, unique=True).map(tuple),
}


@st.composite
def phone_values(draw: st.DrawFn) -> dict[Spot, Plain]:
    """Return the own values of some phone."""
    values: dict[Spot, Plain] = {Spot(None, "name"): "p", Spot(None, "mac"): "00:15:65:aa:bb:77", Spot(None, "model"): "T46G"}

    def add(place: Any, fields: dict[str, Any], always: str = "") -> None:
        for name in draw(st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=5)):
            values[Spot(place, name)] = draw(fields[name])
        if always:
            values.setdefault(Spot(place, always), draw(fields[always]))

    add(None, head_fields)
    for number in draw(st.lists(st.integers(1, 16), unique=True, max_size=3)):
        add(number, line_fields, "extension")
    for number in draw(st.lists(st.integers(1, 27), unique=True, max_size=2)):
        add(KeyPlace(KeyKind.LINE, 0, number), key_fields, "type")
    for number in draw(st.lists(st.integers(1, 40), unique=True, max_size=1)):
        add(KeyPlace(KeyKind.EXPANSION, 2, number), key_fields, "type")
    if draw(st.booleans()):
        values[Spot("settings", "features.dnd.emergency_enable")] = draw(texts.filter(bool))  # empty text is a reset
    return values


def read_back(text: str) -> PhoneText:
    file = read_file("x.toml", text.encode("utf-8"), Rank.PHONE, VOCABULARY, lambda name: "")
    assert [problem for problem in file.problems if problem.code != "inline-secret"] == []
    return file.phones[0]


@settings(max_examples=120, deadline=None)
@given(phone_values(), st.sampled_from(["", "phone"]))
def test_any_phone_written_as_toml_reads_back_as_the_same_values(values: dict[Spot, Plain], table: str) -> None:
    assert own_values(read_back(phone_toml(values, table=table))) == values


@pytest.fixture(scope="module")
def cells() -> Any:
    from provisioner.catalogue.load import load_catalogue
    from provisioner.inventory.importers.cells import CellReader
    from provisioner.inventory.importers.columns import ColumnNames

    catalogue = load_catalogue(bundled("templates") / "yealink")
    return ColumnNames(VOCABULARY, lambda name: True), CellReader(catalogue), catalogue


@settings(max_examples=120, deadline=None)
@given(phone_values())
def test_any_phone_written_as_csv_reads_back_as_the_same_values(cells: Any, values: dict[Spot, Plain]) -> None:
    from provisioner.inventory.importers.candidate import read_candidates

    names, reader, _ = cells
    phone = read_back(phone_toml(values))
    sheet = read_sheet("x.csv", csv_of([phone], VOCABULARY, reveal=True).encode("utf-8"), names.is_known)
    columns, wrong = names.read("x.csv", 1, sheet.header)
    candidates, problems = read_candidates(sheet, columns, reader)
    assert (*sheet.problems, *wrong, *problems) == ()
    assert candidates[0].values == values


@settings(max_examples=60, deadline=None)
@given(phone_values())
def test_importing_the_masked_export_of_any_phone_changes_nothing(cells: Any, values: dict[Spot, Plain]) -> None:
    from provisioner.inventory.folder import InventoryText
    from provisioner.inventory.importers.candidate import read_candidates
    from provisioner.inventory.importers.plan import Action, plan_import

    names, reader, catalogue = cells
    file = read_file("x.toml", phone_toml(values).encode("utf-8"), Rank.PHONE, VOCABULARY, lambda name: "")
    sheet = read_sheet("x.csv", csv_of(file.phones, VOCABULARY).encode("utf-8"), names.is_known)
    columns, _ = names.read("x.csv", 1, sheet.header)
    candidates, _ = read_candidates(sheet, columns, reader)
    plan = plan_import("x.csv", candidates, columns, InventoryText({"x.toml": file}), catalogue)
    assert [phone.action for phone in plan.phones] == [Action.UNCHANGED]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(raw: bytes) -> None:
    read_sheet("x.csv", raw, lambda name: name == "mac")


def test_a_toml_export_of_everything_is_toml(devices: Path) -> None:
    assert len(tomllib.loads(export_text(devices, "toml"))["phone"]) == 3
    with tempfile.TemporaryDirectory() as folder:
        assert run(Path(folder), "mac,name,model\n001565aabb02,a,T46G\n").plan.phones[0].mac == MacAddress("001565aabb02")
