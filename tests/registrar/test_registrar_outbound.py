"""Flows and GRUUs.  RFC 5626, RFC 5627."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from registrar_builders import AOR, INSTANCE, REALM, START, At, Phone, a_registrar, listed, uris

from sipstub.registrar.binding import Change
from sipstub.registrar.policy import Policy
from sipstub.registrar.reginfo import reginfo
from sipstub.sip.uri import SipUri

POLICY = Policy(REALM, domains=("example.com",), flow_timer_s=120)
SUPPORTED = (("Supported", "path, outbound"),)
PROXIED = (("Via", "SIP/2.0/UDP 127.0.0.9;branch=z9hG4bKinner"),)


def flow(number: int, address: str = "127.0.0.1:5062", instance: str = INSTANCE, more: str = "") -> str:
    return f'<sip:100@{address};transport=tcp>;+sip.instance="<{instance}>";reg-id={number}{more}'


def test_a_flow_is_bound_and_its_answer_says_so() -> None:
    answer = Phone(a_registrar(POLICY)).register((flow(1),), expires=300, headers=SUPPORTED)
    assert (answer.status, answer.require, answer.flow_timer) == (200, ("outbound",), 120)
    assert answer.contacts.addresses[0].reg_id == 1


def test_a_flow_that_comes_back_from_elsewhere_takes_its_old_place() -> None:
    registrar = a_registrar(POLICY)
    phone = Phone(registrar)
    phone.register((flow(1),), expires=300, headers=SUPPORTED)
    phone.source = At("tcp", "127.0.0.1", 40001)
    phone.call_id = "after-reboot"
    answer = phone.register((flow(1, "127.0.0.1:40001"),), expires=300, headers=SUPPORTED)
    assert listed(answer) == {"sip:100@127.0.0.1:40001;transport=tcp": 300}
    assert registrar.bindings(AOR, START)[0].flow == "tcp 127.0.0.1:40001"


def test_two_flows_of_one_phone_and_another_phone_are_three_bindings() -> None:
    registrar = a_registrar(POLICY)
    phone = Phone(registrar)
    for contact in (flow(1), flow(2), flow(1, instance="urn:uuid:other")):
        assert phone.register((contact,), expires=300, headers=SUPPORTED).status == 200
    assert len(registrar.bindings(AOR, START)) == 3


def test_two_flows_may_share_an_address() -> None:
    phone = Phone(a_registrar(POLICY))
    phone.register((flow(1),), expires=300, headers=SUPPORTED)
    assert len(phone.register((flow(2),), expires=600, headers=SUPPORTED).contacts) == 2


def test_a_flow_takes_the_place_of_the_same_address_without_one_and_the_other_way_round() -> None:
    phone = Phone(a_registrar(POLICY))
    phone.register((flow(1),), expires=300)
    assert len(phone.register((flow(1),), expires=300, headers=SUPPORTED).contacts) == 1
    assert len(phone.register((flow(1),), expires=300).contacts) == 1
    phone.register((flow(1),), expires=300, headers=SUPPORTED)
    assert listed(phone.register((flow(9),), expires=0)) == {}


def test_without_support_for_outbound_the_number_means_nothing() -> None:
    registrar = a_registrar(POLICY)
    phone = Phone(registrar)
    phone.register((flow(1),), expires=300)
    answer = phone.register((flow(1, "127.0.0.1:9999"),), expires=300)
    assert (len(answer.contacts), answer.require, answer.flow_timer) == (2, (), None)


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999"])
def test_a_number_that_is_none_means_nothing(number: str) -> None:
    contact = f'<sip:100@127.0.0.1:5062>;+sip.instance="<{INSTANCE}>";reg-id={number}'
    answer = Phone(a_registrar(POLICY)).register((contact,), expires=300, headers=SUPPORTED)
    assert (answer.status, answer.require) == (200, ())


def test_two_flows_in_one_request_are_refused_unless_one_is_removed() -> None:
    phone = Phone(a_registrar(POLICY))
    assert phone.register((flow(1), flow(2)), expires=300, headers=SUPPORTED).status == 400
    assert phone.register((flow(1, more=";expires=0"), flow(2)), expires=300, headers=SUPPORTED).status == 200


def test_a_first_hop_that_does_not_keep_flows_is_named() -> None:
    registrar = a_registrar(POLICY)
    phone = Phone(registrar)
    assert phone.register((flow(1),), expires=300, headers=(*SUPPORTED, *PROXIED)).status == 439
    for path, status in (
        ("<sip:edge.example.com;lr>", 439),
        ("<sip:edge.example.com;lr;ob>", 200),
        ("<sip:core.example.com;lr>, <sip:edge.example.com;lr;ob>", 200),
        ("<sip:core.example.com;lr;ob>, <sip:edge.example.com;lr>", 439),
    ):
        assert phone.register((flow(1),), expires=300, headers=(*SUPPORTED, *PROXIED, ("Path", path))).status == status, path


def test_a_contact_without_flow_may_come_through_any_proxy() -> None:
    assert Phone(a_registrar(POLICY)).register(expires=300, headers=(*SUPPORTED, *PROXIED)).status == 200


def test_outbound_that_is_off_is_refused_only_if_it_is_required() -> None:
    phone = Phone(a_registrar(replace(POLICY, outbound=False)))
    refused = phone.register((flow(1),), expires=300, headers=(("Require", "outbound"),))
    assert (refused.status, refused.unsupported) == (420, ("outbound",))
    answer = phone.register((flow(1),), expires=300, headers=SUPPORTED)
    assert (answer.status, answer.require) == (200, ())


def test_a_dead_flow_ends_its_bindings_and_no_others() -> None:
    registrar = a_registrar(POLICY)
    phone = Phone(registrar, source=At("tcp", "127.0.0.1", 40001))
    phone.register((flow(1),), expires=300, headers=SUPPORTED)
    phone.register(("<sip:100@127.0.0.3>",), expires=300)
    Phone(registrar, source=At("tcp", "127.0.0.1", 40002)).register((flow(2),), expires=300, headers=SUPPORTED, call_id="two")
    registrar.take_changes()
    assert registrar.drop_flow("tcp 127.0.0.1:40001", START + 1) == 1
    assert [change.change for change in registrar.take_changes()] == [Change.DEACTIVATED]
    assert len(registrar.bindings(AOR, START + 1)) == 2
    assert registrar.drop_flow("tcp 127.0.0.1:40001", START + 1) == 0
    assert registrar.drop_flow("tcp 192.0.2.1:1", START + 1) == 0


# GRUU

GRUU = replace(POLICY, gruu=True)
ASKS = (("Supported", "gruu, outbound"),)


def test_no_gruu_is_given_where_none_is_routed() -> None:
    contact = Phone(a_registrar(POLICY)).register((flow(1),), headers=ASKS).contacts.addresses[0]
    assert "pub-gruu" not in contact.params and "temp-gruu" not in contact.params


def test_a_gruu_is_given_to_who_asks_and_names_an_instance() -> None:
    phone = Phone(a_registrar(GRUU))
    assert "pub-gruu" not in phone.register((flow(1),)).contacts.addresses[0].params
    assert "pub-gruu" not in phone.register(("<sip:100@127.0.0.8>",), headers=ASKS).contacts.addresses[1].params
    contact = phone.register((flow(1),), headers=ASKS).contacts.addresses[0]
    assert contact.params.get("pub-gruu") == f"sip:100@example.com;gr={INSTANCE}"
    temporary = SipUri.parse(contact.params.get("temp-gruu") or "")
    assert "gr" in temporary.params and "100" not in str(temporary.user)[:6] and temporary.host == "example.com"


def test_both_kinds_lead_to_their_instance_alone() -> None:
    registrar = a_registrar(GRUU)
    phone = Phone(registrar)
    phone.register((flow(1, "127.0.0.7:1", instance="urn:uuid:other"),), headers=ASKS)
    contact = phone.register((flow(1),), headers=ASKS).contacts.addresses[1]
    for name in ("pub-gruu", "temp-gruu"):
        uri = SipUri.parse(contact.params.get(name) or "")
        assert uris(registrar.targets(uri, START)) == ["sip:100@127.0.0.1:5062;transport=tcp"]
    assert len(registrar.targets(SipUri.parse(AOR), START)) == 2


def test_temporary_ones_differ_each_time_and_live_until_the_phone_starts_anew() -> None:
    registrar = a_registrar(GRUU)
    phone = Phone(registrar)
    given = [
        SipUri.parse(phone.register((flow(1),), headers=ASKS).contacts.addresses[0].params.get("temp-gruu") or "")
        for _ in range(3)
    ]
    assert len(set(map(str, given))) == 3
    assert all(registrar.targets(uri, START) for uri in given)
    phone.call_id = "after-reboot"
    phone.register((flow(1),), headers=ASKS)
    assert not any(registrar.targets(uri, START) for uri in given)
    assert len(registrar.gruus) == 1
    phone.register(("*",), expires=0, headers=ASKS)
    assert len(registrar.gruus) == 0


@pytest.mark.parametrize("user", ["tgruu.", "tgruu.aaaa", "tgruu." + "a" * 40, "tgruu.!!!", "100", "nobody"])
def test_invented_ones_lead_nowhere(user: str) -> None:
    registrar = a_registrar(GRUU)
    Phone(registrar).register((flow(1),), headers=ASKS)
    assert registrar.targets(SipUri.parse(f"sip:{user}@example.com;gr"), START) == ()
    assert registrar.targets(SipUri.parse("sip:100@example.com;gr=urn:uuid:wrong"), START) == ()


def test_a_temporary_one_that_was_changed_leads_nowhere() -> None:
    registrar = a_registrar(GRUU)
    given = Phone(registrar).register((flow(1),), headers=ASKS).contacts.addresses[0].params.get("temp-gruu") or ""
    user, _, host = given.partition("@")
    for at in (-1, -12, -20):
        changed = user[:at] + ("a" if user[at] != "a" else "b") + (user[at + 1 :] if at != -1 else "")
        assert registrar.targets(SipUri.parse(f"{changed}@{host}"), START) == (), at
    assert len(registrar.targets(SipUri.parse(given), START)) == 1


def test_a_document_takes_any_text_of_a_peer() -> None:
    registrar = a_registrar(GRUU)
    odd = '<sip:100@127.0.0.1>;x="\\\x01<&>";y="\xff"'
    assert Phone(registrar).register((odd,), to='"\x7f<" <sip:100@example.com>').status == 200
    document = reginfo(AOR, registrar.bindings(AOR, START), registrar.take_changes(), 0, START)
    assert ElementTree.fromstring(document)[0][0].get("state") == "active"
