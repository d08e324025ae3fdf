"""What the SBC asks servers that are not SIP: a question now, an answer or silence later.  Nothing here knows sockets.

Whoever has a socket takes what is new with `take`, asks, and gives the answer to the question.  A question that nobody answers
ends by itself at its time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sipstub.sbc.agenda import Agenda
from sipstub.sbc.settings.secret import Secret

MAX_OPEN = 1024
"Questions at a time; one more counts as unanswered at once."


@dataclass(frozen=True, slots=True)
class HttpAsk:
    """A POST of a JSON text."""

    url: str
    body: bytes
    username: str = ""
    "Of HTTP Basic; empty for none."
    password: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back."""

    status: int
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        """Return whether it is a 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class RadiusAsk:
    """An Access-Request."""

    host: str
    port: int
    secret: Secret
    attributes: tuple[tuple[int, bytes], ...]
    "Types and values, without Message-Authenticator."


@dataclass(frozen=True, slots=True)
class RadiusReply:
    """The verdict."""

    is_accepted: bool


Ask = HttpAsk | RadiusAsk
Reply = HttpReply | RadiusReply


class Question:
    """One of them on its way."""

    def __init__(
        self, outside: Outside, ask: Ask, gives_up_at: float, seconds: float, answered: Callable[[Reply | None, float], None]
    ) -> None:
        self.ask = ask
        self.seconds = seconds
        "How long it may take."
        self.wake_at: float | None = None
        self._outside = outside
        self._gives_up_at = gives_up_at
        self._answered = answered
        self.is_over = False

    def answer(self, reply: Reply | None, now: float) -> None:
        """Give the answer, None for none; only the first counts."""
        if not self.is_over:
            self.is_over = True
            self._outside.closed(self)
            self._answered(reply, now)

    def next_timer(self) -> float | None:
        """Return when it counts as unanswered."""
        return None if self.is_over else self._gives_up_at

    def on_timer(self, now: float) -> None:
        """End it."""
        self.answer(None, now)


class Outside:
    """All open questions."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._new: deque[Question] = deque()
        self._open = 0

    def __len__(self) -> int:
        return self._open

    def ask(self, ask: Ask, seconds: float, answered: Callable[[Reply | None, float], None], now: float) -> None:
        """Ask; `answered` is called once, with None if nothing came in that time.  No time at all is not asked."""
        question = Question(self, ask, now + seconds, seconds, answered)
        self._open += 1
        if seconds <= 0 or self._open > MAX_OPEN:
            question.answer(None, now)
            return
        self._new.append(question)
        self._agenda.note(question)

    def take(self) -> list[Question]:
        """Return what has to be asked, each once."""
        found = [question for question in self._new if not question.is_over]
        self._new.clear()
        return found

    def closed(self, question: Question) -> None:
        """Take note that a question is over."""
        self._open -= 1
        self._agenda.forget(question)
