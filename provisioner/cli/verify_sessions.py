"""`provisioner verify --session-timers`: its options, and the plan that is printed before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from provisioner.runtime.session_calls import SessionCalls
    from provisioner.runtime.verify_subject import Tested
    from sipstub.verify.tolerance import Tolerance

sessions_option = click.option(
    "--session-timers", "wants_sessions", is_flag=True, help="Keep calls up for minutes, and judge session timers by them."
)
plan_option = click.option("--plan", "only_plan", is_flag=True, help="With --session-timers: print calls and times, do nothing.")
quick_option = click.option(
    "--quick",
    "quick_s",
    type=click.FloatRange(0, 86_400),
    metavar="S",
    help="With --session-timers: only calls that fit so many seconds of each phone.",
)
scenario_option = click.option(
    "--scenario", "scenarios", multiple=True, metavar="NAME", help="With --session-timers: only this call; may be given again."
)
tolerance_option = click.option(
    "--tolerance", "allowances", multiple=True, metavar="NAME=NUMBER", help="Judge by another window: refresh_late=0.6."
)


def session_calls(
    *, wants_sessions: bool, only_plan: bool, quick_s: float | None, scenarios: Sequence[str] = ()
) -> SessionCalls | None:
    """Return the calls that are wanted; None for none."""
    from provisioner.runtime.session_calls import SessionCalls
    from sipstub.scenario.all import SCENARIOS

    if not wants_sessions:
        if only_plan or quick_s is not None or scenarios:
            raise click.UsageError("--plan, --quick and --scenario go with --session-timers")
        return None
    unknown = [name for name in scenarios if name not in SCENARIOS]
    if unknown:
        raise click.UsageError(f"no scenario is called {unknown[0][:40]!r}: {', '.join(SCENARIOS)}")
    return SessionCalls(quick_s, names=tuple(scenarios))


def tolerance_of(allowances: Sequence[str]) -> Tolerance:
    """Return the windows of this run."""
    from sipstub.verify.tolerance import TOLERANCE

    found = TOLERANCE
    for text in allowances:
        name, _, number = text.partition("=")
        try:
            found = found.changed(name.strip(), _number(number))
        except (LookupError, ValueError) as error:
            raise click.UsageError(f"--tolerance {text!r}: {error.args[0]}") from None
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no number" if text else "say NAME=NUMBER") from None


def print_plan(phones: Sequence[Tested], calls: SessionCalls, *, has_person: bool, json_file: Path | None) -> None:
    """Print the plan of each phone whose file is known, or write it as JSON; NotFound where none is."""
    import json

    from provisioner.runtime.session_calls import plans_as_json, printed
    from sipstub.verify.report.files import STANDARD_OUTPUT, write_file

    plans = {
        phone.name: calls.plan(phone.expectations, has_person=has_person) for phone in phones if phone.expectations is not None
    }
    missing = {phone.name: phone.missing for phone in phones if phone.expectations is None}
    unknown = [f"{name}: {why}" for name, why in missing.items()]
    if not plans:
        raise NotFound("; ".join(unknown[:3]), hint="let the phone fetch its file first, or name the cfg file itself")
    text = json.dumps(plans_as_json(plans, missing), indent=2, ensure_ascii=False) + "\n"
    if json_file is not None and str(json_file) == STANDARD_OUTPUT:
        click.echo(text, nl=False)
        return
    if json_file is not None:
        write_file(json_file, text)
    click.echo("\n".join([printed(plans), *(f"not planned: {line}" for line in unknown)]))
