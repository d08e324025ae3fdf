"""Transactions and dialogs know no socket, no loop and no clock, and import nothing to their right."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sipstub

ROOT = Path(sipstub.__file__).parent
SOURCES = sorted([*(ROOT / "transaction").glob("*.py"), *(ROOT / "dialog").glob("*.py")])
FORBIDDEN = {"socket", "asyncio", "time", "datetime", "threading", "select", "random", "logging", "os", "ssl"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_time_and_chance_are_arguments(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            assert module.split(".")[0] not in FORBIDDEN, f"{path.name} imports {module}"
            if module.startswith("sipstub."):
                allowed = ("sipstub.sip.", "sipstub.transaction.") + (
                    ("sipstub.dialog.",) if path.parent.name == "dialog" else ()
                )
                assert module.startswith(allowed), f"{path.name} imports {module}"
