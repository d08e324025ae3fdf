"""What a phone's files say of session timers and registration: a Yealink's own files, or expectations of any vendor as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sipstub.errors import SipstubError
from sipstub.phone.agent.account import Account, read_accounts
from sipstub.phone.format.effective import Effective, apply_files
from sipstub.phone.format.reading import is_lpconfig, read_file
from sipstub.sbc.predict.end import UAC, UAS, End
from sipstub.verify.expectation import Expectations, read_expectations
from sipstub.verify.setting import ON

NAME = "phone"
TIMER = ("session_timer.enable", "session_timer.expires", "session_timer.refresher")
EXPECTED = ("session-timer", "session-expires", "session-refresher")
FIRST_SERVER = "1"
UNSAID_S = 1800
"Session interval of a phone whose file has timers on and names none: what RFC 4028 section 4 suggests, and phones come with."


class PhoneProblem(SipstubError):
    """A phone's file that says nothing that a prediction could use."""

    code = "bad-phone-file"


@dataclass(frozen=True, slots=True)
class PhoneAccount:
    """One account of the phone."""

    number: int
    user: str
    end: End
    register_s: int | None
    register_source: str
    transport: str
    "UDP, TCP or TLS."


def read_phone(files: Sequence[tuple[str, bytes]]) -> list[PhoneAccount]:
    """Return the accounts that are switched on, of files with their names in the order in which the phone reads them.

    PhoneProblem if there is none; ExpectationProblem for JSON that holds no expectations.
    """
    if len(files) == 1 and files[0][1].lstrip()[:1] in (b"{", b"["):
        found = [one for phone in read_expectations(files[0][1].decode("utf-8", "replace")) for one in accounts_of(phone)]
    elif any(is_lpconfig(data) for _, data in files):
        raise PhoneProblem(
            "a linphone's XML is not read here", hint="provisioner verify --expectations writes it as JSON, which is"
        )
    else:
        settings = apply_files(Effective(), [(name, read_file(data)) for name, data in files])
        found = [_of_account(account, settings) for account in read_accounts(settings) if account.is_enabled and account.user]
    if not found:
        raise PhoneProblem("no account is switched on", hint="name the common file and the phone's own, in this order")
    return found


def _of_account(account: Account, settings: Effective) -> PhoneAccount:
    at = f"account.{account.number}."
    expires = account.session_expires_s or None
    sources = tuple(_place(at + name, settings) for name in (TIMER if expires else TIMER[:1]))
    server = account.servers[0] if account.servers else None
    return PhoneAccount(
        account.number,
        account.user,
        _end(expires, account.refresher, sources),
        server.expires_s if server else None,
        _place(f"{at}sip_server.{server.number if server else 1}.expires", settings),
        server.transport if server else "UDP",
    )


def _place(name: str, settings: Effective) -> str:
    found = settings.settings.get(name)
    if found is None or found.is_reset or not found.value:
        return f"{name} (factory value)"
    return f"{name}={found.value} ({found.file}:{found.entry.line})"


def accounts_of(phone: Expectations) -> list[PhoneAccount]:
    """Return the accounts that are switched on by what a phone's files say, whatever its vendor."""
    found = []
    for number in phone.enabled:
        is_on = phone.text(EXPECTED[0], number) == ON
        text = phone.text(EXPECTED[1], number)
        expires = (int(text) if text.isascii() and text.isdigit() else UNSAID_S) if is_on else None
        told = (phone.get(name, number) for name in EXPECTED)
        sources = tuple(f"{one.parameter}={one.shown} ({one.place})" for one in told if one is not None)
        period = phone.get("register-expiry", number, FIRST_SERVER)
        seconds = (period.value or "") if period is not None else ""
        found.append(
            PhoneAccount(
                number,
                phone.text("user-name", number),
                _end(expires, phone.text(EXPECTED[2], number) or UAC, sources),
                int(seconds) if seconds.isascii() and seconds.isdigit() else None,
                f"{period.parameter}={seconds} ({period.place})" if period is not None else "nothing says how long",
                phone.text("transport", number, FIRST_SERVER).upper() or "UDP",
            )
        )
    return found


def _end(expires: int | None, refresher: str, sources: tuple[str, ...]) -> End:
    """Return the phone as an end: its refresher holds whoever calls, and it refreshes by UPDATE."""
    return End(NAME, expires is not None, expires, refresher, UAC if refresher == UAS else UAS, sources=sources)
