"""`provisioner help TOPIC`: small texts, made from the tables of the code where there are any."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

import click

from provisioner.cli import COMMANDS, DOCS

WIDTH = 16
MIN_LIKENESS = 0.5
"How alike (difflib, 0..1) a topic must be to be suggested."


@click.command("help")
@click.argument("topic", required=False)
@click.pass_context
def command(ctx: click.Context, topic: str | None) -> None:
    """Explain a topic: exit-codes, files, states, and more; or show the help of a command.

    \b
    Examples:
      provisioner help                list the topics
      provisioner help exit-codes     what the exit code of a command means
    """
    if topic is None:
        lines = [f"  {name:<{WIDTH}}{summary}" for name, (summary, _) in TOPICS.items()]
        click.echo("\n".join(["Topics, to be read with `provisioner help TOPIC`:", *lines]))
        click.echo(f"Commands explain themselves: provisioner COMMAND --help.  Documentation: {DOCS}")
        return
    if topic in TOPICS:
        click.echo(TOPICS[topic][1]().rstrip("\n"))
        return
    group = ctx.parent.command if ctx.parent is not None else None
    if topic in COMMANDS and isinstance(group, click.Group) and ctx.parent is not None:
        wanted = group.get_command(ctx.parent, topic)
        if wanted is not None:
            click.echo(wanted.get_help(click.Context(wanted, info_name=topic, parent=ctx.parent)))
            return
    near = difflib.get_close_matches(topic, [*TOPICS, *COMMANDS], 1, MIN_LIKENESS)
    suggestion = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(TOPICS)}."
    raise click.UsageError(f"No such topic {topic[:60]!r}.{suggestion}", ctx)


def _rows(rows: Mapping[str, str], width: int = WIDTH) -> str:
    return "\n".join(f"  {name:<{width}}{text}" for name, text in rows.items())


def _exit_codes() -> str:
    from provisioner.cli.outcome import EXIT_MEANING

    return "Every command ends with one of these:\n" + _rows({str(int(code)): text for code, text in EXIT_MEANING.items()}, 6)


def _states() -> str:
    from provisioner.state.phone_state import STATE_MEANING

    return "How a phone stands, the same word in commands, pages, metrics and documents:\n" + _rows(
        {str(state): text for state, text in STATE_MEANING.items()}
    )


def _reasons() -> str:
    from provisioner.delivery.reason import HINTS

    head = (
        "Why a phone got no file, and what to do.  The phone itself sees a bare 404 (TFTP: error 1), before the first load 503.\n"
    )
    return head + _rows({str(reason): hint for reason, hint in HINTS.items()}, 18)


def _settings() -> str:
    from provisioner.settings import SETTINGS

    head = "In provisioner.toml, as PROVISIONER_NAME, or as --name.  `provisioner settings` prints values and origins:\n"
    return head + _rows({spec.name: spec.summary for spec in SETTINGS}, 18)


def _files() -> str:
    return (
        "What lies where:\n"
        + _rows(
            {
                "provisioner.toml": "settings: named by --config or PROVISIONER_CONFIG, else here, else in /etc/provisioner/",
                "devices/": "what you want: defaults, sites, groups, phones, in TOML; keep it in git",
                "templates/": "how it is said to a phone: templates, and the facts about models and parameters",
                "state/": "what happened: journal and published files; holds passwords, readable by its owner alone",
            },
            18,
        )
        + (
            "\nWhat a phone asks for at boot, in this order:\n"
            + _rows(
                {
                    "y0000000000NN.cfg": "the common file of its model; holds no secret",
                    "<mac>.cfg": "its own file, 12 lower-case hex digits; wins over the common file",
                    "*.boot": "newer firmware asks for these first; a 404 is harmless",
                    "<mac>-local.cfg": "changes made on the phone itself, where they are to be kept; not taken by this server",
                },
                19,
            )
        )
    )


def _order() -> str:
    from provisioner.inventory.origin import Rank

    return (
        "Which value wins, the most specific first; two values at one rank are a problem, never a guess:\n"
        f"  {' > '.join(rank.name.lower() for rank in sorted(Rank, reverse=True))}\n"
        "  `provisioner explain PHONE KEY` shows file and line of the value and of those it overrides.\n"
        "Settings of the server:\n"
        "  flag > PROVISIONER_NAME > provisioner.toml > default\n"
        "Where a phone takes its URL from, first hit wins:\n"
        "  a custom DHCP option (128 to 254) > option 66 > option 43\n"
        "  The older manual puts zero touch and PnP before these and the address stored in the phone last.\n"
        "  `provisioner dhcp` prints the option 66 for your DHCP server."
    )


def _secrets() -> str:
    return (
        "Passwords of lines stand in a file named by password_file, or in the phone's TOML (check then warns).\n"
        "They are masked in every command, page, log and report; only the phone's own file holds them in clear.\n"
        "  provisioner render PHONE --reveal    prints them on purpose: exactly the bytes that the phone gets"
    )


TOPICS: Mapping[str, tuple[str, Callable[[], str]]] = {
    "exit-codes": ("what the exit code of a command means", _exit_codes),
    "states": ("the words for how a phone stands", _states),
    "reasons": ("why a phone got no file, and what to do", _reasons),
    "files": ("which file and folder holds what, and what phones ask for", _files),
    "order": ("which value wins; where a phone finds its URL", _order),
    "settings": ("the settings of the server, one line each", _settings),
    "secrets": ("where passwords are, and where they are masked", _secrets),
}
