"""`sipstub sbc predict`: with this phone and this SBC, who refreshes, when, and what else happens; on paper, nothing is sent."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sipstub.parse_command import printable
from sipstub.sbc.predict.comparison import compare
from sipstub.sbc.predict.mark import Line
from sipstub.sbc.predict.phone import PhoneAccount, PhoneProblem, read_phone
from sipstub.sbc.predict.rules import LegRules, TimerRules
from sipstub.sbc.predict.scenario import Scenario, predict, warnings_of
from sipstub.sbc.predict.sides import sides
from sipstub.sbc.predict.upkeep import LegTimer
from sipstub.sbc_file import read_settings_file
from sipstub.sbc_output import usable
from sipstub.trace.opening import open_recording

DONE, PROBLEMS = 0, 1
MAX_PHONE_BYTES = 2**20
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("predict")
@click.option(
    "--phone", "phones", type=_FILE, multiple=True, required=True, help="The phone's files, or its expectations as JSON."
)
@click.option("--sbc", "sbc", type=_FILE, required=True, help="The SBC's settings: ini, CLI script or TOML.")
@click.option("--phone-group", help="IP Group of the phones; else the first of type User.")
@click.option("--far-group", help="IP Group that calls go to; else where the route leads.")
@click.option("--scenario", "wanted", multiple=True, help="Only this one; may be given several times.")
@click.option("--nat", "is_behind_nat", is_flag=True, help="The phone is behind NAT.")
@click.option("--granted", type=click.IntRange(1), help="Seconds that the registrar grants; else what it is asked for.")
@click.option("--observed", type=_FILE, help="A recording or capture of both legs: compare it with what is predicted.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def predict_command(
    phones: tuple[Path, ...],
    sbc: Path,
    phone_group: str | None,
    far_group: str | None,
    wanted: tuple[str, ...],
    is_behind_nat: bool,
    granted: int | None,
    observed: Path | None,
    as_json: bool,
) -> int:
    """Say who refreshes, when, by what, what 422 leads to and how long the phone is registered; each line with its reason.

    \b
    Example:
      sipstub sbc predict --phone y000000000028.cfg --phone 001565aabbcc.cfg --sbc device.ini
    """
    accounts = read_phone([(file.name, _read(file)) for file in phones])
    settings = usable(read_settings_file(sbc))
    one, two = sides(settings, phone_group, far_group)
    here, there, rules = LegRules.of(settings, one), LegRules.of(settings, two), TimerRules(settings)
    if observed is not None:
        return _compared(accounts, here, there, rules, observed, as_json=as_json)
    found = [
        (account, predict(account, here, there, rules, is_behind_nat=is_behind_nat, server_s=granted)) for account in accounts
    ]
    names = [scenario.name for scenario in found[0][1]]
    for name in wanted:
        if name not in names:
            raise click.UsageError(f"there is no scenario {name!r} here, but {', '.join(names)}")
    chosen = [(account, [s for s in each if not wanted or s.name in wanted]) for account, each in found]
    if as_json:
        sides_json = {"phone": _side(here), "far": _side(there)}
        warnings = [_line_json(line) for line in warnings_of(rules)]
        rows = [_account_json(account, each) for account, each in chosen]
        click.echo(json.dumps({"groups": sides_json, "warnings": warnings, "accounts": rows}, indent=2, ensure_ascii=False))
        return DONE
    for side, what in (("phone", here), ("far", there)):
        click.echo(printable(f"{side:<6} IP Group {what.group}, {what.named('SBCSessionExpiresMode')}"))
    for line in warnings_of(rules):
        _print(line)
    for account, each in chosen:
        for scenario in each:
            click.echo()
            click.echo(printable(f"account {account.number} ({account.user}), {scenario.name}: {scenario.title}"))
            for line in scenario.lines:
                _print(line)
    return DONE


def _compared(
    accounts: list[PhoneAccount], here: LegRules, there: LegRules, rules: TimerRules, file: Path, *, as_json: bool
) -> int:
    """Print what the calls of a recording did beside what was predicted; return 1 if they differ, or there are none."""
    recording = open_recording(file)
    found = [(account, compare(account, here, there, rules, recording)) for account in accounts]
    rows = [(account, row) for account, each in found for row in each]
    if as_json:
        click.echo(json.dumps([{"account": account.number} | asdict(row) for account, row in rows], indent=2, ensure_ascii=False))
    for account, row in rows if not as_json else ():
        word = {True: "as predicted", False: "DIFFERS", None: "not seen"}[row.agrees]
        text = f"account {account.number} call {row.call} {row.leg:<6} {row.what:<8} {word:<12} {row.seen}"
        click.echo(printable(text if row.agrees else f"{text}; predicted: {row.predicted}"))
    if not rows:
        click.echo("no call of these accounts with both legs", err=True)
    return PROBLEMS if not rows or any(row.agrees is False for _, row in rows) else DONE


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_PHONE_BYTES + 1)
    except OSError as error:
        raise PhoneProblem(f"{file}: {error.strerror}") from None
    if len(data) > MAX_PHONE_BYTES:
        raise PhoneProblem(f"{file} is larger than {MAX_PHONE_BYTES} bytes")
    return data


def _print(line: Line) -> None:
    click.echo(printable(f"  {line.leg:<6} {line.what}"))
    for why in line.whys:
        rests = "; ".join(why.settings)
        click.echo(printable(f"           [{why.mark}] " + ": ".join(part for part in (why.text, rests) if part)))


def _side(rules: LegRules) -> dict[str, Any]:
    return {"group": rules.group, "mode": int(rules.mode), "setting": rules.named("SBCSessionExpiresMode")}


def _account_json(account: PhoneAccount, each: list[Scenario]) -> dict[str, Any]:
    return {"account": account.number, "user": account.user, "scenarios": [_scenario_json(scenario) for scenario in each]}


def _scenario_json(scenario: Scenario) -> dict[str, Any]:
    found: dict[str, Any] = {"name": scenario.name, "title": scenario.title, "lines": [_line_json(one) for one in scenario.lines]}
    if (call := scenario.call) is not None:
        found |= {
            "legs": {call.caller.name: _leg_json(call.upkeep.a), call.callee.name: _leg_json(call.upkeep.b)},
            "released_at_s": call.upkeep.released_at_s,
            "troubled": scenario.is_troubled,
        }
    if (told := scenario.registration) is not None:
        found |= {
            "sent_s": told.sent_s,
            "granted_s": [told.granted.least_s, told.granted.most_s],
            "silent_for_s": told.silent_for_s,
            "survival_s": [told.survival.least_s, told.survival.most_s],
            "grace_s": told.grace_s,
        }
    return found


def _leg_json(leg: LegTimer) -> dict[str, Any]:
    return {
        "interval_s": leg.interval_s,
        "refresher": None if leg.refresher is None else str(leg.refresher),
        "method": leg.method or None,
        "refresh_at_s": leg.refresh_at_s,
        "passed_on": leg.is_relayed,
    }


def _line_json(line: Line) -> dict[str, Any]:
    whys = [{"mark": str(why.mark), "text": why.text, "settings": list(why.settings)} for why in line.whys]
    return {"leg": line.leg, "what": line.what, "at_s": line.at_s, "whys": whys}
