"""Requests that cross: 491, 500 with Retry-After, and when to try again.  RFC 3261 section 14, RFC 3311 section 5."""

from __future__ import annotations

import pytest

from sipstub.dialog.negotiation import Negotiation, retry_after_glare_s


def status(negotiation: Negotiation, method: str, *, has_offer: bool = True) -> int | None:
    refusal = negotiation.receive(method, has_offer=has_offer, chance=0.5)
    return refusal.status if refusal else None


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_request_that_meets_nothing_is_taken(method: str) -> None:
    assert status(Negotiation(), method) is None


def test_invite_while_theirs_is_open_gets_500_with_retry_after() -> None:
    negotiation = Negotiation()
    status(negotiation, "INVITE")
    refusal = negotiation.receive("INVITE", has_offer=True, chance=0.999)
    assert refusal is not None and (refusal.status, refusal.retry_after_s) == (500, 10)
    negotiation.received_done("INVITE")
    assert status(negotiation, "INVITE") is None


@pytest.mark.parametrize("has_offer", [False, True])
def test_invite_while_ours_is_open_gets_491(has_offer: bool) -> None:
    negotiation = Negotiation()
    negotiation.ask("INVITE", has_offer=True)
    assert status(negotiation, "INVITE", has_offer=has_offer) == 491
    negotiation.asked_done("INVITE")
    assert status(negotiation, "INVITE", has_offer=has_offer) is None


def test_update_while_theirs_is_open_gets_500() -> None:
    negotiation = Negotiation()
    status(negotiation, "UPDATE", has_offer=False)
    refusal = negotiation.receive("UPDATE", has_offer=False, chance=0.0)
    assert refusal is not None and (refusal.status, refusal.retry_after_s) == (500, 0)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "PRACK"])
def test_update_with_offer_while_an_offer_of_ours_is_open_gets_491_and_without_is_taken(method: str) -> None:
    negotiation = Negotiation()
    negotiation.ask(method, has_offer=True)
    assert status(negotiation, "UPDATE") == 491 and status(negotiation, "UPDATE", has_offer=False) is None


@pytest.mark.parametrize("method", ["INVITE", "PRACK"])
def test_update_with_offer_while_theirs_is_not_answered_gets_500(method: str) -> None:
    negotiation = Negotiation()
    status(negotiation, method)
    assert status(negotiation, "UPDATE") == 500
    negotiation.offer_answered()
    assert status(negotiation, "UPDATE") is None, "the offer was answered in a reliable 1xx"


def test_an_offer_in_our_2xx_is_open_until_the_ack() -> None:
    negotiation = Negotiation()
    status(negotiation, "INVITE", has_offer=False)
    negotiation.received_done("INVITE", is_offer_in_answer=True)
    assert status(negotiation, "UPDATE") == 491 and not negotiation.may_ask("UPDATE", has_offer=True)
    negotiation.offer_answered()
    assert status(negotiation, "UPDATE") is None


def test_an_offer_in_their_2xx_is_open_until_our_ack() -> None:
    negotiation = Negotiation()
    negotiation.ask("INVITE", has_offer=False)
    negotiation.asked_done("INVITE", is_offer_in_answer=True)
    assert not negotiation.may_ask("UPDATE", has_offer=True) and status(negotiation, "UPDATE") == 500


def test_a_bodyless_update_that_ends_leaves_the_offer_of_the_invite_open() -> None:
    negotiation = Negotiation()
    negotiation.ask("INVITE", has_offer=True)
    negotiation.ask("UPDATE", has_offer=False)
    negotiation.asked_done("UPDATE")
    assert status(negotiation, "UPDATE") == 491


def test_we_send_no_invite_beside_an_invite_and_no_offer_beside_an_offer() -> None:
    negotiation = Negotiation()
    assert negotiation.may_ask("INVITE", has_offer=True)
    negotiation.ask("INVITE", has_offer=True)
    assert not negotiation.may_ask("INVITE", has_offer=False) and not negotiation.may_ask("UPDATE", has_offer=True)
    assert negotiation.may_ask("UPDATE", has_offer=False)
    other = Negotiation()
    status(other, "INVITE", has_offer=False)
    assert not other.may_ask("INVITE", has_offer=False) and other.may_ask("UPDATE", has_offer=True)


@pytest.mark.parametrize(
    ("is_owner", "chance", "seconds"),
    [(True, 0, 2.1), (True, 1, 4), (True, 0.5, 3.05), (False, 0, 0), (False, 1, 2), (False, 0.333, 0.67)],
)
def test_after_491_the_owner_of_the_call_id_waits_longer(is_owner: bool, chance: float, seconds: float) -> None:
    assert retry_after_glare_s(is_owner=is_owner, chance=chance) == seconds
