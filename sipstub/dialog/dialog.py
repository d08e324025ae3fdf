"""A dialog: who talks to whom by which way, and in which order requests come.  RFC 3261 section 12, RFC 3311, RFC 6665.

Targets are refreshed when the refreshing request is accepted, not when it comes (RFC 6141): a request that is refused changes
nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

from sipstub.dialog.dialog_id import DialogId
from sipstub.dialog.refusal import Refusal
from sipstub.dialog.route import RouteSet, Way, route_set_of_client, route_set_of_server, way_to
from sipstub.sip.cseq import MAX_CSEQ, CSeq
from sipstub.sip.headers import Field, Headers
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.uri import Uri

REFRESHING = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})
"Methods whose Contact moves the remote target."
ENDING = frozenset({404, 410, 416, 482, 483, 484, 485, 502, 604})
"""Answers to a request in a dialog that say the dialog is gone or its peer cannot be reached (RFC 5057 section 5.1).

408 and 481 end it too, see `Dialog.receive_response`."""
OF_A_SUBSCRIPTION = frozenset({"SUBSCRIBE", "NOTIFY"})
"Methods whose 408 and 481 say that a subscription is gone: a call in the same dialog goes on (RFC 5057 section 5.1)."
MAX_FORWARDS = 70


class DialogState(enum.Enum):
    """How far a dialog has come."""

    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Dialog:
    """One dialog, as one side has it."""

    __slots__ = (
        "_said",
        "id",
        "invite_cseq",
        "is_initiator",
        "is_secure",
        "local",
        "local_cseq",
        "method",
        "remote",
        "remote_cseq",
        "remote_target",
        "route_set",
        "state",
    )

    def __init__(
        self,
        id: DialogId,
        state: DialogState,
        *,
        method: str,
        is_initiator: bool,
        local: NameAddr,
        remote: NameAddr,
        remote_target: Uri,
        route_set: RouteSet,
        local_cseq: int,
        remote_cseq: int | None,
        is_secure: bool = False,
    ) -> None:
        self.id = id
        self.state = state
        self.method = method
        "What it was made by: INVITE, SUBSCRIBE, REFER or NOTIFY."
        self.is_initiator = is_initiator
        "Whether we asked for it, and so made its Call-ID."
        self.local = local
        self.remote = remote
        self.remote_target = remote_target
        self.route_set = route_set
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.invite_cseq = local_cseq if is_initiator and method == "INVITE" else None
        "Of the last INVITE of ours: what its ACK and the PRACKs for its answers say."
        self.is_secure = is_secure
        "Whether it was asked for over TLS by a sips: URI; then every request in it must be."
        self._said: tuple[Field, ...] | None = None
        "From, To and Call-ID of each request of ours."

    def __repr__(self) -> str:
        return f"<Dialog {self.id.call_id} {self.state.value}>"

    @property
    def is_ended(self) -> bool:
        """Return whether this is terminated."""
        return self.state is DialogState.TERMINATED

    @property
    def way(self) -> Way:
        """Return the way to the other side."""
        return way_to(self.remote_target, self.route_set)

    # Requests of ours

    def request(
        self,
        method: str,
        headers: Iterable[tuple[str, object]] = (),
        body: bytes = b"",
        *,
        cseq: int | None = None,
        max_forwards: int = MAX_FORWARDS,
    ) -> Request:
        """Return a request in this dialog, without Via; it goes to `way.next_hop`.

        CSeq is the next one, for ACK that of the last INVITE, or `cseq`: the ACK to an older INVITE.
        """
        way = self.way
        if cseq is None:
            cseq = self.next_cseq(method).number
        if self._said is None:
            line = Headers.line
            self._said = line("From", str(self.local)), line("To", str(self.remote)), line("Call-ID", self.id.call_id)
        made = Request(method, way.request_uri, body=body)
        lines = made.headers
        for route in way.routes:
            lines.add("Route", route)
        lines.add("Max-Forwards", max_forwards)
        lines.take_over(self._said)
        lines.add("CSeq", f"{cseq} {method}")
        for name, value in headers:
            lines.add(name, value)
        return made

    def receive_response(self, request: Request, response: Response) -> None:
        """Take the answer to a request of ours in this dialog."""
        status = response.status
        if status in (408, 481) and self.method == "INVITE" and request.method in OF_A_SUBSCRIPTION:
            return
        if request.method in REFRESHING and 200 <= status < 300:
            self.refresh(response)
        if status in (408, 481) or status in ENDING or (request.method == "BYE" and status >= 200):
            self.state = DialogState.TERMINATED

    def on_no_answer(self, request: Request) -> None:
        """Take note that a request of ours failed; that counts as 408 (12.2.1.2)."""
        self.state = DialogState.TERMINATED

    def confirm(self, response: Response) -> None:
        """Take the 2xx to the request that made this dialog; its route set counts, not that of the 1xx (13.2.2.4).

        A fork that was given up comes back to life, so that it can be hung up in due form.
        """
        if self.state is not DialogState.CONFIRMED:
            self.route_set = route_set_of_client(response)
            self.state = DialogState.CONFIRMED
        self.refresh(response)

    # Requests of the other side

    def receive_request(self, request: Request) -> Refusal | None:
        """Take a new request in this dialog, or return why not.  ACK is never refused; is it for an INVITE, the user knows.

        A request that is taken has to be answered; call `request_answered` then.
        """
        if self.is_ended:
            return Refusal(481, "the dialog is over")
        if request.method in ("ACK", "CANCEL"):
            return None
        number = request.cseq.number
        if self.remote_cseq is not None and number <= self.remote_cseq:  # gaps are fine, going back is not (12.2.2)
            return Refusal(500, f"CSeq {number} after {self.remote_cseq}")
        self.remote_cseq = number
        return None

    def request_answered(self, request: Request, status: int) -> None:
        """Take note of our answer to a request in this dialog."""
        if 200 <= status < 300:
            if request.method in REFRESHING:
                self.refresh(request)
            elif request.method == "BYE":
                self.state = DialogState.TERMINATED

    def accepted(self) -> None:
        """Take note of our 2xx to the request that made this dialog."""
        if self.state is DialogState.EARLY:
            self.state = DialogState.CONFIRMED

    def end(self) -> None:
        """Terminate."""
        self.state = DialogState.TERMINATED

    def next_cseq(self, method: str) -> CSeq:
        """Return the CSeq of the next request, which counts as sent then; of ACK and CANCEL that of the last INVITE."""
        if method in ("ACK", "CANCEL"):
            return CSeq(self.invite_cseq if self.invite_cseq is not None else self.local_cseq, method)
        self.local_cseq = self.local_cseq + 1 if self.local_cseq < MAX_CSEQ else 1
        if method == "INVITE":
            self.invite_cseq = self.local_cseq
        return CSeq(self.local_cseq, method)

    def refresh(self, message: Message) -> None:
        """Move the remote target to the Contact of a message, if it has one."""
        contacts = message.contacts.addresses
        if contacts:
            self.remote_target = contacts[0].uri


def dialog_of_client(request: Request, response: Response) -> Dialog | None:
    """Return the dialog that an answer to a request of ours makes: 101 to 199 with a To tag, or 2xx (12.1.2); else None.

    Without a Contact the remote target stays what we called.
    """
    status = response.status
    if not 100 < status < 300 or (status < 200 and response.to.tag is None):
        return None
    contacts = response.contacts.addresses
    return Dialog(
        DialogId.of_response_received(response),
        DialogState.EARLY if status < 200 else DialogState.CONFIRMED,
        method=request.method,
        is_initiator=True,
        local=request.from_,
        remote=response.to,
        remote_target=contacts[0].uri if contacts else request.uri,
        route_set=route_set_of_client(response),
        local_cseq=request.cseq.number,
        remote_cseq=None,
        is_secure=request.uri.scheme == "sips",
    )


def dialog_of_server(request: Request, local_tag: str, *, is_accepted: bool, is_secure: bool = False) -> Dialog:
    """Return the dialog that our answer to a request makes (12.1.1): early for 101 to 199, confirmed if `is_accepted`.

    `local_tag` is what To of the answer says.  Without a Contact the remote target is who From says.
    """
    contacts = request.contacts.addresses
    return Dialog(
        DialogId(request.call_id, local_tag, request.from_.tag or ""),
        DialogState.CONFIRMED if is_accepted else DialogState.EARLY,
        method=request.method,
        is_initiator=False,
        local=request.to.with_tag(local_tag),
        remote=request.from_,
        remote_target=contacts[0].uri if contacts else request.from_.uri,
        route_set=route_set_of_server(request),
        local_cseq=0,
        remote_cseq=request.cseq.number,
        is_secure=is_secure,
    )
