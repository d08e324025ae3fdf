"""--help stays fast because it imports next to nothing, and every command has one that ends in the documentation."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner.cli import COMMANDS, cli

ROOT = Path(__file__).parent.parent.parent

HEAVY = ("flask", "sqlalchemy", "jinja2", "gunicorn", "tftpy", "alembic", "tomlkit", "passlib", "asyncio", "ssl", "sipstub")
"What --help has no use for."

NOT_YET: frozenset[str] = frozenset()
"Commands whose module may still be missing while it is being written."

PROBE = """
import sys
from provisioner.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print("modules:" + " ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""

EXISTING = [name for name, (module, _) in COMMANDS.items() if importlib.util.find_spec(module) is not None]


def modules_after(*call: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROBE, *call], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("modules:")[2].split())


@pytest.mark.parametrize(
    "call", [("--help",), ("--version",), ("help",), ("help", "exit-codes"), ("dhcp", "--help"), ("settings", "--help")]
)
def test_help_imports_nothing_heavy(call: tuple[str, ...]) -> None:
    assert not modules_after(*call) & set(HEAVY)


def test_the_probe_sees_an_import() -> None:
    assert "json" in modules_after("settings", "--json")


def test_a_command_without_its_module_is_one_that_is_being_written() -> None:
    missing = set(COMMANDS) - set(EXISTING)
    assert missing <= NOT_YET, f"--help lists {', '.join(sorted(missing - NOT_YET))}, and there is no such module"


@pytest.mark.parametrize("name", EXISTING)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself_and_ends_with_the_documentation(name: str, flag: str) -> None:
    # Click keeps the help option of a command's first call; another test may have called it without the group.
    importlib.import_module(COMMANDS[name][0]).command._help_option = None
    result = CliRunner().invoke(cli, [name, flag])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Usage: ")
    link = re.fullmatch(r"  Documentation: (docs/\S+\.md)", result.stdout.rstrip().rpartition("\n")[2])
    assert link is not None, "the last line of --help names the page to read on"
    assert (ROOT / link[1]).is_file(), f"{link[1]} does not exist"


@pytest.mark.parametrize("name", EXISTING)
def test_every_command_shows_two_examples(name: str) -> None:
    command = importlib.import_module(COMMANDS[name][0]).command
    text = (command.help or "").partition("Examples:")[2]
    assert text.count("provisioner ") >= 2, f"{name} has no two examples in its help"
