"""The reference names every timer, state, event and limit with its value, and its example runs."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import get_args

import pytest

from sipstub.dialog import dialog_table, forks, reliable, route
from sipstub.transaction import client_table, server_table
from sipstub.transaction.event import Event, Failure
from sipstub.transaction.state import State, TimerName

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs/reference/sip-transactions.md").read_text("utf-8")
LIMITS = {
    name: getattr(module, name)
    for module, names in (
        (server_table, ("MAX_SERVERS", "MAX_OPEN_PER_HOST", "MAX_HELD_BYTES")),
        (client_table, ("MAX_CLIENTS",)),
        (dialog_table, ("MAX_DIALOGS",)),
        (forks, ("MAX_FORKS",)),
        (reliable, ("MAX_WAITING",)),
        (route, ("MAX_ROUTES",)),
    )
    for name in names
}


@pytest.mark.parametrize("name", [timer.value for timer in TimerName])
def test_every_timer_has_its_row(name: str) -> None:
    assert f"\n| `{name}` |" in TEXT


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_has_its_row_with_its_value(name: str) -> None:
    assert f"\n| `{name}` | {LIMITS[name]} |" in TEXT


@pytest.mark.parametrize("name", [state.value for state in State])
def test_every_state_is_named(name: str) -> None:
    assert re.search(rf"\| [a-z, ]*{name}", TEXT)


@pytest.mark.parametrize("name", [*(event.__name__ for event in get_args(Event)), *(failure.name for failure in Failure)])
def test_every_event_and_failure_is_named(name: str) -> None:
    assert f"`{name}`" in TEXT


def test_every_module_of_dialogs_has_its_row() -> None:
    rows = set(re.findall(r"`([a-z_]+)`", TEXT[TEXT.index("## Dialogs") :]))
    modules = {path.stem for path in (ROOT / "sipstub/dialog").glob("*.py")} - {"__init__", "dialog_id", "refusal"}
    assert modules <= rows


def test_the_example_prints_what_it_says() -> None:
    code, output = re.findall(r"```(?:python|text)\n(.*?)```", TEXT, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "sip-transactions.md", "exec"), {})
    assert printed.getvalue() == output
