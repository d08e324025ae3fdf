"""A subscription through the SBC: SUBSCRIBE one way, NOTIFY the other, each on a leg with its own dialog.  RFC 6665.

The first NOTIFY may come before the 200, and makes the dialog then.  Of a SUBSCRIBE that forks the first dialog counts, others
get 481 [choice].  It ends with the NOTIFY that says so, or some time after what was granted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.dialog.dialog import Dialog, DialogState, dialog_of_client, dialog_of_server
from sipstub.dialog.dialog_id import DialogId
from sipstub.dialog.route import route_set_of_server
from sipstub.sbc import representation
from sipstub.sbc.carrying import carried, places_of
from sipstub.sbc.client_login import with_credentials
from sipstub.sbc.expiry import SUBSCRIBE_FLOOR_S, randomised_s
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.leg import Leg
from sipstub.sbc.leg_session import LegSession
from sipstub.sbc.relay import Relay
from sipstub.sbc.target import Target
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.params import Params
from sipstub.sip.uri import SipUri
from sipstub.transaction.event import RequestArrived, ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

LINGER_S = 40.0
"So long after its time a subscription may still hear its last NOTIFY."
USUAL_S = 3600
"What counts as granted where nothing is said."


class Subscription(Relay):
    """One of them."""

    def __init__(self, sbc: Sbc, group: IpGroup, request: Request, transaction: ServerTransaction, source: Hop) -> None:
        super().__init__(sbc)
        self._request = request
        self._transaction = transaction
        called = request.uri
        user = called.user if isinstance(called, SipUri) else None
        self.watcher = Leg(self, group, source, self.core.places, LegSession(group.profile), is_caller=True, user=user)
        self._watched: Leg | None = None
        self._asked: Request | None = None
        self.is_connected = True

    def begin(self, target: Target, now: float) -> None:
        """Send the SUBSCRIBE on."""
        sbc, request = self.sbc, self._request
        uri = request.contacts.addresses[0].uri if request.contacts.addresses else request.from_.uri
        user = uri.user if isinstance(uri, SipUri) else None
        leg = Leg(self, target.group, target.hop, self.core.places, LegSession(target.group.profile), is_caller=False, user=user)
        from_, to = sbc.rewriting.names(request, target)
        made = Request("SUBSCRIBE", target.uri)
        add = made.headers.add
        add("Max-Forwards", sbc.forwards(request))
        add("From", NameAddr(from_.uri, from_.display, Params((("tag", sbc.token()),))))
        add("To", to)
        add("Call-ID", sbc.token())
        add("CSeq", CSeq(1, "SUBSCRIBE"))
        leg.show(request)
        add("Contact", leg.contact)
        representation.put_vias(made, request, target.group.profile)
        representation.put_routes(made, request, target.group.profile, self.core.places, target.hop)
        made.headers.take_over(carried(request))
        representation.put_agent(made, request, target.group.profile)
        if request.body:
            made.set_body(request.body)
        sbc.rewriting.finish(made, target.group, target.hop)
        self._watched, self._asked = leg, made
        sbc.expect(self, made)
        self._lasts(request.expires, now)
        self.core.request(made, leg.hop, now, self._answered, via=leg.via)

    def first_notify(self, arrived: RequestArrived, now: float) -> Response | None:
        """Take a NOTIFY that came before the 200, or with another tag than it."""
        notify, leg, asked = arrived.request, self._watched, self._asked
        assert leg is not None and asked is not None
        if leg.dialog is not None:
            return leg.answer(notify, 481)
        contacts = notify.contacts.addresses
        dialog = Dialog(
            DialogId.of_request_received(notify),
            DialogState.CONFIRMED,
            method="SUBSCRIBE",
            is_initiator=True,
            local=asked.from_,
            remote=notify.from_,
            remote_target=contacts[0].uri if contacts else notify.from_.uri,
            route_set=route_set_of_server(notify),
            local_cseq=asked.cseq.number,
            remote_cseq=None,
        )
        self._tie(leg, dialog)
        return self.receive(leg, arrived, now)

    def passed(self, leg: Leg, peer: Leg, request: Request, found: Response, now: float) -> None:
        """Take note of how long it lasts, and of its end."""
        if request.method == "SUBSCRIBE" and found.status < 300:
            self._lasts(found.expires if found.expires is not None else request.expires, now)
        state = request.subscription_state if request.method == "NOTIFY" else None
        if state is not None and state.state == "terminated":
            self.end(now, "terminated")

    def hop_for(self, peer: Leg, request: Request) -> Hop:
        """Return where a request goes: a refresh to the proxy that is alive, with SBCInDialogSubscribeRouteMode 1."""
        if request.method == "SUBSCRIBE" and self.sbc.settings["SBCInDialogSubscribeRouteMode"]:
            proxies = peer.group.proxy_set
            alive = self.sbc.hops_of(peer.group)
            if proxies is not None and proxies.keep_alive_s and alive:
                return alive[0]
        return peer.hop

    def timed_out(self, now: float) -> None:
        """Nobody refreshed it."""
        self.end(now, "expired")

    def granted_s(self, request: Request, expires_s: int) -> int:
        """Return what the watcher is told."""
        is_on = self.sbc.settings["SBCRandomizeExpires"] > 0
        return randomised_s(expires_s, self.sbc.chance(), is_on=is_on, floor_s=SUBSCRIBE_FLOOR_S)

    def _lasts(self, seconds: int | None, now: float) -> None:
        self.ends_at = now + (USUAL_S if seconds is None else seconds) + LINGER_S
        self.sbc.agenda.note(self)

    def _answered(self, event: ResponseArrived | TransactionFailed, now: float) -> None:
        leg, asked = self._watched, self._asked
        assert leg is not None and asked is not None
        response = None if isinstance(event, TransactionFailed) else event.response
        status = event.status if isinstance(event, TransactionFailed) else event.response.status
        if status < 200:
            return
        group, source = leg.group, self.watcher.group.name
        count = asked.cseq.number - 1
        again = None if response is None else with_credentials(asked, response, group, source, self.sbc.token(), count)
        if again is not None and not self.is_over:
            self._asked = again
            self.core.request(again, leg.hop, now, self._answered, via=leg.via)
            return
        if status < 300 and response is not None:
            representation.without_ours(response, asked)
            if leg.dialog is None:
                dialog = dialog_of_client(asked, response)
                assert dialog is not None
                self._tie(leg, dialog)
            else:
                leg.dialog.refresh(response)
            self._lasts(response.expires if response.expires is not None else asked.expires, now)
        watcher = self.watcher
        tag = watcher.dialog.id.local_tag if watcher.dialog is not None else self._transaction.to_tag
        fields = carried(response) if response is not None else []
        body = response.body if response is not None else b""
        reason = response.reason if response is not None else None
        found = watcher.answer(self._request, status, reason, fields, body, tag=tag, of=response)
        if response is not None:
            for contact in places_of(response):
                found.headers.add("Contact", contact)
            representation.answer_routes(found, response, watcher.group.profile, self.core.places, watcher.hop)
        self.shorten(self._request, found)
        self.core.respond(self._transaction, found, now)
        if status >= 300:
            self.end(now, str(status))

    def shorten(self, request: Request, found: Response) -> None:
        """Shorten Expires in a 200 to SUBSCRIBE at random (SBCRandomizeExpires)."""
        if request.method == "SUBSCRIBE" and found.status < 300 and found.expires:
            found.headers.set("Expires", self.granted_s(request, found.expires))

    def _tie(self, leg: Leg, dialog: Dialog) -> None:
        watcher = self.watcher
        leg.dialog = dialog
        watcher.dialog = dialog_of_server(self._request, dialog.id.remote_tag or self.sbc.token(), is_accepted=True)
        leg.peer, watcher.peer = watcher, leg
        for one in (leg, watcher):
            one.move()
            self.legs.append(one)
            self.sbc.bind(one)

    @property
    def expected_as(self) -> tuple[str, str]:
        """Return Call-ID and tag that a first NOTIFY names."""
        asked = self._asked
        return ("", "") if asked is None else (asked.call_id, asked.from_.tag or "")
