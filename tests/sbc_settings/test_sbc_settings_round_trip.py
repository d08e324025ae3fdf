"""What a writer writes, the reader takes without a word and understands as meant; any chain of forms ends where it began."""

from __future__ import annotations

import tomllib
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sipstub.sbc.settings.cli_writer import write_cli
from sipstub.sbc.settings.consideration import consider
from sipstub.sbc.settings.difference import difference
from sipstub.sbc.settings.ini_writer import write_ini
from sipstub.sbc.settings.parameter import Kind, Parameter, Value
from sipstub.sbc.settings.problem import Origin
from sipstub.sbc.settings.reading import Form, read_settings
from sipstub.sbc.settings.secret import Secret
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.toml_writer import write_toml
from sipstub.sbc.settings.value import BadValue, check_value
from sipstub.sbc.settings.vocabulary import the_vocabulary
from sipstub.sbc.settings.writing import Written

FACTS = the_vocabulary()
WRITERS: dict[Form, Callable[..., Written]] = {Form.INI: write_ini, Form.CLI: write_cli, Form.TOML: write_toml}
TEXTS = st.text(max_size=20) | st.text(alphabet=" '#;,$!\\=[]aä", max_size=8)


def _may(parameter: Parameter, value: Value) -> bool:
    try:
        return check_value(parameter, value) == value
    except BadValue:
        return False


def values_of(parameter: Parameter) -> st.SearchStrategy[Value]:
    """Values that the setting can have."""
    if parameter.kind is Kind.CHOICE:
        return st.sampled_from([choice.number for choice in parameter.choices if _may(parameter, choice.number)])
    if parameter.kind is Kind.NUMBER:
        return st.integers(parameter.low, parameter.high)
    if parameter.kind is Kind.SECRET:
        return TEXTS.map(Secret).filter(lambda value: _may(parameter, value))
    if parameter.kind is Kind.URI_PARTS:
        return st.sampled_from(["All", "None", "Port", "port,transport", "ttl"])
    if parameter.kind is Kind.METHODS:
        return st.sampled_from(["", "INVITE", "INVITE\\REGISTER"])
    return TEXTS.filter(lambda value: _may(parameter, value))


@st.composite
def sbc_settings(draw: st.DrawFn) -> SbcSettings:
    """Any settings: references may lead nowhere, which the writers do not mind."""
    found = SbcSettings()
    for parameter in draw(st.lists(st.sampled_from(FACTS.parameters), unique=True, max_size=6)):
        found = found.with_value(parameter.name, draw(values_of(parameter)))
    for table in draw(st.lists(st.sampled_from(FACTS.tables), unique=True, max_size=3)):
        for index in draw(st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=3)):
            columns = draw(st.lists(st.sampled_from(table.columns), unique=True, max_size=5))
            found = found.with_row(table.name, index, **{column.name: draw(values_of(column)) for column in columns})
    if draw(st.booleans()):  # profiles keep what they inherited
        found = found.with_value("SBCReferBehavior", draw(st.integers(0, 5)))
    return found


def _about_the_form(found: SbcSettings, file: str, data: bytes) -> list[str]:
    meant = {(problem.code, problem.message) for problem in consider(found, Origin("", 0))}
    return [str(problem) for problem in read_settings(data, file).problems if (problem.code, problem.message) not in meant]


@pytest.mark.parametrize("form", list(Form))
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_written_reads_back_the_same(form: Form, data: st.DataObject) -> None:
    before = data.draw(sbc_settings())
    text = WRITERS[form](before, reveal=True).text
    reading = read_settings(text.encode(), f"file.{form}")
    assert reading.settings == before
    assert [parameter.name for parameter in reading.settings.given()] == [parameter.name for parameter in before.given()]
    assert not [line for line in _about_the_form(before, f"file.{form}", text.encode()) if "obfuscated" not in line]
    assert WRITERS[form](reading.settings, reveal=True).text == text
    if form is Form.TOML:
        tomllib.loads(text)


@given(before=sbc_settings(), chain=st.lists(st.sampled_from(list(Form)), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_chain_of_conversions_ends_where_it_began(before: SbcSettings, chain: list[Form]) -> None:
    now = before
    for form in chain:
        now = read_settings(WRITERS[form](now, reveal=True).text.encode(), f"x.{form}").settings
    assert now == before and not difference(before, now)


def test_a_text_of_an_ini_file_stands_in_quotes_that_it_does_not_have() -> None:
    assert "SBCXferPrefix = 'a b'\n" in write_ini(SbcSettings().with_value("SBCXferPrefix", "a b")).text
    assert 'SBCXferPrefix = "a\'b"\n' in write_ini(SbcSettings().with_value("SBCXferPrefix", "a'b")).text


@pytest.mark.parametrize("form", list(Form))
def test_a_password_leaves_only_when_it_is_revealed(form: Form) -> None:
    before = SbcSettings().with_row("Account", Username="100", Password="tomato soup")
    hidden, open_ = WRITERS[form](before), WRITERS[form](before, reveal=True)
    assert "tomato" not in hidden.text and hidden.left_out == ("Account 0: Password",)
    assert "tomato soup" in open_.text and open_.left_out == ()


@pytest.mark.parametrize("parameter", FACTS.parameters, ids=lambda parameter: parameter.name)
@pytest.mark.parametrize("form", list(Form))
def test_each_global_setting_goes_through_each_form(form: Form, parameter: Parameter) -> None:
    if parameter.kind is Kind.CHOICE:
        value: Value = next(choice.number for choice in reversed(parameter.choices) if _may(parameter, choice.number))
    else:
        value = parameter.high if parameter.kind is Kind.NUMBER else "port,ttl"
    before = SbcSettings().with_value(parameter.name, value)
    after = read_settings(WRITERS[form](before).text.encode(), f"x.{form}").settings
    assert after.value(parameter.name) == value and after == before
