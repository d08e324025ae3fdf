"""The dialogs of one program, bounded; which of them a request is for.  RFC 3261 section 12.2.2, RFC 3891."""

from __future__ import annotations

from collections.abc import Iterator

from sipstub.dialog.dialog import Dialog, DialogState
from sipstub.dialog.dialog_id import DialogId
from sipstub.dialog.refusal import Refusal
from sipstub.sip.message import Request, Response
from sipstub.sip.replaces import Replaces

MAX_DIALOGS = 16_384
"Most dialogs at a time; a request that would make another gets 503."
OVERLOAD_RETRY_S = 60
NULL_TAG = "0"
"What Replaces says for the tag of a peer that has none (RFC 3891 section 6.1)."


class DialogTable:
    """Dialogs by name."""

    def __init__(self, max_dialogs: int = MAX_DIALOGS) -> None:
        self._max_dialogs = max_dialogs
        self._dialogs: dict[DialogId, Dialog] = {}

    def __len__(self) -> int:
        return len(self._dialogs)

    def __iter__(self) -> Iterator[Dialog]:
        return iter(self._dialogs.values())

    def add(self, dialog: Dialog) -> Refusal | None:
        """Keep a dialog, or return why not."""
        if dialog.id not in self._dialogs and len(self._dialogs) >= self._max_dialogs:
            return Refusal(503, f"{self._max_dialogs} dialogs already", OVERLOAD_RETRY_S)
        self._dialogs[dialog.id] = dialog
        return None

    def remove(self, dialog: Dialog) -> None:
        """Forget a dialog."""
        if self._dialogs.get(dialog.id) is dialog:
            del self._dialogs[dialog.id]

    def get(self, dialog_id: DialogId) -> Dialog | None:
        """Return the dialog of that name."""
        return self._dialogs.get(dialog_id)

    def of_request(self, request: Request) -> Dialog | Refusal | None:
        """Return the dialog that a request is in; None for one outside of dialogs, 481 for one of a dialog unknown here.

        An ACK of an unknown dialog is refused too, which for an ACK means: drop it.
        """
        if request.to.tag is None:
            return None
        found = self._dialogs.get(DialogId.of_request_received(request))
        return found or Refusal(481, f"no dialog {request.call_id}")

    def of_response(self, response: Response) -> Dialog | None:
        """Return the dialog that an answer to a request of ours is in."""
        return self._dialogs.get(DialogId.of_response_received(response))

    def replaced(self, replaces: Replaces) -> Dialog | Refusal:
        """Return the dialog whose place an INVITE wants to take, or why it may not (RFC 3891 section 3)."""
        named = DialogId.named_by(replaces)
        found = self._dialogs.get(named)
        if found is None and NULL_TAG in (named.local_tag, named.remote_tag):
            found = self._dialogs.get(DialogId(named.call_id, *("" if tag == NULL_TAG else tag for tag in named[1:])))
        if found is None or found.method != "INVITE":
            return Refusal(481, f"no call {replaces.call_id} to replace")
        if found.state is DialogState.TERMINATED:
            return Refusal(603, "the call to replace is over")
        if found.state is DialogState.CONFIRMED and replaces.is_early_only:
            return Refusal(486, "the call to replace is answered already")
        if found.state is DialogState.EARLY and not found.is_initiator:
            return Refusal(481, "a call that rings here cannot be replaced, only one that rings there")
        return found
