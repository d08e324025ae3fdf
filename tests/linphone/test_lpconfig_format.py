"""linphone's XML: what is written is read back alike, whatever the values; and any bytes have a reading."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provisioner.inventory.origin import Origin, Rank
from provisioner.rendering.errors import TemplateProblem
from provisioner.rendering.format import CFG, LPCONFIG, format_of
from provisioner.rendering.lines import RESET, CfgLine
from provisioner.rendering.lpconfig import encode, escape, write_line
from sipstub.phone.format import lpconfig
from sipstub.phone.format.cfg import CfgFaultCode
from sipstub.phone.format.lpconfig import join_name, parse_lpconfig, split_name
from sipstub.phone.format.reading import read_file

PLACE = Origin("phones/desk.toml", 7, "phone", Rank.PHONE)
HEAD = '<config xmlns="http://www.linphone.org/xsds/lpconfig.xsd">'

sections = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,12}", fullmatch=True)
entries = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,12}", fullmatch=True)
values = st.text(max_size=40).filter(lambda text: text != RESET)


def line(name: str, value: str) -> CfgLine:
    return CfgLine(name, value, PLACE, None, False)


@given(st.dictionaries(st.builds(join_name, sections, entries), values, max_size=8))
@example({"proxy.0.reg_identity": "\"A & <B>\" <sip:100@host;x='y'>]]>", "sip.x": "", "a_1b.c": " edge "})
def test_what_is_written_is_read_back_alike_or_refused(assignments: dict[str, str]) -> None:
    try:
        body, origins = encode([line(name, value) for name, value in assignments.items()])
    except TemplateProblem as problem:
        assert problem.code == "not-in-this-format"
        assert any(not text.isprintable() or ord(max(text)) > 0xFDCF for text in assignments.values() if text)
        return
    read = read_file(body)
    assert read.faults == () and read.has_version_line
    assert read.values() == {name: value or RESET for name, value in assignments.items()}
    assert body.count(b"\n") == len(origins) and all(origins[entry.line - 1] is PLACE for entry in read.entries)
    root = ET.fromstring(body)
    assert sum(1 for _ in root.iter(f"{{{lpconfig.NAMESPACE}}}entry")) == len(assignments)


@given(st.characters())
def test_a_character_that_could_make_a_line_or_is_none_of_xml_is_refused(character: str) -> None:
    try:
        text = escape(f"a{character}b")
    except ValueError:
        assert not character.isprintable() or ord(character) >= 0xFDD0
        return
    assert text.splitlines() == [text] and ET.fromstring(f"<a>{text}</a>").text == f"a{character}b"


@given(sections, entries)
def test_names_go_there_and_back(section: str, entry: str) -> None:
    assert split_name(join_name(section, entry)) == (section, entry)


@pytest.mark.parametrize("name", ["one", "a.b.c", "a.1.2.c", "a..b", ".a", "a.b c", 'a.b"c', "a.<name>", "", "a.1000000000.b"])
def test_a_name_that_the_format_has_no_place_for_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"section\.entry"):
        write_line(name, "1")


@given(st.binary(max_size=300))
@example(b"<")
@example(HEAD.encode())
def test_any_bytes_have_a_reading(data: bytes) -> None:
    read = parse_lpconfig(data)
    assert read.has_version_line or read.faults


BROKEN = {
    "document type": f'<!DOCTYPE a [<!ENTITY e "x">]>{HEAD}</config>',
    "not closed": f'{HEAD}<section name="a"><entry name="b">1</entry>',
    "another root": "<html/>",
    "too deep": HEAD + "<a>" * 9 + "</a>" * 9 + "</config>",
    "encoding": f'<?xml version="1.0" encoding="martian"?>{HEAD}</config>',
    "two bytes": f'<?xml version="1.0" encoding="gb18030"?>{HEAD}</config>',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_file_that_linphone_could_not_read_is_ignored_as_a_whole(text: str) -> None:
    read = parse_lpconfig(text.encode())
    assert read.is_ignored and read.faults[-1].code is CfgFaultCode.NOT_XML


def test_only_entries_of_sections_count_and_the_last_one_wins() -> None:
    text = f"""<?xml version="1.0"?>
{HEAD}
 <entry name="lost">1</entry>
 <section name="proxy_0"> <entry name="reg_expires">1</entry>
  <entry name="reg_expires" overwrite="true">2<!-- c --></entry> <other><entry name="no">1</entry></other>
  <entry name="b d">3</entry></section>
 <section name="sip"><entry name="root_ca"/></section>
</config>"""
    read = parse_lpconfig(text.encode())
    assert read.values() == {"proxy.0.reg_expires": "2", "sip.root_ca": RESET}
    assert [(entry.name, entry.line) for entry in read.entries] == [
        ("proxy.0.reg_expires", 4), ("proxy.0.reg_expires", 5), ("sip.root_ca", 7),
    ]  # fmt: skip
    assert [(fault.code, fault.line) for fault in read.faults] == [(CfgFaultCode.REPEATED_KEY, 5), (CfgFaultCode.BLANK_NAME, 6)]


def test_what_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    many = "".join(f'<entry name="e{at}">1</entry>' for at in range(30))
    body = f'{HEAD}<section name="a">{many}</section></config>'.encode()
    assert len(parse_lpconfig(body).entries) == 30
    monkeypatch.setattr(lpconfig, "MAX_LINES", 20)
    assert len(parse_lpconfig(body).entries) == 20 and parse_lpconfig(body).is_ignored
    monkeypatch.setattr(lpconfig, "MAX_FILE_BYTES", 100)
    assert parse_lpconfig(body).entries == () and parse_lpconfig(body).faults[0].code is CfgFaultCode.FILE_TOO_LARGE


def test_faults_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lpconfig, "MAX_FAULTS", 3)
    body = HEAD + '<section name="a">' + '<entry name="">1</entry>' * 9 + '<entry name="x">1</entry>' * 9 + "</section></config>"
    assert len(parse_lpconfig(body.encode()).faults) == 3


def test_files_are_told_apart_by_how_they_begin() -> None:
    assert format_of(b"#!version:1.0.0.1\na.b = <x>\n") is CFG
    assert format_of(b"\xef\xbb\xbf <?xml") is LPCONFIG
