"""The reference says what the code does, rule by rule; rules look at nothing but facts."""

from __future__ import annotations

import ast
import re

import pytest
import test_rules_call
import test_rules_register
import test_rules_session
from rule_reference import BEGIN, PAGE, reference, section
from verify_builders import OBSERVABLES, ROOT

from sipstub.verify.rules import RULES
from sipstub.verify.setting import SETTINGS
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Verdict

TEXT = PAGE.read_text("utf-8")
WRITES = ("files.py", "reading.py")
"Put finished reports into files, and read them back; they judge nothing."
SOURCES = sorted(path for path in (ROOT / "sipstub" / "verify").rglob("*.py") if path.name not in WRITES)
WANTED_ROWS = {*range(1, 13), 16, 17, 18, *range(21, 32), 39, 43, 44, *range(48, 54), *range(65, 71), 72, 79, 82, 88}
"Rows of the table of what shows on the wire that have to have a rule."


@pytest.mark.parametrize("name", RULES)
def test_the_reference_has_the_rule_as_it_is(name: str) -> None:
    assert section(RULES[name]) in TEXT, "run python tests/verify/rule_reference.py"


def test_the_reference_has_nothing_else() -> None:
    assert TEXT.partition(BEGIN)[1] + TEXT.partition(BEGIN)[2] == reference()
    for word in [*Verdict, *Stimulus]:
        assert f"`{word}`" in TEXT or f"| {word} |" in TEXT, word


def test_the_options_of_the_command_are_in_the_reference() -> None:
    from sipstub.verify_command import verify_command

    for parameter in verify_command.params:
        for option in parameter.opts:
            assert option in TEXT, option


def test_every_rule_has_its_three_cases() -> None:
    cased = {case.rule for case in test_rules_register.CASES} | {row[0] for row in test_rules_call.CASES}
    cased |= {case[0] for case in test_rules_session.CASES}
    assert set(RULES) - cased == {"session-timer-register"}


def test_the_rows_that_were_asked_for_have_rules_and_45_settings_are_judged() -> None:
    rows = {row for rule in RULES.values() for row in rule.rows}
    judged = {name for rule in RULES.values() for name in rule.settings}
    assert rows >= WANTED_ROWS
    assert len(judged) >= 45
    assert {item.setting for item in OBSERVABLES.items} == set(SETTINGS) == judged


def test_every_rule_says_what_it_is_and_where_that_comes_from() -> None:
    for rule in RULES.values():
        assert (rule.check.__doc__ or "").strip().endswith("."), rule.name
        assert re.search(r"RFC \d|guide|recall|meaning|start", rule.source), rule.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_judges_reads_no_clock_opens_nothing_and_knows_no_mutant(path: object) -> None:
    tree = ast.parse(path.read_text("utf-8"))  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] not in {"time", "socket", "asyncio", "os", "pathlib", "subprocess", "provisioner"}, name
            assert not name.startswith(("sipstub.phone", "sipstub.net", "sipstub.registrar")), name
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"open", "datetime.now", "datetime.utcnow"}
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert "disobey" not in node.value and "mutant" not in node.value


def test_the_howto_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "howto" / "add-a-rule.md").read_text("utf-8")
    for name in re.findall(r"`((?:sipstub|templates|tests|docs)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name
