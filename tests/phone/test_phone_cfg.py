"""The grammar of cfg files, rule by rule (docs/reference/cfg-grammar.md)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipstub.phone.format import cfg
from sipstub.phone.format.cfg import CfgEntry, CfgFaultCode, parse_cfg
from sipstub.phone.format.effective import merge

HEAD = b"#!version:1.0.0.1\n"


def codes(data: bytes) -> list[tuple[int, str]]:
    return [(fault.line, str(fault.code)) for fault in parse_cfg(data).faults]


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (b"a.b = c", "a.b", "c"),
        (b"a.b=c", "a.b", "c"),
        (b"a.b =c", "a.b", "c"),
        (b"a.b= c", "a.b", "c"),
        (b"a.b \t =\t c \t", "a.b", "c"),
        (b"a.b = c\r", "a.b", "c"),
        (b"a.b = c d  e", "a.b", "c d  e"),
        (b"a.b = c=d = e", "a.b", "c=d = e"),
        (b"a.b = c # not a comment", "a.b", "c # not a comment"),
        (b"a.b = #c", "a.b", "#c"),
        (b"a.b =", "a.b", ""),
        (b"a.b = ", "a.b", ""),
        (b"a.b = %NULL%", "a.b", "%NULL%"),
        (b'a.b = "quoted"', "a.b", '"quoted"'),
        ("a.b = Bücher 漢".encode(), "a.b", "Bücher 漢"),
        (b"A.b = c", "A.b", "c"),
    ],
)
def test_an_assignment_is_read_as_name_and_value(line: bytes, name: str, value: str) -> None:
    file = parse_cfg(HEAD + line + b"\n")
    assert file.entries == (CfgEntry(name, value, 2),)
    assert file.faults == ()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (HEAD + b"# comment\n\n   \n#a = b\n", []),
        (b"", [(1, "no-version-line")]),
        (b"a = b\n", [(1, "no-version-line")]),
        (b"\n" + HEAD, [(1, "no-version-line")]),
        (b"#!version:1.0.0.1 \n", [(1, "no-version-line")]),
        (b"#!version:1.0.0.2\n", [(1, "no-version-line")]),
        (b"#!version:1.0.0.1\r\n", []),
        (b"#!version:1.0.0.1", []),
        (b"\xef\xbb\xbf" + HEAD, [(1, "byte-order-mark"), (1, "no-version-line")]),
        (HEAD + b"a = b\nc = \xff\n", [(3, "not-utf8")]),
        (HEAD + b"junk\n", [(2, "no-equals-sign")]),
        (HEAD + b" = b\n", [(2, "indented-line"), (2, "blank-name")]),
        (HEAD + b"= b\n", [(2, "blank-name")]),
        (HEAD + b"a b = c\n", [(2, "blank-in-name")]),
        (HEAD + b"  a = c\n", [(2, "indented-line")]),
        (HEAD + b"  # c\n", [(2, "indented-line")]),
        (HEAD + b"a = \x00\n", [(2, "control-character")]),
        (HEAD + b"a = b\rc = d\n", [(2, "control-character")]),
        (HEAD + "a = b\u2028c\n".encode(), [(2, "control-character")]),
        (HEAD + "a = b\u0085c\n".encode(), [(2, "control-character")]),
        (HEAD + b"a = 1\nb = 2\na = 3\n", [(4, "repeated-key")]),
        (HEAD + b"security.user_password = admin:1\nsecurity.user_password = user:2\n", []),
        (HEAD + b"security.user_password = admin:1\nsecurity.user_password = admin:2\n", [(3, "repeated-key")]),
        (HEAD + b"a = " + b"x" * cfg.MAX_LINE_CHARACTERS + b"\nb = 1\n", [(2, "line-too-long")]),
        (HEAD + b"a" * cfg.MAX_FILE_BYTES, [(1, "file-too-large")]),
        (HEAD + b"\n" * cfg.MAX_LINES, [(1, "too-many-lines")]),
    ],
)
def test_each_fault_has_its_line_and_code(data: bytes, expected: list[tuple[int, str]]) -> None:
    assert codes(data) == expected


def test_a_file_without_the_version_line_is_ignored_but_still_shown() -> None:
    file = parse_cfg(b"a = b\n")
    assert (file.is_ignored, file.values()) == (True, {"a": "b"})
    assert not merge(file, None).settings


def test_the_last_assignment_of_a_key_wins_and_names_its_line() -> None:
    file = parse_cfg(HEAD + b"a = 1\na = 2\n")
    assert file.values() == {"a": "2"}
    assert file.last_entries()["a"].line == 3


def test_each_line_of_user_password_is_about_another_user() -> None:
    file = parse_cfg(HEAD + b"security.user_password = admin:one:two\nsecurity.user_password = user:three\n")
    assert file.user_passwords() == {"admin": "one:two", "user": "three"}


def test_faults_are_bounded_and_say_that_they_were_cut() -> None:
    faults = parse_cfg(HEAD + b"x\n" * 5000).faults
    assert len(faults) == cfg.MAX_FAULTS + 1
    assert faults[-1].code is CfgFaultCode.TOO_MANY_FAULTS


def test_no_fault_repeats_a_value() -> None:
    data = HEAD + b"a = s3cret\na = s3cret\n b b = s3cret\n = s3cret\nc = s3cret\x01\nd = s3cret" + b"y" * 5000 + b"\ns3cret\n"
    faults = parse_cfg(data).faults
    assert len(faults) > 5
    assert "s3cret" not in repr(faults)


def test_the_later_file_wins_and_a_reset_takes_back() -> None:
    common = parse_cfg(HEAD + b"a = 1\nb = 1\nc = 1\nsecurity.user_password = user:1\n")
    mac = parse_cfg(HEAD + b"b = 2\nc = %NULL%\nsecurity.user_password = admin:2\n")
    both = merge(common, mac, common_name="y.cfg", mac_name="m.cfg")
    assert both.values() == {"a": "1", "b": "2", "security.user_password": "admin:2"}
    assert (both.settings["b"].file, both.settings["b"].entry.line, both.settings["a"].file) == ("m.cfg", 2, "y.cfg")
    assert both.settings["c"].is_reset
    assert both.text("c", "default") == "default"
    assert both.user_passwords == {"user": "1", "admin": "2"}
    assert "admin:2" not in repr(both.user_passwords.keys())


_NAMES = st.from_regex(r"[a-z][a-z0-9_.]{0,20}", fullmatch=True)
_VALUES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60).map(lambda text: text.strip(" \t"))


@given(st.dictionaries(_NAMES, _VALUES, max_size=20), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["=", " = ", "\t=  "]))
def test_what_a_simple_emitter_writes_is_read_back(values: dict[str, str], end: str, equals: str) -> None:
    text = "".join(line + end for line in ("#!version:1.0.0.1", *(name + equals + value for name, value in values.items())))
    file = parse_cfg(text.encode())
    assert file.values() == values
    assert file.faults == ()


@given(st.one_of(st.binary(max_size=400), st.text("#= \t\r\na\u2028\x00\ufeff", max_size=60).map(str.encode)))
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    for prefix in (b"", HEAD):
        file = parse_cfg(prefix + data)
        lines = (prefix + data).count(b"\n") + 1
        assert all(1 <= entry.line <= lines and entry.name for entry in file.entries)
        assert all(1 <= fault.line <= lines for fault in file.faults)
        assert len(merge(file, file)) <= len(file.entries)


@given(
    st.lists(
        st.sampled_from(["a = 1", "b=2", "# c", "", "  ", " d = 4", "e", "a b = 1", "security.user_password = u:p", "é = ü"])
    )
)
def test_the_quick_and_the_careful_reading_agree(lines: list[str]) -> None:
    data = (HEAD.decode() + "\n".join(lines)).encode()
    careful = parse_cfg(data + b"\njunk line\n")  # the last line forces the careful reading
    quick = parse_cfg(data)
    assert quick.entries == careful.entries
    assert quick.faults == careful.faults[: len(quick.faults)]
