"""What makes a false alarm, or hides a true one: raises by 423, Retry-After, NAT, streams, retries, shared connections."""

from __future__ import annotations

import pytest
from verify_builders import ACCOUNT, MAC, PASSWORD, START, STUB, Talk, ask, expect

from sipstub.sip.digest import challenge_for
from sipstub.trace.record import Endpoint
from sipstub.verify.expectation import Expectation
from sipstub.verify.facts import Facts, Fetch
from sipstub.verify.judge import FACTORY, NOT_RESET, UNTOUCHED, judge
from sipstub.verify.rules import RULES
from sipstub.verify.stimulus import EVERY, PASSIVE, Stimulus
from sipstub.verify.verdict import Certainty, Verdict


def test_a_refusal_before_the_silence_may_count_as_a_try_or_not() -> None:
    second = Endpoint("udp", "10.1.0.6", 5060)
    items = (("server-address.1", STUB), ("server-address.2", "10.1.0.6"), ("server-port.2", "5060"))

    def said(silent: int) -> Talk:
        found = Talk().register(status=503, is_challenged=False).wait(30)
        for _ in range(silent):
            found.register(status=0, is_challenged=False).wait(32)
        return found.register(uri="sip:10.1.0.6:5060", local=second).wait(5)

    verdicts = [ask("retry-count", said(silent), ("retry-count", "3"), *items).verdict for silent in (1, 2, 3, 4)]
    assert verdicts == [Verdict.FAIL, Verdict.PASS, Verdict.PASS, Verdict.WARN]


def test_a_longer_expiry_after_423_is_no_fault() -> None:
    talk = Talk().register(30, status=423, answer_headers={"Min-Expires": "60"}).register(60)
    assert ask("register-expiry", talk, ("register-expiry.1", "30")).verdict is Verdict.PASS
    talk = Talk().register(30, status=423, answer_headers={"Min-Expires": "60"}).register(20)
    assert ask("register-expiry", talk, ("register-expiry.1", "30")).verdict is Verdict.FAIL


def test_removing_a_binding_says_nothing_of_the_expiry() -> None:
    assert ask("register-expiry", Talk().register(600).register(0), ("register-expiry.1", "600")).verdict is Verdict.PASS


def test_a_wrong_value_says_where_it_began() -> None:
    found = ask("register-expiry", Talk().register(3600), ("register-expiry.1", "600"))
    assert (found.seen, found.number, found.label, found.note) == ("3600", 3, "REGISTER", "first in #1")


@pytest.mark.parametrize(("seconds", "verdict"), [(58.9, "PASS"), (60.5, "PASS"), (61.2, "FAIL"), (200.0, "FAIL")])
def test_a_refresh_at_the_edge_of_what_was_granted(seconds: float, verdict: str) -> None:
    talk = Talk().register(600, granted=60).wait(seconds).register(600, granted=60)
    assert ask("register-refresh", talk, ("register-expiry.1", "600")).verdict == verdict


def test_a_binding_that_runs_out_while_it_is_watched_fails() -> None:
    talk = Talk().register(600, granted=60).wait(120)
    assert ask("register-refresh", talk, ("register-expiry.1", "600")).verdict is Verdict.FAIL


@pytest.mark.parametrize(("gap", "verdict"), [(26.5, "FAIL"), (27.5, "PASS"), (30.0, "PASS"), (32.5, "PASS"), (33.5, "FAIL")])
def test_the_wait_after_a_refusal_is_about_what_the_file_says(gap: float, verdict: str) -> None:
    talk = Talk().register(status=403).wait(gap).register()
    assert ask("retry-interval", talk, ("retry-interval", "30")).verdict == verdict


def test_retry_after_makes_the_wait_longer() -> None:
    talk = Talk().register(status=503, answer_headers={"Retry-After": "120"}).wait(121).register()
    assert ask("retry-interval", talk, ("retry-interval", "30")).verdict is Verdict.PASS


def test_a_challenge_is_no_refusal() -> None:
    assert ask("retry-interval", Talk().register(), ("retry-interval", "30")).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("t1", "verdict"), [(0.38, "FAIL"), (0.45, "PASS"), (0.5, "PASS"), (0.58, "PASS"), (0.65, "FAIL")])
def test_t1_has_a_tolerance(t1: float, verdict: str) -> None:
    talk = Talk().register(status=0, is_challenged=False, copies=(t1, 2 * t1))
    assert ask("timer-t1", talk, ("timer-t1", "0.5")).verdict == verdict


def test_a_finding_says_that_it_took_retries() -> None:
    talk = Talk().register(status=0, is_challenged=False, copies=(0.5, 1.0)).wait(32).register()
    found = ask("register-expiry", talk, ("register-expiry.1", "600"))
    assert found.verdict is Verdict.PASS
    assert found.retries == 1
    once = ask("register-expiry", Talk().register(status=0, copies=(0.5,)), ("register-expiry.1", "600"))
    assert once.retries >= 1


def test_the_port_that_a_nat_shows_is_no_fault() -> None:
    talk = Talk(phone_port=33000, via_port=5060, contact_port=33000).register()
    assert ask("local-port", talk, ("*/local-port", "5060")).verdict is Verdict.PASS
    talk = Talk(phone_port=33000, via_port=5060, contact_port=7000).register()
    assert ask("local-port", talk, ("*/local-port", "5060")).verdict is Verdict.FAIL


def test_over_tcp_the_rules_about_udp_are_skipped() -> None:
    talk = Talk(transport="tcp", rport=False).register().wait(200)
    for rule, item in (
        ("rport", ("rport", "on")),
        ("keepalive", ("keepalive", "datagram")),
        ("keepalive-interval", ("keepalive-interval", "30")),
        ("timer-t1", ("timer-t1", "0.5")),
        ("timer-t2", ("timer-t2", "4")),
        ("local-port", ("*/local-port", "5060")),
    ):
        assert ask(rule, talk, item).verdict is Verdict.SKIPPED, rule


def test_tls_without_a_port_means_5061() -> None:
    talk = Talk(transport="tls", port=5061, server=STUB)
    talk.register(uri=f"sip:{STUB}")
    assert ask("server-port", talk, ("server-port.1", "5061"), ("transport.1", "tls")).verdict is Verdict.PASS


def test_something_that_changes_ports_on_the_way_is_odd_but_not_the_phones_fault() -> None:
    talk = Talk(local=Endpoint("udp", STUB, 15060)).register()
    assert ask("server-port", talk, ("server-port.1", "5060")).verdict is Verdict.WARN


def test_two_accounts_on_one_connection_share_their_keepalives() -> None:
    talk = Talk().register()
    talk.user = "102"
    talk.register()
    for _ in range(4):
        talk.wait(15).keepalive().wait(14.98).keepalive()
    items = (("keepalive-interval", "30"), ("keepalive", "datagram"), ("2/account-enabled", "on"), ("2/user-name", "102"))
    assert ask("keepalive-interval", talk, *items).verdict is Verdict.PASS


def test_a_password_is_judged_whatever_user_the_digest_names() -> None:
    talk = Talk(auth_name="wrong").register()
    assert ask("password", talk, ("password", PASSWORD)).verdict is Verdict.PASS
    assert ask("auth-name", talk, ("auth-name", "right")).verdict is Verdict.FAIL


def test_an_ack_carries_the_credentials_of_its_invite_and_is_not_judged_by_them() -> None:
    talk = Talk().register()
    talk.request("ACK", headers={"Authorization": talk.credentials("INVITE", challenge_for("stub", "n7"))}, call_id="c7@phone")
    assert ask("password", talk, ("password", PASSWORD)).verdict is Verdict.PASS


def test_a_password_that_was_not_given_along_is_not_judged() -> None:
    secret = Expectation("password", None, "account.1.password", account=1)
    assert ask("password", Talk().register(), secret).verdict is Verdict.SKIPPED


def test_a_rule_from_recall_never_fails() -> None:
    recalled = [rule for rule in RULES.values() if rule.certainty is Certainty.RECALL]
    assert recalled
    talk = Talk(transport="tls", contact_port=1).register()
    assert ask("local-tls-port", talk, ("*/local-tls-port", "5061")).verdict is Verdict.WARN


def test_a_factory_value_that_no_file_names_is_information_unless_the_phone_was_reset() -> None:
    rport = Expectation("rport", "off", "account.1.nat.rport", account=1, is_default=True, factory="off")
    found = ask("rport", Talk().register(), rport)
    assert (found.verdict, found.place) == (Verdict.INFO, "factory value")
    expectations = expect(*ACCOUNT, rport)
    findings = {finding.rule: finding for finding in judge(expectations, Talk().register().facts(), is_factory_reset=True)}
    assert findings["rport"].verdict is Verdict.FAIL
    silent = {finding.rule for finding in judge(expectations, Facts())}
    assert "rport" not in silent


def test_likely_causes_tell_untouched_from_refused_from_not_reset() -> None:
    def item(setting: str, value: str, factory: str, **more: bool) -> Expectation:
        return Expectation(setting, value, f"p.{setting}", "f.cfg", 1, 1, "1", factory=factory, **more)  # type: ignore[arg-type]

    talk = Talk().register(3600)
    one = item("register-expiry", "600", "3600")
    assert ask("register-expiry", talk, one).likely == FACTORY
    assert ask("register-expiry", talk, item("register-expiry", "600", "600", is_reset=True)).likely == NOT_RESET
    three = (one, item("transport", "tcp", "udp"), item("server-port", "5070", "5060"))
    assert ask("register-expiry", talk, *three).likely == UNTOUCHED


def test_a_mac_in_another_header_is_odd_and_a_wrong_mac_is_wrong() -> None:
    odd = Talk().register(headers={"X-Phone": MAC})
    assert ask("mac-header", odd, ("mac-header", "on")).verdict is Verdict.WARN
    wrong = Talk().register(headers={"MAC": "00:15:65:00:00:00"})
    assert ask("mac-header", wrong, ("mac-header", "on")).verdict is Verdict.FAIL


def test_the_line_counted_from_one_is_odd_because_the_guide_prints_both() -> None:
    assert ask("line-header", Talk().register(headers={"Line": "1"}), ("line-header", "on")).verdict is Verdict.WARN


def test_nameless_accounts_that_are_off_make_one_finding() -> None:
    off = [(f"{account}/account-enabled", "off") for account in range(2, 17)]
    expectations = expect(*ACCOUNT, *off)
    found = [f for f in judge(expectations, Talk().register().wait(30).facts(), EVERY) if f.rule == "account-enabled"]
    assert [finding.account for finding in found] == [1, 2]
    assert found[1].verdict is Verdict.PASS
    talk = Talk().register()
    talk.user = "777"
    wrong = judge(expectations, talk.register().wait(30).facts(), EVERY)
    assert [f.seen for f in wrong if f.rule == "account-enabled" and f.verdict is Verdict.FAIL] == ["777 registers"]


def test_a_second_server_shows_when_the_first_is_silent() -> None:
    items = (
        ("server-address.1", STUB),
        ("server-address.2", "10.1.0.6"),
        ("register-expiry.1", "600"),
        ("register-expiry.2", "90"),
    )
    expectations = expect(*ACCOUNT[:2], *items)

    def verdicts(talk: Talk, stimuli: frozenset[Stimulus]) -> dict[str, Verdict]:
        found = judge(expectations, talk.facts(), stimuli)
        return {finding.title: finding.verdict for finding in found if finding.index == "2"}

    address, expiry = "server-address account 1 [2]", "register-expiry account 1 [2]"
    assert set(verdicts(Talk().register(600), PASSIVE).values()) == {Verdict.SKIPPED}
    assert set(verdicts(Talk().register(600), EVERY).values()) == {Verdict.INCONCLUSIVE}
    talk = Talk().register(600)
    talk.server, talk.local = "10.1.0.6", Endpoint("udp", "10.1.0.6", 5060)
    moved = verdicts(talk.register(90), EVERY)
    assert (moved[address], moved[expiry]) == (Verdict.PASS, Verdict.PASS)
    assert verdicts(talk.register(600), EVERY)[expiry] is Verdict.FAIL


def test_absence_counts_only_after_the_phone_was_watched_for_a_while() -> None:
    for rule, item in (("mwi-subscription", ("mwi-subscription", "on")), ("reg-event", ("reg-event", "off"))):
        assert ask(rule, Talk().register().wait(9), item).verdict is Verdict.INCONCLUSIVE, rule
        assert ask(rule, Talk().register().wait(11), item).verdict is not Verdict.INCONCLUSIVE, rule
    for seconds, verdict in ((10, Verdict.INCONCLUSIVE), (40, Verdict.FAIL)):
        talk = Talk().register().fetch("before.cfg").wait(5).notify_check_sync().wait(seconds)
        assert ask("check-sync", talk, ("*/check-sync", "on-request")).verdict is verdict


def test_check_sync_is_not_judged_where_nobody_saw_the_requests_for_files() -> None:
    talk = Talk().register().wait(5).notify_check_sync().wait(200)
    assert ask("check-sync", talk, ("*/check-sync", "on-request")).verdict is Verdict.INCONCLUSIVE


def test_a_blank_digest_user_means_the_user_name_but_that_is_recall() -> None:
    assert ask("auth-name", Talk().register(), ("auth-name", "")).verdict is Verdict.PASS
    assert ask("auth-name", Talk(auth_name="other").register(), ("auth-name", "")).verdict is Verdict.WARN


def test_port_0_comes_from_dns() -> None:
    assert ask("server-port", Talk().register(), ("server-port.1", "0")).verdict is Verdict.SKIPPED


def test_a_copy_that_the_network_made_says_nothing_of_the_timers() -> None:
    talk = Talk().register(status=0, is_challenged=False, copies=(0.015, 0.485, 1.0))
    assert ask("timer-t1", talk, ("timer-t1", "0.5")).verdict is Verdict.PASS


def test_a_lost_copy_leaves_a_longer_gap_and_is_no_other_timer() -> None:
    talk = Talk().register(status=0, is_challenged=False, copies=(1.5, 2.0))
    assert ask("timer-t1", talk, ("timer-t1", "0.5")).verdict is Verdict.WARN
    talk.register(status=0, is_challenged=False, copies=(0.5, 1.0))
    assert ask("timer-t1", talk, ("timer-t1", "0.5")).verdict is Verdict.PASS


def test_a_request_that_overtook_another_is_no_wrong_number_and_one_much_later_is() -> None:
    def numbered(gap: float) -> Talk:
        return Talk().register(is_challenged=False, cseq=8).wait(gap).register(is_challenged=False, cseq=7)

    assert ask("cseq", numbered(0.2)).verdict is Verdict.PASS
    assert ask("cseq", numbered(60.0)).verdict is Verdict.FAIL


def test_no_account_is_accused_of_silence_that_nobody_could_have_heard() -> None:
    def quiet(name: str, *, is_delivered: bool = True, seconds: float = 60.0, hosts: tuple[str, ...] = (STUB,)) -> Verdict:
        facts = Facts.of([], fetches=[Fetch(START, name, True, is_delivered)], hosts=hosts, until=START + seconds)
        found = judge(expect(*ACCOUNT), facts, EVERY)
        return next(finding.verdict for finding in found if finding.rule == "account-enabled")

    assert quiet(f"{MAC}.cfg") is Verdict.FAIL
    assert quiet("y000000000028.cfg") is Verdict.INCONCLUSIVE
    assert quiet(f"{MAC}.cfg", is_delivered=False) is Verdict.INCONCLUSIVE
    assert quiet(f"{MAC}.cfg", seconds=20.0) is Verdict.INCONCLUSIVE
    assert quiet(f"{MAC}.cfg", hosts=("10.9.9.9",)) is Verdict.INCONCLUSIVE


def test_a_challenge_is_not_answered_by_a_request_for_another_key_or_one_sent_before_it_came() -> None:
    challenge = {"WWW-Authenticate": str(challenge_for("stub", "n"))}

    def keys(second: str, *, is_in_a_row: bool) -> Talk:
        found = Talk().register()
        uris = [f"sip:{user}@{STUB}" for user in ("201", second)]
        asked = []
        for number, uri in enumerate(uris):
            lines = {"Event": "dialog", "Expires": "1800"}
            asked.append(found.request("SUBSCRIBE", uri, lines, to=f"<{uri}>", call_id=f"key{number}@phone"))
            if is_in_a_row:
                found.answer(asked[-1], 401, challenge)
        for request in asked if not is_in_a_row else ():
            found.answer(request, 401, challenge)
        return found

    def verdict(talk: Talk) -> Verdict:
        return ask("answers-challenge", talk, ("password", PASSWORD)).verdict

    assert verdict(keys("202", is_in_a_row=False)) is Verdict.PASS
    assert verdict(keys("202", is_in_a_row=True)) is Verdict.PASS
    assert verdict(keys("201", is_in_a_row=False)) is Verdict.PASS
    assert verdict(keys("201", is_in_a_row=True)) is Verdict.FAIL
