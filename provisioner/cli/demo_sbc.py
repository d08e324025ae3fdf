"""What the demo says of the phones behind an SBC: what that was set to, what was predicted, and whether they did it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from provisioner.cli.demo_table import print_table
from provisioner.cli.listing import count_of

if TYPE_CHECKING:
    from provisioner.runtime.demo_sbc import Behind
    from sipstub.verify.compared import Compared
    from sipstub.verify.report.document import PhoneReport

LAST = 16
"Room for what came of a call."
MOST_TELLING = ("refresh", "422", "INVITE")
"Of statements about a phone's leg the first of these stands for all that came out as predicted."
NO_REFRESH = "none"


def show_behind(behind: Behind) -> None:
    """Print settings, a line per call, what differs in full, and what the rules say of the phones' legs."""
    from sipstub.verify.report.plain import write_text

    report = behind.verified.report
    registered = [phone for phone in report.phones if phone.state.startswith("registered")]
    click.echo(f"\nThrough an SBC stub to the registrar: {count_of(len(registered), 'phone')} once more, in factory state.")
    click.echo(f"It is set to {', '.join(behind.set_to)}.\n")
    lines = [("phone", "call", "predicted", "seen", "both legs")]
    for phone in report.phones:
        for rows in _calls(phone):
            lines += _lines(phone, rows)
    print_table(lines, "", LAST, cut=(2, 3))
    click.echo()
    if report.exit_code:
        click.echo(write_text(report), nl=False)
    else:
        passed = sum(phone.counts[verdict] for phone in report.phones for verdict in phone.counts if verdict == "PASS")
        rows = [row for phone in report.phones for row in phone.compared if not row.call and row.agrees]
        click.echo(f"Registrations: {len(rows)} statements about both legs as predicted.")
        click.echo(f"By the same rules, on the legs between phones and SBC: {passed} PASS.")


def _calls(phone: PhoneReport) -> list[list[Compared]]:
    """Return the statements of each call."""
    found: dict[str, list[Compared]] = {}
    for row in phone.compared:
        found.setdefault(row.call_id, []).append(row)
    return list(found.values())


def _lines(phone: PhoneReport, rows: Sequence[Compared]) -> list[tuple[str, str, str, str, str]]:
    """Return a line per statement that differs; if none does, one line for the whole call."""
    wrong = [row for row in rows if row.agrees is False]
    head = (phone.name, rows[0].scenario or rows[0].subject)
    if wrong:
        return [(*head, f"{row.leg} {row.what}: {row.predicted}".strip(), row.seen, row.word) for row in wrong]
    mine = [row for row in rows if row.leg == "phone" and row.agrees]
    telling = [row for what in MOST_TELLING for row in mine if row.what == what and row.seen != NO_REFRESH]
    lines = []
    for row in telling[:1]:
        lines.append((*head, row.predicted, row.seen, f"{sum(bool(one.agrees) for one in rows)} as predicted"))
    for row in telling:
        if row.what == "422":
            lines.append(("", "its first offer", f"422, {row.predicted}", f"422, {row.seen}", ""))
    return lines
