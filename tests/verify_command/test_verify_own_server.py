"""Where no server runs, `provisioner verify` starts one for as long as it takes."""

from __future__ import annotations

import json
import signal
import socket

from verify_desk import Desk, until

from provisioner.runtime.serve import running_server


def test_without_a_server_it_starts_one_says_so_and_ends_it(desk: Desk) -> None:
    verify = desk.verify("office-anna", "--wait", "40").watches()
    assert "started one" in verify.err and "http://127.0.0.1:" in verify.err
    desk.phone("office-anna")
    assert verify.end() == 0, verify.out + verify.err
    assert "ended" in verify.err
    assert running_server(desk.state) is None


def test_ctrl_c_ends_its_own_server_too(desk: Desk) -> None:
    verify = desk.verify("office-anna", "--wait", "600").watches()
    verify.process.send_signal(signal.SIGINT)
    assert verify.end() == 130
    assert running_server(desk.state) is None


def test_a_phone_that_fetches_for_the_first_time_is_waited_for_and_called_and_all_it_said_counts(desk: Desk) -> None:
    verify = desk.verify("director", "--session-timers", "--quick", "12", "--wait", "60", "--json", "-")
    until(lambda: "waiting 1 min 0 s at most for director to fetch a file" in verify.err or verify.process.poll() is not None, 90)
    desk.phone("director", "--answer", "answer")
    assert verify.end() == 0, verify.out + verify.err
    told = {one["rule"]: one["verdict"] for one in json.loads(verify.out)["phones"][0]["findings"] if one["account"] == 1}
    assert told["session-answer"] == told["user-name"] == told["password"] == "PASS", verify.err


def test_nothing_is_done_to_a_phone_that_fetches_no_file_and_that_is_said(desk: Desk) -> None:
    verify = desk.verify("director", "--session-timers", "--wait", "1")
    assert verify.end() == 4, verify.out + verify.err
    assert "nothing is done to director: no file was fetched" in verify.err


def test_ctrl_c_ends_the_wait_for_a_file(desk: Desk) -> None:
    verify = desk.verify("director", "--session-timers", "--wait", "600")
    until(lambda: "director to fetch a file" in verify.err or verify.process.poll() is not None, 90)
    verify.process.send_signal(signal.SIGINT)
    assert verify.end() == 130, verify.err
    assert running_server(desk.state) is None


def test_a_port_that_is_taken_ends_with_5_and_the_server_s_own_words(desk: Desk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = desk.run("verify", "office-anna", "--sip", f"127.0.0.1:{taken.getsockname()[1]}")
    assert found.returncode == 5, found.stderr
    assert "no server of its own" in found.stderr and "sip" in found.stderr


def test_beside_a_server_without_sip_it_starts_the_sip_side_alone_and_leaves_that_server_as_it_was(desk: Desk) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (desk.root / "devices/defaults.toml").write_text(
        (desk.root / "devices/defaults.toml").read_text().replace('"@stub"', f'"127.0.0.1"\nport = {port}')
    )
    desk.serve("--sip", "off")
    before = running_server(desk.state)
    verify = desk.verify("office-anna", "--wait", "40", "--sip", f"127.0.0.1:{port}").watches()
    assert "runs without SIP: started one" in verify.err
    desk.phone("office-anna")
    assert verify.end() == 0, verify.out + verify.err
    assert before is not None and running_server(desk.state) == before


def test_only_sip_wants_a_sip_listener(desk: Desk) -> None:
    found = desk.run("serve", "--only-sip", "--sip", "off")
    assert found.returncode == 2 and "--only-sip" in found.stderr
