"""Which dialog a request is for, how many there may be, and which call may be replaced (RFC 3891)."""

from __future__ import annotations

import pytest
from dialog_builders import a_phones, an_answer, as_client, as_server, our_invite

from sipstub.dialog.dialog import Dialog
from sipstub.dialog.dialog_table import DialogTable
from sipstub.dialog.refusal import Refusal
from sipstub.sip.replaces import Replaces


def a_table(*dialogs: Dialog) -> DialogTable:
    table = DialogTable()
    for dialog in dialogs:
        assert table.add(dialog) is None
    return table


def test_a_request_finds_its_dialog_by_call_id_and_both_tags() -> None:
    dialog = as_server()
    table = a_table(dialog, as_client())
    assert table.of_request(a_phones("BYE", to_tag="us")) is dialog
    assert table.of_response(an_answer(our_invite(), 200)) is not None


@pytest.mark.parametrize("change", [{"to_tag": "other"}, {"to_tag": "us", "from_tag": "other"}])
def test_a_request_of_an_unknown_dialog_gets_481(change: dict[str, str]) -> None:
    refusal = a_table(as_server()).of_request(a_phones("BYE", **change))  # type: ignore[arg-type]
    assert isinstance(refusal, Refusal) and refusal.status == 481
    assert refusal.answer_to(a_phones("BYE", to_tag="x"), to_tag="y").to.tag == "x"


def test_a_request_without_to_tag_is_outside_of_dialogs() -> None:
    assert a_table(as_server()).of_request(a_phones()) is None


def test_dialogs_beyond_the_limit_get_503_with_retry_after() -> None:
    table = DialogTable(max_dialogs=1)
    dialog = as_server()
    assert table.add(dialog) is None and table.add(dialog) is None
    refusal = table.add(as_client())
    assert refusal is not None and refusal.status == 503 and len(table) == 1
    assert refusal.answer_to(a_phones(), to_tag="t").retry_after is not None
    table.remove(dialog)
    table.remove(dialog)
    assert len(table) == 0 and list(table) == []


def status_of(table: DialogTable, text: str) -> int | None:
    found = table.replaced(Replaces.parse(text))
    return found.status if isinstance(found, Refusal) else None


ANSWERED = "call-1;to-tag=us;from-tag=phone"
CALLED = "ours@10.0.0.1;to-tag=ours;from-tag=them"


def test_an_answered_call_may_be_replaced() -> None:
    assert status_of(a_table(as_server()), ANSWERED) is None
    assert status_of(a_table(as_client()), CALLED) is None


@pytest.mark.parametrize(
    "text", ["call-2;to-tag=us;from-tag=phone", "call-1;to-tag=phone;from-tag=us", "call-1;to-tag=us;from-tag=x"]
)
def test_a_call_unknown_here_gets_481(text: str) -> None:
    assert status_of(a_table(as_server()), text) == 481


def test_a_subscription_is_no_call_to_replace() -> None:
    assert status_of(a_table(as_server(method="SUBSCRIBE")), ANSWERED) == 481


def test_a_call_that_is_over_gets_603() -> None:
    dialog = as_server()
    dialog.end()
    assert status_of(a_table(dialog), ANSWERED) == 603


def test_early_only_refuses_an_answered_call_with_486() -> None:
    assert status_of(a_table(as_server()), ANSWERED + ";early-only") == 486
    assert status_of(a_table(as_client(180)), CALLED + ";early-only") is None


def test_a_call_that_rings_here_cannot_be_replaced() -> None:
    assert status_of(a_table(as_server(is_accepted=False)), ANSWERED) == 481


def test_tag_0_names_a_peer_without_tag() -> None:
    assert status_of(a_table(as_server(from_tag="")), "call-1;to-tag=us;from-tag=0") is None
    assert status_of(a_table(as_server()), "call-1;to-tag=us;from-tag=0") == 481
