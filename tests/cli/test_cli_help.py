"""`provisioner help`: topics made from the tables of the code, and a page for each exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner.cli import COMMANDS, cli
from provisioner.cli.help_ import TOPICS
from provisioner.cli.outcome import EXIT_MEANING, Exit
from provisioner.delivery.reason import Reason
from provisioner.settings import SETTINGS
from provisioner.state.phone_state import PhoneState

PAGE = (Path(__file__).parent.parent.parent / "docs" / "reference" / "exit-codes.md").read_text("utf-8")
MAX_WIDTH = 130


def said(*call: str) -> str:
    result = CliRunner().invoke(cli, ["help", *call])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_without_a_topic_all_are_listed() -> None:
    assert all(f"  {topic}  " in said() for topic in TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_fits_the_screen(topic: str) -> None:
    lines = said(topic).splitlines()
    assert 1 < len(lines) < 40
    assert max(map(len, lines)) <= MAX_WIDTH


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_is_printed_and_has_its_heading_in_the_reference(code: Exit) -> None:
    meaning = EXIT_MEANING[code]
    assert f"  {int(code):<6}{meaning}\n" in said("exit-codes")
    section = PAGE.split(f"\n## {int(code)}\n", 1)[1].split("\n## ")[0]
    assert meaning[1:] in section and "To do: " in section


def test_the_reference_has_no_exit_code_that_does_not_exist() -> None:
    headings = [line[3:] for line in PAGE.splitlines() if line.startswith("## ")]
    assert headings == [str(int(code)) for code in EXIT_MEANING]


def test_states_reasons_and_settings_are_those_of_the_code() -> None:
    assert all(f"  {state}  " in said("states") for state in PhoneState)
    assert all(f"  {reason} " in said("reasons") for reason in Reason)
    assert all(f"  {spec.name}  " in said("settings") for spec in SETTINGS)


def test_the_order_of_layers_is_that_of_the_inventory() -> None:
    assert "phone > group > site > defaults > template" in said("order")


@pytest.mark.parametrize(("typo", "meant"), [("exit-cods", "exit-codes"), ("state", "states"), ("doctr", "doctor")])
def test_a_typo_gets_a_suggestion_and_a_usage_error(typo: str, meant: str) -> None:
    result = CliRunner().invoke(cli, ["help", typo])
    assert result.exit_code == Exit.USAGE
    assert f"Did you mean '{meant}'?" in result.stderr and result.stdout == ""


def test_a_word_that_is_like_nothing_gets_the_list_of_topics() -> None:
    assert "exit-codes" in CliRunner().invoke(cli, ["help", "q" * 500]).stderr


def test_the_name_of_a_command_shows_its_help() -> None:
    assert "settings" in COMMANDS
    assert (
        said("settings").splitlines()[0]
        == "In provisioner.toml, as PROVISIONER_NAME, or as --name.  `provisioner settings` prints values and origins:"
    )
    assert said("models").startswith("Usage: ")
