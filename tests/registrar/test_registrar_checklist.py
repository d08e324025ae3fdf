"""The cases that a registrar is asked by other people's suites, each by name.  RFC 3261 section 10.3."""

from __future__ import annotations

from dataclasses import replace

import pytest
from registrar_builders import AOR, HERE, REALM, START, At, Phone, a_register, a_registrar, listed, some_users, uris

from sipstub.registrar.binding import Change
from sipstub.registrar.policy import Limits, Policy

A, B, C = "<sip:100@127.0.0.1:5062>", "<sip:100@127.0.0.2:5062>", "<sip:100@127.0.0.3:5062>"
POLICY = Policy(REALM, domains=("example.com", "127.0.0.1"))


def test_a_contact_is_bound_and_listed_with_what_was_granted() -> None:
    answer = Phone(a_registrar()).register((A,), expires=300)
    assert (answer.status, listed(answer)) == (200, {"sip:100@127.0.0.1:5062": 300})


def test_every_final_answer_has_a_to_tag_and_the_same_one_for_the_same_request() -> None:
    registrar, request = a_registrar(), a_register()
    one, two = (registrar.handle(request, HERE, START) for _ in range(2))
    assert one.to.tag and one.to.tag == two.to.tag


def test_the_expires_parameter_of_a_contact_wins_over_the_header() -> None:
    answer = Phone(a_registrar()).register((f"{A};expires=120", B), expires=300)
    assert listed(answer) == {"sip:100@127.0.0.1:5062": 120, "sip:100@127.0.0.2:5062": 300}


def test_who_asks_for_no_time_gets_the_default() -> None:
    assert listed(Phone(a_registrar()).register((A,))) == {"sip:100@127.0.0.1:5062": 3600}


@pytest.mark.parametrize("text", ["soon", "-1", "4294967296", "99999999999999999999"])
def test_a_time_that_is_no_number_counts_as_an_hour(text: str) -> None:
    assert listed(Phone(a_registrar()).register((A,), expires=text)) == {"sip:100@127.0.0.1:5062": 3600}


@pytest.mark.parametrize(
    ("asked", "status", "granted"),
    [(59, 423, None), (60, 200, 60), (61, 200, 61), (7199, 200, 7199), (7200, 200, 7200), (7201, 200, 7200)],
)
def test_times_around_the_shortest_and_the_longest(asked: int, status: int, granted: int | None) -> None:
    answer = Phone(a_registrar()).register((A,), expires=asked)
    assert answer.status == status
    assert answer.min_expires == (60 if status == 423 else None)
    assert list(listed(answer).values()) == ([granted] if granted else [])


def test_too_brief_for_one_contact_refuses_all_of_them() -> None:
    registrar = a_registrar()
    answer = Phone(registrar).register((f"{A};expires=300", f"{B};expires=5"))
    assert (answer.status, answer.min_expires, registrar.bindings(AOR, START)) == (423, 60, ())


def test_a_question_without_contact_lists_all_and_changes_nothing() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register((A, B), expires=300)
    registrar.take_changes()
    answer = phone.register((), now=START + 100.5)
    assert listed(answer) == {"sip:100@127.0.0.1:5062": 200, "sip:100@127.0.0.2:5062": 200}
    assert registrar.take_changes() == []


def test_a_second_phone_is_listed_beside_the_first() -> None:
    registrar = a_registrar()
    Phone(registrar, call_id="one").register((A,), expires=300)
    answer = Phone(registrar, call_id="two").register((B,), now=START + 10, expires=300)
    assert listed(answer) == {"sip:100@127.0.0.1:5062": 290, "sip:100@127.0.0.2:5062": 300}


def test_what_the_phone_said_of_its_contact_comes_back_as_it_was() -> None:
    said = '<sip:100@127.0.0.1:5062;line=abc;transport=tcp>;q=0.7;+sip.instance="<urn:uuid:1-2>";methods="INVITE,ACK";x'
    contact = Phone(a_registrar()).register((said,), expires=300).contacts.addresses[0]
    assert str(contact) == f"{said};expires=300"
    assert contact.q == 0.7


def test_star_with_zero_removes_everything() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register((A, B), expires=300)
    answer = phone.register(("*",), expires=0)
    assert (answer.status, listed(answer), registrar.bindings(AOR, START)) == (200, {}, ())


def test_star_with_zero_of_nothing_is_fine() -> None:
    assert Phone(a_registrar()).register(("*",), expires=0).status == 200


@pytest.mark.parametrize("expires", [None, 1, 3600, "x"])
def test_star_without_zero_is_refused(expires: int | str | None) -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register((A,), expires=300)
    assert phone.register(("*",), expires=expires).status == 400
    assert uris(registrar.bindings(AOR, START)) == ["sip:100@127.0.0.1:5062"]


@pytest.mark.parametrize("contacts", [("*", A), (A, "*"), ("*", "*"), (f"{A}, *",)])
def test_star_beside_another_contact_is_refused(contacts: tuple[str, ...]) -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register((B,), expires=300)
    assert phone.register(contacts, expires=0).status == 400
    assert len(registrar.bindings(AOR, START)) == 1


def test_zero_removes_one_contact_and_leaves_the_other() -> None:
    phone = Phone(a_registrar())
    phone.register((A, B), expires=300)
    assert listed(phone.register((f"{A};expires=0",), expires=300)) == {"sip:100@127.0.0.2:5062": 300}


def test_zero_for_a_contact_that_is_not_there_is_fine() -> None:
    answer = Phone(a_registrar()).register((A,), expires=0)
    assert (answer.status, listed(answer)) == (200, {})


def test_the_same_call_needs_a_higher_number() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register((A,), cseq=10, expires=300)
    for cseq in (10, 9, 1):
        assert phone.register((A,), cseq=cseq, expires=600).status == 500
    assert registrar.bindings(AOR, START)[0].expires_at == START + 300
    assert phone.register((A,), cseq=11, expires=600).status == 200


def test_another_call_may_begin_with_any_number() -> None:
    phone = Phone(a_registrar())
    phone.register((A,), cseq=10, expires=300)
    assert listed(phone.register((A,), cseq=1, call_id="after-reboot", expires=600)) == {"sip:100@127.0.0.1:5062": 600}


@pytest.mark.parametrize("contacts", [(f"{A};expires=0",), ("*",)])
def test_an_old_number_removes_nothing(contacts: tuple[str, ...]) -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register((A,), cseq=10, expires=300)
    assert phone.register(contacts, cseq=9, expires=0).status == 500
    assert len(registrar.bindings(AOR, START)) == 1


def test_one_contact_out_of_order_refuses_all_of_them() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register((A,), cseq=10, expires=300)
    assert phone.register((B, A), cseq=10, expires=300).status == 500
    assert uris(registrar.bindings(AOR, START)) == ["sip:100@127.0.0.1:5062"]


@pytest.mark.parametrize(
    "again", ["<sip:100@127.0.0.1:5062>", "<SIP:100@127.0.0.1:5062>", "<sip:%3100@127.0.0.1:5062>", "sip:100@127.0.0.1:5062"]
)
def test_an_equal_uri_is_the_same_contact(again: str) -> None:
    phone = Phone(a_registrar())
    phone.register((A,), expires=300)
    assert len(phone.register((again,), expires=600).contacts) == 1


@pytest.mark.parametrize(
    "other", ["<sip:101@127.0.0.1:5062>", "<sip:100@127.0.0.1:5063>", "<sip:100@127.0.0.1:5062;transport=tcp>"]
)
def test_another_uri_is_another_contact(other: str) -> None:
    phone = Phone(a_registrar())
    phone.register((A,), expires=300)
    assert len(phone.register((other,), expires=600).contacts) == 2


def test_a_contact_that_stands_twice_counts_as_its_last_mention() -> None:
    answer = Phone(a_registrar()).register((f"{A};expires=100", f"{A};expires=200"))
    assert listed(answer) == {"sip:100@127.0.0.1:5062": 200}


def test_a_contact_named_and_removed_in_one_request_is_not_there() -> None:
    registrar = a_registrar()
    answer = Phone(registrar).register((f"{A};expires=100", f"{A};expires=0"))
    assert (listed(answer), registrar.take_changes()) == ({}, [])


def test_too_many_contacts_are_refused_and_none_is_bound() -> None:
    registrar = a_registrar(replace(POLICY, limits=Limits(contacts=2)))
    phone = Phone(registrar)
    assert phone.register((A, B, C), expires=300).status == 403
    assert registrar.bindings(AOR, START) == ()
    phone.register((A, B), expires=300)
    assert phone.register((C,), expires=300).status == 403
    assert phone.register((f"{A};expires=0", C), expires=300).status == 200
    assert phone.register((B, C), expires=300).status == 200


def test_a_phone_that_starts_again_and_again_takes_its_own_old_places() -> None:
    registrar = a_registrar(replace(POLICY, limits=Limits(contacts=3)))
    started = [f"<sip:100@127.0.0.1:5062;line={number}>" for number in range(5)]
    Phone(registrar).register((B,), expires=300)
    for contact in started[:2]:
        Phone(registrar).register((contact,), expires=300)
    assert len(registrar.bindings(AOR, START)) == 3
    registrar.take_changes()
    answer = Phone(registrar).register((started[2],), expires=300)
    assert (answer.status, set(listed(answer))) == (200, {B.strip("<>"), started[2].strip("<>")})
    assert [str(change.change) for change in registrar.take_changes()] == ["created", "deactivated", "deactivated"]
    Phone(registrar).register((C,), expires=300)
    assert Phone(registrar).register(("<sip:100@127.0.0.9:5062>",), expires=300).status == 403


def test_very_many_contacts_are_refused_before_they_are_looked_at() -> None:
    phone = Phone(a_registrar())
    assert phone.register(tuple(f"<sip:100@127.0.0.1:{port}>" for port in range(2000, 2033)), expires=300).status == 403


def test_as_many_contacts_as_one_request_may_have() -> None:
    phone = Phone(a_registrar(replace(POLICY, limits=Limits(contacts=40))))
    contacts = tuple(f"<sip:100@127.0.0.1:{port}>" for port in range(2000, 2033))
    assert phone.register(contacts, expires=300).status == 403
    assert len(phone.register(contacts[1:], expires=300).contacts) == 32


@pytest.mark.parametrize("header", [("Supported", "{"), ("Path", "<A:0>, <"), ("Path", "x y")])
def test_a_header_that_the_answer_needs_is_read_before_anything_changes(header: tuple[str, str]) -> None:
    registrar = a_registrar()
    path = ("Path", "<sip:p1.example.com;lr>")
    assert Phone(registrar).register((A,), expires=300, headers=(header, path)).status == 400
    assert registrar.bindings(AOR, START) == ()


def test_a_contact_ends_by_itself_and_its_end_is_told() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register((A,), expires=300)
    registrar.take_changes()
    assert len(registrar.bindings(AOR, START + 299.9)) == 1
    assert registrar.bindings(AOR, START + 300) == ()
    assert registrar.next_timer() == START + 300
    registrar.on_timer(START + 300)
    assert [change.change for change in registrar.take_changes()] == [Change.EXPIRED]
    assert registrar.next_timer() is None


def test_a_contact_that_ended_and_comes_back_is_a_new_one() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    phone.register((A,), expires=300)
    first = registrar.bindings(AOR, START)[0]
    phone.register((A,), now=START + 300, expires=300)
    second = registrar.bindings(AOR, START + 300)[0]
    assert second.id != first.id and second.created_at == START + 300


def test_each_kind_of_change_is_told() -> None:
    registrar = a_registrar()
    phone = Phone(registrar)
    for expires in (300, 600, 120, 0):
        phone.register((A,), expires=expires)
    changes = registrar.take_changes()
    assert [change.change for change in changes] == [Change.CREATED, Change.REFRESHED, Change.SHORTENED, Change.UNREGISTERED]
    assert len({change.binding.id for change in changes}) == 1
    assert registrar.take_changes() == []


@pytest.mark.parametrize("uri", ["sip:other.example.net", "sip:example.com.evil.example", "sip:127.0.0.2"])
def test_another_domain_in_the_request_uri_is_not_found(uri: str) -> None:
    assert a_registrar().handle(a_register(uri=uri), HERE, START).status == 404


@pytest.mark.parametrize(
    "uri", ["sip:example.com", "sip:EXAMPLE.com.", "sip:example.com:5060", "sip:127.0.0.1;transport=udp", "sips:example.com"]
)
def test_every_name_of_our_domain_is_taken(uri: str) -> None:
    assert a_registrar().handle(a_register(uri=uri), HERE, START).status == 401


def test_another_domain_in_to_is_not_found_but_only_after_the_password() -> None:
    registrar = a_registrar()
    assert registrar.handle(a_register(to="<sip:100@other.example>"), HERE, START).status == 401
    assert Phone(registrar).register(to="<sip:100@other.example>").status == 404


def test_names_of_one_domain_are_one_address() -> None:
    registrar = a_registrar()
    Phone(registrar, call_id="one").register((A,), to="<sip:100@127.0.0.1:5060;user=phone>", expires=300)
    answer = Phone(registrar, call_id="two").register((B,), to='"Reception" <sip:%3100@EXAMPLE.COM>', expires=300)
    assert len(answer.contacts) == 2


@pytest.mark.parametrize(("uri", "status"), [("tel:+4930123456", 416), ("http://example.com", 416)])
def test_a_request_uri_of_another_scheme_is_refused(uri: str, status: int) -> None:
    assert a_registrar().handle(a_register(uri=uri), HERE, START).status == status


def test_an_unknown_extension_is_named_before_any_password_is_asked() -> None:
    answer = a_registrar().handle(a_register(headers=(("Require", "path, gruu, foo"),)), HERE, START)
    assert (answer.status, answer.unsupported) == (420, ("gruu", "foo"))


def test_other_methods_are_not_for_a_registrar() -> None:
    answer = a_registrar().handle(a_register(method="INVITE"), HERE, START)
    assert (answer.status, answer.allow) == (405, ("REGISTER",))


def test_a_body_that_is_too_large_is_refused() -> None:
    answer = a_registrar().handle(a_register(body=b"x" * 8193), HERE, START)
    assert answer.status == 413


def test_a_message_that_is_too_large_is_refused() -> None:
    assert a_registrar().handle(a_register(headers=(("X-Long", "x" * 16_000), ("X-More", "x" * 400))), HERE, START).status == 513


def test_a_binding_that_is_too_large_is_refused() -> None:
    phone = Phone(a_registrar())
    assert phone.register((f"<sip:100@127.0.0.1:5062>;x={'y' * 4096}",), expires=300).status == 513


def test_more_addresses_than_there_is_room_for_come_back_later() -> None:
    registrar = a_registrar(replace(POLICY, limits=Limits(aors=1)))
    phone, other = Phone(registrar), Phone(registrar, user="101")
    assert phone.register((A,), expires=300).status == 200
    answer = other.register((B,), expires=300)
    assert answer.status == 503 and answer.retry_after is not None and answer.retry_after.seconds == 60
    assert other.register((), expires=300).status == 200
    assert phone.register((A, B), expires=300).status == 200
    assert other.register((B,), now=START + 300, expires=300).status == 200


def test_path_is_kept_and_given_back_to_who_knows_it() -> None:
    registrar = a_registrar()
    hops = (("Path", "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>"), ("Supported", "path"))
    answer = Phone(registrar).register((A,), expires=300, headers=hops)
    assert [str(hop) for hop in answer.paths] == ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    assert registrar.bindings(AOR, START)[0].path == ("<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>")


def test_path_of_a_phone_that_does_not_know_it_is_kept_in_silence_or_refused_as_the_policy_says() -> None:
    hops = (("Path", "<sip:p1.example.com;lr>"),)
    registrar = a_registrar()
    answer = Phone(registrar).register((A,), expires=300, headers=hops)
    assert (answer.status, answer.paths, len(registrar.bindings(AOR, START)[0].path)) == (200, (), 1)
    strict = a_registrar(replace(POLICY, needs_path_support=True))
    refused = strict.handle(a_register(headers=hops), HERE, START)
    assert (refused.status, refused.unsupported) == (420, ("path",))


def test_too_many_hops_in_path_are_refused() -> None:
    hops = tuple(("Path", f"<sip:p{number}.example.com;lr>") for number in range(17))
    assert Phone(a_registrar()).register((A,), expires=300, headers=hops).status == 513


def test_a_service_route_is_given_where_there_is_one() -> None:
    registrar = a_registrar(replace(POLICY, service_route=("<sip:edge.example.com;lr>",)))
    assert [str(route) for route in Phone(registrar).register((A,)).service_routes] == ["<sip:edge.example.com;lr>"]


def test_the_date_is_given_so_that_phones_may_set_their_clock() -> None:
    date = Phone(a_registrar()).register((A,)).date
    assert date is not None and date.at == START


def test_an_ipv6_contact_from_an_ipv6_phone_is_bound() -> None:
    registrar = a_registrar()
    phone = Phone(registrar, source=At("tcp", "::1", 5070))
    answer = phone.register(("<sip:100@[::1]:5070;transport=tcp>",), expires=300)
    assert listed(answer) == {"sip:100@[::1]:5070;transport=tcp": 300}
    assert registrar.bindings(AOR, START)[0].flow == "tcp [::1]:5070"


def test_without_a_named_domain_any_host_will_do_and_a_user_is_still_one() -> None:
    registrar = a_registrar(Policy(REALM))
    Phone(registrar, call_id="one").register((A,), uri="sip:pbx.example", to="<sip:100@pbx.example>", expires=300)
    answer = Phone(registrar, call_id="two").register((B,), uri="sip:10.0.0.1", to="<sip:100@10.0.0.1>", expires=300)
    assert len(answer.contacts) == 2


def test_a_contact_of_another_scheme_is_an_address_too() -> None:
    answer = Phone(a_registrar()).register(("<tel:+4930123456>", "<mailto:a@example.com>"), expires=300)
    assert listed(answer) == {"tel:+4930123456": 300, "mailto:a@example.com": 300}


def test_requests_go_to_the_preferred_contact_and_then_to_the_latest() -> None:
    registrar = a_registrar()
    phone = Phone(registrar, user="100")
    phone.register((f"{A};q=0.5", B), expires=300)
    phone.register((C,), now=START + 1, expires=300)
    found = registrar.targets(a_register(uri="sip:100@example.com;user=phone").uri, START + 2)
    assert [one.contact[-6:-5] for one in found] == ["3", "2", "1"]
    assert registrar.targets(a_register(uri="sip:100@elsewhere.example").uri, START + 2) == ()
    assert registrar.targets(a_register(uri="tel:100").uri, START + 2) == ()


def test_a_person_can_end_the_bindings_of_an_address() -> None:
    registrar = a_registrar(users=some_users("100"))
    Phone(registrar).register((A, B), expires=300)
    registrar.take_changes()
    assert registrar.deactivate(AOR, START + 1) == 2
    assert {change.change for change in registrar.take_changes()} == {Change.DEACTIVATED}
