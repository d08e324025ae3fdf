"""docs/reference/virtual-phone.md has every way to disobey, every option and every setting that the phone reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sipstub.phone.agent.factory import FACTORY
from sipstub.phone.disobey import MUTANTS
from sipstub.phone_command import phone_command

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "virtual-phone.md").read_text(encoding="utf-8")
OF_THE_BOOT = {"--url", "--mac", "--model", "--firmware", "--models", "--again", "--timeout", "--source"}


@pytest.mark.parametrize("name", MUTANTS)
def test_each_way_to_disobey_has_its_row(name: str) -> None:
    mutant = MUTANTS[name]
    parameter = f"`{mutant.parameter}`" if mutant.parameter else "protocol"
    assert f"| `{name}` | {mutant.summary} | {parameter} | {mutant.shows_when} |" in TEXT


def test_no_row_is_of_a_mutant_that_is_gone() -> None:
    table = TEXT.partition("## Ways to disobey")[2]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == set(MUTANTS)


def test_each_option_of_the_command_is_described() -> None:
    options = {name for option in phone_command.params for name in option.opts} - OF_THE_BOOT
    assert [name for name in sorted(options) if f"`{name}" not in TEXT] == []


@pytest.mark.parametrize("name", FACTORY)
def test_each_setting_is_spoken_of(name: str) -> None:
    last = name.rpartition(".")[2]
    assert (
        last in TEXT
        or f"_{last.rpartition('_')[2]}" in TEXT
        or f"{name.split('.')[-2]}.*" in TEXT
        or f"{name.split('.')[-2]}.Y.*" in TEXT
    )
