"""Every rule that a call answers: as told, not as told, and nothing to tell from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from verify_builders import ALLOW, SUBJECT, Talk, ask

from sipstub.verify.stimulus import PASSIVE
from sipstub.verify.verdict import Verdict

Said = Callable[[], Talk]
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80")
TIMER = {"Session-Expires": "1800;refresher=uac", "Supported": "replaces, timer"}
PHONE_URI = "sip:199@10.1.0.5:5060;user=phone"
CODECS = (
    ("codec-enabled.1", "on"), ("codec-name.1", "G722"), ("codec-priority.1", "2"), ("codec-payload.1", "9"),
    ("codec-enabled.2", "on"), ("codec-name.2", "ILBC"), ("codec-priority.2", "1"), ("codec-payload.2", "106"),
    *((f"codec-enabled.{slot}", "off") for slot in range(3, 12)),
)  # fmt: skip


def calls(**more: object) -> Said:
    return lambda: Talk().register().invite(**more).wait(5)  # type: ignore[arg-type]


def headers(**found: str) -> Said:
    return calls(headers={name.replace("_", "-"): value for name, value in found.items()})


def presses(content_type: str, **more: object) -> Said:
    return lambda: Talk().register().invite(**more).info(content_type).wait(5)  # type: ignore[arg-type]


def anonymous(privacy: str | None) -> Said:
    return calls(headers={"From": '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a', "Privacy": privacy})


def registers() -> Talk:
    return Talk().register().wait(60)


def acknowledged(*, has_ack: bool) -> Said:
    return lambda: Talk().register().invite(has_ack=has_ack, times=4).wait(20).keepalive()


FAIL, WARN = Verdict.FAIL, Verdict.WARN
CASES = [
    ("acknowledges", (), acknowledged(has_ack=True), acknowledged(has_ack=False), FAIL),
    ("session-timer", (("session-timer", "on"),), headers(**TIMER), calls(), FAIL),
    ("session-timer", (("session-timer", "on"),), headers(**TIMER), headers(Session_Expires="1800"), FAIL),
    ("session-timer", (("session-timer", "off"),), calls(), headers(**TIMER), FAIL),
    ("session-timer", (("session-timer", "off"),), calls(), headers(Supported="timer"), WARN),
    ("session-expires", (("session-expires", "1800"),), headers(**TIMER), headers(Session_Expires="90"), FAIL),
    ("session-refresher", (("session-refresher", "uac"),), headers(**TIMER), headers(Session_Expires="9;refresher=uas"), FAIL),
    ("session-refresher", (("session-refresher", "uac"),), headers(**TIMER), headers(Session_Expires="1800"), WARN),
    ("reliable-provisional", (("reliable-provisional", "on"),), headers(Supported="100rel"), calls(), FAIL),
    ("reliable-provisional", (("reliable-provisional", "off"),), calls(), headers(Supported="100rel"), FAIL),
    ("user-phone", (("user-phone", "on"),), calls(uri=PHONE_URI), calls(), FAIL),
    ("user-phone", (("user-phone", "off"),), calls(), calls(to=f"<{PHONE_URI}>"), FAIL),
    ("anonymous-call", (("anonymous-call", "on"),), anonymous("id"), calls(), FAIL),
    ("anonymous-call", (("anonymous-call", "on"),), anonymous("id"), anonymous(None), WARN),
    ("anonymous-call", (("anonymous-call", "off"),), calls(), anonymous("id"), FAIL),
    ("connected-id-source", (("connected-id-source", "rfc4916"),), headers(Supported="from-change"), calls(), FAIL),
    ("codec-order", CODECS, calls(codecs=(("106", "iLBC"), ("9", "G722"))), calls(codecs=(("9", "G722"), ("106", "iLBC"))), FAIL),
    ("codec-order", CODECS, calls(codecs=(("106", "iLBC"), ("9", "G722"))), calls(codecs=(("9", "G722"),)), FAIL),
    (
        "codec-order",
        CODECS,
        calls(codecs=(("106", "iLBC"), ("9", "G722"))),
        calls(codecs=(("106", "iLBC"), ("9", "G722"), ("0", "PCMU"))),
        FAIL,
    ),
    ("codec-payload", CODECS, calls(codecs=(("106", "iLBC"),)), calls(codecs=(("97", "iLBC"),)), FAIL),
    ("ptime", (("ptime", "30"),), calls(ptime="30"), calls(), FAIL),
    ("ptime", (("ptime", "0"),), calls(ptime=None), calls(), FAIL),
    ("srtp", (("srtp", "off"),), calls(), calls(suites=SUITES), FAIL),
    ("srtp", (("srtp", "required"),), calls(suites=SUITES, protocol="RTP/SAVP"), calls(), FAIL),
    ("srtp", (("srtp", "required"),), calls(suites=SUITES, protocol="RTP/SAVP"), calls(suites=SUITES), FAIL),
    (
        "srtp",
        (("srtp", "required"),),
        calls(suites=SUITES, protocol="RTP/SAVP"),
        calls(suites=SUITES[:1], protocol="RTP/SAVP"),
        WARN,
    ),
    ("srtp", (("srtp", "optional"),), calls(suites=SUITES), calls(), WARN),
    ("rtp-port", (("*/rtp-port-min", "11780"), ("*/rtp-port-max", "12780")), calls(), calls(media_port=20000), FAIL),
    ("dtmf", (("dtmf", "rfc2833"),), calls(), calls(events=None), FAIL),
    ("dtmf", (("dtmf", "rfc2833"),), calls(), presses("application/dtmf-relay"), FAIL),
    ("dtmf", (("dtmf", "info"),), presses("application/dtmf-relay"), None, FAIL),
    ("dtmf", (("dtmf", "inband"),), calls(events=None), calls(), WARN),
    ("dtmf", (("dtmf", "rfc2833+info"),), presses("application/dtmf"), calls(events=None), FAIL),
    ("dtmf-payload", (("dtmf-payload", "101"),), calls(), calls(events="96"), FAIL),
    ("dtmf-info-type", (("dtmf-info-type", "dtmf"),), presses("application/dtmf"), presses("application/dtmf-relay"), FAIL),
]
IDS = [f"{row[0]}-{at}" for at, row in enumerate(CASES)]


@pytest.mark.parametrize(("rule", "items", "good", "bad", "verdict"), CASES, ids=IDS)
def test_an_invite_is_judged_by_what_the_file_says(
    rule: str, items: tuple[tuple[str, str], ...], good: Said, bad: Said | None, verdict: Verdict
) -> None:
    found = ask(rule, good(), *items)
    assert found.verdict is Verdict.PASS, found
    if bad is not None:
        found = ask(rule, bad(), *items)
        assert found.verdict is verdict, found
        assert found.number
    assert ask(rule, registers(), *items).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("rule", "items"), [row[:2] for row in CASES], ids=IDS)
def test_a_rule_whose_stimulus_was_not_given_is_skipped_and_says_what_it_wants(
    rule: str, items: tuple[tuple[str, str], ...]
) -> None:
    found = ask(rule, registers(), *items, stimuli=PASSIVE)
    assert found.verdict is Verdict.SKIPPED
    assert found.seen.endswith(("wants call-out", "wants digit", "wants call-out or call-in"))


def test_supported_timer_in_a_register_is_information_only() -> None:
    found = ask("session-timer-register", Talk().register(headers={"Supported": "timer"}), ("session-timer", "on"))
    assert found.verdict is Verdict.INFO
    assert (
        ask("session-timer", Talk().register(headers={"Allow": ALLOW}), ("session-timer", "on")).verdict is Verdict.INCONCLUSIVE
    )


def test_a_longer_session_interval_after_422_is_no_fault() -> None:
    talk = Talk().register().invite(headers=TIMER, status=422).invite(headers={**TIMER, "Session-Expires": "3600;refresher=uac"})
    assert ask("session-expires", talk, ("session-expires", "1800")).verdict is Verdict.PASS


def test_a_reliable_answer_wants_prack() -> None:
    talk = Talk().register()
    data = talk.request("INVITE", "sip:199@10.1.0.5", {"Supported": "100rel"}, call_id="r@phone", to="<sip:199@10.1.0.5>")
    talk.answer(data, 183, {"Require": "100rel", "RSeq": "1"})
    found = ask("reliable-provisional", talk.wait(5), ("reliable-provisional", "on"))
    assert (found.verdict, found.seen) == (Verdict.FAIL, "no PRACK for a reliable answer")
    talk.request("PRACK", "sip:199@10.1.0.5", {"RAck": "1 1 INVITE"}, call_id="r@phone", cseq=2, to="<sip:199@10.1.0.5>;tag=t")
    assert ask("reliable-provisional", talk, ("reliable-provisional", "on")).verdict is Verdict.PASS


def test_an_extra_codec_is_only_odd_where_the_file_does_not_name_every_slot() -> None:
    from dataclasses import replace

    some = tuple(item for item in CODECS if item[1] != "off")
    talk = calls(codecs=(("106", "iLBC"), ("9", "G722"), ("0", "PCMU")))()
    assert ask("codec-order", talk, *some).verdict is Verdict.WARN
    assert ask("codec-order", talk, *some, subject=replace(SUBJECT, codec_slots=2)).verdict is Verdict.FAIL
