"""Steps in which REGISTERs are refused, or get no answer, or the phone is told to fetch its files or to restart."""

from __future__ import annotations

from sipstub.sip.host import host_key
from sipstub.stimulus.performance import Performance
from sipstub.stimulus.plan import GRANT_S, SECOND_SERVER, WAIT_RULE, probe_s, silence_s
from sipstub.stimulus.refusal import TOO_BRIEF, UNAVAILABLE, Refusal
from sipstub.verify.case import FIRST_SERVER
from sipstub.verify.tolerance import TOLERANCE

SETTLE_S = 2.0
"After the phone is back, until the next step."


class Refusing(Performance):
    """The next REGISTERs of each account are refused, then taken again."""

    def begin(self, now: float) -> None:
        """Order the refusals."""
        self._given_at = now
        for account in self.step.accounts:
            aor = self.stage.aors.get(account)
            if aor is not None:
                self.stage.director.refuse(aor, self._refusals(account), now, self.step.limit_s)

    def _refusals(self, account: int) -> list[Refusal]:
        """Return a 503 where a rule asks how long the account waits after it, and a 423."""
        is_asked = WAIT_RULE in self.step.rules and self.stage.text("retry-interval", account)
        return [*([UNAVAILABLE] if is_asked else []), TOO_BRIEF]

    def look(self, now: float) -> bool:
        """Return whether all was refused that is to be, and the phone is registered again."""
        gate = self.stage.director.gate
        waiting = sum(gate.refusals_of(aor) for aor in self.aors)
        done = self.stage.director.acts.of(self.aors, self.began_at)
        refused = [act for act in done if act.kind is self.step.stimulus]
        self.is_given = self.is_given or bool(refused)
        self.waits_for = f"waiting for REGISTERs, to refuse {waiting} of them" if waiting else "waiting for it to register again"
        last = max((act.at for act in refused), default=now)
        return not waiting and bool(refused) and self.all_registered_since(last)

    def end(self, now: float) -> None:
        """Take refusals back that nobody wanted."""
        for aor in self.aors:
            self.stage.director.gate.lift(aor, now)


class Silencing(Performance):
    """Requests of each account get no answer; of one with a second server, those to the first."""

    def begin(self, now: float) -> None:
        """Order the silence."""
        self._heard: set[str] = set()
        self._moved_at: dict[int, float] = {}
        for account in self.step.accounts:
            aor = self.stage.aors.get(account)
            if aor is not None:
                lasts_s = silence_s(self.stage.expectations, account)
                self.stage.director.silence(aor, lasts_s, now, self.step.limit_s, self._server(account))

    def _server(self, account: int) -> tuple[str, int] | None:
        text = self.stage.text
        if not text("server-address", account, SECOND_SERVER):
            return None
        port = text("server-port", account, FIRST_SERVER) or "5060"
        return text("server-address", account, FIRST_SERVER), int(port) if port.isdigit() else 0

    def look(self, now: float) -> bool:
        """Return whether all silences are over and the phone is registered again; one ends when another server is asked."""
        gate = self.stage.director.gate
        for account in self.step.accounts:
            aor = self.stage.aors.get(account, "")
            silence = gate.silence_of(aor)
            if silence is not None and silence.act:
                self._heard.add(aor)
                self.is_given = True
                began = silence.until - silence.lasts_s
                if silence.server is not None and self._asked_others(aor, silence.server, began):
                    self._moved_at[account] = now
                    gate.end_silence(aor, now)
        silent = [aor for aor in self.aors if gate.silence_of(aor) is not None]
        begun = [aor for aor in silent if aor in self._heard]
        self.waits_for = "waiting for its next request" if silent and not begun else "giving no answer to it"
        if silent:
            return False
        self.waits_for = "waiting for it to register again"
        acts = [act for act in self.stage.director.acts.of(self.aors, self.began_at) if act.kind is self.step.stimulus]
        if not acts or not all(self.stage.is_registered_since(act.aor, act.at) for act in acts):
            return False
        self.waits_for = "waiting for it to try its first server again"
        return all(self._is_back(account, now) for account in self._moved_at)

    def _is_back(self, account: int, now: float) -> bool:
        """Return whether an account that has moved tried its first server again, or had the time to."""
        moved_at, server = self._moved_at[account], self._server(account)
        if now >= moved_at + probe_s(self.stage.expectations, account):
            return True
        return any(
            at > moved_at and server is not None and _is_same((host, port), server)
            for at, host, port in self.stage.servers.get(self.stage.aors[account], ())
        )

    def _asked_others(self, aor: str, server: tuple[str, int], since: float) -> bool:
        """Return whether the phone asked another server since; one that is registered with both at once has not moved."""
        others = [
            at for at, host, port in self.stage.servers.get(aor, ()) if (host_key(host), port) != (host_key(server[0]), server[1])
        ]
        return any(at > since for at in others) and not any(since - GRANT_S < at <= since for at in others)

    def end(self, now: float) -> None:
        """Answer again."""
        for aor in self.aors:
            self.stage.director.gate.lift(aor, now)


def _is_same(one: tuple[str, int], other: tuple[str, int]) -> bool:
    return (host_key(one[0]), one[1]) == (host_key(other[0]), other[1])


class Syncing(Performance):
    """NOTIFY check-sync: the phone fetches its files, or restarts, or does nothing."""

    with_reboot = False

    def begin(self, now: float) -> None:
        """Send it, if the phone can be reached."""
        self._sent_at: float | None = None
        self._send(now)

    def _send(self, now: float) -> None:
        if self._sent_at is None and self.stage.director.check_sync_one(self.aors, now, with_reboot=self.with_reboot):
            self._sent_at = now
            self.is_given = True

    @property
    def restarts(self) -> bool:
        """Return whether the file says that it restarts on this."""
        return self.stage.text("check-sync") == "always"

    def look(self, now: float) -> bool:
        """Return whether it did what it should, or had the time to."""
        self._send(now)
        if self._sent_at is None:
            self.waits_for = "waiting for it to register"
            return False
        if any(at >= self._sent_at for at in self.stage.boots):
            self.waits_for = "it restarted; waiting for all accounts to register"
            return self._is_back(now)
        if self.restarts:
            self.waits_for = "waiting for it to restart"
            return now >= self._sent_at + TOLERANCE.reboot + TOLERANCE.edge_s
        self.waits_for = "waiting for it to fetch its files"
        if self.stage.fetched_at >= self._sent_at:
            return now >= self.stage.fetched_at + SETTLE_S
        return now >= self._sent_at + TOLERANCE.resync + TOLERANCE.edge_s

    def _is_back(self, now: float) -> bool:
        return self._sent_at is not None and self.all_registered_since(self._sent_at)


class Booting(Syncing):
    """The phone is told to restart; one whose file forbids that has to be restarted by hand."""

    with_reboot = True

    @property
    def restarts(self) -> bool:
        """Return True: that is what this is for."""
        return True

    def look(self, now: float) -> bool:
        """Return whether it restarted and is registered."""
        found = super().look(now)
        if not found and not self.stage.boots and self.stage.text("check-sync") == "never":
            self.waits_for = "waiting for a restart: its file forbids check-sync, so take its power away for a moment"
        return found
