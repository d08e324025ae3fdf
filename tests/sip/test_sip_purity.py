"""sipstub/sip holds values: no socket, no clock, no chance, and nothing from outside itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sipstub" / "sip"
FILES = sorted(PACKAGE.rglob("*.py"))
ALLOWED = {"__future__", "ast", "base64", "binascii", "calendar", "collections", "dataclasses", "enum", "functools"}
ALLOWED |= {"hashlib", "hmac", "ipaddress", "re", "typing", "urllib"}
MAX_LINES = 400


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_itself_and_pure_modules_are_imported(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.startswith("sipstub.sip") or name.partition(".")[0] in ALLOWED, f"{path.name} imports {name}"
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES
