"""No honest phone is accused: every model in scope, over UDP, TCP and TLS, passes every rule that its file binds."""

from __future__ import annotations

import pytest
from fleet_expectations import fleet_files
from full_file import MODELS, everything
from model_files import IN_SCOPE, MAC, TRANSPORTS, files_of
from mutant_table import WITHOUT_MUTANT
from wire_lab import Lab

from sipstub.verify.finding import Finding
from sipstub.verify.judge import judge
from sipstub.verify.rules import RULES
from sipstub.verify.stimulus import EVERY, Stimulus
from sipstub.verify.verdict import Verdict

STREAMS = ("tcp", "tls")
ALLOWED: dict[str, tuple[tuple[str, ...], str]] = {
    "keepalive": (STREAMS, "the setting is about UDP"),
    "keepalive-interval": (STREAMS, "the setting is about UDP"),
    "local-port": (STREAMS, "over TCP and TLS the port of the connection is the system's"),
    "timer-t1": (STREAMS, "requests are repeated over UDP only"),
    "timer-t2": (STREAMS, "requests are repeated over UDP only"),
    "local-tls-port": (("udp", "tcp"), "no account uses TLS"),
    "retry-count": (TRANSPORTS, "the second account asks both servers at once"),
}
"Rules that may stay without PASS, over which transports, and why."
SESSION = {rule.name for rule in RULES.values() if rule.stimulus is Stimulus.SESSION}
"Pass in the calls that are kept up for them."
FLEET_ALLOWED = {
    "label": "the example fleet labels its keys with the display name",
    "keepalive": "the setting is about UDP",
    "keepalive-interval": "the setting is about UDP",
    "rport": "RFC 3581 is about UDP",
}


def lived(lab: Lab) -> list[Finding]:
    everything(lab)
    return list(judge(lab.expectations, lab.facts(), EVERY))


def odd(findings: list[Finding]) -> list[Finding]:
    """Return what is neither PASS nor information about what no file says."""
    return [finding for finding in findings if finding.verdict not in (Verdict.PASS, Verdict.INFO)]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("model", [model.name for model in IN_SCOPE])
def test_an_honest_phone_passes_every_rule_that_its_file_binds(model: str, transport: str) -> None:
    findings = lived(Lab(files_of(model, transport), MODELS[model], MAC))
    assert [finding for finding in findings if finding.verdict in (Verdict.FAIL, Verdict.WARN)] == []
    has_two = any(finding.account == 2 for finding in findings)
    wanted = {rule for rule, (over, _) in ALLOWED.items() if transport in over and (has_two or rule != "retry-count")}
    assert {finding.rule for finding in odd(findings)} == wanted
    assert {finding.account for finding in odd(findings) if finding.rule == "retry-count"} <= {2}
    assert [finding.title for finding in findings if finding.verdict is Verdict.INFO and finding.place != "factory value"] == []


def test_an_honest_phone_passes_every_rule_there_is() -> None:
    passed = {
        finding.rule
        for transport in TRANSPORTS
        for finding in lived(Lab(files_of("T46G", transport), MODELS["T46G"], MAC))
        if finding.verdict is Verdict.PASS
    }
    assert set(RULES) - passed - SESSION == set(WITHOUT_MUTANT) - SESSION


def test_every_model_in_scope_is_among_them() -> None:
    assert len(IN_SCOPE) == 14


@pytest.mark.parametrize("name", sorted(fleet_files("127.0.0.2")))
def test_no_phone_of_the_example_fleet_is_accused(name: str) -> None:
    mac, model, files = fleet_files("127.0.0.2")[name]
    findings = lived(Lab(files, MODELS[model], mac))
    assert [finding for finding in findings if finding.verdict in (Verdict.FAIL, Verdict.WARN)] == []
    assert {finding.rule for finding in odd(findings)} <= set(FLEET_ALLOWED)
    assert sum(finding.verdict is Verdict.PASS for finding in findings) >= 20
