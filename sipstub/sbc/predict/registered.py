"""What was predicted of a phone's registration beside what a recording shows: what the registrar heard and the phone was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sipstub.sbc.predict.phone import PhoneAccount
from sipstub.sbc.predict.registration import predict_registration
from sipstub.sbc.predict.roles import PHONE, Roles
from sipstub.sbc.predict.rules import LegRules, TimerRules
from sipstub.sip.error import SipError
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.uri import SipUri
from sipstub.trace.record import RecordedMessage
from sipstub.verify.compared import Compared

REGISTER = "REGISTER"


@dataclass(slots=True)
class _Seen:
    """One REGISTER that was passed on."""

    sent_s: int | None = None
    is_sent: bool = False
    server_s: int | None = None


def compare_registration(
    account: PhoneAccount, phone: LegRules, rules: TimerRules, messages: Sequence[RecordedMessage], roles: Roles
) -> tuple[Compared, ...]:
    """Return two statements about the first REGISTER of this account that the SBC passed on and that was granted; else none.

    Nothing is predicted for a phone whose file does not say how long.
    """
    if account.register_s is None:
        return ()
    passed: dict[str, _Seen] = {}
    for recorded in messages:
        message = recorded.message
        if message is None:
            continue
        try:
            if message.cseq.method != REGISTER or _user(message) != account.user:
                continue
            root = roles.legs.root(message.call_id or "")
            is_phones = PHONE in (roles.side(recorded.source), roles.side(recorded.target))
            if isinstance(message, Request):
                if is_phones:
                    passed[root] = _Seen()
                elif (seen := passed.get(root)) is not None:
                    seen.sent_s, seen.is_sent = _seconds(message), True
            elif isinstance(message, Response) and message.status == 200 and (seen := passed.get(root)) is not None:
                if not is_phones:
                    seen.server_s = _seconds(message)
                elif seen.is_sent and seen.server_s and (granted := _seconds(message)):
                    return _statements(account, phone, rules, seen, granted)
        except SipError:
            continue
    return ()


def _statements(account: PhoneAccount, phone: LegRules, rules: TimerRules, seen: _Seen, granted: int) -> tuple[Compared, ...]:
    want = predict_registration(account.register_s, phone, rules, transport=account.transport, server_s=seen.server_s)
    sent = "no Expires" if want.sent_s is None else f"Expires: {want.sent_s}"
    shown = "no Expires" if seen.sent_s is None else f"Expires: {seen.sent_s}"
    is_in = want.granted.least_s <= granted <= want.granted.most_s
    return (
        Compared("", "far", REGISTER, sent, shown, sent == shown),
        Compared("", "phone", "200", want.granted.text, f"{granted} s", is_in),
    )


def _user(message: Message) -> str:
    uri = message.to.uri
    return (uri.username or "") if isinstance(uri, SipUri) else ""


def _seconds(message: Message) -> int | None:
    """Return the time that a REGISTER asks for, or that its 200 grants: of its first contact, else of the header."""
    for contact in message.contacts.addresses:
        if contact.expires_s is not None:
            return contact.expires_s
    return message.expires
