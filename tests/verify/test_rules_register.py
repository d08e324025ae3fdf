"""Every rule that REGISTER and what follows it can answer: as told, not as told, and nothing to tell from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from verify_builders import MAC, PASSWORD, STUB, Talk, ask

from sipstub.trace.record import Endpoint
from sipstub.verify.facts import Lookup
from sipstub.verify.verdict import Verdict

Said = Callable[[], Talk]
Items = tuple[tuple[str, str], ...]


def nothing() -> Talk:
    return Talk().wait(60)


@dataclass(frozen=True)
class RuleCase:
    rule: str
    items: Items
    good: Said
    bad: Said
    blind: Said = nothing
    verdict: str = "FAIL"


def reg(**more: object) -> Said:
    return lambda: Talk().register(**more).wait(30)  # type: ignore[arg-type]


def talk(**more: object) -> Said:
    return lambda: Talk(**more).register().wait(30)  # type: ignore[arg-type]


def silent_request(*gaps: float) -> Said:
    return lambda: Talk().register(status=0, is_challenged=False, copies=gaps).wait(30)


def refused(gap: float, status: int = 503) -> Said:
    return lambda: Talk().register(status=status).wait(gap).register().wait(5)


def kept_alive(send: Callable[[Talk], Talk], spacing: float = 30.0, rounds: int = 3) -> Said:
    def said() -> Talk:
        found = Talk().register()
        for _ in range(rounds):
            send(found.wait(spacing - 0.01))
        return found.wait(spacing)

    return said


def boots(*expires: int, delay: float = 3.0) -> Said:
    def said() -> Talk:
        found = Talk().boot().fetch(f"{MAC}.cfg", is_boot=True).wait(delay)
        for seconds in expires:
            found.register(seconds)
        return found.wait(20)

    return said


def subscribes(event: str, expires: int = 3600, target: str = "", **headers: str) -> Said:
    return lambda: Talk().register().subscribe(event, expires, target=target, headers=headers).wait(30)


def tries(count: int) -> Said:
    def said() -> Talk:
        found = Talk()
        for _ in range(count):
            found.register(status=0, is_challenged=False).wait(32)
        second = Endpoint("udp", "10.1.0.6", 5060)
        return found.register(uri="sip:10.1.0.6:5060", local=second).wait(5)

    return said


def looks_up(*kinds: str) -> Said:
    def said() -> Talk:
        found = Talk(server="sip.example").register()
        found.lookups = [Lookup(found.now, kind, "_sip._udp.sip.example") for kind in kinds]
        return found

    return said


def refreshes(after: float | None, granted: int = 60) -> Said:
    def said() -> Talk:
        found = Talk().register(600, granted=granted)
        return found.wait(200) if after is None else found.wait(after).register(600, granted=granted)

    return said


def check_sync(*, reboot: bool = False, restarts: bool = False, fetches: bool = False, watched: float = 200) -> Said:
    def said() -> Talk:
        found = Talk().register().fetch("before.cfg").wait(5).notify_check_sync(reboot=reboot).wait(2)
        if fetches:
            found.fetch(f"{MAC}.cfg")
        if restarts:
            found.wait(40).register(call_id="new@phone")
        return found.wait(watched)

    return said


def unanswered(*, asks_again: bool) -> Said:
    def said() -> Talk:
        found = Talk()
        challenged = found.request("REGISTER", headers={"Expires": "600"}, cseq=1)
        found.answer(challenged, 401, {"WWW-Authenticate": 'Digest realm="stub", nonce="n", qop="auth"'})
        found.wait(30)
        if asks_again:
            found.register(is_challenged=False, status=0)
        return found.wait(30).keepalive()

    return said


def too_brief(wish: int) -> Said:
    def said() -> Talk:
        found = Talk().register(60, status=423, answer_headers={"Min-Expires": "120"})
        return found.register(wish, is_challenged=False, status=200).wait(5)

    return said


def refreshed_as(call_id: str) -> Said:
    return lambda: Talk().register(60).wait(30).register(60, call_id=call_id).wait(5)


def asked(*, is_answered: bool) -> Said:
    return lambda: Talk().register().asked(is_answered=is_answered, times=4).wait(50).keepalive()


def two_servers(*, second_after: float, is_first_silent: bool, back_after: float | None = None) -> Said:
    def said() -> Talk:
        second = Endpoint("udp", "10.1.0.6", 5060)
        found = Talk().register(status=0 if is_first_silent else 200, is_challenged=not is_first_silent).wait(second_after)
        found.register(uri="sip:10.1.0.6:5060", local=second).wait(15)
        if back_after is not None:
            found.wait(back_after - 15).register()
        return found.wait(5)

    return said


LETTERS = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m"}
PROXY = Endpoint("udp", "10.1.0.9", 5070)
TWO_SERVERS: Items = (("server-address.1", STUB), ("server-address.2", "10.1.0.6"), ("server-port.2", "5060"))
MWI, SUMMARY = ("mwi-subscription", "on"), "message-summary"
BLF: Items = (("*/key-kind.3", "blf"), ("*/key-value.3", "110"), ("*/key-account.3", "1"))

CASES = [
    RuleCase(
        "account-enabled",
        (("account-enabled", "on"), ("2/account-enabled", "on"), ("2/user-name", "102")),
        reg(),
        talk(user="102"),
        verdict="WARN",
    ),
    RuleCase("user-name", (("user-name", "101"),), reg(), talk(user="999")),
    RuleCase("auth-name", (("auth-name", "lobby"),), talk(auth_name="lobby"), reg()),
    RuleCase("password", (("password", PASSWORD),), reg(), talk(password="another-one"), reg(is_challenged=False)),
    RuleCase("answers-challenge", (("password", PASSWORD),), reg(), unanswered(asks_again=True), reg(is_challenged=False)),
    RuleCase("digest-realm", (), reg(), talk(digest_realm="yealink"), reg(is_challenged=False)),
    RuleCase("digest-uri", (), reg(), talk(digest_uri="sip:elsewhere.invalid"), reg(is_challenged=False)),
    RuleCase("nonce-count", (), reg(), lambda: Talk(nonce="n").register().wait(30).register().wait(5), reg(is_challenged=False)),
    RuleCase(
        "cseq",
        (),
        reg(),
        lambda: Talk().register().wait(30).register(cseq=1).wait(5),
        reg(is_challenged=False),
    ),
    RuleCase("register-call-id", (), refreshed_as("1_100@phone"), refreshed_as("other@phone"), reg(), verdict="WARN"),
    RuleCase("answers-requests", (), asked(is_answered=True), asked(is_answered=False), reg()),
    RuleCase("user-agent", (), reg(), talk(agent="Other 1.0"), reg(headers={"User-Agent": None})),
    RuleCase("register-too-brief", (("register-expiry.1", "60"),), too_brief(120), too_brief(60), reg()),
    RuleCase("display-name", (("display-name", "Lobby"),), reg(), talk(display="Hall")),
    RuleCase("label", (("label", "Front desk"), ("display-name", "Lobby")), reg(), talk(display="Front desk")),
    RuleCase("server-address", (("server-address.1", STUB),), reg(), talk(server="10.9.9.9")),
    RuleCase("server-port", (("server-port.1", "5060"),), reg(), talk(port=5062)),
    RuleCase("transport", (("transport.1", "tcp"),), talk(transport="tcp"), reg()),
    RuleCase(
        "dns-lookup",
        (("transport.1", "dns"), ("server-address.1", "sip.example")),
        looks_up("NAPTR", "SRV", "A"),
        looks_up("A"),
        reg(),
    ),
    RuleCase("register-expiry", (("register-expiry.1", "600"),), reg(), reg(expires=3600)),
    RuleCase("register-refresh", (("register-expiry.1", "600"),), refreshes(40), refreshes(90), reg()),
    RuleCase("retry-count", (("retry-count.1", "3"), *TWO_SERVERS), tries(3), tries(1), reg()),
    RuleCase(
        "server-order",
        (("server-order", "in-turn"), *TWO_SERVERS),
        two_servers(second_after=32, is_first_silent=True),
        two_servers(second_after=0, is_first_silent=False),
        reg(),
    ),
    RuleCase(
        "server-probe",
        (("server-probe", "120"), ("server-order", "in-turn"), *TWO_SERVERS),
        two_servers(second_after=32, is_first_silent=True, back_after=120),
        two_servers(second_after=32, is_first_silent=True, back_after=400),
        reg(),
    ),
    RuleCase("retry-interval", (("retry-interval", "30"),), refused(30), refused(5), reg()),
    RuleCase("register-delay", (("*/register-delay", "0"),), boots(600), boots(600, delay=40), reg(), verdict="WARN"),
    RuleCase("unregister-on-boot", (("unregister-on-boot", "on"),), boots(0, 600), boots(600), reg()),
    RuleCase("mac-header", (("mac-header", "on"),), reg(headers={"MAC": "00:15:65:aa:bb:cc"}), reg()),
    RuleCase("line-header", (("line-header", "on"),), reg(headers={"Line": "0"}), reg(headers={"Line": "7"})),
    RuleCase("rport", (("rport", "on"),), reg(), talk(rport=False)),
    RuleCase("compact-headers", (("compact-headers", "on"),), reg(names=LETTERS), reg()),
    RuleCase("proxy-require", (("proxy-require", "path"),), reg(headers={"Proxy-Require": "path"}), reg()),
    RuleCase(
        "outbound-proxy",
        (("outbound-proxy", "on"), ("outbound-proxy-address.1", "10.1.0.9"), ("outbound-proxy-port.1", "5070")),
        talk(local=PROXY),
        reg(),
    ),
    RuleCase("local-port", (("*/local-port", "5060"),), reg(), talk(phone_port=5080)),
    RuleCase(
        "local-tls-port",
        (("*/local-tls-port", "5061"),),
        talk(transport="tls", contact_port=5061),
        talk(transport="tls", contact_port=5071),
        verdict="WARN",
    ),
    RuleCase(
        "stun",
        (("stun", "on"), ("*/stun-server", STUB)),
        lambda: Talk().stun().register().stun(),
        boots(600),
        reg(),
    ),
    RuleCase("timer-t1", (("timer-t1", "0.5"),), silent_request(0.5, 1.0), silent_request(1.5, 3.0), reg()),
    RuleCase(
        "timer-t2",
        (("timer-t2", "4"), ("timer-t1", "0.5")),
        silent_request(0.5, 1, 2, 4, 4),
        silent_request(0.5, 1, 2, 4, 8, 8),
        silent_request(0.5, 1),
    ),
    RuleCase("keepalive", (("keepalive", "options"),), kept_alive(Talk.options), kept_alive(Talk.keepalive), reg()),
    RuleCase(
        "keepalive-interval",
        (("keepalive-interval", "30"), ("keepalive", "datagram")),
        kept_alive(Talk.keepalive),
        kept_alive(Talk.keepalive, spacing=60),
        reg(),
    ),
    RuleCase("reg-event", (("reg-event", "on"),), subscribes("reg"), reg()),
    RuleCase("mwi-subscription", (MWI,), subscribes(SUMMARY), reg()),
    RuleCase("mwi-expiry", (MWI, ("mwi-expiry", "3600")), subscribes(SUMMARY), subscribes(SUMMARY, 600)),
    RuleCase(
        "mwi-target",
        (MWI, ("mwi-to-voicemail", "on"), ("voicemail-number", "9100")),
        subscribes(SUMMARY, target="9100"),
        subscribes(SUMMARY),
    ),
    RuleCase("busy-lamp", BLF, subscribes("dialog", target="110"), reg()),
    RuleCase("blf-expiry", (*BLF, ("blf-expiry", "1800")), subscribes("dialog", 1800, "110"), subscribes("dialog", 60, "110")),
    RuleCase(
        "blf-event",
        (*BLF, ("blf-event", "presence")),
        subscribes("presence", 1800, "110"),
        subscribes("dialog", 1800, "110"),
        verdict="WARN",
    ),
    RuleCase("caller-id-source", (("caller-id-source", "2"),), reg(), reg(headers={"P-Asserted-Identity": "<sip:1@b>"})),
    RuleCase("check-sync", (("*/check-sync", "always"),), check_sync(restarts=True), check_sync(fetches=True), reg()),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_phone_that_does_as_told_passes(case: RuleCase) -> None:
    found = ask(case.rule, case.good(), *case.items)
    assert (found.verdict, found.number > 0 or case.rule == "dns-lookup") == (Verdict.PASS, True), found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_phone_that_does_otherwise_does_not_pass(case: RuleCase) -> None:
    found = ask(case.rule, case.bad(), *case.items)
    assert found.verdict == case.verdict, found
    assert found.seen and found.seen != found.expected
    assert found.place == "devices/groups/reception.toml:6"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_no_evidence_is_inconclusive(case: RuleCase) -> None:
    found = ask(case.rule, case.blind(), *case.items)
    assert found.verdict is Verdict.INCONCLUSIVE, found


def test_what_was_asked_of_a_phone_before_it_was_heard_may_have_met_it_while_it_was_off() -> None:
    found = ask("answers-requests", Talk().asked(is_answered=False, times=4).wait(50).register().wait(5))
    assert found.verdict is Verdict.INCONCLUSIVE, found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_silent_phone_is_never_accused_and_never_praised(case: RuleCase) -> None:
    assert ask(case.rule, nothing(), *case.items).verdict in (Verdict.INCONCLUSIVE, Verdict.SKIPPED)


OFF = [
    ("account-enabled", (("account-enabled", "off"), ("user-name", "101")), lambda: Talk(user="102").register().wait(30), reg()),
    (
        "server-order",
        (("server-order", "together"), *TWO_SERVERS),
        two_servers(second_after=0, is_first_silent=False),
        two_servers(second_after=60, is_first_silent=False),
    ),
    ("mac-header", (("mac-header", "off"),), reg(), reg(headers={"MAC": "00:15:65:aa:bb:cc"})),
    ("line-header", (("line-header", "off"),), reg(), reg(headers={"Line": "0"})),
    ("rport", (("rport", "off"),), talk(rport=False), reg()),
    ("compact-headers", (("compact-headers", "off"),), reg(), reg(names=LETTERS)),
    ("proxy-require", (("proxy-require", ""),), reg(), reg(headers={"Proxy-Require": "path"})),
    ("reg-event", (("reg-event", "off"),), reg(), subscribes("reg")),
    ("mwi-subscription", (("mwi-subscription", "off"),), reg(), subscribes(SUMMARY)),
    ("keepalive", (("keepalive", "off"),), lambda: Talk().register().wait(70), kept_alive(Talk.keepalive)),
    ("stun", (("stun", "off"),), reg(), lambda: Talk().stun().register().stun()),
    ("outbound-proxy", (("outbound-proxy", "off"),), reg(), reg(headers={"Route": "<sip:10.1.0.9;lr>"})),
    ("mwi-target", (MWI, ("mwi-to-voicemail", "off")), subscribes(SUMMARY), subscribes(SUMMARY, target="9100")),
    ("check-sync", (("*/check-sync", "never"),), check_sync(), check_sync(fetches=True)),
    ("check-sync", (("*/check-sync", "on-request"),), check_sync(fetches=True), check_sync(restarts=True)),
    ("check-sync", (("*/check-sync", "on-request"),), check_sync(reboot=True, restarts=True), check_sync(reboot=True)),
    ("display-name", (("display-name", ""),), talk(display=None), reg()),
    ("display-name", (("display-name", ""),), talk(display="101"), reg()),
]


@pytest.mark.parametrize(("rule", "items", "good", "bad"), OFF, ids=[f"{row[0]}-{at}" for at, row in enumerate(OFF)])
def test_what_is_switched_off_must_not_show(rule: str, items: Items, good: Said, bad: Said) -> None:
    assert ask(rule, good(), *items).verdict is Verdict.PASS
    assert ask(rule, bad(), *items).verdict is Verdict.FAIL
    assert ask(rule, nothing(), *items).verdict is Verdict.INCONCLUSIVE
