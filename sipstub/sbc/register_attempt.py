"""One REGISTER of a phone on its way: to the registrar, to its next address, or answered while none of them is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.sbc import representation
from sipstub.sbc.broadworks import subscriber_aliases
from sipstub.sbc.carrying import AGENT_NAME, carried, places_of
from sipstub.sbc.client_login import with_credentials
from sipstub.sbc.expiry import asked_of_server_s, promised_s, randomised_s, survival_s, wanted_s
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.own_gruu import AS_PROXY, PUBLIC, instance_of, public_gruu
from sipstub.sbc.user_table import PARAMETER, User
from sipstub.sip.answer import answer
from sipstub.sip.contact import Contact
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.params import Params
from sipstub.sip.uri import SipUri, parse_uri
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ClientTransaction, ServerTransaction
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.sbc.registering import Registering

AWAY = frozenset({408, 503})
"Answers that say that the registrar cannot be reached; the second also of its own word."
AWAY_AFTER_S = 7.0
"""A registrar that is silent for so long, four requests over UDP, counts as away [choice].

The phone itself gives up after 32 s, and an answer of ours has to be there by then."""
GRUU_MODES = PUBLIC | {AS_PROXY}
"Of SBCGruuMode, those in which the registrar is asked for a GRUU too."
KEEP_USER, KEEP_USER_MARKED = 1, 2
LMI_TYPE = "application/xml"
LMI = (
    b'<?xml version="1.0" encoding="utf-8"?>\r\n<LMIDocument version="1.0">\r\n<LocalModeStatus>\r\n'
    b"<LocalModeActive>true</LocalModeActive>\r\n<LocalModeDisplay>StandAlone Mode</LocalModeDisplay>\r\n"
    b"</LocalModeStatus>\r\n</LMIDocument>\r\n"
)
"What Aastra phones show while the registrar is away; that it rides in the 200 is a choice, no source says where."


class Attempt:
    """One REGISTER of a phone."""

    def __init__(
        self,
        registering: Registering,
        user: User,
        request: Request,
        transaction: ServerTransaction,
        contact: Contact,
        asked: int | None,
        source: Hop,
    ) -> None:
        self._registering = registering
        self._sbc = registering.sbc
        self._user = user
        self._request = request
        self._transaction = transaction
        self._contact = contact
        self.source = source
        self.asked = asked
        self._instance = instance_of(request, contact)
        is_behind_nat = isinstance(contact.uri, SipUri) and contact.uri.host.strip("[]").lower() != source.host.lower()
        self.wanted = wanted_s(user.group.profile, source.transport, is_behind_nat=is_behind_nat)
        self.hops: list[Hop] = []
        self._server: IpGroup | None = None
        self._client: ClientTransaction | None = None
        self._sent: tuple[Request, Hop] | None = None
        self._gives_up_at: float | None = None
        self._proofs = 0
        "Challenges that were answered."
        self.wake_at: float | None = None

    def answer_alone(self, now: float) -> Response:
        """Return the answer where the SBC is the registrar."""
        if self.asked == 0:
            self._registering.drop(self._user, now)
            return self._ok(0)
        self._user.server = None
        return self._bound(promised_s(self.wanted, self.asked, None), now)

    def answer_early(self, now: float) -> Response:
        """Return the answer to a refresh that the registrar does not hear of."""
        return self._bound(promised_s(self.wanted, self.asked, None), now)

    def forward(self, server: IpGroup, now: float) -> None:
        """Ask the registrar, or the next address of it; none left is survivability."""
        self._server = server
        if not self.hops:
            self._survive(now)
            return
        hop, user, request, sbc = self.hops.pop(0), self._user, self._request, self._sbc
        user.cseq += 1
        self._proofs = 0
        expires = asked_of_server_s(sbc.settings, self.asked)
        contact = self._sent_contact(server, hop)
        uri = sbc.rewriting.uri(request.uri, server, hop)
        made = Request("REGISTER", uri)
        add = made.headers.add
        add("Max-Forwards", sbc.forwards(request))
        from_, to = sbc.rewriting.names_towards(request, server, hop)
        add("From", NameAddr(from_.uri, from_.display, Params((("tag", user.from_tag),))))
        add("To", to)
        add("Call-ID", user.call_id)
        add("CSeq", CSeq(user.cseq, "REGISTER"))
        add("Contact", contact)
        made.headers.take_over(field for field in carried(request) if field.key not in ("expires", "supported"))
        representation.put_vias(made, request, server.profile)
        representation.put_path(made, server.profile, sbc.core.places, hop)
        if self._instance and sbc.settings["SBCGruuMode"] in GRUU_MODES:
            add("Supported", "gruu")
        if expires is not None:
            add("Expires", expires)
        representation.put_agent(made, request, server.profile)
        if request.body:
            made.set_body(request.body)
        user.sent_contact, user.sent_uri = contact, uri
        self._send(made, hop, now)

    def _send(self, made: Request, hop: Hop, now: float) -> None:
        self._sent = made, hop
        self._gives_up_at = now + AWAY_AFTER_S
        self._keep_binding()
        self._client = self._sbc.core.request(made, hop, now, self._answered)
        self._sbc.agenda.note(self)

    def _keep_binding(self) -> None:
        """Have a phone that asks in time not fall out of the table while a silent registrar is waited for [choice]."""
        user, until = self._user, self._gives_up_at
        is_its_own = self.source[:3] == user.hop[:3] and self.asked != 0
        if is_its_own and until is not None and user.dropped_at is not None and user.dropped_at < until:
            user.dropped_at = until
            self._registering.note(user)

    def next_timer(self) -> float | None:
        """Return when the registrar counts as away."""
        return self._gives_up_at

    def on_timer(self, now: float) -> None:
        """Ask the next address."""
        assert self._client is not None and self._server is not None
        self._gives_up_at = None
        self._sbc.core.layer.forget(self._client)
        self.forward(self._server, now)

    def _sent_contact(self, server: IpGroup, hop: Hop) -> str:
        """Return our Contact at the registrar, by SBCKeepContactUserinRegister; the phone's own parameters stay beside it."""
        mode, user = self._sbc.settings["SBCKeepContactUserinRegister"], self._user
        outside = Params(tuple(item for item in self._contact.params.items if item[0].lower() not in ("expires", "reg-id")))
        if server.profile.representation != representation.REPLACE_CONTACT:
            return str(NameAddr(self._contact.uri, "", outside))
        ours = parse_uri(self._sbc.core.places.contact(hop))
        assert isinstance(ours, SipUri) and isinstance(self._contact.uri, SipUri)
        kept = self._contact.uri.user
        name = kept if mode in (KEEP_USER, KEEP_USER_MARKED) and kept else user.unique_user
        params = ours.params.set(PARAMETER, user.unique_parameter) if mode == KEEP_USER_MARKED else ours.params
        host, port = (server.local_host_name, None) if server.local_host_name else (ours.host, ours.port)
        return str(NameAddr(SipUri(host, name, port=port, params=params), "", outside))

    def _answered(self, event: ResponseArrived | TransactionFailed, now: float) -> None:
        status = event.status if isinstance(event, TransactionFailed) else event.response.status
        if status < 200:
            return
        assert self._server is not None
        self._gives_up_at = None
        self._sbc.agenda.forget(self)
        if status in AWAY:
            self.forward(self._server, now)
            return
        assert isinstance(event, ResponseArrived)
        response = event.response
        if status < 300:
            self._accepted(response, now)
            return
        assert self._sent is not None
        made, hop = self._sent
        again = with_credentials(made, response, self._server, self._user.group.name, self._sbc.token(), self._proofs)
        if again is not None:
            self._proofs += 1
            self._user.cseq += 1
            self._send(again, hop, now)
            return
        if status not in (401, 407) and self.source[:3] == self._user.hop[:3]:  # not for the word of a stranger
            self._registering.drop(self._user, now)
        self._pass_back(answer(self._request, status, response.reason, to_tag=self._transaction.to_tag), response, now)

    def _accepted(self, response: Response, now: float) -> None:
        user, granted = self._user, self._granted(response)
        self._user.is_survivor = False
        if self.asked == 0 or granted == 0:
            self._unregister(now)
            self._pass_back(self._ok(0), response, now)
            return
        ours = NameAddr.parse(user.sent_contact).uri
        user.has_server_gruu = any("pub-gruu" in one.params for one in response.contacts if one.uri.matches(ours))
        if self._sbc.settings["SBCExtensionsProvisioningMode"]:
            user.learnt = subscriber_aliases(response.body, user.aor.uri)
        user.server, user.server_ends_at = self._server, now + granted
        promised = promised_s(self.wanted, self.asked, granted)
        if promised > granted:
            self._sbc.tell(f"{user.aor.uri} is told {promised} s, and its registrar granted {granted} s", now)
        self._pass_back(self._bound(promised, now), response, now)

    def _unregister(self, now: float) -> None:
        """Take a binding out, or leave it in for the grace time: phones are known to un-REGISTER by mistake."""
        user, grace = self._user, self._sbc.settings["SBCUserRegistrationGraceTime"]
        user.server_ends_at = 0.0
        if not grace or user not in self._sbc.users:
            self._registering.drop(user, now)
            return
        user.ends_at, user.dropped_at = now, now + grace
        self._registering.note(user)

    def _survive(self, now: float) -> None:
        """Answer in the place of the registrar that is away."""
        sbc, user = self._sbc, self._user
        if self.asked == 0:
            self._registering.drop(user, now)
            sbc.core.respond(self._transaction, self._ok(0), now)
            return
        user.is_survivor = True
        user.server = self._server
        found = self._bound(survival_s(sbc.settings, self.wanted, self.asked), now)
        if sbc.settings["SBCEnableSurvivabilityNotice"]:
            found.set_body(LMI, LMI_TYPE)
        sbc.core.respond(self._transaction, found, now)

    def _granted(self, response: Response) -> int:
        """Return what the registrar granted our Contact."""
        ours = NameAddr.parse(self._user.sent_contact).uri
        for contact in response.contacts:
            if contact.uri.matches(ours) and contact.expires_s is not None:
                return contact.expires_s
        if response.expires is not None:
            return response.expires
        return asked_of_server_s(self._sbc.settings, self.asked) or promised_s(None, self.asked, None)

    def _bound(self, seconds: int, now: float) -> Response:
        """Store the binding, and return the 200 that says how long it lasts."""
        user, sbc = self._user, self._sbc
        is_on = sbc.settings["SBCRandomizeExpires"] > 0
        seconds = randomised_s(seconds, sbc.chance(), is_on=is_on)
        uri = self._contact.uri
        assert isinstance(uri, SipUri)
        if user in sbc.users and user.contact != uri:
            sbc.users.move(user, uri)
        if user in sbc.users and user.hop[:3] != self.source[:3]:
            sbc.user_left(user.hop, now)
        user.contact, user.hop, user.instance = uri, self.source, self._instance
        user.ends_at = now + seconds
        user.dropped_at = user.ends_at + sbc.settings["SBCUserRegistrationGraceTime"]
        self._registering.store(user)
        sbc.pushes.registered(user, now)
        return self._ok(seconds)

    def _ok(self, seconds: int) -> Response:
        found = answer(self._request, 200, to_tag=self._transaction.to_tag)
        if seconds:
            params = self._contact.params.set("expires", str(seconds))
            gruu = public_gruu(self._user, self._sbc.settings["SBCGruuMode"])
            if gruu:
                params = params.set("pub-gruu", gruu)
            found.headers.add("Contact", NameAddr(self._contact.uri, "", params))
            found.headers.add("Expires", seconds)
        found.headers.add("Server", AGENT_NAME)
        return found

    def _pass_back(self, found: Response, response: Response, now: float) -> None:
        found.headers.take_over(field for field in carried(response) if field.key not in ("expires", "contact"))
        for contact in places_of(response):
            found.headers.add("Contact", contact)
        if self._user.group.profile.keeps_user_agent:
            found.headers.remove("Server")
            representation.put_agent(found, response, self._user.group.profile)
        if response.body:
            found.set_body(response.body)
        self._sbc.core.respond(self._transaction, found, now)
