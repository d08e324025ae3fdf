"""Honest phones of every model of the example fleet are never accused; each that disobeys in one setting is, in just that."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from fleet_expectations import fleet
from honest_phone import behave, facts_of
from hypothesis import given, settings
from hypothesis import strategies as st
from verify_builders import CATALOGUE, ROOT, Talk, expect

from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.verify.expectation import Expectations
from sipstub.verify.facts import Facts
from sipstub.verify.judge import judge
from sipstub.verify.run import verify
from sipstub.verify.stimulus import EVERY, PASSIVE
from sipstub.verify.verdict import Verdict

ALLOWED = {
    "label": "the example fleet labels its keys with the display name",
    "keepalive": "the setting is about UDP",
    "keepalive-interval": "the setting is about UDP",
    "rport": "the setting is about UDP",
    "register-refresh": "the conversation is shorter than a binding",
    "check-sync": "nothing asks for it here",
    "answers-requests": "nothing asks for it here",
    "register-too-brief": "nothing asks for it here",
    "register-call-id": "the conversation is shorter than a binding",
}
"Rules that an honest phone of the fleet may leave without a PASS, and why."


@pytest.mark.parametrize("name", sorted(fleet()))
def test_an_honest_phone_passes_every_rule_that_its_file_binds(name: str) -> None:
    phone = fleet()[name]
    findings = judge(phone, facts_of(behave(phone)), EVERY)
    assert [finding for finding in findings if finding.verdict in (Verdict.FAIL, Verdict.WARN)] == []
    odd = {finding.rule for finding in findings if finding.verdict not in (Verdict.PASS, Verdict.INFO)}
    assert odd <= set(ALLOWED), odd
    assert sum(finding.verdict is Verdict.PASS for finding in findings) >= 12


def test_the_fleet_has_every_model_in_scope_but_the_siblings() -> None:
    have = {phone.subject.model for phone in fleet().values()}
    assert have == {model.name for model in CATALOGUE.models.values() if model.is_in_scope and not model.is_sibling}
    assert (ROOT / "devices" / "phones").is_dir()


MUTANTS = {
    "user-name": "999",
    "display-name": "Somebody",
    "auth-name": "nobody",
    "password": "quite-another",
    "register-expiry": "3601",
    "server-port": "5066",
    "transport": "tls",
    "rport": "off",
    "mwi-subscription": "off",
    "session-timer": "off",
    "session-refresher": "uas",
    "codec-name": "GSM",
    "dtmf": "inband",
    "ptime": "10",
    "keepalive": "options",
    "keepalive-interval": "50",
}
"Setting to the value that a phone shows which disobeys in just that."
FOLLOWS = {
    "session-timer": {"session-expires", "session-refresher"},
    "mwi-subscription": {"mwi-expiry", "mwi-target"},
    "codec-name": {"codec-order", "codec-payload"},
    "keepalive": {"keepalive-interval"},
    "dtmf": {"dtmf-payload"},
    "transport": {"server-port"},
    "server-port": set(),
}
"Rules that cannot pass either when that setting is disobeyed."


@pytest.mark.parametrize("setting", sorted(MUTANTS))
def test_a_phone_that_disobeys_in_one_thing_fails_in_that_and_in_nothing_else(setting: str) -> None:
    phone = fleet()["assistant"]
    assert phone.all(setting, 1)
    items = tuple(replace(item, value=MUTANTS[setting]) if item.setting == setting else item for item in phone.items)
    mutant = Expectations(phone.subject, items)
    findings = judge(phone, facts_of(behave(mutant)), EVERY)
    failed = {finding.rule for finding in findings if finding.verdict is Verdict.FAIL}
    own = {setting} | ({"codec-order"} if setting == "codec-name" else set())
    assert failed & own, failed
    assert failed <= own | FOLLOWS.get(setting, set()), failed


NOISE_PEER = "10.7.7.7"


def _noise(seed: int) -> list[bytes]:
    other = Talk(user="555", phone=NOISE_PEER, agent="Other 1.0", display="Else")
    other.register(3600, headers={"MAC": "00:00:00:00:00:01"}).invite(codecs=(("3", "GSM"),)).options().keepalive()
    data = [message.data for message in other.messages]
    random.Random(seed).shuffle(data)
    return data


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), spots=st.lists(st.integers(0, 60), max_size=12))
def test_messages_of_others_change_no_verdict(seed: int, spots: list[int]) -> None:
    phone = fleet()["assistant"]
    mine = behave(phone)
    mixed: list[RecordedMessage] = list(mine)
    for at, data in zip(spots, _noise(seed), strict=False):
        near = mixed[min(at, len(mixed) - 1)]
        noise = RecordedMessage(0, near.at, True, near.local, Endpoint("udp", NOISE_PEER, 5060), data)
        mixed.insert(min(at, len(mixed)), noise)
    mixed = [replace(message, number=number) for number, message in enumerate(mixed, 1)]
    found = verify([phone], mixed, now=0.0).report.phones[0].findings
    wanted = judge(phone, Facts.of(mine), PASSIVE)
    assert [(f.title, f.verdict, f.seen) for f in found] == [(f.title, f.verdict, f.seen) for f in wanted]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([m.data for m in Talk().register().invite().messages]))))
def test_any_bytes_give_findings_and_never_an_exception(datas: list[bytes]) -> None:
    talk = Talk()
    for data in datas:
        talk.record(data)
    phone = expect(("account-enabled", "on"), ("user-name", "101"), *((s, "on") for s in ("rport", "mac-header")))
    for finding in judge(phone, talk.facts(), EVERY):
        assert finding.verdict in Verdict
    for name in ("reception-1", "floor-2"):
        judge(fleet()[name], talk.facts(), EVERY)
