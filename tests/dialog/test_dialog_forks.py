"""One INVITE, several phones: each a dialog of its own.  RFC 3261 sections 12.1.2 and 13.2.2.4."""

from __future__ import annotations

import pytest
from dialog_builders import an_answer, our_invite

from sipstub.dialog.dialog import DialogState
from sipstub.dialog.forks import MAX_FORKS, InviteForks
from sipstub.sip.message import Response
from sipstub.transaction.timing import Timing


@pytest.fixture
def forks() -> InviteForks:
    return InviteForks(our_invite(), Timing())


def answered(status: int, tag: str | None = "a", contact: str = "<sip:a@10.1.1.1>") -> Response:
    return an_answer(our_invite(), status, tag, contact=contact)


def test_each_tag_makes_a_dialog_once(forks: InviteForks) -> None:
    first, again, other = (forks.receive(answered(180, tag), 0) for tag in ("a", "a", "b"))
    assert first.is_new and not again.is_new and first.dialog is again.dialog and other.is_new and len(forks) == 2


def test_100_makes_none(forks: InviteForks) -> None:
    assert forks.receive(answered(100, None), 0).dialog is None and len(forks) == 0


def test_a_2xx_confirms_once_and_is_repeated_after(forks: InviteForks) -> None:
    forks.receive(answered(180), 0)
    first, again = forks.receive(answered(200), 1), forks.receive(answered(200), 2)
    assert first.is_confirmed and not first.is_repeated and again.is_repeated and not again.is_confirmed
    assert first.dialog is not None and first.dialog.state is DialogState.CONFIRMED


def test_a_2xx_without_any_1xx_is_new_and_confirmed(forks: InviteForks) -> None:
    fork = forks.receive(answered(200), 0)
    assert fork.is_new and fork.is_confirmed


def test_a_late_1xx_of_a_confirmed_dialog_changes_nothing(forks: InviteForks) -> None:
    fork = forks.receive(answered(200), 0)
    late = forks.receive(answered(180, contact="<sip:b@b>"), 1)
    assert not late.is_repeated and late.dialog is fork.dialog and str(fork.dialog.remote_target) == "sip:a@10.1.1.1"  # type: ignore[union-attr]


def test_two_phones_that_answer_are_both_confirmed(forks: InviteForks) -> None:
    assert [forks.receive(answered(200, tag), 0).is_confirmed for tag in ("a", "b")] == [True, True]


def test_a_refusal_ends_all_early_dialogs(forks: InviteForks) -> None:
    dialogs = [forks.receive(answered(180, tag), 0).dialog for tag in ("a", "b")]
    assert list(forks.receive(answered(486, "c"), 1).ended) == dialogs


def test_64_t1_after_the_first_2xx_the_others_end(forks: InviteForks) -> None:
    early = forks.receive(answered(180, "b"), 0).dialog
    assert forks.next_timer is None
    forks.receive(answered(200), 1)
    assert forks.next_timer == 33 and forks.on_timer(32.9) == ()
    assert forks.on_timer(33) == (early,) and forks.next_timer is None


def test_a_fork_that_was_given_up_and_says_yes_is_confirmed_to_be_hung_up(forks: InviteForks) -> None:
    early = forks.receive(answered(180, "b"), 0).dialog
    forks.receive(answered(200), 0)
    forks.on_timer(32)
    fork = forks.receive(answered(200, "b"), 33)
    assert fork.dialog is early and fork.is_confirmed and early is not None and early.state is DialogState.CONFIRMED
    assert forks.receive(answered(200, "b"), 34).is_repeated


def test_199_ends_one_fork_and_makes_none(forks: InviteForks) -> None:
    early = forks.receive(answered(183), 0).dialog
    assert forks.receive(answered(199), 1).ended == (early,) and forks.receive(answered(180), 2).dialog is early
    assert forks.receive(answered(199, "z"), 1).dialog is None and len(forks) == 1


def test_there_are_at_most_so_many(forks: InviteForks) -> None:
    for number in range(MAX_FORKS + 5):
        forks.receive(answered(180, f"t{number}"), 0)
    assert len(forks) == MAX_FORKS and forks.receive(answered(200, "last"), 0).dialog is None
    assert forks.receive(answered(200, "t0"), 0).is_confirmed
