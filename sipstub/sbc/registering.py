"""REGISTER through the SBC: passed on with a Contact that leads back here, or answered here while the registrar needs nothing.

A binding is stored after the registrar's 200 only, with the Contact as it came.  While the registrar is away the SBC answers by
itself.  Where the route of a REGISTER ends in a User group, the SBC is the registrar.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from sipstub.dialog.refusal import Refusal
from sipstub.sbc.carrying import AGENT_NAME
from sipstub.sbc.client_login import with_credentials
from sipstub.sbc.expiry import promised_s
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.passing import Passing
from sipstub.sbc.register_attempt import Attempt
from sipstub.sbc.rewriting import without_tag
from sipstub.sbc.routing import Trigger
from sipstub.sbc.shared_line import primary_of
from sipstub.sbc.user_table import MAX_CONTACTS, MAX_USERS, User
from sipstub.sip.answer import answer
from sipstub.sip.contact import Contact
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import SipUri
from sipstub.transaction.event import RequestArrived, ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

MAX_PENDING = 10_000
"Phones that have asked and have no binding yet; the oldest are forgotten."
MAX_ADDRESSES = 4
"Addresses of the registrar that one REGISTER tries."


class Registering:
    """Takes REGISTERs of User groups."""

    def __init__(self, sbc: Sbc) -> None:
        self._sbc = sbc
        self._users = sbc.users
        self._pending: OrderedDict[tuple[str, str], User] = OrderedDict()
        self._number = 0

    def handle(self, arrived: RequestArrived, group: IpGroup, now: float) -> Response | None:
        """Return the answer, or None while the registrar is asked."""
        request, transaction = arrived.request, arrived.transaction
        assert transaction is not None
        if not group.is_user:
            found = answer(request, 403, to_tag=transaction.to_tag)
            found.headers.add("Reason", 'SIP;cause=403;text="IPGroup Registration Mode Configuration"')
            return found
        contacts = request.contacts
        if len(contacts.addresses) > 1:
            return Refusal(501, "several Contacts").answer_to(request, to_tag=transaction.to_tag)
        rules = self._sbc.routing.rows(request, group, request.uri)
        rule = next((one for one in rules if one.service is None), None)  # a routing server is not asked [choice]
        if rule is None or rule.destination is None:
            return Refusal(404, "no route for REGISTER").answer_to(request, to_tag=transaction.to_tag)
        if contacts.is_star:
            return self._all_gone(arrived, transaction, rule.destination, now)
        if not contacts.addresses:  # a mere question: the registrar knows who may ask it
            texts = [f"<{user.contact}>;expires={max(0, int(user.ends_at - now))}" for user in self._of(request)]
            batches = self._sbc.batches(request, group, Trigger.INITIAL)
            if not rule.destination.is_user:
                Passing(self._sbc, request, transaction, batches, texts, source=group.name).begin(now)
                return None
            listed = answer(request, 200, to_tag=transaction.to_tag)
            for contact_text in texts:
                listed.headers.add("Contact", contact_text)
            return listed
        contact = contacts.addresses[0]
        if not isinstance(contact.uri, SipUri):
            return Refusal(400, "Contact is no sip:").answer_to(request, to_tag=transaction.to_tag)
        user = self._user(request, contact, contact.uri, arrived.source, group)
        if isinstance(user, Refusal):
            return user.answer_to(request, to_tag=transaction.to_tag)
        asked = contact.expires_s if contact.expires_s is not None else request.expires
        attempt = Attempt(self, user, request, transaction, contact, asked, arrived.source)
        server = rule.destination
        user.primary = primary_of(self._sbc.site.shared_lines, request.to.uri, group)
        is_secondary = user.primary is not None and self._sbc.settings["SBCSharedLineRegMode"] == 1
        if server.is_user or is_secondary:
            return attempt.answer_alone(now)
        if user in self._users and self._is_early(user, attempt, now):
            return attempt.answer_early(now)
        attempt.hops = list(self._sbc.hops_of(server)[:MAX_ADDRESSES])
        attempt.forward(server, now)
        return None

    def expire(self, user: User, now: float) -> None:
        """End a binding whose time is over; the registrar is told, unless the phone has done so.

        Also where its own time is over: that time began with its answer, so a bit of it may be left there.
        """
        self.drop(user, now)
        user.dropped_at = None
        if user.server is not None and user.server_ends_at > 0:
            for hop in self._sbc.hops_of(user.server):
                self._tell(user, user.server, self._gone(user), hop, now)
                break

    # For attempts

    @property
    def sbc(self) -> Sbc:
        """Return the SBC."""
        return self._sbc

    def store(self, user: User) -> None:
        """Put a binding into the table."""
        self._pending.pop((str(user.aor.uri), str(user.contact)), None)
        self._users.add(user)
        self._users.know(user)
        self.note(user)

    def note(self, user: User) -> None:
        """Have a binding leave the table when its time is over."""
        self._sbc.agenda.note(_Bound(self, user))

    def drop(self, user: User, now: float) -> None:
        """Take a binding out."""
        self._users.remove(user)
        self._sbc.user_left(user.hop, now)

    def _is_early(self, user: User, attempt: Attempt, now: float) -> bool:
        """Return whether the registrar need not hear of this: its own time lasts longer than what is promised [choice]."""
        if attempt.asked == 0 or user.server is None or user.dropped_at is None or user.is_survivor:
            return False
        if user.hop[:3] != attempt.source[:3]:  # from elsewhere: whoever it is has to show that he may
            return False
        promised = promised_s(attempt.wanted, attempt.asked, None)
        return user.server_ends_at - now >= promised and user.ends_at > now

    def _user(self, request: Request, contact: Contact, uri: SipUri, source: Hop, group: IpGroup) -> User | Refusal:
        excluded = self._sbc.settings.excluded_parameters
        found = self._users.binding(request.to.uri, uri, excluded)
        if found is not None:
            return found
        key = (str(without_tag(request.to).uri), str(uri))
        pending = self._pending.get(key)
        if pending is not None:
            return pending
        limit = MAX_USERS if group.max_users < 0 else min(MAX_USERS, group.max_users)
        if len(self._users) >= limit:
            return Refusal(503, f"{limit} users already", 60)
        if len(self._users.of_aor(request.to.uri, whole=True)) >= MAX_CONTACTS:
            return Refusal(403, f"{MAX_CONTACTS} contacts of one address already")
        self._number += 1
        token = self._sbc.token
        made = User(without_tag(request.to), uri, source, group, self._number, token(), token())
        self._pending[key] = made
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        return made

    def _all_gone(self, arrived: RequestArrived, transaction: ServerTransaction, server: IpGroup, now: float) -> Response | None:
        """Take a phone's word that it is gone, with all that it registered from there; the registrar asks who it is."""
        request, source = arrived.request, arrived.source
        if request.expires != 0:
            return Refusal(400, "Contact: * without Expires: 0").answer_to(request, to_tag=transaction.to_tag)
        here = [user for user in self._of(request) if user.hop[:3] == source[:3]]
        if not here or server.is_user:
            for user in here:
                self.drop(user, now)
            return answer(request, 200, to_tag=transaction.to_tag)
        attempt = Attempt(self, here[0], request, transaction, Contact(here[0].contact), 0, source)
        attempt.hops = list(self._sbc.hops_of(server)[:MAX_ADDRESSES])
        attempt.forward(server, now)
        return None

    def _of(self, request: Request) -> list[User]:
        return self._users.of_aor(request.to.uri, whole=True)

    def _tell(self, user: User, server: IpGroup, made: Request, hop: Hop, now: float, count: int = 0) -> None:
        """Send the registrar a REGISTER of our own, with a password if it asks for one and there is one."""

        def answered(event: ResponseArrived | TransactionFailed, at: float) -> None:
            if isinstance(event, ResponseArrived):
                again = with_credentials(made, event.response, server, user.group.name, self._sbc.token(), count)
                if again is not None:
                    user.cseq += 1
                    again.headers.set("CSeq", CSeq(user.cseq, "REGISTER"))
                    self._tell(user, server, again, hop, at, count + 1)

        self._sbc.core.request(made, hop, now, answered)

    def _gone(self, user: User) -> Request:
        user.cseq += 1
        made = Request("REGISTER", user.sent_uri or user.aor.uri)
        add = made.headers.add
        add("Max-Forwards", self._sbc.settings["SBCMaxForwardsLimit"])
        add("From", user.aor.with_tag(user.from_tag))
        add("To", user.aor)
        add("Call-ID", user.call_id)
        add("CSeq", CSeq(user.cseq, "REGISTER"))
        add("Contact", user.sent_contact)
        add("Expires", 0)
        add("User-Agent", AGENT_NAME)
        return made


class _Bound:
    """The end of one binding, for the agenda."""

    def __init__(self, registering: Registering, user: User) -> None:
        self._registering = registering
        self._user = user

    @property
    def wake_at(self) -> float | None:
        """Return the entry that stands for it."""
        return self._user.wake_at

    @wake_at.setter
    def wake_at(self, when: float | None) -> None:
        self._user.wake_at = when

    def next_timer(self) -> float | None:
        """Return when it leaves the table."""
        return self._user.dropped_at

    def on_timer(self, now: float) -> None:
        """End it."""
        self._registering.expire(self._user, now)
