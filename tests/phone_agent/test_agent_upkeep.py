"""Subscriptions and keep-alives."""

from __future__ import annotations

import pytest
from phone_wire import START, Registrar, Wire, a_phone, a_request

from sipstub.phone.agent.event import MessagesWaiting
from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.transaction.sending import Hop

MWI = {"account.1.subscribe_mwi": "1", "account.1.subscribe_mwi_expires": "600"}
QUIET = {"account.1.nat.udp_update_enable": "0"}


def subscribed(*changes: dict[str, str], far: Registrar | None = None, seconds: float = 1.0) -> Wire:
    return Wire(a_phone(QUIET, MWI, *changes), far or Registrar(is_open=True)).start().run(seconds)


@pytest.mark.parametrize("expires", ["60", "3600", "84600"])
def test_mwi_is_subscribed_after_registration_for_the_time_of_the_file(expires: str) -> None:
    wire = subscribed({"account.1.subscribe_mwi_expires": expires})
    assert [seen.method for seen in wire.seen] == ["REGISTER", "SUBSCRIBE"]
    request = wire.requests("SUBSCRIBE")[0]
    assert (str(request.event), str(request.accept[0]), request.expires) == (
        "message-summary",
        "application/simple-message-summary",
        int(expires),
    )
    assert request.uri_text == "sip:1001@127.0.0.2:5060"


@pytest.mark.parametrize(
    ("changes", "user"),
    [
        ({"account.1.subscribe_mwi_to_vm": "1", "voice_mail.number.1": "*97"}, "*97"),
        ({"account.1.subscribe_mwi_to_vm": "0", "voice_mail.number.1": "*97"}, "1001"),
        ({"account.1.subscribe_mwi_to_vm": "1"}, "1001"),
    ],
)
def test_mwi_goes_to_the_mailbox_of_the_file(changes: dict[str, str], user: str) -> None:
    request = subscribed(changes).requests("SUBSCRIBE")[0]
    assert request.to.sip_uri.username == user
    assert request.uri_text.startswith(f"sip:{user}@")


def test_mwi_that_is_off_is_not_subscribed() -> None:
    assert subscribed({"account.1.subscribe_mwi": "0"}, seconds=100).requests("SUBSCRIBE") == []


def test_a_subscription_is_renewed_in_its_dialog() -> None:
    wire = subscribed(seconds=301)
    first, second = wire.requests("SUBSCRIBE")
    assert wire.times("SUBSCRIBE") == [0, 300]
    assert (second.to.tag, second.call_id, second.cseq.number) == ("far", first.call_id, 2)
    assert second.uri_text == "sip:far@127.0.0.2:5060"


def test_a_refused_subscription_is_begun_anew_later_and_481_at_once() -> None:
    far = Registrar(is_open=True, refuse={"SUBSCRIBE": 489})
    assert subscribed(far=far, seconds=1801).times("SUBSCRIBE") == [0, 1800]
    far = Registrar(is_open=True)
    wire = subscribed(far=far)
    far.refuse = {"SUBSCRIBE": 481}
    wire.run(300)
    assert [request.to.tag for request in wire.requests("SUBSCRIBE")][:3] == [None, "far", None]


def test_reg_event_is_subscribed_if_told() -> None:
    wire = subscribed({"account.1.subscribe_mwi": "0", "account.1.subscribe_register": "1"})
    assert [str(request.event) for request in wire.requests("SUBSCRIBE")] == ["reg"]


def test_a_notify_of_the_subscription_is_taken_and_a_strange_one_is_481() -> None:
    wire = subscribed()
    first = wire.requests("SUBSCRIBE")[0]
    told = a_request(
        "NOTIFY",
        wire,
        body=b"Messages-Waiting: yes\r\n",
        to_tag=first.from_.tag or "",
        call_id=first.call_id,
        Event="message-summary",
        Subscription_State="active;expires=600",
    )
    assert wire.give(told)[0].data.startswith(b"SIP/2.0 200 ")
    assert wire.events[-1] == MessagesWaiting(1, "Messages-Waiting: yes\r\n")
    strange = a_request("NOTIFY", wire, to_tag="nobody", Event="message-summary", Subscription_State="active")
    assert wire.give(strange)[0].data.startswith(b"SIP/2.0 481 ")


def test_a_terminated_subscription_begins_anew_later() -> None:
    wire = subscribed()
    first = wire.requests("SUBSCRIBE")[0]
    end = a_request(
        "NOTIFY",
        wire,
        to_tag=first.from_.tag or "",
        call_id=first.call_id,
        Event="message-summary",
        Subscription_State="terminated;reason=timeout",
    )
    wire.give(end)
    assert wire.run(1801).requests("SUBSCRIBE")[-1].to.tag is None


@pytest.mark.parametrize("spacing", [15, 30, 300])
def test_keep_alives_come_in_the_spacing_of_the_file(spacing: int) -> None:
    phone = a_phone({"account.1.nat.udp_update_time": str(spacing)})
    wire = Wire(phone).start().run(3 * spacing + 1)
    assert [seen.at - START for seen in wire.raw()] == [spacing, 2 * spacing, 3 * spacing]


@pytest.mark.parametrize(("kind", "methods"), [("0", []), ("1", [""]), ("2", ["OPTIONS"]), ("3", ["NOTIFY"])])
def test_the_kind_of_keep_alive_is_the_files(kind: str, methods: list[str]) -> None:
    wire = Wire(a_phone({"account.1.nat.udp_update_enable": kind}), Registrar(is_open=True)).start().run(31)
    assert [seen.method for seen in wire.seen[1:]] == methods
    if kind == "3":
        assert str(wire.requests("NOTIFY")[0].event) == "keep-alive"


def test_nothing_is_kept_alive_before_the_registration_and_over_tcp() -> None:
    assert Wire(a_phone(), Registrar(refuse={"REGISTER": 403})).start().run(100).raw() == []
    assert Wire(a_phone({"account.1.sip_server.1.transport_type": "1"})).start().run(100).raw() == []


def test_a_keep_alive_that_is_refused_changes_nothing() -> None:
    def far(request: Request, hop: Hop) -> list[Response]:
        return [answer(request, 200 if request.method == "REGISTER" else 405, to_tag="far")]

    wire = Wire(a_phone({"account.1.nat.udp_update_enable": "2"}), far).start().run(95)
    assert wire.times("OPTIONS") == [30, 60, 90]
    assert wire.phone.is_registered
