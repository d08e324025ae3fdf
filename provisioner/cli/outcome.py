"""How a command ends: exit codes, and errors as what, why and what next instead of a traceback."""

from __future__ import annotations

import enum
import os
import sys

import click

from provisioner.errors import EnvironmentProblem, ProvisionerError, SettingsError


class Exit(enum.IntEnum):
    """Documented in docs/reference/exit-codes.md and printed by `provisioner help exit-codes`."""

    DONE = 0
    PROBLEMS = 1
    USAGE = 2
    CHANGES = 3
    INCONCLUSIVE = 4
    ENVIRONMENT = 5
    INTERRUPTED = 130


EXIT_MEANING: dict[Exit, str] = {
    Exit.DONE: "done, or nothing to do",
    Exit.PROBLEMS: "problems were found, or a check failed",
    Exit.USAGE: "the command was called wrongly, or a setting is wrong",
    Exit.CHANGES: "`plan --exit-code`: phones would get something else than they last received",
    Exit.INCONCLUSIVE: "no evidence either way: no phone showed up",
    Exit.ENVIRONMENT: "the machine refuses: a taken port, a folder that cannot be written",
    Exit.INTERRUPTED: "interrupted with Ctrl-C",
}


def run(command: click.Command, args: list[str] | None = None) -> None:
    """Run `command` and leave the process with the exit code that its outcome has."""
    arguments = sys.argv[1:] if args is None else args
    debug = "--debug" in arguments
    try:
        code = command.main(arguments, prog_name=command.name if command.name != "cli" else "provisioner", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        code = Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except ProvisionerError as error:
        if debug:
            raise
        click.echo(f"error: {error.message}  [{error.code}]", err=True)
        if error.hint:
            click.echo(f"  hint: {error.hint}", err=True)
        code = _exit_code(error)
    except BrokenPipeError:
        # The reader (head, less) has gone: not an error.  Point stdout elsewhere so that the shutdown flush is silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.DONE
    except Exception as error:
        if debug:
            raise
        click.echo(f"error: {type(error).__name__}: {error}", err=True)
        click.echo("  this is a bug in provisioner; run the same command with --debug and report what it prints", err=True)
        code = Exit.PROBLEMS
    sys.exit(int(code) if isinstance(code, int) else 0)


def _exit_code(error: ProvisionerError) -> Exit:
    if isinstance(error, EnvironmentProblem):
        return Exit.ENVIRONMENT
    if isinstance(error, SettingsError):
        return Exit.USAGE
    return Exit.PROBLEMS
