"""`provisioner verify` against a running server: the real command, virtual phones, all exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from verify_desk import MACS, Desk, until

from sipstub.verify.report.document import read_report
from sipstub.verify.verdict import Verdict


def test_an_honest_phone_passes_and_every_report_can_be_read(served: Desk) -> None:
    files = {kind: served.root / f"out.{kind}" for kind in ("json", "junit", "html", "csv", "pcap")}
    options = [text for kind, path in files.items() for text in (f"--{kind}", str(path))]
    verify = served.verify("office-anna", "--wait", "40", *options).watches()
    served.phone("office-anna")
    assert verify.end() == 0, verify.out + verify.err
    assert "office-anna" in verify.out and "registered udp" in verify.out and "exit 0" in verify.out
    report = read_report(files["json"].read_text())
    (phone,) = report.phones
    assert (phone.mac, phone.verdict) == (MACS["office-anna"][0], Verdict.PASS)
    assert phone.counts[Verdict.PASS] >= 15
    suite = ElementTree.parse(files["junit"]).getroot()[0]
    assert suite.get("name") == "office-anna" and suite.get("tests") == str(len(phone.findings))
    assert "REGISTER" in (suite.findtext("system-out") or "")
    page = files["html"].read_text()
    assert "<svg" in page and "src=" not in page
    assert files["csv"].read_text().count("office-anna") >= len(phone.findings)
    secret = (served.root / "devices/secrets/110").read_text().strip()
    assert not any(secret.encode() in path.read_bytes() for path in files.values())
    assert read_report(served.rows("SELECT report FROM job ORDER BY id DESC")[0][0]) == report


def test_the_list_of_phones_shows_the_last_verdict_its_age_and_who_is_registered(served: Desk) -> None:
    verify = served.verify("floor-1", "--wait", "40").watches()
    served.phone("floor-1")
    assert verify.end() == 0, verify.out + verify.err
    rows = {row["name"]: row for row in json.loads(served.run("phones", "--json").stdout)}
    assert (rows["floor-1"]["verdict"], rows["floor-1"]["registered"], rows["floor-1"]["failed"]) == ("PASS", "registered", 0)
    assert rows["lab-t23g"]["verdict"] is None and rows["lab-t23g"]["registered"] == "silent"
    shown = next(line for line in served.run("phones").stdout.splitlines() if line.startswith("floor-1"))
    assert re.search(r"  registered +PASS +\d+ s ago$", shown)


@pytest.mark.needs("tshark")
def test_tshark_opens_the_capture_and_shows_the_findings(served: Desk) -> None:
    capture = served.root / "boardroom.pcapng"
    page = served.root / "boardroom.html"
    verify = served.verify("boardroom", "--wait", "40", "--pcap", str(capture), "--html", str(page)).watches()
    served.phone("boardroom", "--disobey", "wrong-display-name")
    assert verify.end() == 1, verify.out + verify.err
    command = ["tshark", "-r", str(capture), "-Y", "sip", "-T", "fields", "-e", "frame.comment"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "FAIL boardroom  display-name: expected" in shown and "PASS boardroom" in shown
    card = page.read_text().partition('<article class="card fail"')[2].partition("</article>")[0]
    assert "display-name" in card and 'href="#ladder0-m' in card
    assert "<pre>" in card and "User-Agent: Yealink CP860" in card


def test_a_phone_that_disobeys_fails_with_expected_seen_and_likely(served: Desk) -> None:
    verify = served.verify("director", "--wait", "40").watches()
    served.phone("director", "--disobey", "wrong-expires")
    assert verify.end() == 1, verify.out + verify.err
    lines = verify.out.splitlines()
    at = lines.index("FAIL director  register-expiry")
    number = (served.root / "devices/defaults.toml").read_text().splitlines().index("expires = 600") + 1
    assert lines[at + 1].split() == ["expected", "600", f"devices/defaults.toml:{number}"]
    assert lines[at + 2].split()[:3] == ["seen", "1200", "REGISTER"]
    assert lines[at + 3].startswith("  likely")
    assert lines[-1].endswith("exit 1")


def test_a_phone_that_never_fetched_and_one_that_stays_silent_are_inconclusive(served: Desk) -> None:
    verify = served.verify("reception-1", "assistant", "--wait", "20", "--json", "-").watches()
    mac, model = MACS["assistant"]
    boot = ["phone", "--url", served.url(), "--mac", mac, "--model", model]
    from verify_desk import ROOT, SIPSTUB

    models = ["--models", str(ROOT / "templates/yealink/models.toml")]
    subprocess.run([*SIPSTUB, *boot, *models], capture_output=True, timeout=60, check=True)
    assert verify.end() == 4, verify.out + verify.err
    never, silent = json.loads(verify.out)["phones"]
    assert (never["name"], never["verdict"], never["state"]) == ("reception-1", "INCONCLUSIVE", "never fetched")
    assert (silent["name"], silent["verdict"], silent["state"]) == ("assistant", "INCONCLUSIVE", "silent")
    assert not never["findings"] and silent["counts"]["INCONCLUSIVE"] > 10


def test_ctrl_c_ends_with_130_and_cancels_the_job(served: Desk) -> None:
    report = served.root / "cut.json"
    verify = served.verify("floor-2", "--wait", "600", "--json", str(report)).watches()
    until(lambda: served.rows("SELECT state FROM job ORDER BY id DESC")[0] == ("running",))
    verify.process.send_signal(signal.SIGINT)
    assert verify.end() == 130, verify.err
    assert verify.out.startswith("floor-2 ") and verify.out.endswith("exit 130\n")
    assert [phone.name for phone in read_report(report.read_text()).phones] == ["floor-2"]
    until(lambda: served.rows("SELECT state FROM job ORDER BY id DESC")[0] == ("cancelled",))


def test_a_phone_or_group_that_nobody_knows_is_named_with_the_nearest(served: Desk) -> None:
    wrong = served.run("verify", "ofice-anna")
    assert wrong.returncode == 1 and "office-anna" in wrong.stderr
    assert served.run("verify", "--group", "nowhere").returncode == 1
    assert served.run("verify").returncode == 2


def test_a_killed_sip_process_leaves_no_job_and_its_successor_takes_the_next(desk: Desk) -> None:
    desk.serve()
    verify = desk.verify("office-anna", "--wait", "600").watches()
    until(lambda: desk.rows("SELECT state FROM job") == [("running",)])
    owner = int(desk.rows("SELECT owner FROM job")[0][0].partition("-")[0])
    assert owner in desk.children()
    os.kill(owner, signal.SIGKILL)
    assert verify.end() == 4, verify.out + verify.err
    assert "the SIP process" in verify.err and "INCONCLUSIVE" in verify.out
    assert desk.rows("SELECT state FROM job") == [("lost",)]
    again = desk.verify("office-anna", "--wait", "40").watches()
    desk.phone("office-anna")
    assert again.end() == 0, again.out + again.err
