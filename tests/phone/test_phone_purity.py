"""The phone touches sockets and the clock in sipstub/phone/boot and net alone, and knows nothing of provisioner."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sipstub"
IMPURE = {"asyncio", "socket", "ssl", "time", "datetime", "random", "secrets", "threading", "subprocess"}
PURE_FILES = [path for path in sorted((PACKAGE / "phone").rglob("*.py")) if path.parent.name not in ("boot", "net")]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("path", PURE_FILES, ids=lambda path: path.stem)
def test_no_socket_and_no_clock_outside_boot_and_net(path: Path) -> None:
    assert not imports(path) & IMPURE


def test_the_phone_never_imports_provisioner() -> None:
    for path in [*(PACKAGE / "phone").rglob("*.py"), PACKAGE / "cli.py", PACKAGE / "testing.py"]:
        assert "provisioner" not in imports(path), path
