"""docs/reference/cli.md against the program: every command and option has its heading and an example that is real."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from functools import cache

import click
import pytest
from fleet_here import ROOT

from provisioner.cli import COMMANDS, cli

PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
SHARED = ("Options of `provisioner` itself", "Settings as options", "Options of every list")
MINE = ("docs/howto/templates.md", "docs/howto/why-did-this-phone-get-that.md")


@cache
def commands() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}

    def walk(path: str, command: click.Command) -> None:
        found[path] = command
        for name, below in getattr(command, "commands", {}).items():
            walk(f"{path} {name}", below)

    for name, (module, _) in COMMANDS.items():
        walk(name, importlib.import_module(module).command)
    return found


@cache
def sections() -> dict[str, dict[str, str]]:
    """Return for each heading its options with their text; the text of the heading itself is at the empty option."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title, _, text = part.partition("\n")
        pieces = re.split(r"^### `(.+)`\n", text, flags=re.MULTILINE)
        found[title] = {"": pieces[0]} | dict(zip(pieces[1::2], pieces[2::2], strict=True))
    return found


def names(parameter: click.Parameter) -> set[str]:
    return set(parameter.opts) if isinstance(parameter, click.Option) else set()


def calls(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("    provisioner "):
            yield shlex.split(re.split(r"\s{3,}| > ", line.strip())[0])[1:]


def test_every_command_has_a_heading_and_no_heading_is_left_over() -> None:
    assert set(sections()) == {*commands(), *SHARED}


@pytest.mark.parametrize("path", sorted(commands()))
def test_every_option_has_a_heading_and_an_example(path: str) -> None:
    shared = {option: text for title in SHARED for option, text in sections()[title].items()}
    for parameter in commands()[path].params:
        if not isinstance(parameter, click.Option):
            continue
        texts = [text for option, text in {**shared, **sections()[path]}.items() if option in names(parameter)]
        assert texts, f"{path} {parameter.opts}"
        assert any(names(parameter) & set(call) for text in texts for call in calls(text)), (
            f"{path} {parameter.opts} has no example"
        )


@pytest.mark.parametrize("path", sorted(commands()))
def test_no_option_is_documented_that_does_not_exist(path: str) -> None:
    known = {name for parameter in commands()[path].params for name in names(parameter)}
    assert set(sections()[path]) - {""} <= known


@pytest.mark.parametrize("path", sorted(commands()))
def test_help_opens_with_two_examples_and_ends_with_where_to_read_on(path: str) -> None:
    command = commands()[path]
    if path.split()[0] not in (
        "check render explain why plan diff phones show templates models parameters".split()  # those of this area
    ):
        return
    text = command.help or ""
    assert text.count("      provisioner ") >= 2 or text.count("  provisioner ") >= 2, path
    assert "docs/" in (command.epilog or ""), path


def test_every_example_can_be_parsed() -> None:
    pages = [PAGE, *((ROOT / page).read_text("utf-8") for page in MINE)]
    found = [call for page in pages for call in calls(page)]
    assert len(found) > 80
    for call in found:
        _parse(call)


def _parse(call: list[str]) -> None:
    """Hold a call against the commands and options there are, without running it."""
    rest = list(call)
    while rest and rest[0].startswith("-"):
        option = next(parameter for parameter in cli.params if rest[0] in names(parameter) | {"-h", "--help"})
        del rest[: 1 if getattr(option, "is_flag", False) else 2]
    if not rest:
        return
    path = rest.pop(0)
    assert path in commands(), call
    while f"{path} {rest[0] if rest else ''}" in commands():
        path = f"{path} {rest.pop(0)}"
    known = {name for parameter in commands()[path].params for name in names(parameter)} | {"-h", "--help", "-"}
    assert [word for word in rest if word.startswith("-") and word not in known] == [], call
