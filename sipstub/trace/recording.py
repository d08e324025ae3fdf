"""A finished recording: messages of one run or one capture, with what is worth knowing about how they were had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sipstub.errors import SipstubError
from sipstub.trace.record import RecordedMessage

MAX_NOTES = 100
"Kinds of notes; each is told once, with a count."


class CaptureProblem(SipstubError):
    """A file that is no recording and no capture, or one that cannot be read at all."""

    code = "bad-capture"


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded."""

    messages: tuple[RecordedMessage, ...]
    "By time."
    notes: tuple[str, ...] = ()
    "What is missing or damaged: no evidence can be had from there."
    is_own: bool = False
    "Whether a stub of ours recorded it: then every local endpoint is the stub, and inbound is what the stub got."
    packets: int = 0
    "Of a capture: how many it holds, SIP or not."

    def of_call(self, call_id: str) -> Recording:
        """Return only the messages with that Call-ID."""
        return self.of_calls({call_id})

    def of_calls(self, call_ids: Collection[str]) -> Recording:
        """Return only the messages with one of these Call-IDs."""
        found = tuple(message for message in self.messages if message.call_id in call_ids)
        return Recording(found, self.notes, self.is_own, self.packets)

    def masked(self) -> Recording:
        """Return the same without digests, passwords and media keys."""
        return Recording(tuple(message.masked() for message in self.messages), self.notes, self.is_own, self.packets)


class Notes:
    """Notes taken while reading; the same one twice is counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._left_out = 0

    def add(self, text: str) -> None:
        """Take a note."""
        if text in self._counts or len(self._counts) < MAX_NOTES:
            self._counts[text] += 1
        else:
            self._left_out += 1

    def texts(self) -> tuple[str, ...]:
        """Return the notes in the order in which each came up first."""
        found = [text if count == 1 else f"{text} ({count} times)" for text, count in self._counts.items()]
        if self._left_out:
            found.append(f"{self._left_out} more notes")
        return tuple(found)
