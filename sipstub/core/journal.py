"""What happens, as lines for people: registrations and refusals, without secrets, printable, and never too many at once."""

from __future__ import annotations

from collections.abc import Callable

from sipstub.core.allowance import Allowance
from sipstub.registrar.binding import BindingChange
from sipstub.registrar.reason import RegistrarEvent
from sipstub.sip.error import SipError
from sipstub.transaction.sending import Hop

MAX_LINES = 100
"In a row without a pause; the rest is counted."
LINES_PER_S = 20.0
"So fast room for further lines comes back."
MAX_LINE = 400


class Journal:
    """Writes lines, at most as many as somebody can read."""

    def __init__(self, write: Callable[[str], None], *, shows_refreshes: bool = False) -> None:
        self._write = write
        self._shows_refreshes = shows_refreshes
        self._allowance = Allowance(MAX_LINES, LINES_PER_S)

    def line(self, text: str, now: float) -> None:
        """Write a line, or count it."""
        if not self._allowance.takes(now):
            return
        left_out = self._allowance.take_left_out()
        if left_out:
            self._write(f"{left_out} more lines were left out")
        self._write(printable(text[:MAX_LINE]))

    def change(self, change: BindingChange) -> None:
        """Write what became of a binding; refreshes that change nothing only if they are wanted."""
        if change.is_news or self._shows_refreshes:
            self.line(change_text(change), change.at)

    def refusal(self, refusal: RegistrarEvent) -> None:
        """Write who was refused what."""
        fact = f" ({refusal.fact})" if refusal.fact else ""
        whom = f" for {refusal.aor}" if refusal.aor else ""
        self.line(f"refused {refusal.status} {refusal.why}{whom} from {refusal.flow}{fact}", refusal.at)

    def malformed(self, error: SipError, source: Hop, now: float) -> None:
        """Write what was wrong with a message."""
        self.line(f"malformed {error.status} from {source}: {error.fact}", now)


def change_text(change: BindingChange) -> str:
    """Return one line: what happened to whom, where he is, and for how long."""
    binding = change.binding
    try:
        contact = binding.uri.masked()
    except SipError:
        contact = "?"
    text = f"{change.change} {binding.aor} at {contact} over {binding.flow}"
    if not change.is_removal:
        text += f" for {binding.remaining_s(change.at)} s"
    return f"{text}, {binding.user_agent}" if binding.user_agent else text


def printable(text: str) -> str:
    """Return the text with everything escaped that a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
