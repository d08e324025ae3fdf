"""linphone, given nothing but the address of its file, is provisioned, registers as told, and is verified."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from linphone_lab import FILE, MAC, PASSWORD, Lab
from runtime_folder import until

from sipstub.verify.verdict import Verdict

Make = Callable[[], Lab]

pytestmark = pytest.mark.needs("linphone-daemon", "curl")

ACCOUNT_RULES = (
    "account-enabled", "user-name", "auth-name", "password", "display-name", "server-address", "transport", "register-expiry",
    "outbound-proxy",
)  # fmt: skip


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_linphone_fetches_its_file_registers_as_told_and_passes(lab: Make, transport: str) -> None:
    here = lab()
    ca = str(here.authority) if transport == "tls" else ""
    # A name, not an address: linphone compares names only with what a certificate says.
    here.wants(transport, more='auth_name = "desk-100"', **({"sip__root_ca": ca} if ca else {}))
    server = here.serve("localhost")
    created = here.provision()
    assert created["mac"] == MAC and created["fact"].startswith("sip:100@") and f" over {transport}" in created["fact"]
    fetches = [(row["name"], row["outcome"], row["mac"], row["agent"]) for row in here.events("http")]
    assert (f"/{FILE}", "ok", MAC, "Unknown") in fetches
    expected, found = here.judge(here.delivered())
    assert {rule: found[rule].verdict for rule in ACCOUNT_RULES} == dict.fromkeys(ACCOUNT_RULES, Verdict.PASS)
    assert [finding.rule for finding in found.values() if finding.verdict in (Verdict.FAIL, Verdict.WARN)] == []
    said = {item.setting: item.value for item in expected.items}
    assert said["transport"] == transport and said["register-expiry"] == "600" and said["user-name"] == "100"
    assert said["outbound-proxy-port"] == str(server.facts["sips" if transport == "tls" else "sip"]["port"])
    assert said["password"] == PASSWORD and said["auth-name"] == "desk-100" and said["display-name"] == "Tom & <Ann>"
    assert PASSWORD not in json.dumps([finding.as_json() for finding in found.values()])


def test_what_the_file_says_and_linphone_does_not_is_a_fail(lab: Make) -> None:
    here = lab()
    here.wants("tcp")
    here.serve()
    here.provision()
    body = here.delivered()
    wrong = body.replace(b">600<", b">601<").replace(b"Tom", b"Tim").replace(b"transport=tcp", b"transport=udp")
    assert wrong.count(b"601") == wrong.count(b"Tim") == wrong.count(b"transport=udp") == 1
    _, found = here.judge(wrong)
    failed = {finding.rule: (finding.expected, finding.place) for finding in found.values() if finding.verdict is Verdict.FAIL}
    assert set(failed) == {"register-expiry", "display-name", "transport"}
    assert failed["register-expiry"][0] == "601"
    at = 1 + wrong.split(b"\n").index(b'    <entry name="reg_expires" overwrite="true">601</entry>')
    assert f"{FILE}:{at}" in failed["register-expiry"][1]


def test_a_wrong_password_is_a_fail_of_nothing_else(lab: Make) -> None:
    here = lab()
    here.wants("udp")
    here.serve()
    here.provision()
    _, found = here.judge(here.delivered().replace(b"s3cret", b"secret"))
    assert [finding.rule for finding in found.values() if finding.verdict is Verdict.FAIL] == ["password"]


def test_provisioner_verify_watches_a_linphone_and_a_recording_of_it_is_judged_by_its_file(lab: Make) -> None:
    here = lab()
    here.wants("tcp")
    here.serve()
    here.provision()
    judging = here.command("verify", "desk", "--wait", "15", "--json", "-")
    watching = judging.stderr.readline() if judging.stderr is not None else ""
    assert "watching 1 phone" in watching
    while judging.poll() is None:  # the server takes the job up within some seconds: what was before is not looked at
        before = here.registrations()
        here.start_phone()
        until(lambda before=before: judging.poll() is not None or here.registrations() > before, 60)
        here.stop_phone()
    page = json.loads(judging.communicate(timeout=90)[0])
    assert judging.returncode == 0, page
    verdicts = {finding["rule"]: finding["verdict"] for finding in page["phones"][0]["findings"]}
    assert {rule: verdicts[rule] for rule in ("transport", "register-expiry", "password")} == dict.fromkeys(
        ("transport", "register-expiry", "password"), "PASS"
    )
    assert "FAIL" not in verdicts.values() and page["phones"][0]["model"] == "Linphone"
    file = here.root / FILE
    file.write_bytes(here.delivered().replace(b">600<", b">601<"))
    assert here.server is not None and here.server.stop() == 0
    later = here.command("verify", str(file), "--from", str(here.record))
    text = later.communicate(timeout=60)[0]
    assert later.returncode == 1
    assert "FAIL" in text and "register-expiry" in text and "601" in text


def test_a_second_start_registers_too_and_puts_back_what_was_removed(lab: Make) -> None:
    here = lab()
    here.wants("udp", 600)
    here.serve()
    here.provision()
    assert "reg_expires=600" in here.own_file().read_text()
    text = (here.folder.devices / "phones" / "desk.toml").read_text()
    here.folder.write("phones/desk.toml", text.replace("expires = 600\n", ""))
    here.await_file(b'<entry name="reg_expires" overwrite="true"></entry>')
    here.start_phone()
    here.await_expiry("3600")
    here.stop_phone()
    assert "reg_expires" not in here.own_file().read_text()
    assert {row["outcome"] for row in here.events("sip")} == {"created", "unregistered"}


def test_a_file_that_is_not_the_phone_s_is_refused(lab: Make) -> None:
    here = lab()
    here.wants()
    here.serve()
    for name in (f"{MAC}.cfg", "001565000001.xml", "aabbccddeeff.xml"):
        assert here.status(name) == 404
    assert here.status(FILE) == here.status(FILE.upper()) == 200
    here.await_event("http", "ok")
    refusals = {row["name"]: row["outcome"] for row in here.events("http") if row["outcome"] != "ok"}
    assert refusals == {f"/{MAC}.cfg": "unknown-file", "/001565000001.xml": "unknown-file", "/aabbccddeeff.xml": "unknown-mac"}
