"""Imports point one way, files stay small, names are nouns of the user, modules say what they are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted([*(ROOT / "provisioner").rglob("*.py"), *(ROOT / "sipstub").rglob("*.py")])

PROVISIONER = {
    # package: its place; an import may only point to a lower one, or stay inside
    "errors": 0,
    "mac": 0,
    "secret": 0,
    "address": 0,
    "database_url": 0,
    "settings": 1,
    "catalogue": 2,
    "inventory": 3,
    "rendering": 4,
    "delivery": 5,
    "state": 6,
    "services": 7,
    "web": 7,
    "runtime": 8,
    "cli": 9,
    "__main__": 10,
}
MAY_USE_SIPSTUB = {"secret", "rendering", "expectations", "services", "runtime", "cli"}
"Runtime is the composition root; a secret is one class for both."
SIPSTUB = {
    "errors": 0,
    "secret": 0,
    "sip": 1,
    "transaction": 2,
    "dialog": 3,
    "session_timer": 4,
    "registrar": 5,
    "sbc": 7,
    "subscriptions": 5,
    "phone": 5,
    "media": 2,
    "scenario": 5,
    "core": 6,
    "stimulus": 7,
    "net": 8,
}
MAX_LINES = 400
LONG_FILES: dict[str, str] = {}
"Files that may be longer, each with the reason that its first line gives too."
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "tools"}
STANDARD = {
    "http",
    "logging",
    "email",
    "token",
    "types",
    "queue",
    "select",
    "signal",
    "string",
    "struct",
    "time",
    "uuid",
    "csv",
    "json",
}
CLOCKS = {"time.time", "time.monotonic", "datetime.now", "datetime.utcnow", "time.sleep"}
PURE = (
    "provisioner/catalogue",
    "provisioner/inventory",
    "provisioner/rendering",
    "provisioner/delivery",
    "provisioner/expectations",
    "sipstub/sip",
    "sipstub/transaction",
    "sipstub/dialog",
    "sipstub/session_timer",
    "sipstub/registrar",
    "sipstub/subscriptions",
    "sipstub/core",
    "sipstub/sbc",
    "sipstub/sbc/settings",
    "sipstub/sbc/predict",
    "sipstub/scenario",
    "sipstub/stimulus",
    "sipstub/trace",
    "sipstub/verify/",
    "sipstub/phone/agent",
    "sipstub/media/",
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports are absolute"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def part(module: str) -> str:
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else ""


@pytest.mark.parametrize("path", SOURCES, ids=map(name_of, SOURCES))
def test_imports_point_only_left(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    own = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
    order = PROVISIONER if package == "provisioner" else SIPSTUB
    for module in imports_of(path):
        if module.split(".")[0] == "provisioner":
            assert package == "provisioner", f"sipstub never imports provisioner: {module}"
        if module.split(".")[0] == "sipstub" and package == "provisioner":
            assert own in MAY_USE_SIPSTUB, f"provisioner.{own} may not import {module}"
        target = part(module)
        if module.split(".")[0] == package and target in order and own in order and target != own:
            assert order[target] < order[own], f"{package}.{own} may not import {module}"


def test_every_package_has_its_place() -> None:
    tops = {
        path.relative_to(ROOT / "provisioner").parts[0].removesuffix(".py") for path in SOURCES if "provisioner" in name_of(path)
    }
    assert tops - set(PROVISIONER) <= {"__init__", "expectations", "testing"}


@pytest.mark.parametrize("path", SOURCES, ids=map(name_of, SOURCES))
def test_a_file_is_short_has_a_plain_name_and_says_what_it_is(path: Path) -> None:
    text = path.read_text("utf-8")
    name = name_of(path)
    lines = text.count("\n")
    assert lines <= MAX_LINES or name in LONG_FILES, f"{name} has {lines} lines"
    assert FORBIDDEN.isdisjoint(part.removesuffix(".py") for part in Path(name).parts)
    assert path.stem not in STANDARD, f"{name} is called like a module of Python"
    if text.strip() and path.name != "__init__.py":
        docstring = ast.get_docstring(ast.parse(text))
        assert docstring, f"{name} does not say what it is"
        assert docstring.rstrip()[-1] in ".:)`!?}]" or "\n" in docstring, f"{name}: {docstring[-20:]}"


def test_the_exceptions_are_still_needed() -> None:
    for name in LONG_FILES:
        path = ROOT / name
        assert not path.exists() or path.read_text("utf-8").count("\n") > MAX_LINES, f"{name} needs no exception any more"


@pytest.mark.parametrize("path", [path for path in SOURCES if name_of(path).startswith(PURE)], ids=lambda path: name_of(path))
def test_what_decides_reads_no_clock(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in CLOCKS, f"{name_of(path)}:{node.lineno}"


def test_the_project_names_no_path_of_a_workplace() -> None:
    folders = ("provisioner", "sipstub", "templates", "devices", "tests", "docs", "bench")
    forbidden = "/wo" + "rk/"
    for folder in folders:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in (".py", ".md", ".toml", ".cfg", ".txt"):
                assert forbidden not in path.read_text("utf-8", errors="replace"), name_of(path)
