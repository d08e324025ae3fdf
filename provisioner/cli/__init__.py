"""The command line.  One module per command, imported only when it is called, so that --help stays fast."""

from __future__ import annotations

import importlib
from typing import Any

import click

DOCS = "docs/README.md"

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module that holds `command`, the line shown in --help)
    "serve": ("provisioner.cli.serve", "Serve phones over HTTP(S) and TFTP, and people on localhost."),
    "demo": ("provisioner.cli.demo", "Serve the example fleet and boot every phone of it, once."),
    "init": ("provisioner.cli.init", "Write a folder to start from."),
    "check": ("provisioner.cli.check", "Load, render and lint everything; print all problems."),
    "phones": ("provisioner.cli.phones", "List phones: last fetch, firmware, current or behind."),
    "show": ("provisioner.cli.show", "Show one phone: settings with origin, files, last fetches."),
    "render": ("provisioner.cli.render", "Print the file that a phone gets."),
    "explain": ("provisioner.cli.explain", "Say where a phone's value comes from."),
    "why": ("provisioner.cli.why", "Show the decision trail of one request, past or imagined."),
    "plan": ("provisioner.cli.plan", "Compare what phones last received with what they would get."),
    "diff": ("provisioner.cli.diff", "Compare two phones' files, or a phone's file with the delivered one."),
    "events": ("provisioner.cli.events", "List decisions: who asked for what, and the outcome."),
    "knocking": ("provisioner.cli.knocking", "List unknown phones that asked."),
    "adopt": ("provisioner.cli.adopt", "Take an unknown phone into the inventory."),
    "import": ("provisioner.cli.import_", "Read phones from a CSV file; plan first, --write to do it."),
    "export": ("provisioner.cli.export", "Write the inventory as CSV or TOML."),
    "models": ("provisioner.cli.models", "List the models: accounts, keys, files, agents."),
    "parameters": ("provisioner.cli.parameters", "Search the parameters: meaning, range, default, who sets it."),
    "templates": ("provisioner.cli.templates", "List, show, check and compare templates."),
    "verify": ("provisioner.cli.verify", "Hold what phones do on the wire against the files they fetched."),
    "lab": ("provisioner.cli.lab", "Point phones at this server's registrar for a while, and back."),
    "dhcp": ("provisioner.cli.dhcp", "Print a DHCP block that sends phones here."),
    "doctor": ("provisioner.cli.doctor", "Look for what keeps phones from booting here."),
    "settings": ("provisioner.cli.settings", "Print every setting with its origin."),
    "help": ("provisioner.cli.help_", "Explain a topic: exit-codes, files, states."),
}


class _LazyGroup(click.Group):
    """Lists commands from the table above; a typo gets a suggestion, never a guess acted upon."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        if "Documentation: " not in (command.epilog or ""):
            command.epilog = "\n\n".join(filter(None, (command.epilog, f"Documentation: {DOCS}")))
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            suggestion = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{suggestion}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"provisioner {version('provisioner')}")
        ctx.exit()


@click.group(
    cls=_LazyGroup,
    epilog=f"Documentation: {DOCS}",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option("--config", type=click.Path(dir_okay=False), help="The provisioner.toml to read.")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version.")
@click.pass_context
def cli(ctx: click.Context, config: str | None, debug: bool) -> None:
    """Provision IP phones and see why each got what it got.

    \b
    Examples:
      provisioner check                     every mistake in templates/ and devices/
      provisioner render t46g-lobby         the file this phone gets
    """
    ctx.obj = {"config": config, "debug": debug}


def main(args: list[str] | None = None) -> Any:
    """Run the command line; unexpected errors become one line and exit code 1."""
    from provisioner.cli.outcome import run

    return run(cli, args)
