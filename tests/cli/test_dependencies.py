"""Every dependency has a reason in docs/dependencies.md and a pin in constraints.txt."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DIRECT = [
    Requirement(text)
    for text in [*PROJECT["dependencies"], *(text for group in PROJECT["optional-dependencies"].values() for text in group)]
]
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
PINS = {canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in CONSTRAINTS}


def _reasons() -> dict[str, str]:
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z0-9-]+) \| (.+) \|$", text, re.MULTILINE)
    return {canonicalize_name(name): reason for name, reason in rows if name != "package"}


def test_every_dependency_has_one_sentence_of_reason_and_no_reason_is_left_over() -> None:
    reasons = _reasons()
    assert set(reasons) == {canonicalize_name(found.name) for found in DIRECT}
    for name, reason in reasons.items():
        assert len(reason) > 10 and reason.endswith("."), name


def test_libpass_is_explained_as_the_continuation_of_passlib() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    assert "maintained continuation of passlib" in text and "1.7.4" in text and "bcrypt 5" in text
    assert "passlib" not in {canonicalize_name(found.name) for found in DIRECT}, "both own the same folder"


def test_constraints_are_plain_sorted_pins_without_download_addresses() -> None:
    for line in CONSTRAINTS:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+-]*", line), line
    names = [line.partition("==")[0].lower() for line in CONSTRAINTS]
    assert names == sorted(names) and len(names) == len(set(names))


def test_every_dependency_is_pinned_to_a_version_that_it_allows() -> None:
    for found in DIRECT:
        name = canonicalize_name(found.name)
        assert name in PINS, f"{name} has no pin in constraints.txt"
        assert found.specifier.contains(PINS[name]), f"{name} is pinned to {PINS[name]}, pyproject wants {found.specifier}"


def test_what_the_dependencies_need_is_pinned_too() -> None:
    waiting = [(found.name, extra) for found in DIRECT for extra in (found.extras or {""})]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            texts = requires(name) or []
        except PackageNotFoundError:
            continue  # a development tool that is not installed here
        for needed in map(Requirement, texts):
            if needed.marker is not None and not needed.marker.evaluate({"extra": extra}):
                continue
            assert canonicalize_name(needed.name) in PINS, f"{needed.name}, which {name} needs, has no pin in constraints.txt"
            waiting += [(needed.name, inner) for inner in ("", *needed.extras)]
