"""The live view of `provisioner verify`: a line per phone that changes in place on a terminal, plain lines anywhere else."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from provisioner.runtime.verify_run import PhoneLine, Standing

BAR = 20
"Characters of a full bar."
WIDE = 1_000
"Columns where nothing has to be left out."
SPARE_LINES = 3
"Of the terminal, left for the prompt and the summary."
_UP, _CLEAR = "\x1b[{}A", "\x1b[2K"


class LiveView:
    """Talk, so it goes to stderr."""

    def __init__(self, until: float, *, is_terminal: bool | None = None) -> None:
        """`until` is when the wait is over, as far as that is known."""
        self._until = until
        self._is_terminal = sys.stderr.isatty() if is_terminal is None else is_terminal
        self._drawn = 0
        self._said: dict[str, str] = {}

    def show(self, standing: Standing, now: float) -> None:
        """Draw the lines anew, or say what changed."""
        if self._is_terminal:
            self._draw(standing, now)
            return
        for line in standing.lines:
            text = summary(line)
            is_call = line.doing.startswith("session ")  # each takes minutes: worth a line of its own
            told = text.partition("   ")[0] + (line.doing.partition(":")[0] if is_call else "")
            if self._said.get(line.name, "silent") != told:
                self._said[line.name] = told
                click.echo(f"{time.strftime('%H:%M:%S', time.localtime(now))}  {line.name}  {text}", err=True)

    def clear(self) -> None:
        """Take the lines away: what comes after says it better."""
        if self._drawn:
            erased = "\n".join([_CLEAR] * self._drawn)
            click.echo(_UP.format(self._drawn) + erased + _UP.format(self._drawn), err=True, color=True)
            self._drawn = 0

    def _draw(self, standing: Standing, now: float) -> None:
        size = shutil.get_terminal_size()
        lines = drawn(standing.lines, max(1, size.lines - SPARE_LINES), size.columns - 1)
        done = sum(line.state.startswith("registered") for line in standing.lines)
        left = max(0.0, self._until - now)
        lines.append(f"{done} of {len(standing.lines)} phones registered, up to {left:.0f} s more, Ctrl-C ends it")
        cut = [line[: size.columns - 1] for line in lines]
        up = _UP.format(self._drawn) if self._drawn else ""
        missing = max(0, self._drawn - len(cut))
        click.echo(up + "\n".join(_CLEAR + line for line in [*cut, *[""] * missing]), err=True, color=True)
        self._drawn = max(self._drawn, len(cut))


def drawn(phones: Sequence[PhoneLine], most: int, columns: int = WIDE) -> list[str]:
    """Return a line per phone, at most so many: the last then tells how many there are besides.

    Where there is not enough room, what is expected next matters more than the bar, and more than what is known already.
    """
    width = max((len(phone.name) for phone in phones), default=0)
    shown = phones if len(phones) <= most else phones[: most - 1]
    lines = []
    for phone in shown:
        full = round(BAR * phone.told / phone.rules) if phone.rules else 0
        bar = "#" * full + "." * (BAR - full)
        name = f"{phone.name:<{width}}"
        failed = f"{phone.failed} FAIL   " if phone.failed else ""
        forms = [f"{name}  [{bar}]  {summary(phone)}", f"{name}  {summary(phone)}"]
        forms += [f"{name}  {failed}{phone.doing}"] if phone.doing else []
        lines.append(next((form for form in forms if len(form) <= columns), forms[-1]))
    if len(shown) < len(phones):
        lines.append(f"and {len(phones) - len(shown)} more")
    return lines


def summary(phone: PhoneLine) -> str:
    """Return how a phone stands: `registered udp   19 of 29 rules, 1 FAIL   refuse 3 of 7`."""
    rules = f"{phone.told} of {phone.rules} rules" if phone.rules else ""
    failed = f", {phone.failed} FAIL" if phone.failed else ""
    return "   ".join(part for part in (phone.state, rules + failed, phone.doing) if part)
