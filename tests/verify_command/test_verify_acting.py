"""`verify --boot` and `--stimulate` for real: what is done is told, what is open is put back, many phones need a yes."""

from __future__ import annotations

import json
import signal

from verify_desk import Desk, until


def registered(desk: Desk, name: str) -> None:
    """Wait until a phone that runs is registered and the journal tells of its files."""
    until(
        lambda: {row["name"]: row for row in json.loads(desk.run("phones", "--json").stdout)}[name]["registered"] == "registered"
    )
    until(lambda: {row["name"]: row for row in json.loads(desk.run("phones", "--json").stdout)}[name]["state"] == "current")


def test_boot_makes_a_registered_phone_fetch_and_register_anew(served: Desk) -> None:
    served.phone("office-anna")
    registered(served, "office-anna")
    capture = served.root / "boot.pcapng"
    verify = served.verify("office-anna", "--boot", "--wait", "60", "--json", "-", "--pcap", str(capture))
    assert verify.end() == 0, verify.out + verify.err
    assert "NOTIFY check-sync;reboot=true: 200" in verify.err
    (phone,) = json.loads(verify.out)["phones"]
    assert phone["state"] == "registered udp" and phone["counts"]["PASS"] >= 15
    told = {finding["rule"]: finding["verdict"] for finding in phone["findings"] if finding["account"] in (None, 1)}
    assert told["answers-requests"] == "PASS" and told["register-delay"] == "INFO"
    assert b"stimulus check-sync: NOTIFY check-sync;reboot=true" in capture.read_bytes()


def test_ctrl_c_in_the_middle_of_stimuli_puts_everything_back(served: Desk) -> None:
    served.phone("director")
    registered(served, "director")
    verify = served.verify("director", "--stimulate", "--boot").watches()
    until(lambda: json.loads(served.rows("SELECT progress FROM job ORDER BY id DESC")[0][0]).get("acts"))
    verify.process.send_signal(signal.SIGINT)
    assert verify.end() == 130
    until(lambda: served.rows("SELECT state FROM job ORDER BY id DESC")[0] == ("cancelled",))
    again = served.verify("director", "--boot", "--wait", "60", "--json", "-")  # what is under way twice would be refused
    assert again.end() == 0, again.out + again.err
    (phone,) = json.loads(again.out)["phones"]
    assert phone["state"].startswith("registered") and "under way already" not in again.err


def test_more_than_five_phones_are_disturbed_only_by_who_says_yes(served: Desk) -> None:
    found = served.run("verify", "--all", "--boot")
    assert found.returncode == 2 and "12 phones would be disturbed" in found.stderr and "--yes" in found.stderr
    assert served.run("verify", "--all", "--dial").returncode == 2
