"""Every other request gets its answer, and none is met with silence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subscription_builders import HERE, START, Bench, a_request

from sipstub.sip.error import SipError
from sipstub.sip.examine import NEEDED, demand
from sipstub.sip.message import Response


def ask(method: str, bench: Bench | None = None, **more: object) -> Response:
    more.setdefault("event", None)
    more.setdefault("expires", None)
    reply = (bench or Bench()).other.handle(a_request(method, **more), HERE, START, to_tag="ours")  # type: ignore[arg-type]
    assert reply.response is not None
    return reply.response


@pytest.mark.parametrize("uri", ["sip:example.com", "sip:100@example.com", "sip:nobody@example.com", "sips:127.0.0.1"])
def test_options_say_what_we_can_and_not_who_is_there(uri: str) -> None:
    answer = ask("OPTIONS", uri=uri)
    assert answer.status == 200 and answer.to.tag == "ours"
    assert "REGISTER" in answer.allow and "SUBSCRIBE" in answer.allow
    assert [kind.essence for kind in answer.accept] == ["application/sdp"]
    assert answer.supported == ("path", "outbound")
    assert answer.allow_events == ("message-summary", "dialog", "reg")


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("PUBLISH", 405), ("MESSAGE", 405), ("REFER", 405), ("REGISTER", 405), ("FROBNICATE", 501), ("invite", 501),
        ("BYE", 481), ("UPDATE", 481), ("PRACK", 481), ("INFO", 481), ("NOTIFY", 481), ("CANCEL", 481), ("INVITE", 480),
    ],
)  # fmt: skip
def test_other_methods_get_their_refusal(method: str, status: int) -> None:
    answer = ask(method)
    assert (answer.status, answer.to.tag) == (status, "ours")
    assert bool(answer.allow) == (status in (405, 501))


@pytest.mark.parametrize(("method", "key"), [(method, key) for method, needs in NEEDED.items() for key in needs])
def test_who_takes_a_method_misses_its_headers_as_parse_does_and_405_or_481_come_first(method: str, key: str) -> None:
    """RFC 3261 sections 8.2.1 and 12.2.2, RFC 6665 section 4.1.3: a registrar has no dialogs, and takes SUBSCRIBE of these."""
    here = {"event": None if key == "event" else "message-summary", "contact": None if key == "contact" else "<sip:1@127.0.0.1>"}
    with pytest.raises(SipError) as verdict:
        demand(a_request(method, expires=None, **here))
    assert verdict.value.status == NEEDED[method][key]
    first = {"REFER": 405, "PUBLISH": 405, "NOTIFY": 481, "PRACK": 481}.get(method)
    assert ask(method, **here).status == (first or verdict.value.status)


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
def test_what_is_not_for_us_is_refused(method: str) -> None:
    assert ask(method, uri="sip:100@elsewhere.example").status == 404
    assert ask(method, uri="tel:100").status == 416
    assert ask(method, to_tag="gone").status == 481
    refused = ask(method, headers=(("Require", "path, foo"),))
    assert (refused.status, refused.unsupported) == (420, ("foo",))


def test_an_ack_has_no_answer() -> None:
    reply = Bench().other.handle(a_request("ACK", event=None), HERE, START, to_tag="ours")
    assert reply.response is None and reply.notifies == ()


def test_a_subscribe_goes_to_the_notifier() -> None:
    reply = Bench().other.handle(a_request(), HERE, START, to_tag="ours")
    assert reply.response is not None and (reply.response.status, len(reply.notifies)) == (200, 1)


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["SUBSCRIBE", "OPTIONS", "INVITE", "NOTIFY", "X"]),
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                ["Event", "Expires", "Contact", "Accept", "Require", "Authorization", "Record-Route", "To", "From", "CSeq"]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
        ),
        max_size=4,
    ),
)
def test_nothing_that_a_header_may_hold_makes_us_fall_silent(method: str, headers: list[tuple[str, str]]) -> None:
    bench = Bench()
    request = a_request(method)
    for name, value in headers:
        request.headers.set(name, value)
    reply = bench.other.handle(request, HERE, START, to_tag="ours")
    assert reply.response is not None and 200 <= reply.response.status < 700
