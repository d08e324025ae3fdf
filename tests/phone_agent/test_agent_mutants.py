"""Each mutant differs from the honest phone in what it says that it does, and in nothing else."""

from __future__ import annotations

import pytest
from behaviour import differences, played

from sipstub.phone.disobey import MUTANTS, DisobeyProblem, find_mutants

OTHERS = [name for name, mutant in MUTANTS.items() if mutant.shows_when != "session"]
"Those of session timers are compared in tests/verify, after calls of half an hour."
PLACES = {
    "registers-disabled-account": {"events", "sequence"},
    "never-registers": {"events", "sequence"},
    "wrong-user": {"Contact", "From", "To"},
    "wrong-contact-user": {"Contact"},
    "ignores-auth-name": {"Authorization"},
    "no-auth-fallback": {"Authorization", "events", "refused"},
    "wrong-password": {"events", "refused"},
    "never-answers-challenges": {"events", "sequence"},
    "no-display-name": {"From"},
    "wrong-display-name": {"From"},
    "wrong-port": {"Authorization", "From", "To", "hop", "line"},
    "wrong-transport": {"Contact", "Via", "hop"},
    "wrong-expires": {"Expires", "events"},
    "never-refreshes": {"events", "sequence"},
    "refreshes-late": {"events", "sequence"},
    "ignores-423": {"Expires", "events", "sequence"},
    "wrong-retry-count": {"Authorization", "CSeq", "Call-ID", "From", "To", "events", "hop", "line", "sequence"},
    "never-fails-over": {"Authorization", "CSeq", "Call-ID", "From", "To", "events", "hop", "line", "sequence"},
    "ignores-outbound-proxy": {"hop"},
    "wrong-local-port": {"Contact", "Via"},
    "wrong-contact-port": {"Contact"},
    "no-retry": {"events", "sequence"},
    "retries-too-soon": {"events", "sequence"},
    "ignores-register-delay": {"sequence"},
    "never-unregisters-first": {"Expires", "events", "sequence"},
    "unregisters-though-off": {"Expires", "events", "sequence"},
    "no-mac-header": {"MAC"},
    "mac-header-though-off": {"MAC"},
    "no-line-header": {"Line"},
    "wrong-line-header": {"Line"},
    "no-reg-subscription": {"sequence"},
    "no-mwi-subscription": {"sequence"},
    "mwi-though-off": {"sequence"},
    "wrong-mwi-expires": {"Expires"},
    "mwi-not-to-voicemail": {"Authorization", "To", "line"},
    "ignores-t1": {"CSeq", "events", "sequence"},
    "ignores-t2": {"CSeq", "sequence"},
    "no-keepalive": {"sequence"},
    "keepalive-though-off": {"sequence"},
    "wrong-keepalive-kind": {"sequence"},
    "wrong-keepalive-spacing": {"sequence"},
    "no-rport": {"Via"},
    "rport-though-off": {"Via"},
    "no-stun": {"sequence"},
    "stun-though-off": {"sequence"},
    "no-user-phone": {"Authorization", "To", "line"},
    "user-phone-though-off": {"Authorization", "To", "line"},
    "ignores-compact": {"Allow-Events", "Call-ID", "Contact", "From", "To", "Via", "f", "i", "m", "t", "u", "v"},
    "compact-though-off": {"Allow-Events", "Call-ID", "Contact", "From", "To", "Via", "f", "i", "m", "t", "u", "v"},
    "no-proxy-require": {"Proxy-Require"},
    "no-session-timer": {"Session-Expires", "Supported"},
    "session-timer-though-off": {"Session-Expires", "Supported"},
    "wrong-session-expires": {"Session-Expires"},
    "wrong-refresher": {"Session-Expires"},
    "no-100rel": {"Supported"},
    "100rel-though-off": {"Supported"},
    "wrong-codec-order": {"body"},
    "codec-missing": {"body"},
    "codec-though-off": {"body"},
    "wrong-codec-payload": {"body"},
    "wrong-ptime": {"body"},
    "ptime-though-off": {"body"},
    "no-telephone-event": {"body"},
    "wrong-dtmf-payload": {"body"},
    "wrong-dtmf-info": {"Content-Type", "body"},
    "no-srtp": {"body"},
    "srtp-though-off": {"body"},
    "ignores-check-sync": {"events"},
    "resyncs-though-told-not": {"events"},
    "silent-to-check-sync": {"events", "sequence"},
    "never-answers-options": {"sequence"},
    "never-acknowledges": {"sequence"},
    "wrong-digest-realm": {"Authorization", "events", "refused"},
    "wrong-digest-uri": {"Authorization", "events", "refused"},
    "repeats-nonce-count": {"Authorization", "refused", "sequence"},
    "changes-call-id": {"Call-ID"},
    "repeats-cseq": {"CSeq"},
    "wrong-agent": {"User-Agent"},
    "wrong-server": {"Authorization", "From", "To", "hop", "line"},
    "registers-at-both": {"Authorization", "CSeq", "Call-ID", "From", "To", "events", "hop", "line", "sequence"},
    "registers-in-turn": {"Authorization", "CSeq", "Call-ID", "From", "To", "events", "hop", "line", "sequence"},
    "wrong-probe-spacing": {"sequence"},
    "label-as-name": {"From"},
    "asserts-identity": {"P-Preferred-Identity"},
    "wrong-tls-port": {"Contact", "Via"},
    "wrong-media-port": {"body"},
    "no-busy-lamp": {"sequence"},
    "wrong-busy-lamp": {"Authorization", "To", "line"},
    "wrong-blf-expires": {"Expires"},
    "wrong-blf-event": {"Accept", "Event"},
    "not-anonymous": {"From", "Privacy"},
    "anonymous-though-off": {"From", "Privacy"},
    "no-from-change": {"Supported"},
}
# Where each mutant differs: names of headers, `line` the request line, `hop` where it goes, `body` the SDP or the digit,
# `refused` what the registrar finds wrong with credentials, `sequence` which messages there are and when, `events` what it tells.


def test_there_are_many_and_the_table_holds_them_all() -> None:
    assert set(PLACES) == set(OTHERS)
    assert len(MUTANTS) >= 25


@pytest.mark.parametrize("name", OTHERS)
def test_a_mutant_differs_in_its_one_behaviour(name: str) -> None:
    mutant = MUTANTS[name]
    honest = played(mutant.shows_when, mutant.shows_with)
    assert differences(honest, played(mutant.shows_when, mutant.shows_with, [name])) == PLACES[name]
    assert PLACES[name]


@pytest.mark.parametrize("when", sorted({MUTANTS[name].shows_when for name in OTHERS}))
def test_two_honest_phones_do_not_differ(when: str) -> None:
    assert differences(played(when, {}), played(when, {})) == set()


def test_mutants_add_up() -> None:
    both = played("register", {}, ["no-display-name", "wrong-expires"])
    assert differences(played("register", {}), both) == {"From", "Expires", "events"}


def test_a_mutant_that_does_not_exist_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(DisobeyProblem, match="no way to disobey") as caught:
        find_mutants(["wrong-expire"])
    assert "wrong-expires" in caught.value.hint


def test_every_mutant_says_what_it_does() -> None:
    assert all(mutant.summary and mutant.shows_when for mutant in MUTANTS.values())
    assert len({mutant.summary + mutant.parameter for mutant in MUTANTS.values()}) == len(MUTANTS)
