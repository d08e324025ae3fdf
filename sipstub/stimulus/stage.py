"""What one phone has been seen to do since its plan began, and what steps do to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sipstub.sip.message import Request
from sipstub.stimulus.call import Call
from sipstub.verify.expectation import Expectations

if TYPE_CHECKING:
    from sipstub.stimulus.director import Director

MAX_TIMES = 256
"Registrations of one address that are remembered."
MAX_CALL_IDS = 256
SOON_S = 90.0
"A binding that lasts longer is not renewed while anybody waits."


@dataclass(frozen=True, slots=True)
class Refused:
    """A call of the phone that the stub did not take."""

    aor: str
    status: int
    at: float


@dataclass
class Stage:
    """One phone and the director."""

    director: Director
    expectations: Expectations
    began_at: float
    aors: dict[int, str]
    "Address of record of each account."
    may_restart: bool = False
    "Whether the phone may be restarted where that saves a wait."
    sees_fetches: bool = False
    "Whether somebody tells of the files that it asks for; then a restart without that is none."
    registered_at: dict[str, list[float]] = field(default_factory=dict)
    "By address: when the registrar took a REGISTER."
    servers: dict[str, list[tuple[float, str, int]]] = field(default_factory=dict)
    "By address: time, host and port that each REGISTER named."
    call_ids: set[str] = field(default_factory=set)
    "Of every REGISTER."
    boots: list[float] = field(default_factory=list)
    "When it was known to start."
    fetched_at: float = 0.0
    "When it last asked for a file; 0 for never, or where nobody tells."
    boot_awaited_at: float | None = None
    "When it was told to restart, or is waited for to be restarted; None if not."
    _began_anew: bool = False
    call: Call | None = None
    "The last call with the phone that came about in a step."
    refused: Refused | None = None
    "The first call of the phone that the stub refused in a step; None while there is none."
    held: dict[str, str] = field(default_factory=dict)
    "Calls that were kept up for session timers, by Call-ID what was played in each: nobody but the stub was to end them."

    def of(self, accounts: Iterable[int]) -> list[str]:
        """Return the addresses of accounts."""
        return [self.aors[account] for account in accounts if account in self.aors]

    def text(self, setting: str, account: int | None = None, index: str = "") -> str:
        """Return what the phone's file says."""
        return self.expectations.text(setting, account, index)

    def is_registered(self, aor: str, now: float) -> bool:
        """Return whether the phone can be reached."""
        return bool(self.director.stub.registrar.bindings(aor, now))

    def is_registered_since(self, aor: str, since: float) -> bool:
        """Return whether a REGISTER was taken after that moment."""
        return any(at >= since for at in self.registered_at.get(aor, ())[-1:])

    def comes_late(self, aor: str, now: float) -> bool:
        """Return whether the next REGISTER is far off: the phone was granted a long time before the plan began."""
        bindings = self.director.stub.registrar.bindings(aor, now)
        return bool(bindings) and all(binding.expires_at - now > SOON_S for binding in bindings)

    def saw_register(self, aor: str, request: Request, now: float, host: str, port: int) -> None:
        """Take note of a REGISTER; one under a new Call-ID is the sign of a start, where one is waited for."""
        seen = self.servers.setdefault(aor, [])
        seen.append((now, host, port))
        del seen[:-MAX_TIMES]
        if request.call_id not in self.call_ids and self.boot_awaited_at is not None:
            self._began_anew = True
            self._settle_boot()
        if len(self.call_ids) < MAX_CALL_IDS:
            self.call_ids.add(request.call_id)

    def fetched(self, now: float) -> None:
        """Take note that it asked for a file."""
        self.fetched_at = max(self.fetched_at, now)
        self._settle_boot()

    def await_boot(self, now: float) -> None:
        """Expect a restart from now on."""
        self.boot_awaited_at, self._began_anew = now, False

    def _settle_boot(self) -> None:
        awaited_at = self.boot_awaited_at
        if awaited_at is None or not self._began_anew or (self.sees_fetches and self.fetched_at < awaited_at):
            return
        self.boots.append(awaited_at)
        self.boot_awaited_at = None

    def registered(self, aor: str, now: float) -> None:
        """Take note of a REGISTER that was taken."""
        times = self.registered_at.setdefault(aor, [])
        times.append(now)
        del times[:-MAX_TIMES]
