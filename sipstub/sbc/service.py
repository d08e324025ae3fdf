"""The SBC as a service of a core: whose request it is, where it goes, and the tables of what is going on.

    sbc = Sbc(core, site); core.add(sbc, is_fallback=True)

Requests in a dialog go to the leg that they name; all others are classified, and refused where nobody knows them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from sipstub.core.core import Core
from sipstub.dialog.dialog_id import DialogId
from sipstub.dialog.refusal import Refusal
from sipstub.sbc import replacing
from sipstub.sbc.agenda import Agenda
from sipstub.sbc.call import Call
from sipstub.sbc.classification import Classifier
from sipstub.sbc.dialog_info import TYPE, reworded
from sipstub.sbc.doorkeeper import Doorkeeper, GoOn
from sipstub.sbc.errand import Steps, next_batch
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.keep_alive import KeepAlive
from sipstub.sbc.leg import ALLOW, Leg
from sipstub.sbc.loop import refusal_of_own
from sipstub.sbc.marks import Marks
from sipstub.sbc.media_plane import DirectMedia, MediaPlane
from sipstub.sbc.outside import Outside
from sipstub.sbc.passing import Passing
from sipstub.sbc.proxy_set import ProxyHealth
from sipstub.sbc.push import Pushes
from sipstub.sbc.redirection import Redirection
from sipstub.sbc.registering import Registering
from sipstub.sbc.relay import Relay
from sipstub.sbc.rewriting import Rewriting
from sipstub.sbc.routing import Routing, Trigger
from sipstub.sbc.site import Site
from sipstub.sbc.subscription import Subscription
from sipstub.sbc.target import Batch
from sipstub.sbc.translation import translated_replaces
from sipstub.sbc.user_table import User, UserTable, is_same, name_and_host
from sipstub.sbc.wayfinding import Wayfinding
from sipstub.sip.answer import answer, refuse
from sipstub.sip.error import SipError
from sipstub.sip.examine import lacking
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.uri import SipUri, Uri
from sipstub.transaction.event import Cancelled, RequestArrived, TransactionFailed
from sipstub.transaction.layer import random_token
from sipstub.transaction.machine import ServerTransaction
from sipstub.transaction.sending import Hop

MAX_CALLS = 10_000
"Calls and subscriptions at a time; more are refused with 503."
MAX_SUBSCRIPTIONS = 10_000
"What NumOfSubscribes -1 stands for, and its largest value."
OVERLOAD_RETRY_S = 10
KEY_TOKENS = 4
"Random tokens in the key of our nonces."
PASSED_ON = frozenset({"MESSAGE", "PUBLISH", "NOTIFY", "INFO", "REFER"})
"Methods that are passed on outside of dialogs."
KEEP_AS_IS = 2
"SBCRemoteReplacesBehavior: the ids stay as they are."


class Sbc:
    """All of one SBC."""

    methods = (
        "REGISTER",
        "INVITE",
        "ACK",
        "BYE",
        "PRACK",
        "UPDATE",
        "INFO",
        "OPTIONS",
        "MESSAGE",
        "NOTIFY",
        "REFER",
        "SUBSCRIBE",
    )

    def __init__(
        self,
        core: Core,
        site: Site,
        *,
        now: float,
        media: MediaPlane | None = None,
        token: Callable[[], str] = random_token,
        chance: Callable[[], float] = random.random,
        tell: Callable[[str, float], None] = lambda text, now: None,
    ) -> None:
        self.core = core
        self.media: MediaPlane = media or DirectMedia()
        self.token = token
        self.chance = chance
        self.tell = tell
        self.agenda = Agenda()
        self.outside = Outside(self.agenda)
        self._key = "".join(token() for _ in range(KEY_TOKENS)).encode()[:64]
        self.users = UserTable()
        self.registering = Registering(self)
        self.redirection = Redirection(self)
        self.pushes = Pushes(self)
        self._wayfinding = Wayfinding(self)
        self.marks = Marks()
        self._legs: dict[DialogId, Leg] = {}
        self._relays: set[Relay] = set()
        self._expected: dict[tuple[str, str], Subscription] = {}
        "Subscriptions by Call-ID and tag of our SUBSCRIBE."
        self.health: dict[str, ProxyHealth] = {}
        self._keeping: dict[str, KeepAlive] = {}
        self._take(site, now)

    def reload(self, site: Site, now: float) -> None:
        """Go on by another site: calls stay as they began, users stay where their group still is, proxies are asked anew."""
        self._take(site, now)
        groups = {group.name: group for group in site.groups}
        for user in self.users:
            group = groups.get(user.group.name)
            if group is None or not group.is_user:
                self.registering.drop(user, now)
                continue
            user.group = group
            user.server = groups.get(user.server.name) if user.server is not None else None

    def _take(self, site: Site, now: float) -> None:
        for keeping in self._keeping.values():
            keeping.health.next_at = None
            self.agenda.forget(keeping)
        self.health = {one.name: ProxyHealth(one, now) for one in site.proxy_sets}
        self._keeping = {name: KeepAlive(self, health, self._proxy_changed) for name, health in self.health.items()}
        for keeping in self._keeping.values():
            self.agenda.note(keeping)
        self.site = site
        self.settings = site.settings
        self.routing = Routing(site.routing)
        self.rewriting = Rewriting(site.settings, self._own_host)
        self._classifier = Classifier(site.groups, site.classification)
        self._doorkeeper = Doorkeeper(self, self._key, now)
        self._forward_limit = site.settings["SBCMaxForwardsLimit"]

    # What is going on

    @property
    def relays(self) -> frozenset[Relay]:
        """Return the calls and subscriptions that go on, or wait for their end."""
        return frozenset(self._relays)

    @property
    def dialogs(self) -> int:
        """Return how many dialogs are known."""
        return len(self._legs)

    def bind(self, leg: Leg) -> None:
        """Have requests in the dialog of a leg go to it."""
        assert leg.dialog is not None
        self._legs[leg.dialog.id] = leg

    def unbind(self, leg: Leg) -> None:
        """Know the dialog of a leg no more."""
        if leg.dialog is not None and self._legs.get(leg.dialog.id) is leg:
            del self._legs[leg.dialog.id]

    def forget(self, relay: Relay) -> None:
        """Drop a call or subscription that is over."""
        for leg in relay.legs:
            self.unbind(leg)
        if isinstance(relay, Subscription):
            self._expected.pop(relay.expected_as, None)
        self._relays.discard(relay)
        self.agenda.forget(relay)

    def expect(self, subscription: Subscription, request: Request) -> None:
        """Have a NOTIFY of a dialog that is not known yet go to the subscription that asked for it."""
        self._expected[request.call_id, request.from_.tag or ""] = subscription

    def user_left(self, hop: Hop, now: float) -> None:
        """End the subscriptions of a phone that is registered no more, or is elsewhere now (DisconnectSubscriptionsMode)."""
        if self.settings["DisconnectSubscriptionsMode"]:
            for one in list(self._expected.values()):
                if one.watcher.hop[:3] == hop[:3]:
                    one.end(now, "its user is registered no more")

    # A service of the core

    def handle(self, arrived: RequestArrived, now: float) -> Response | None:
        """Answer a request, or have it answered later."""
        request, transaction = arrived.request, arrived.transaction
        tag = request.to.tag
        if tag is not None:
            leg = self._legs.get(DialogId(request.call_id, tag, request.from_.tag or ""))
            if leg is not None:
                return leg.relay.receive(leg, arrived, now)
            waiting = self._expected.get((request.call_id, tag)) if request.method == "NOTIFY" else None
            if waiting is not None:
                return waiting.first_notify(arrived, now)
            return None if transaction is None else answer(request, 481)
        if transaction is None:
            return None
        if not self.settings["EnableSBCApplication"]:
            self.tell(f"refused {request.method} from {arrived.source}: EnableSBCApplication is 0", now)
            return Refusal(503, "the SBC application is disabled").answer_to(request, to_tag=transaction.to_tag)
        refusal = refusal_of_own(arrived.source, self.core.places) or self.hops_left(request)
        if refusal is not None:
            return refusal.answer_to(request, to_tag=transaction.to_tag)
        method = request.method
        if method == "OPTIONS":
            found = answer(request, 200, to_tag=transaction.to_tag)
            found.headers.add("Allow", ALLOW)
            found.headers.add("Accept", "application/sdp")
            return found
        group = self._classifier.group_of(request, arrived.source, self._group_of_user)
        if group is None:
            group = self.site.unclassified_group(arrived.source) if self.settings["AllowUnclassifiedCalls"] else None
        if group is None:
            return self._unclassified(request, transaction.to_tag, arrived.source, now)
        found_group = group
        return self._doorkeeper.admit(arrived, group, now, lambda at: self._serve(found_group, arrived, at))

    def take_back(self, leg: Leg, request: Request) -> None:
        """Take our passwords, and those that are for us alone, out of a request that is not challenged."""
        self._doorkeeper.take_back(request, leg.group)

    def admit(self, leg: Leg, arrived: RequestArrived, now: float, go_on: GoOn) -> Response | None:
        """Let a request in the dialog of a leg in, or return its challenge; None while others are asked."""
        assert leg.dialog is not None
        found = self.users.find(leg.dialog.remote_target, whole=True)
        name = name_and_host(found[0].aor.uri)[0] if found else None
        return self._doorkeeper.admit(arrived, leg.group, now, go_on, name)

    def _serve(self, group: IpGroup, arrived: RequestArrived, now: float) -> Response | None:
        """Act on a request outside of dialogs of somebody who may ask."""
        request, transaction, method = arrived.request, arrived.transaction, arrived.request.method
        assert transaction is not None
        lack = lacking(request) if method == "SUBSCRIBE" or method in PASSED_ON else None
        if lack is not None:
            return refuse(request, lack, to_tag=transaction.to_tag)
        if method == "REGISTER":
            return self.registering.handle(arrived, group, now)
        if method == "INVITE":
            return self._call(group, arrived, now)
        if method == "SUBSCRIBE":
            return self._subscribe(group, arrived, now)
        if method in PASSED_ON:
            Passing(self, request, transaction, self.batches(request, group, Trigger.INITIAL), source=group.name).begin(now)
            return None
        found = answer(request, 481 if method in ("BYE", "PRACK", "UPDATE") else 405, to_tag=transaction.to_tag)
        if found.status == 405:
            found.headers.add("Allow", ALLOW)
        return found

    def on_server_event(self, event: Cancelled | TransactionFailed, now: float) -> None:
        """A CANCEL of what is answered already, or an answer that could not be sent: nothing to do."""

    def next_timer(self) -> float | None:
        """Return when somebody has to be woken."""
        return self.agenda.next_timer

    def on_timer(self, now: float) -> None:
        """Wake whoever is due."""
        self.agenda.on_timer(now)

    def _call(self, group: IpGroup, arrived: RequestArrived, now: float) -> Response | None:
        request, transaction = arrived.request, arrived.transaction
        assert transaction is not None
        if len(self._relays) >= MAX_CALLS:
            return Refusal(503, f"{MAX_CALLS} calls", OVERLOAD_RETRY_S).answer_to(request, to_tag=transaction.to_tag)
        if self.marks.is_lost(request.uri, now):  # it would lead anywhere but where it was meant to [choice]
            return Refusal(404, "a marked URI that is forgotten").answer_to(request, to_tag=transaction.to_tag)
        uri = self.marks.restored(request.uri, self.settings.transfer_prefix, now)
        if uri is not request.uri:
            request.uri = uri
        replaced = None if request.replaces is None else replacing.named(self, request.replaces)
        if replaced is not None and replaced.is_ours:
            return replacing.take(self, group, arrived, replaced, now)
        call = Call(self, group, request, transaction, arrived.source)
        self._relays.add(call)
        found = call.begin(now)
        if found is not None:
            self._relays.discard(call)
        return found

    def _subscribe(self, group: IpGroup, arrived: RequestArrived, now: float) -> Response | None:
        request, transaction = arrived.request, arrived.transaction
        assert transaction is not None
        limit = self.settings["NumOfSubscribes"]
        if len(self._expected) >= (MAX_SUBSCRIPTIONS if limit < 0 else min(limit, MAX_SUBSCRIPTIONS)):
            found = Refusal(503, "too many subscriptions", OVERLOAD_RETRY_S)  # the code is documented nowhere [choice]
            return found.answer_to(request, to_tag=transaction.to_tag)
        self.say_trying(request, transaction, now)

        def found_way(batch: Batch | None, status: int, at: float) -> None:
            if not batch:
                self.core.respond(transaction, answer(request, status or 404, to_tag=transaction.to_tag), at)
                return
            subscription = Subscription(self, group, request, transaction, arrived.source)
            self._relays.add(subscription)
            subscription.begin(batch[0], at)

        next_batch(self.batches(request, group, Trigger.INITIAL), found_way, now)
        return None

    def say_trying(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Send 100 to SUBSCRIBE and NOTIFY at once, over UDP too, where RFC 4320 would wait (SBCSendTryingToSubscribe)."""
        if request.method in ("SUBSCRIBE", "NOTIFY") and self.settings["SBCSendTryingToSubscribe"]:
            self.core.layer.answer_outside(request, answer(request, 100), transaction.source)

    def worded(self, message: Message) -> bytes:
        """Return a body that is no session description as the other leg gets it."""
        kinds = message.headers.lines("content-type")
        if self.settings["EnableSBCDialogInfoInterworking"] and kinds and kinds[0].partition(";")[0].strip().lower() == TYPE:
            return reworded(message.body, self.leg_of)
        return message.body

    def _unclassified(self, request: Request, tag: str, source: Hop, now: float) -> Response:
        status = self.site.unclassified_status or 500
        found = answer(request, status, to_tag=tag)
        found.headers.add("Reason", f'SIP;cause={found.status};text="Classification Failure"')
        self.tell(f"unclassified {request.method} from {source}", now)
        return found

    # Max-Forwards

    def hops_left(self, request: Request) -> Refusal | None:
        """Return the refusal of a request that may go no further (483 is RFC 3261, the manual names no code)."""
        return Refusal(483, "Max-Forwards is 0") if request.max_forwards == 0 else None

    def forwards(self, request: Request) -> int:
        """Return Max-Forwards on the other leg: one less below the limit and at it [choice], the limit above it."""
        received = request.max_forwards
        return self._forward_limit if received is None or received > self._forward_limit else received - 1

    # Where requests go

    def batches(self, request: Request, source: IpGroup, trigger: Trigger, uri: Uri | None = None) -> Steps:
        """Return the places to try for a request, in order, and what has to be done before."""
        return self._wayfinding.steps(request, source, trigger, uri)

    def busy_hops(self) -> set[tuple[str, str, int]]:
        """Return the addresses that somebody is talking at."""
        return {leg.hop[:3] for leg in self._legs.values() if not leg.is_closed}

    def hops_of(self, group: IpGroup) -> tuple[Hop, ...]:
        """Return the addresses of a server that are alive."""
        return self.health[group.proxy_set.name].alive if group.proxy_set is not None else ()

    # What legs ask

    def leg_of(self, dialog: DialogId) -> Leg | None:
        """Return the leg of a dialog."""
        return self._legs.get(dialog)

    def translated_invite(self, request: Request, group: IpGroup) -> Iterable[tuple[str, object]]:
        """Return Replaces as the callee knows the dialog; SipError where it could do nothing with it, and nor could we."""
        replaces = request.replaces
        if replaces is None:
            return ()
        if group.profile.replaces_behavior == replacing.HANDLE_LOCALLY:
            raise SipError("Replaces names no call of ours", status=481)
        if group.profile.replaces_behavior == KEEP_AS_IS:
            return (("Replaces", replaces),)
        return (("Replaces", translated_replaces(replaces, self._legs.get)),)

    def _group_of_user(self, request: Request, source: Hop) -> IpGroup | None:
        """Return the group of the registered user that sent a request: by From and Contact, or by From and where it came from."""
        whole = self.settings["SBCDBRoutingSearchMode"] == 1
        contacts = request.contacts.addresses
        for user in self.users.of_aor(request.from_.uri, whole=whole):
            if self._is_of(user, contacts[0].uri if contacts else None, source):
                return user.group
        return None

    def _is_of(self, user: User, contact: Uri | None, source: Hop) -> bool:
        if user.hop.host != source.host:
            return False
        if user.hop[:3] == source[:3]:
            return True
        return isinstance(contact, SipUri) and is_same(user.contact, contact, self.settings.excluded_parameters)

    def _own_host(self, hop: Hop) -> str:
        found = SipUri.parse(self.core.places.contact(hop))
        return found.host

    def _proxy_changed(self, hop: Hop, is_alive: bool, now: float) -> None:
        self.tell(f"proxy {hop} is {'alive again' if is_alive else 'away'}", now)
