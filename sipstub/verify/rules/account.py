"""Rules about who an account says that it is."""

from __future__ import annotations

from sipstub.sip.digest import check, make_ha1
from sipstub.sip.error import SipError
from sipstub.verify.assignment import ANONYMOUS
from sipstub.verify.case import FIRST_SERVER, Case, number_of
from sipstub.verify.facts import Fetch
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen, warned
from sipstub.verify.request_fact import RequestFact, user_of
from sipstub.verify.rule import rule
from sipstub.verify.setting import ON
from sipstub.verify.verdict import Certainty, Verdict


@rule(
    "account-enabled",
    row=1,
    source="plain meaning of the setting",
    certainty=Certainty.INFERRED,
    also=("user-name", "server-address", "register-delay"),
    wants_registered=False,
)
def account_enabled(case: Case) -> Outcome | None:
    """An account that is on is heard of once the phone has its file; one that is off never registers."""
    if case.is_on:
        return _enabled(case)
    account = case.expectation.account
    if case.text("user-name"):
        off = [account]
        wrong = case.bindings
    else:
        # Many accounts of a phone are off and nameless: one finding for all of them.
        off = [other for other in _switched_off(case) if not case.expectations.text("user-name", other)]
        if account != off[0]:
            return None
        wrong = [request for request in case.assignment.strangers if request.method == "REGISTER" and not request.is_removal]
    expected = f"account{'s' if len(off) > 1 else ''} {', '.join(map(str, off))} off"
    if wrong:
        return failed(f"{wrong[0].user} registers", wrong[0], expected=expected)
    other = next((request for request in case.facts.registers if request.status), None)
    if other is None or case.watched_s(other.at) < case.tolerance.absence:
        return unseen("no other account registered while it was watched", expected=expected)
    return passed("no REGISTER", other, expected=expected)


def _enabled(case: Case) -> Outcome:
    if case.account.requests:
        return passed("registers" if case.bindings else "is used", case.account.requests[0], expected="account on")
    quiet = _quiet_since(case)
    if quiet is not None:
        seen = f"no REGISTER in the {case.watched_s(quiet.at):.0f} s since it got {quiet.name}"
        return failed(seen, expected="account on", likely="the account's line was not taken, or the server is not reached")
    other = next((request for request in case.facts.registers if request.status), None)
    if other is not None and case.watched_s(other.at) >= case.tolerance.absence:
        return warned("only other accounts register", other, expected="account on", likely="the account's line was not taken")
    return unseen("nothing of this account", expected="account on")


def _quiet_since(case: Case) -> Fetch | None:
    """Return when the phone got the file that tells it to register, where it had the time to and would have been seen."""
    known = [fetch for fetch in case.facts.fetches if fetch.is_delivered and fetch.name == case.expectation.file]
    setting = "outbound-proxy-address" if case.text("outbound-proxy") == ON else "server-address"
    server = case.text(setting, FIRST_SERVER)
    if not known or not case.text("user-name") or not server or not case.facts.sees(server):
        return None
    wait = case.tolerance.boot + (number_of(case.text("register-delay")) or 0.0) + case.tolerance.absence
    return known[-1] if case.watched_s(known[-1].at) > wait else None


def _switched_off(case: Case) -> list[int | None]:
    return [number for number in case.expectations.accounts if not case.expectations.is_enabled(number)]


@rule("user-name", row=2, source="RFC 3261 section 10.2; guide", certainty=Certainty.STATED)
def user_name(case: Case) -> Outcome:
    """From and To of a REGISTER have the user name; so has the contact of these phones."""
    found = case.every(case.registers, _from_and_to, case.value, what="REGISTER")
    if found.verdict is not Verdict.PASS:
        return found
    other = case.every(case.registers, _contact_user, case.value, what="Contact", judge=warned)
    return other if other.verdict is Verdict.WARN else found


def _contact_user(request: RequestFact) -> str | None:
    uri = request.contact_uri
    return f"Contact {uri.username or ''}".strip() if uri is not None and uri.username != request.user else None


def _from_and_to(request: RequestFact) -> str:
    to = user_of(request.to)
    return request.user if request.user == to else f"From {request.user}, To {to}"


@rule(
    "auth-name",
    row=3,
    source="RFC 7616 section 3.4; the user name where it is blank is recall",
    certainty=Certainty.STATED,
    also=("user-name",),
)
def auth_name(case: Case) -> Outcome:
    """The digest names this user; the user name, if none is given."""
    wanted = case.value or case.text("user-name")
    return case.every(
        case.account.requests,
        lambda request: request.credentials.username if request.credentials is not None else None,
        wanted,
        what="request with credentials",
        expected=wanted,
        judge=failed if case.value else warned,
    )


@rule("password", row=4, source="RFC 7616 section 3.4.1", certainty=Certainty.STATED)
def password(case: Case) -> Outcome:
    """The digest was made with this password, whatever user it names."""
    secret = case.expectation.value
    if secret is None:
        return skipped("the expectations were written without the password")

    def read(request: RequestFact) -> str | None:
        # ACK and CANCEL carry the credentials of their INVITE, made for that method (RFC 3261 section 22.1).
        if request.credentials is None or request.method in ("ACK", "CANCEL") or _is_cut(request):
            return None
        return "digest verifies" if _verifies(request, secret) else "digest does not verify"

    return case.every(
        case.account.requests,
        read,
        "digest verifies",
        what="request with credentials whose digest was not cut from the record",
        expected="digest of the password",
        likely="another password, or the phone kept an old one",
    )


def _is_cut(request: RequestFact) -> bool:
    """Return whether the digest was cut from the record before anybody could check it."""
    response = request.credentials.params.raw("response") if request.credentials is not None else None
    return bool(response) and not (response or "").strip('"*')


def _verifies(request: RequestFact, secret: str) -> bool:
    credentials = request.credentials
    assert credentials is not None
    try:
        ha1 = make_ha1(
            credentials.params.raw("username") or "", credentials.params.raw("realm") or "", secret, credentials.algorithm
        )
        return check(credentials, ha1, request.method, request.body)
    except SipError:
        return False


@rule("display-name", row=5, source="RFC 3261 section 20.20; guide", certainty=Certainty.STATED, also=("user-name",))
def display_name(case: Case) -> Outcome:
    """From shows this name; none, or the user, where it is blank."""
    wanted = case.value or "no name"
    blank = ("", case.text("user-name"))

    def read(request: RequestFact) -> str | None:
        if request.from_ is None or not request.is_initial or request.user.lower() == ANONYMOUS:
            return None
        seen = request.from_.display
        return wanted if not case.value and seen in blank else seen or "no name"

    return case.every(case.account.requests, read, wanted, what="request", expected=wanted)


@rule("label", row=6, source="plain meaning of the setting", certainty=Certainty.INFERRED, also=("display-name", "user-name"))
def label(case: Case) -> Outcome:
    """The label stands on the phone's screen and nowhere in SIP: a control that the other rules look at the right thing."""
    if not case.value or case.value in (case.text("display-name"), case.text("user-name"), case.text("auth-name")):
        return skipped("the label cannot be told from the name")
    return case.every(
        [request for request in case.account.requests if request.from_ is not None],
        lambda request: "label in From" if request.from_ is not None and request.from_.display == case.value else "not in SIP",
        "not in SIP",
        what="request",
        expected="not in SIP",
    )
