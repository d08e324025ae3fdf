"""Subscriptions: the answer, the NOTIFY at once, and every way in which one ends.  RFC 6665, RFC 3842, RFC 3680, RFC 4235."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from subscription_builders import HERE, START, At, Bench, a_request

from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.examine import examine
from sipstub.sip.message import Request
from sipstub.sip.reader import parse_message
from sipstub.subscriptions import notifier as notifier_module
from sipstub.subscriptions.dialog_info import DialogState, WatchedDialog, dialog_document
from sipstub.subscriptions.message_summary import Mailbox
from sipstub.subscriptions.notifier import Notify, Reply

AOR = "sip:100@example.com"


def ask(bench: Bench, now: float = START, source: At = HERE, **more: object) -> Reply:
    return bench.notifier.handle(a_request(**more), source, now, to_tag="ours")  # type: ignore[arg-type]


def status(reply: Reply) -> int:
    assert reply.response is not None
    return reply.response.status


def state(notify: Notify) -> tuple[str, int | None, str | None]:
    found = notify.request.subscription_state
    assert found is not None
    return found.state, found.expires_s, found.reason


def test_a_subscription_is_answered_and_notified_at_once() -> None:
    bench = Bench()
    reply = ask(bench, expires=600)
    assert reply.response is not None
    assert (reply.response.status, reply.response.expires, reply.response.to.tag) == (200, 600, "ours")
    notify = reply.notifies[0]
    request = notify.request
    assert (request.method, request.uri_text, notify.to) == ("NOTIFY", "sip:100@127.0.0.1:5062", HERE)
    assert (request.from_.tag, request.to.tag, request.call_id, str(request.cseq)) == ("ours", "theirs", "watch-1", "1 NOTIFY")
    assert state(notify) == ("active", 600, None)
    assert request.headers.get("event") == "message-summary"
    assert request.body == b"Messages-Waiting: no\r\nMessage-Account: sip:100@example.com\r\nVoice-Message: 0/0 (0/0)\r\n"


@pytest.mark.parametrize("event", ["message-summary", "dialog", "reg"])
def test_a_notify_is_well_formed_once_it_has_a_via(event: str) -> None:
    request = ask(Bench(), event=f"{event};id=7").notifies[0].request
    request.headers.add_first("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1")
    found = parse_message(request.to_bytes())
    examine(found)
    assert str(found.event) == f"{event};id=7"


def test_news_make_another_notify_when_the_first_is_answered() -> None:
    bench = Bench()
    first = ask(bench).notifies[0]
    bench.mailboxes[AOR] = Mailbox(new=2, old=8, urgent_new=0, urgent_old=2)
    assert bench.notifier.changed("message-summary", AOR, START + 1) == []
    second = bench.notifier.on_answer(first.key, 200, START + 2)[0]
    assert second.request.body.endswith(b"Voice-Message: 2/8 (0/2)\r\n") and b"Waiting: yes" in second.request.body
    assert (second.request.cseq.number, state(second)) == (2, ("active", 3598, None))
    assert bench.notifier.on_answer(second.key, 200, START + 3) == []
    assert len(bench.notifier.changed("message-summary", AOR, START + 4)) == 1
    assert bench.notifier.changed("message-summary", "sip:101@example.com", START + 4) == []


def test_a_refresh_is_answered_and_notified_and_lasts_longer() -> None:
    bench = Bench()
    ask(bench, expires=600)
    reply = ask(bench, now=START + 500, to_tag="ours", cseq=2, expires=600, contact="<sip:100@127.0.0.1:9999>")
    assert (status(reply), state(reply.notifies[0])) == (200, ("active", 600, None))
    assert reply.notifies[0].request.uri_text == "sip:100@127.0.0.1:9999"
    assert bench.notifier.on_timer(START + 600) == []
    assert len(bench.notifier.on_timer(START + 1100)) == 1


def test_a_subscription_that_is_not_refreshed_ends_with_a_last_notify() -> None:
    bench = Bench()
    ask(bench, expires=600)
    assert bench.notifier.next_timer() == START + 600
    assert bench.notifier.on_timer(START + 599.9) == []
    ended = bench.notifier.on_timer(START + 600)
    assert [state(notify) for notify in ended] == [("terminated", None, "timeout")]
    assert (len(bench.notifier), bench.notifier.next_timer()) == (0, None)


def test_expires_zero_ends_it_with_a_last_notify() -> None:
    bench = Bench()
    ask(bench)
    reply = ask(bench, to_tag="ours", cseq=2, expires=0)
    assert (status(reply), state(reply.notifies[0]), len(bench.notifier)) == (200, ("terminated", None, "timeout"), 0)
    assert status(ask(bench, to_tag="ours", cseq=3)) == 481


def test_a_fetch_is_one_notify_and_nothing_is_kept() -> None:
    bench = Bench()
    reply = ask(bench, expires=0)
    assert (status(reply), state(reply.notifies[0]), len(bench.notifier)) == (200, ("terminated", None, "timeout"), 0)


@pytest.mark.parametrize("event", [None, "presence", "Message-Summary", "message-summary.winfo", "reg.winfo"])
def test_unknown_events_are_refused_with_those_that_we_have(event: str | None) -> None:
    reply = ask(Bench(), event=event)
    assert reply.response is not None
    assert (reply.response.status, reply.response.allow_events) == (489, ("message-summary", "dialog", "reg"))


@pytest.mark.parametrize(
    ("asked", "status_", "granted"), [(1, 423, None), (59, 423, None), (60, 200, 60), (None, 200, 3600), (10**7, 200, 86400)]
)
def test_times_of_subscriptions(asked: int | None, status_: int, granted: int | None) -> None:
    reply = ask(Bench(), expires=asked)
    assert reply.response is not None
    assert (reply.response.status, reply.response.expires) == (status_, granted)
    assert reply.response.min_expires == (60 if status_ == 423 else None)


@pytest.mark.parametrize("answer", [404, 405, 408, 410, 481, 489, 500, 503, 603])
def test_a_notify_that_fails_ends_the_subscription(answer: int) -> None:
    bench = Bench()
    notify = ask(bench).notifies[0]
    assert bench.notifier.on_answer(notify.key, answer, START + 1) == []
    assert len(bench.notifier) == 0


def test_a_watcher_that_says_when_to_try_again_is_kept_but_not_one_that_knows_of_nothing() -> None:
    bench = Bench()
    notify = ask(bench).notifies[0]
    bench.notifier.on_answer(notify.key, 503, START + 1, retry_after_s=10)
    assert len(bench.notifier) == 1
    bench.notifier.on_answer(notify.key, 481, START + 1, retry_after_s=10)
    assert len(bench.notifier) == 0
    assert bench.notifier.on_answer(notify.key, 200, START + 2) == []


def test_a_number_that_is_not_higher_is_refused() -> None:
    bench = Bench()
    ask(bench, cseq=5)
    assert [status(ask(bench, to_tag="ours", cseq=cseq)) for cseq in (5, 4, 6)] == [500, 500, 200]


@pytest.mark.parametrize(
    "change", [{"to_tag": "other"}, {"to_tag": "ours", "call_id": "other"}, {"to_tag": "ours", "event": "message-summary;id=2"}]
)
def test_a_refresh_of_what_is_not_there_is_refused(change: dict[str, object]) -> None:
    bench = Bench()
    ask(bench)
    assert status(ask(bench, cseq=2, **change)) == 481


@pytest.mark.parametrize("contact", [None, "*", "<sip:a@127.0.0.1>, <sip:b@127.0.0.1>", "<tel:100>"])
def test_a_watcher_must_say_where_it_is(contact: str | None) -> None:
    bench = Bench()
    assert status(ask(bench, contact=contact)) == 400
    assert len(bench.notifier) == 0


def test_a_watcher_that_takes_no_body_of_ours_is_refused() -> None:
    bench = Bench()
    assert status(ask(bench, headers=(("Accept", "application/pidf+xml"),))) == 406
    assert status(ask(bench, headers=(("Accept", "application/*"),))) == 200


def test_another_domain_and_unknown_extensions_are_refused() -> None:
    bench = Bench()
    assert status(ask(bench, uri="sip:100@elsewhere.example")) == 404
    assert status(ask(bench, headers=(("Require", "eventlist"),))) == 420


def test_the_route_of_the_subscribe_is_the_route_of_the_notify() -> None:
    route = (("Record-Route", "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>"),)
    reply = ask(Bench(), headers=route)
    assert [str(hop) for hop in reply.notifies[0].request.routes] == ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]


def test_subscriptions_are_bounded_in_all_and_per_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier_module, "MAX_OF_WATCHER", 2)
    monkeypatch.setattr(notifier_module, "MAX_SUBSCRIPTIONS", 3)
    bench = Bench()
    assert [status(ask(bench, call_id=f"a{number}")) for number in range(3)] == [200, 200, 503]
    assert [status(ask(bench, call_id=f"b{number}", user="101")) for number in range(2)] == [200, 503]
    assert status(ask(bench, call_id="a0", to_tag="ours", cseq=2)) == 200
    assert status(ask(bench, call_id="a0", to_tag="ours", cseq=3, expires=0)) == 200
    assert status(ask(bench, call_id="c", user="101")) == 200


def test_coming_and_going_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier_module, "MAX_OF_WATCHER", 2)
    bench = Bench()
    for number in range(5):
        ask(bench, call_id=f"c{number}")
        assert status(ask(bench, call_id=f"c{number}", to_tag="ours", cseq=2, expires=0)) == 200
    assert (len(bench.notifier), bench.notifier._of_watcher, bench.notifier._by_resource) == (0, {}, {})


@pytest.mark.parametrize(("field", "lamp"), [("new", "yes"), ("old", "no"), ("urgent_new", "yes"), ("urgent_old", "no")])
def test_the_lamp_is_lit_by_new_messages_alone(field: str, lamp: str) -> None:
    bench = Bench()
    bench.mailboxes[AOR] = Mailbox(**{field: 1})
    assert ask(bench).notifies[0].request.body.startswith(f"Messages-Waiting: {lamp}\r\n".encode())


def test_refreshing_for_ever_takes_no_memory() -> None:
    bench = Bench()
    ask(bench)
    for cseq in range(2, 1000):
        ask(bench, now=START + cseq, to_tag="ours", cseq=cseq)
    assert len(bench.notifier._heap) < 70
    assert bench.notifier.next_timer() is not None


def test_news_of_a_watcher_that_never_answers_take_no_memory() -> None:
    bench = Bench()
    notify = ask(bench, event="reg").notifies[0]
    for number in range(1000):
        assert bench.notifier.changed("reg", AOR, START, (number,)) == []
    held = bench.notifier._all[notify.key][0]
    assert held.waiting is not None and len(held.waiting) <= 64


def test_a_stop_tells_everybody() -> None:
    bench = Bench()
    ask(bench)
    ask(bench, call_id="two", event="dialog")
    assert {state(notify) for notify in bench.notifier.end_all(START)} == {("terminated", None, "deactivated")}
    assert len(bench.notifier) == 0


def test_watchers_have_to_prove_who_they_are() -> None:
    bench = Bench(is_open=False)
    reply = ask(bench)
    assert reply.response is not None and reply.response.status == 401
    assert reply.response.to.tag == "ours"
    challenge = reply.response.www_authenticate[0]
    ha1 = make_ha1("100", "example.com", "secret100")
    credentials = respond(challenge, method="SUBSCRIBE", uri=AOR, username="100", ha1=ha1, cnonce="x")
    assert status(ask(bench, cseq=2, headers=(("Authorization", str(credentials)),))) == 200


def test_registrations_are_watched_by_their_owner_alone() -> None:
    bench = Bench()
    assert status(ask(bench, event="reg", uri="sip:101@example.com")) == 403
    assert status(ask(bench, event="reg")) == 200
    assert status(ask(bench, event="dialog", uri="sip:101@example.com", call_id="blf")) == 200


def _register(bench: Bench, expires: int, cseq: int, now: float) -> None:
    def request(headers: tuple[tuple[str, str], ...] = ()) -> Request:
        contact = '"A & <B>" <sip:100@127.0.0.1:5062>;q=0.5;+sip.instance="<urn:uuid:1>"'
        return a_request(
            "REGISTER",
            uri="sip:example.com",
            event=None,
            expires=expires,
            cseq=cseq,
            contact=contact,
            headers=(*headers, ("X", "y")),
        )

    first = request()
    first.headers.set("To", "Someone <sip:100@example.com>")
    challenge = bench.registrar.handle(first, HERE, now).www_authenticate[0]
    ha1 = make_ha1("100", "example.com", "secret100")
    credentials = respond(challenge, method="REGISTER", uri="sip:example.com", username="100", ha1=ha1, cnonce="x")
    second = request((("Authorization", str(credentials)),))
    second.headers.set("To", "Someone <sip:100@example.com>")
    assert bench.registrar.handle(second, HERE, now).status == 200


SPACE = "{urn:ietf:params:xml:ns:reginfo}"


def test_a_registration_is_watched_from_nothing_to_its_end() -> None:
    bench = Bench()
    notify = ask(bench, event="reg").notifies[0]
    seen = []
    for now, expires, cseq in ((START, None, 0), (START + 1, 300, 1), (START + 2, 600, 2), (START + 3, 60, 3), (START + 4, 0, 4)):
        if expires is not None:
            _register(bench, expires, cseq, now)
            bench.notifier.on_answer(notify.key, 200, now)
            notify = bench.notifier.changed("reg", AOR, now, tuple(bench.registrar.take_changes()))[0]
        document = ElementTree.fromstring(notify.request.body)
        registration = document[0]
        contacts = [(one.get("state"), one.get("event"), one.get("expires")) for one in registration]
        seen.append((document.get("version"), registration.get("state"), contacts))
        assert (document.tag, document.get("state"), registration.get("aor")) == (f"{SPACE}reginfo", "full", AOR)
    assert seen == [
        ("0", "init", []),
        ("1", "active", [("active", "created", "300")]),
        ("2", "active", [("active", "refreshed", "600")]),
        ("3", "active", [("active", "shortened", "60")]),
        ("4", "terminated", [("terminated", "unregistered", None)]),
    ]
    contact = registration[0]
    facts = [contact.get(name) for name in ("q", "cseq", "callid", "duration-registered")]
    assert facts == ["0.5", "3", "watch-1", "3"]
    assert [(child.tag.removeprefix(SPACE), child.text) for child in contact] == [
        ("uri", "sip:100@127.0.0.1:5062"),
        ("display-name", "Someone"),
        ("unknown-param", "<urn:uuid:1>"),
    ]


def test_calls_are_shown_to_busy_lamps() -> None:
    space = "{urn:ietf:params:xml:ns:dialog-info}"
    calls = [
        WatchedDialog("1", DialogState.CONFIRMED, True, 'sip:"x"&<y>@example.com'),
        WatchedDialog("2", DialogState.EARLY, False),
    ]
    document = ElementTree.fromstring(dialog_document(AOR, 3, calls))
    assert (document.get("entity"), document.get("version"), document.get("state")) == (AOR, "3", "full")
    assert [(one.get("direction"), one.findtext(f"{space}state")) for one in document] == [
        ("initiator", "confirmed"),
        ("recipient", "early"),
    ]
    assert document[0].findtext(f"{space}remote/{space}identity") == 'sip:"x"&<y>@example.com'
    assert len(ElementTree.fromstring(dialog_document(AOR, 0, ()))) == 0
