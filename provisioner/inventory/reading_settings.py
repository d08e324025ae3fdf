"""Read `settings` and `reset`: parameters of the phone by their own name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from provisioner.inventory.layer import RESET, Setting
from provisioner.inventory.toml_text import Path
from provisioner.inventory.value import ValueProblem, read_raw_setting

_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.<>-]{0,119}", re.ASCII)

Note = Callable[[Path, str, str, str], None]
"Takes a problem: where, code, message, hint."


def read_settings(path: Path, table: dict[str, Any], note: Note, setting: Callable[[Path, Any], Setting]) -> dict[str, Setting]:
    """Return the parameters that the table sets or resets, by name; `note` hears of what is wrong."""
    found: dict[str, Setting] = {}
    raw = table.get("settings", {})
    if isinstance(raw, dict):
        for name, value, where in _flatten((*path, "settings"), raw):
            if not _PARAMETER.fullmatch(name):
                note(
                    where,
                    "bad-parameter-name",
                    f'"{name[:80]}" cannot be the name of a parameter',
                    "copy it from `provisioner parameters`",
                )
                continue
            if name in found:
                first = found[name].origin.line
                note(where, "two-values", f"{name} is given twice, first at line {first}", "keep one")
                continue
            try:
                found[name] = setting(where, read_raw_setting(name, value))
            except ValueProblem as problem:
                note(where, problem.code, problem.message, problem.hint)
    else:
        note((*path, "settings"), "wrong-type", "settings is not a table", 'write settings."parameter.name" = "value"')
    names = table.get("reset", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        note((*path, "reset"), "wrong-type", "reset is not a list of names", 'write reset = ["parameter.name"]')
        return found
    for name in names:
        where = (*path, "reset")
        if not _PARAMETER.fullmatch(name):
            note(
                where,
                "bad-parameter-name",
                f'"{name[:80]}" cannot be the name of a parameter',
                "copy it from `provisioner parameters`",
            )
        elif name in found and found[name].value != RESET:
            note(where, "two-values", f"{name} is both set and reset", "keep one")
        else:
            found[name] = setting(where, RESET)
    return found


def _flatten(path: Path, table: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any, Path]]:
    """Yield parameters written as settings."a.b" = 1 and, what TOML makes of the same without quotes, settings.a.b = 1."""
    stack = [(path, table, prefix)]
    while stack:
        where, entries, before = stack.pop()
        for name, value in entries.items():
            full = f"{before}.{name}" if before else name
            if isinstance(value, dict):
                stack.append(((*where, name), value, full))
            else:
                yield full, value, (*where, name)


def is_parameter(name: str) -> bool:
    """Return whether `name` looks like a parameter of a phone's file: it has a dot."""
    return "." in name and bool(_PARAMETER.fullmatch(name))
