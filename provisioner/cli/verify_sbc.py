"""`provisioner verify --through-sbc`: phones that were recorded behind an SBC, and what that was predicted to do with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.runtime.verify_subject import Tested
    from sipstub.sbc.predict.comparison import Compared

through_option = click.option(
    "--through-sbc",
    "sbc",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --from: an SBC with these settings stood between; compare calls with what is predicted.",
)
_WORDS = {True: "as predicted", False: "DIFFERS", None: "not seen"}


def compared_calls(phones: Sequence[Tested], capture: Path, sbc: Path) -> list[tuple[str, Compared]]:
    """Return what the calls of these phones did beside what was predicted, with the phone's name.

    SipstubError for settings that are wrong.
    """
    from sipstub.sbc.predict.comparison import compare
    from sipstub.sbc.predict.phone import accounts_of
    from sipstub.sbc.predict.rules import LegRules, TimerRules
    from sipstub.sbc.predict.sides import sides
    from sipstub.sbc_file import SettingsFileError, read_settings_file
    from sipstub.trace.opening import open_recording

    reading = read_settings_file(sbc)
    if reading.errors:
        raise SettingsFileError(f"{sbc} has {len(reading.errors)} errors", hint="sipstub sbc check prints all problems")
    here, there = (LegRules.of(reading.settings, group) for group in sides(reading.settings))
    rules, recording = TimerRules(reading.settings), open_recording(capture)
    return [
        (phone.name, row)
        for phone in phones
        if phone.expectations is not None
        for account in accounts_of(phone.expectations)
        for row in compare(account, here, there, rules, recording)
    ]


def print_calls(rows: Sequence[tuple[str, Compared]], *, err: bool) -> None:
    """Print them."""
    for name, row in rows:
        text = f"{name} through the SBC: call {row.call} {row.leg:<6} {row.what:<8} {_WORDS[row.agrees]:<12} {row.seen}"
        click.echo(text if row.agrees else f"{text}; predicted: {row.predicted}", err=err)
    if not rows:
        click.echo("through the SBC: no call with both legs in the capture", err=True)
