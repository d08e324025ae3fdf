"""`verify --action-uri`: phones dial by themselves; what keeps one from it is said before anything is done."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from ports import free_port
from verify_desk import Desk, until

from provisioner.errors import EnvironmentProblem
from provisioner.runtime import verify_subject
from provisioner.runtime.action_uri import AGAIN_S, MAX_ASKS, ActionRefused, Control, Dialler, controls_of, get
from provisioner.state.publication import Content
from sipstub.phone.remote_access import RemoteAccess
from sipstub.stimulus.conversation import NUMBER
from sipstub.verify.expectation import Expectation, Expectations, Subject

MAC = "001565aabbcc"
LET = RemoteAccess(True, ("any",), 80, "admin", "s3cret")
LOBBY = Control("lobby", "127.0.0.9", LET, {1: "1001@127.0.0.1"})
DIAL = f"waiting for a call from the phone: dial {NUMBER} on account 1"


class Phones:
    """Answers at once, and remembers."""

    def __init__(self, problem: str = "") -> None:
        self.asked: list[str] = []
        self.problem = problem

    def __call__(self, control: Control, target: str) -> None:
        self.asked.append(target)
        if self.problem:
            raise ActionRefused(self.problem)


def settled(dialler: Dialler) -> None:
    """Wait until what was asked is answered."""
    for asked in dialler._asked.values():
        answer: Future[None] | None = asked.answer
        if answer is not None:
            answer.exception(10)


def test_a_phone_is_asked_once_for_each_call_that_is_waited_for() -> None:
    phones = Phones()
    dialler = Dialler({MAC: LOBBY}, phones)
    for at, (step, text) in enumerate([(0, DIAL), (0, DIAL), (0, "offer: the end of the call in about 4 s"), (1, DIAL)]):
        dialler.look({MAC: (step, text), "other": (0, DIAL)}, float(at))
        settled(dialler)
    dialler.close()
    assert phones.asked == ["/servlet?key=number=100&outgoing_uri=1001@127.0.0.1"] * 2 and dialler.notes == []


def test_a_digit_is_pressed_when_one_is_waited_for() -> None:
    phones = Phones()
    dialler = Dialler({MAC: LOBBY}, phones)
    dialler.look({MAC: (3, "waiting for a digit: press 5")}, 0.0)
    dialler.close()
    assert phones.asked == ["/servlet?key=5"]


def test_a_phone_that_does_not_call_is_asked_again_a_few_times_and_then_told_of() -> None:
    phones = Phones()
    dialler = Dialler({MAC: LOBBY}, phones)
    for at in range(10):
        dialler.look({MAC: (0, DIAL)}, at * AGAIN_S)
        settled(dialler)
    dialler.close()
    assert len(phones.asked) == MAX_ASKS
    assert dialler.notes == [f"lobby was asked {MAX_ASKS} times and does not call: does it ask to allow remote control?"]


def test_a_phone_that_refuses_is_told_of_once_and_left_alone() -> None:
    phones = Phones("it answers 500 to an action URI")
    dialler = Dialler({MAC: LOBBY}, phones)
    for at in range(5):
        dialler.look({MAC: (0, DIAL)}, at * AGAIN_S)
        settled(dialler)
    dialler.close()
    assert len(phones.asked) == 1 and dialler.notes == ["lobby does not dial: it answers 500 to an action URI"]


def test_a_phone_that_hangs_holds_up_nobody() -> None:
    free = threading.Event()
    dialler = Dialler({MAC: LOBBY, "two": LOBBY}, lambda control, target: free.wait(30) and None)
    dialler.look({MAC: (0, DIAL), "two": (0, DIAL)}, 0.0)
    dialler.look({MAC: (0, DIAL), "two": (0, DIAL)}, 500.0)
    free.set()
    dialler.close()
    assert dialler.notes == []


def test_nobody_there_is_said_without_the_password() -> None:
    with pytest.raises(ActionRefused, match=r"no answer from 127\.0\.0\.9:1: ConnectionRefusedError") as caught:
        get(replace(LOBBY, access=replace(LET, port=1)), "/servlet?key=5")
    assert "s3cret" not in str(caught.value) and "s3cret" not in repr(LOBBY)


def a_tested(*addresses: str) -> verify_subject.Tested:
    items = (
        Expectation("account-enabled", "on", "account.1.enable", account=1),
        Expectation("user-name", "1001", "account.1.user_name", account=1),
        Expectation("server-address", "127.0.0.1", "account.1.sip_server.1.address", account=1, index="1"),
    )
    subject = Subject("lobby", MAC, addresses=addresses)
    return verify_subject.Tested(MAC, "lobby", "T46G", Expectations(subject, items), hashes=("one",))


def kept(*lines: str) -> dict[str, Content]:
    return {"one": Content("x.cfg", "one", "\n".join(["#!version:1.0.0.1", *lines, ""]).encode(), None)}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "its file has no features.action_uri_limit_ip"),
        (("features.action_uri_limit_ip = 10.9.9.9",), "features.action_uri_limit_ip = 10.9.9.9 leaves 127.0.0.1 out"),
        (
            ("features.action_uri_limit_ip = any", "features.action_uri.enable = 0"),
            "features.action_uri.enable or wui.http_enable",
        ),
    ],
)
def test_a_phone_whose_file_does_not_let_us_is_named_with_the_reason(lines: tuple[str, ...], words: str) -> None:
    with pytest.raises(EnvironmentProblem, match="lobby cannot be made to dial") as caught:
        controls_of([a_tested("127.0.0.9")], kept(*lines).get)
    assert words in caught.value.message and caught.value.hint


def test_a_phone_that_may_be_controlled_is_reached_by_what_its_file_says() -> None:
    lines = ("features.action_uri_limit_ip = 127.0.*.*", "network.port.http = 8080", "security.user_password = admin:s3cret")
    (control,) = controls_of([a_tested("127.0.0.9"), replace(a_tested(), expectations=None)], kept(*lines).get).values()
    assert (control.host, control.access.port, control.access.password) == ("127.0.0.9", 8080, "s3cret")
    assert control.lines == {1: "1001@127.0.0.1"}
    with pytest.raises(EnvironmentProblem, match="where it is, is not known"):
        controls_of([a_tested()], kept(*lines).get)
    xml = {"one": Content("x.xml", "one", b"<config></config>", None)}
    with pytest.raises(EnvironmentProblem, match="has no action URI"):
        controls_of([a_tested("127.0.0.9")], xml.get)


def test_it_goes_with_what_waits_for_calls(desk: Desk) -> None:
    found = desk.run("verify", "director", "--action-uri")
    assert found.returncode == 2 and "--action-uri goes with --stimulate or --session-timers" in found.stderr


def test_a_phone_dials_by_itself_and_its_offer_is_judged(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    try:
        phone = desk.root / "devices" / "phones" / "director.toml"
        text = phone.read_text("utf-8")
        port = free_port("0.0.0.0")  # free at each address of the phone
        remote = f'settings."features.action_uri_limit_ip" = "127.0.0.1"\nsettings."network.port.http" = "{port}"\n'
        phone.write_text(remote + text, "utf-8")
        desk.serve()
        desk.phone("director")
        until(
            lambda: (
                {row["name"]: row for row in json.loads(desk.run("phones", "--json").stdout)}["director"]["state"] == "current"
            )
        )
        made = desk.verify("director", "--session-timers", "--scenario", "offer", "--action-uri", "--wait", "60", "--json", "-")
        assert made.end() == 0, made.out + made.err
        (told,) = json.loads(made.out)["phones"]
        found = {one["rule"]: one["verdict"] for one in told["findings"] if one["account"] == 1}
        assert found["session-timer"] == found["session-expires"] == found["session-headers"] == "PASS"
        assert "does not dial" not in made.err
    finally:
        desk.close()
