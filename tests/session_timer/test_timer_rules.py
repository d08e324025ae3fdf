"""The table of rules says the truth: every rule is there, and is held by tests that exist, or says why it does not bind."""

from __future__ import annotations

from rule_table import NONE, column, rows, rule_tests

NUMBER_OF_RULES = 102
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "RECOMMENDED", "NOT RECOMMENDED", "MAY", "definition"}
HELD = ("held", "held on legs")
FREE = "does not bind: "
ROLES = {"any", "uac", "uas", "proxy", "refresher", "other side"}


def test_every_rule_is_in_the_table_once_and_in_order() -> None:
    assert [row.id for row in rows()] == [f"T-{number:02}" for number in range(1, NUMBER_OF_RULES + 1)]


def test_every_row_is_filled_in() -> None:
    for row in rows():
        assert row.level in LEVELS and set(row.who.split(", ")) <= ROLES, row.id
        assert row.section[0].isdigit() and len(row.rule) > 12, row.id
        assert row.status in HELD or (row.status.startswith(FREE) and len(row.status) > len(FREE) + 10), row.id


def test_a_rule_is_held_where_there_are_tests_and_nowhere_else() -> None:
    tests = rule_tests()
    for row in rows():
        assert (row.status in HELD) == bool(tests.get(row.id)), f"{row.id}: {row.status}, {tests.get(row.id)}"


def test_every_rule_for_user_agents_binds() -> None:
    for row in rows():
        assert row.status == "held" or row.who in ("proxy",), f"{row.id} binds {row.who}"


def test_no_test_carries_the_number_of_a_rule_that_does_not_exist() -> None:
    assert set(rule_tests()) <= {row.id for row in rows()}


def test_the_last_column_names_the_tests_that_there_are() -> None:
    tests = rule_tests()
    for row in rows():
        assert row.tests == column(tests.get(row.id, [])), "run `python tests/session_timer/rule_table.py`"
        assert (row.tests == NONE) == (row.status not in HELD)
