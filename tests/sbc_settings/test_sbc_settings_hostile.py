"""No file makes a reader fall over, one bad line does not lose the rest, and nothing that is read shows a password."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given, settings

from sipstub.sbc.settings.cli_writer import write_cli
from sipstub.sbc.settings.difference import difference
from sipstub.sbc.settings.ini_writer import write_ini
from sipstub.sbc.settings.reading import Form, read_settings
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.toml_writer import write_toml

FRAGMENTS = st.sampled_from(
    [
        *("[ IPGroup ]", "[ \\IPGroup ]", "[[IPGroup]]", "[settings]", "[", "]", "FORMAT Index = Type, Name;", "FORMAT"),
        *('IPGroup 0 = 1, "a";', "IPGroup 0 =", ";", '"', "'", ",", "$$", "\\", "SBCMinSE = 90", "SBCMinSE", "=", "90", "-1"),
        *("configure voip", "configure", "sbc settings", "ip-group 1", "exit", "activate", "no", "set", 'name "a"'),
        *("min-session-expires 90", "index = 0", "index", "\n", "\n", "\n", "\r", "\t", "  ", "#", "!", "\x00", "\ufeff"),
        *("\u2028", "ä", "𝒳", "{", "}", '"""', 'Password = "tomato"', 'Account 0 = "tomato";', "sip-definition account 0"),
        *('password "tomato"', "[ Account ]", "FORMAT Index = Password;", "[[Account]]"),
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=40).map("".join)
SAMPLE = (
    SbcSettings()
    .with_value("SBCMinSE", 120)
    .with_value("SBCReferBehavior", 3)
    .with_row("IpProfile", ProfileName="phones", SBCSessionExpiresMode="supported")
    .with_row("IPGroup", Name="users", Type="user", ProfileName="phones")
)
WRITERS = {Form.INI: write_ini, Form.CLI: write_cli, Form.TOML: write_toml}


@pytest.mark.parametrize("form", [*Form, None])
@given(data=st.one_of(st.binary(max_size=200), TEXTS.map(lambda text: text.encode("utf-8", "replace"))))
@settings(max_examples=80, deadline=None)
def test_a_reader_takes_any_bytes_and_writes_back_what_it_took(form: Form | None, data: bytes) -> None:
    reading = read_settings(data, "any", form)
    assert all(problem.message and problem.origin.line >= 0 for problem in reading.problems)
    for target, writer in WRITERS.items():
        again = read_settings(writer(reading.settings, reveal=True).text.encode(), f"x.{target}")
        assert again.settings == reading.settings


@pytest.mark.parametrize("form", list(Form))
@given(
    place=st.integers(0, 40),
    bad=st.sampled_from(["???", "SBCMinSEE", "x 1 2 3", '"', "SBCAlertTimeout = = 3", "sbc-no-alert-timeout x y"]),
    indent=st.sampled_from([0, 2, 4]),
)
@settings(max_examples=40, deadline=None)
def test_one_bad_line_does_not_lose_the_rest(form: Form, place: int, bad: str, indent: int) -> None:
    lines = WRITERS[form](SAMPLE).text.splitlines()
    at = place % len(lines)
    if form is Form.CLI:  # more indented than the line before it would be a level and what is in it
        indent = min(indent, len(lines[at]) - len(lines[at].lstrip()))
    reading = read_settings("\n".join([*lines[:at], " " * indent + bad, *lines[at:], ""]).encode(), f"x.{form}")
    assert not difference(SAMPLE, reading.settings)
    assert [problem.origin.line for problem in reading.problems] == [at + 1]


@pytest.mark.parametrize("value", ['"""\ntomato\n"""', "[\n'tomato',\n]"])
def test_a_password_over_several_lines_of_toml_is_an_error_that_repeats_none_of_it(value: str) -> None:
    reading = read_settings(f"[[Account]]\nPassword = {value}\nUsername = '100'\n".encode(), "x.toml")
    assert reading.errors and not any("tomato" in str(problem) for problem in reading.problems)
    assert reading.settings.accounts[0].text("Username") == "100"


@given(text=TEXTS)
@settings(max_examples=80, deadline=None)
def test_no_problem_repeats_a_password(text: str) -> None:
    assume(re.search(r"(?i)(?:SBCMinSE|min-session-expires).*tomato", text) is None)  # there it is a number that is none
    for form in Form:
        reading = read_settings(text.encode("utf-8", "replace"), "any", form)
        shown = f"{reading.settings!r} {reading.settings.accounts!r}" + "".join(str(problem) for problem in reading.problems)
        assert "tomato" not in shown
