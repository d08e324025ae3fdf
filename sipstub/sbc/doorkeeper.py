"""The SBC as the one who asks for a password: IP Groups whose Authentication Mode says so (SBC as server).

Nonce, algorithm and qop are judged here; the digest by our own users or by a RADIUS server (SBCServerAuthMode).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from sipstub.dialog.refusal import Refusal
from sipstub.registrar.authentication import Authenticator, Claim, Denial
from sipstub.registrar.policy import Policy
from sipstub.registrar.reason import STATUSES
from sipstub.sbc.group_authentication import RADIUS_TIMEOUT_S, Checker, KnownUsers
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.outside import RadiusAsk, RadiusReply, Reply
from sipstub.sbc.radius import digest_attributes
from sipstub.sbc.user_table import name_and_host
from sipstub.sip.answer import answer, refuse
from sipstub.sip.credentials import Credentials
from sipstub.sip.digest import MD5, SHA_256
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.transaction.event import Cancelled, RequestArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

REALM = "sipstub-sbc"
"Of a group without SIP Group Name [choice]."
ALGORITHMS = (MD5, SHA_256)
QOPS: tuple[tuple[str, ...], ...] = (("auth",), ("auth-int",), ("auth", "auth-int"), ())
"By AuthQOP."
PROXY = 1
"AuthChallengeMethod: 407."
NO_VERDICT = 503
"What a request gets when no RADIUS server answers [choice]."
GoOn = Callable[[float], Response | None]
"What happens to a request that is let in; returns its answer, or None to give it later."


class Doorkeeper:
    """The checks under one set of settings."""

    def __init__(self, sbc: Sbc, key: bytes, now: float) -> None:
        """`key` makes the nonces; those from before `now` are stale."""
        self._sbc = sbc
        settings = sbc.site.settings
        algorithm = ALGORITHMS[settings["SIPServerDigestAlgorithm"]]
        self._is_proxy = settings["AuthChallengeMethod"] == PROXY
        self._is_local = settings["SBCServerAuthMode"] == Checker.LOCAL
        self._judges: dict[str, tuple[str, Authenticator]] = {}
        for group in sbc.site.groups:
            realm = _realm_of(group)
            policy = Policy(
                realm,
                algorithm=lambda agent: algorithm,
                qops=QOPS[settings["AuthQOP"]],
                nonce_lifetime_s=float(settings["AuthNonceDuration"]),
            )
            own = hashlib.blake2b(group.name.encode(), key=key, digest_size=32).digest()
            users = KnownUsers(group.authentication.users, realm)
            self._judges[group.name] = (realm, Authenticator(users, policy, own, since=now))

    def admit(self, arrived: RequestArrived, group: IpGroup, now: float, go_on: GoOn, user: str | None = None) -> Response | None:
        """Let a request in, or return its challenge; None while a RADIUS server is asked.

        `user` is the user part of who asks, where that is not what From or To says: a phone is called by other names too.
        """
        request, transaction = arrived.request, arrived.transaction
        assert transaction is not None
        if not self._challenges(group, request):
            self.take_back(request, group)
            return go_on(now)
        realm, judge = self._judges[group.name]
        given = request.proxy_authorization if self._is_proxy else request.authorization
        name = user or name_and_host((request.to if request.method == "REGISTER" else request.from_).uri)[0]
        if self._is_local:
            found = judge.judge(request, arrived.source, name, now, credentials=given)
            if isinstance(found, Denial):
                return self._refused(request, transaction, found, now)
            _take_away(request, lambda one: one.realm == realm)
            return go_on(now)
        claim = judge.weigh(request, arrived.source, now, given)
        if isinstance(claim, Denial):
            return self._refused(request, transaction, claim, now)
        assert isinstance(claim.given, Credentials)
        attributes = digest_attributes(claim.given, request.method, request.body, realm)
        servers = list(self._sbc.site.radius_servers)
        if attributes is None or not servers:
            return Refusal(NO_VERDICT, "no RADIUS server can be asked").answer_to(request, to_tag=transaction.to_tag)
        asks = [RadiusAsk(one.host, one.port, one.secret, attributes) for one in servers]
        waiting = _AtRadius(self, request, transaction, judge, claim, asks, go_on)
        waiting.realm = realm
        waiting.begin(now)
        return None

    def take_back(self, request: Request, group: IpGroup) -> None:
        """Take out of a request what was said to us, or by us and given on by a proxy: nobody behind us gets it."""
        names, realm = group.authentication.own_names, _realm_of(group)
        if names:
            _take_away(request, lambda one: one.username in names)
        elif group.authentication.is_about_us:
            _take_away(request, lambda one: one.realm == realm)

    def _challenges(self, group: IpGroup, request: Request) -> bool:
        """Return whether a request needs a password.

        Nothing says that requests in dialogs are let off [inferred]; BYE is asked for one where that is switched on [choice].  A
        group that a reload took away challenges nobody in the calls that it still has [choice].
        """
        if group.name not in self._judges or (request.method == "BYE" and not self._sbc.settings["SBCEnableByeAuthentication"]):
            return False
        return group.authentication.challenges(request.method, is_setup=request.to.tag is None)

    @property
    def sbc(self) -> Sbc:
        """Return the SBC."""
        return self._sbc

    def _refused(self, request: Request, transaction: ServerTransaction, denial: Denial, now: float) -> Response:
        if not denial.challenge:
            found = answer(request, denial.status_hint or STATUSES[denial.why], to_tag=transaction.to_tag)
        else:
            found = answer(request, 407 if self._is_proxy else 401, to_tag=transaction.to_tag)
            found.headers.add("Proxy-Authenticate" if self._is_proxy else "WWW-Authenticate", denial.challenge)
        if denial.is_failure:
            self._sbc.tell(f"{request.method} was refused: {denial.why}, {denial.fact}", now)
        return found

    def denied(self, request: Request, transaction: ServerTransaction, denial: Denial, now: float) -> None:
        """Give the refusal later."""
        self._sbc.core.respond(transaction, self._refused(request, transaction, denial, now), now)

    def let_in(self, request: Request, transaction: ServerTransaction, realm: str, go_on: GoOn, now: float) -> None:
        """Go on with a request whose digest is right."""
        _take_away(request, lambda one: one.realm == realm)
        transaction.user = self._sbc
        try:
            found = go_on(now)
        except SipError as error:
            found = refuse(request, error, to_tag=transaction.to_tag)
        if found is not None:
            self._sbc.core.respond(transaction, found, now)


def _realm_of(group: IpGroup) -> str:
    return group.sip_group_name or REALM


def _take_away(request: Request, is_ours: Callable[[Credentials], bool]) -> None:
    for header, given in (("Authorization", request.authorization), ("Proxy-Authorization", request.proxy_authorization)):
        kept = [one for one in given if not is_ours(one)]
        if len(kept) != len(given):
            request.headers.remove(header)
            for one in kept:
                request.headers.add(header, one)


class _AtRadius:
    """A request whose digest a RADIUS server looks at."""

    realm = ""

    def __init__(
        self,
        door: Doorkeeper,
        request: Request,
        transaction: ServerTransaction,
        judge: Authenticator,
        claim: Claim,
        asks: list[RadiusAsk],
        go_on: GoOn,
    ) -> None:
        self._door = door
        self._request = request
        self._transaction = transaction
        self._judge = judge
        self._claim = claim
        self._asks = asks
        self._go_on = go_on
        self._is_over = False
        transaction.user = self

    def begin(self, now: float) -> None:
        """Ask the first server, or the next."""
        self._door.sbc.outside.ask(self._asks.pop(0), RADIUS_TIMEOUT_S, self._answered, now)

    def on_server_event(self, event: Cancelled | TransactionFailed, now: float) -> None:
        """Take a CANCEL while the server is asked."""
        if isinstance(event, Cancelled) and not self._is_over:
            self._is_over = True
            found = answer(self._request, 487, to_tag=self._transaction.to_tag)
            self._door.sbc.core.respond(self._transaction, found, now)

    def _answered(self, reply: Reply | None, now: float) -> None:
        if self._is_over:
            return
        door, request, transaction = self._door, self._request, self._transaction
        if not isinstance(reply, RadiusReply):
            if self._asks:
                self.begin(now)
                return
            self._is_over = True
            found = Refusal(NO_VERDICT, "no RADIUS server answers").answer_to(request, to_tag=transaction.to_tag)
            door.sbc.core.respond(transaction, found, now)
            return
        self._is_over = True
        if not reply.is_accepted:
            denial: Denial | None = self._judge.reject(self._claim, "refused by RADIUS", now)
        else:
            denial = self._judge.accept(self._claim, now)
        if denial is not None:
            door.denied(request, transaction, denial, now)
        else:
            door.let_in(request, transaction, self.realm, self._go_on, now)
