"""Has phones dial by themselves while they are verified: a GET of the action URI whenever a step waits for somebody to dial.

    dialler = Dialler(controls_of(phones, content))
    while ...: dialler.look(run.waits, now)
    dialler.close()

Name and password are those of the phone's own file; they go to the phone and nowhere else.
"""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any

from provisioner.errors import EnvironmentProblem
from provisioner.runtime.verify_subject import Tested
from provisioner.state.publication import Content
from sipstub.media.port import own_address
from sipstub.phone.format.effective import Effective, apply_files
from sipstub.phone.format.reading import is_lpconfig, read_file
from sipstub.phone.remote_access import Dial, Press, RemoteAccess

ASK_S = 5.0
"For one request."
AGAIN_S = 20.0
"A phone that was asked and does not call is asked again after so long."
MAX_ASKS = 3
"How often a phone is asked for one call."
AT_ONCE = 8
MAX_BODY = 65_536
MAX_NOTES = 100

Waits = Mapping[str, tuple[int, str]]
"By MAC: which step is under way, and what it waits for."
_DIAL = re.compile(r"\bdial (?P<number>\S+) on account (?P<account>\d+)")
_PRESS = re.compile(r"\bpress (?P<digit>[0-9*#])")


@dataclass(frozen=True, slots=True)
class Control:
    """How one phone is reached."""

    name: str
    host: str
    access: RemoteAccess
    lines: Mapping[int, str]
    "`user@server` of each account."


class ActionRefused(Exception):
    """What a phone answered instead of doing it, for people."""


Ask = Callable[[Control, str], None]
"Gets a target from a phone; raises ActionRefused."


def controls_of(phones: Iterable[Tested], content: Callable[[str], Content | None]) -> dict[str, Control]:
    """Return how each phone is reached, by MAC; raises EnvironmentProblem for the first that cannot be controlled."""
    found = {}
    for phone in phones:
        if phone.expectations is None:
            continue  # it is not judged either
        bodies = [kept.body for sha in phone.hashes if (kept := content(sha)) is not None]
        if any(is_lpconfig(body) for body in bodies):
            raise EnvironmentProblem(f"{phone.name}: a {phone.model} has no action URI", hint="dial there: --dial")
        settings = apply_files(Effective(), [(str(at), read_file(body)) for at, body in enumerate(bodies)])
        hosts = phone.expectations.subject.addresses
        if not hosts:
            raise EnvironmentProblem(f"{phone.name}: where it is, is not known: no file was fetched from an address of its own")
        access = RemoteAccess.of(settings)
        why = access.refusal(own_address(hosts[0]))
        if why:
            raise EnvironmentProblem(
                f"{phone.name} cannot be made to dial: {why}",
                hint='allow this machine in devices/: settings."features.action_uri_limit_ip"; or dial there: --dial',
            )
        said = phone.expectations
        lines = {
            number: f"{said.text('user-name', number)}@{said.text('server-address', number, '1')}".rstrip("@")
            for number in said.enabled
        }
        found[phone.mac] = Control(phone.name, hosts[0], access, lines)
    return found


@dataclass(slots=True)
class _Asked:
    """One step of one phone."""

    step: int
    wanted: str
    times: int = 0
    at: float = 0.0
    answer: Future[None] | None = field(default=None, repr=False)


class Dialler:
    """Asks phones, in threads: one that does not answer holds up nobody."""

    def __init__(self, controls: Mapping[str, Control], ask: Ask | None = None) -> None:
        self._controls = controls
        self._ask = ask or get
        self._asked: dict[str, _Asked] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, "action-uri")
        self.notes: list[str] = []
        "What a person should know."

    def look(self, waits: Waits, now: float) -> None:
        """Ask the phones that are waited for; each a few times for one call."""
        for mac, (step, text) in waits.items():
            control = self._controls.get(mac)
            wanted = _wanted(text, control) if control is not None else None
            if control is None or wanted is None:
                continue
            asked = self._asked.get(mac)
            if asked is None or (asked.step, asked.wanted) != (step, wanted):
                asked = self._asked[mac] = _Asked(step, wanted)
            self._heard(control, asked)
            if asked.answer is not None or (asked.times and now < asked.at + AGAIN_S):
                continue
            if asked.times < MAX_ASKS:
                asked.times, asked.at = asked.times + 1, now
                asked.answer = self._threads.submit(self._ask, control, wanted)
            elif asked.times == MAX_ASKS:
                asked.times += 1
                self._note(f"{control.name} was asked {MAX_ASKS} times and does not call: does it ask to allow remote control?")

    def close(self) -> None:
        """Ask no more; what is under way ends by itself."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for mac, asked in self._asked.items():
            self._heard(self._controls[mac], asked)

    def _heard(self, control: Control, asked: _Asked) -> None:
        answer = asked.answer
        if answer is None or not answer.done():
            return
        asked.answer = None
        if not answer.cancelled() and (problem := answer.exception()) is not None:
            if not isinstance(problem, ActionRefused):
                raise problem
            self._note(f"{control.name} does not dial: {problem}")
            asked.times = MAX_ASKS + 1

    def _note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < MAX_NOTES:
            self.notes.append(text)


def _wanted(text: str, control: Control) -> str | None:
    if (dial := _DIAL.search(text)) is not None:
        return Dial(dial["number"], control.lines.get(int(dial["account"]), "")).target
    return Press(press["digit"]).target if (press := _PRESS.search(text)) is not None else None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The password of a phone goes nowhere else."""

    def redirect_request(self, *args: Any) -> None:
        """Follow nothing."""


def get(control: Control, target: str) -> None:
    """Get it, with the credentials that the phone asks for; raises ActionRefused if it does not say 2xx."""
    base = f"http://{control.host}:{control.access.port}"
    known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    known.add_password(None, base, control.access.user, control.access.password)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        _NoRedirect(),
        urllib.request.HTTPBasicAuthHandler(known),
        urllib.request.HTTPDigestAuthHandler(known),
    )
    try:
        answer: IO[bytes] = opener.open(base + target, timeout=ASK_S)
        with answer:
            answer.read(MAX_BODY)
    except urllib.error.HTTPError as error:
        error.close()
        raise ActionRefused(_REFUSED.get(error.code, f"it answers {error.code} to an action URI")) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "reason", error)
        raise ActionRefused(f"no answer from {control.host}:{control.access.port}: {type(why).__name__}") from None


_REFUSED = {
    401: "it does not take name and password of its file: security.user_password",
    403: "it does not let this machine control it: features.action_uri_limit_ip, or somebody has to press OK there",
    404: "it knows no action URI: its firmware, or features.action_uri.enable",
}
