"""Every mutant is caught by the right rule and accused by no other; an honest phone with the same file by none."""

from __future__ import annotations

import pytest
from mutant_table import BAD, OVER, PAGE, REVIEWED, TABLE, WITHOUT_MUTANT, as_text, kept, page, reviewed, row_of, said_of

from sipstub.phone.disobey import MUTANTS
from sipstub.verify.rules import RULES
from sipstub.verify.verdict import Verdict

BINDING_ROWS = {*range(1, 13), 16, 17, 18, *range(21, 32), 39, 43, 44, *range(48, 54), *range(65, 71), 72, 79, 82, 88}
"Rows of the table of what shows on the wire whose rules have to catch something."


def caught_by(name: str) -> set[str]:
    return {rule for rules in reviewed()[name].rules.values() for rule in rules}


@pytest.mark.parametrize("name", MUTANTS)
def test_an_honest_phone_with_the_file_of_a_mutant_is_not_accused(name: str) -> None:
    for transport in OVER:
        said = said_of(None, MUTANTS[name], transport)
        assert [f"{transport}: {rule} {verdict}" for rule, verdict in said.items() if verdict in BAD] == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_the_right_rules_and_by_no_other(name: str) -> None:
    right = reviewed()[name]
    for transport in OVER:
        said = said_of(MUTANTS[name], MUTANTS[name], transport)
        caught = {rule: verdict for rule, verdict in said.items() if verdict in BAD}
        wanted = set(right.rules[transport])
        assert set(caught) == wanted, transport
        if not right.is_warning and wanted:
            assert Verdict.FAIL in caught.values(), transport


def test_the_table_is_as_kept(updates_matrix: bool) -> None:
    text = as_text({name: {transport: row_of(mutant, transport) for transport in OVER} for name, mutant in MUTANTS.items()})
    if updates_matrix:
        TABLE.write_text(text, "utf-8")
        PAGE.write_text(page(), "utf-8")
    found = TABLE.read_text("utf-8")
    assert found == text, "pytest tests/verify --update-matrix writes it anew"


def test_the_page_shows_the_table() -> None:
    assert PAGE.read_text("utf-8") == page(), "pytest tests/verify --update-matrix writes it anew"


def test_the_reviewed_data_is_about_mutants_and_rules_that_exist() -> None:
    assert list(reviewed()) == list(MUTANTS) == list(kept()), f"{REVIEWED.name} and {TABLE.name} have the order of the mutants"
    for name, right in reviewed().items():
        assert any(right.rules.values()) and caught_by(name) <= set(RULES), name
        assert right.why or not (right.is_warning or not all(right.rules.values())), f"{name}: say why"


def test_every_rule_catches_a_mutant_or_says_why_it_cannot() -> None:
    catching = {rule for name in MUTANTS for rule in caught_by(name)}
    assert set(RULES) - catching == set(WITHOUT_MUTANT)


def test_every_row_that_was_asked_for_has_a_rule_that_catches_a_mutant() -> None:
    catching = {row for name in MUTANTS for rule in caught_by(name) for row in RULES[rule].rows}
    unproved = {row for rule in WITHOUT_MUTANT for row in RULES[rule].rows}
    assert BINDING_ROWS - catching <= unproved
