"""The dialogs that one INVITE of ours makes: a proxy may have forked it, and each phone answers by a tag of its own.

RFC 3261 sections 12.1.2 and 13.2.2.  At most MAX_FORKS dialogs; answers that would make more are ignored, 2xx ones too, which
their senders then end by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.dialog.dialog import Dialog, DialogState, dialog_of_client
from sipstub.dialog.dialog_id import DialogId
from sipstub.sip.message import Request, Response
from sipstub.transaction.timing import Timing

MAX_FORKS = 16


@dataclass(frozen=True, slots=True)
class Fork:
    """What an answer meant."""

    dialog: Dialog | None
    "The dialog that it is in; None for 100, refusals and too many forks."
    is_new: bool = False
    "Whether it made that dialog."
    is_confirmed: bool = False
    "Whether it is the first 2xx of that dialog: send ACK, and BYE after it if another fork won (13.2.2.4)."
    is_repeated: bool = False
    "Whether it is a 2xx seen before: send the same ACK again."
    ended: tuple[Dialog, ...] = ()
    "Dialogs that ended by it."


class InviteForks:
    """The dialogs of one INVITE."""

    __slots__ = ("_confirmed", "_dialogs", "_end", "_invite", "_timing")

    def __init__(self, invite: Request, timing: Timing) -> None:
        self._invite = invite
        self._timing = timing
        self._dialogs: dict[DialogId, Dialog] = {}
        self._confirmed: set[DialogId] = set()
        self._end: float | None = None

    def __len__(self) -> int:
        return len(self._dialogs)

    def receive(self, response: Response, now: float) -> Fork:
        """Take an answer to the INVITE."""
        if response.status >= 300:  # a proxy sends one refusal, and for all forks
            return Fork(None, ended=self._end_early())
        dialog = self._dialogs.get(DialogId.of_response_received(response))
        if dialog is None:
            dialog = self._new(response)
            if dialog is None:
                return Fork(None)
            self._dialogs[dialog.id] = dialog
            return Fork(dialog, is_new=True, is_confirmed=self._confirm(dialog, response, now))
        if dialog.id in self._confirmed:
            return Fork(dialog, is_repeated=response.status >= 200)
        if response.status >= 200:  # also from a fork that was given up: it has to be acknowledged and hung up
            dialog.confirm(response)
            return Fork(dialog, is_confirmed=self._confirm(dialog, response, now))
        if dialog.is_ended:
            return Fork(dialog)
        if response.status == 199:  # RFC 6228: the fork is over, another may still answer
            dialog.end()
            return Fork(dialog, ended=(dialog,))
        dialog.refresh(response)
        return Fork(dialog)

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called: 64 * T1 after the first 2xx."""
        return self._end

    def on_timer(self, now: float) -> tuple[Dialog, ...]:
        """Return the early dialogs that ended now because others were confirmed and they never were."""
        if self._end is None or now < self._end:
            return ()
        self._end = None
        return self._end_early()

    def _new(self, response: Response) -> Dialog | None:
        if len(self._dialogs) >= MAX_FORKS or response.status == 199:
            return None
        return dialog_of_client(self._invite, response)

    def _confirm(self, dialog: Dialog, response: Response, now: float) -> bool:
        if response.status < 200:
            return False
        if not self._confirmed:
            self._end = now + self._timing.timeout_s
        self._confirmed.add(dialog.id)
        return True

    def _end_early(self) -> tuple[Dialog, ...]:
        early = tuple(dialog for dialog in self._dialogs.values() if dialog.state is DialogState.EARLY)
        for dialog in early:
            dialog.end()
        return early
