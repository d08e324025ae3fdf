"""Drop NAME.device.toml into a model's folder, run with --update-golden, read what the phone would get: a test."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from golden_case import HERE, cases, facts, render_case, sibling

from provisioner.errors import Severity
from sipstub.phone.format.cfg import parse_cfg

IDS = [str(case.relative_to(HERE)).removesuffix(".device.toml") for case in cases()]
MODELS_IN_SCOPE = 14


@pytest.fixture(scope="session")
def hashes_of_another_process() -> dict[str, str]:
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    done = subprocess.run(
        [sys.executable, str(HERE / "golden_case.py")], capture_output=True, check=True, env=environment, timeout=120
    )
    hashes: dict[str, str] = json.loads(done.stdout)
    return hashes


@pytest.mark.parametrize("case", cases(), ids=IDS)
def test_a_phone_gets_the_files_that_were_reviewed(case: Path, updates_golden: bool) -> None:
    golden = render_case(case)
    errors = [str(problem) for problem in golden.problems if problem.severity is Severity.ERROR]
    assert not errors
    for suffix, body in ((".expected.cfg", golden.mac), (".common.expected.cfg", golden.common)):
        file = sibling(case, suffix)
        if updates_golden:
            file.write_bytes(body)
        assert body.decode() == file.read_text("utf-8"), f"{file.name}: read the diff, then run with --update-golden"


@pytest.mark.parametrize("case", cases(), ids=IDS)
def test_both_files_are_read_back_without_a_fault(case: Path) -> None:
    golden = render_case(case)
    for body in (golden.mac, golden.common):
        read = parse_cfg(body)
        assert not read.faults
        assert read.has_version_line
        assert body.endswith(b"\n")
        assert b"\r" not in body


@pytest.mark.parametrize("case", cases(), ids=IDS)
def test_what_must_never_appear_does_not(case: Path) -> None:
    never = sibling(case, ".never.txt")
    golden = render_case(case)
    unwanted = [line for line in never.read_text("utf-8").splitlines() if line] if never.exists() else []
    for text in (golden.mac.decode(), golden.common.decode()):
        assert not [line for line in unwanted if line in text]
    assert b"secret" not in golden.common


@pytest.mark.parametrize("case", cases(), ids=IDS)
def test_other_objects_and_another_hash_seed_give_the_same_bytes(case: Path, hashes_of_another_process: dict[str, str]) -> None:
    first, second = render_case(case), render_case(case)
    assert (first.mac, first.common) == (second.mac, second.common)
    seen = hashlib.sha256(first.mac + b"\0" + first.common).hexdigest()
    assert hashes_of_another_process[str(case.relative_to(HERE))] == seen


def test_every_model_in_scope_has_cases() -> None:
    catalogue, _ = facts()
    in_scope = {model.name.replace(" ", "-") for model in catalogue.models.values() if model.is_in_scope}
    assert len(in_scope) == MODELS_IN_SCOPE
    assert {case.parent.name for case in cases()} == in_scope
    for model in in_scope:
        assert len([case for case in cases() if case.parent.name == model]) >= 2, model
        assert {render_case(case).model.replace(" ", "-") for case in cases() if case.parent.name == model} == {model}
