"""The notifier: SUBSCRIBE in, response and NOTIFYs out.  RFC 6665 section 4.2.

Bounded in all and per watcher.  One NOTIFY of a subscription is on its way at a time; news that come meanwhile make one more
when the watcher has answered.  What ends a subscription: time, Expires 0, and a NOTIFY that fails.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from sipstub.dialog.dialog import dialog_of_server
from sipstub.dialog.dialog_id import DialogId
from sipstub.dialog.notifier import Limits
from sipstub.dialog.notifier import Notifier as Grant
from sipstub.sip.answer import answer, refuse
from sipstub.sip.error import SipError
from sipstub.sip.event import Event
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import SipUri, Uri
from sipstub.subscriptions.package import Package
from sipstub.subscriptions.subscription import Key, Subscription
from sipstub.subscriptions.watcher import Watcher

MAX_SUBSCRIPTIONS = 20_000
MAX_OF_WATCHER = 512
"Of one user: the keys of a phone with six expansion modules, twice."
MAX_DETAILS = 64
"News that wait for an answer; more make a NOTIFY of the full state without them."
MAX_SUBSCRIPTION_CHARACTERS = 4096
RETRY_AFTER_S = 60
AN_HOUR_S = 3600
HEAP_SLACK = 64


class Authorise(Protocol):
    """Asks who somebody is."""

    def __call__(self, request: Request, source: Watcher, name: str, now: float, *, to_tag: str | None) -> Response | None:
        """Return None if the request may act for the user of that name, else the response."""
        ...


@dataclass(frozen=True, slots=True)
class Notify:
    """One NOTIFY that has to go out, without Via."""

    request: Request
    to: Watcher
    "The flow that the SUBSCRIBE came over: where phones behind NAT are reached."
    key: Key
    "To be given back with its answer."


@dataclass(frozen=True, slots=True)
class Reply:
    """What to do about a request: the response first, then the NOTIFYs."""

    response: Response | None
    "None for ACK, which has none."
    notifies: tuple[Notify, ...] = ()


class Notifier:
    """All subscriptions."""

    def __init__(
        self,
        packages: Iterable[Package],
        resource_of: Callable[[Uri], str | None],
        contact: Callable[[Watcher], str],
        authorise: Authorise | None = None,
        entity_of: Callable[[Uri, str], str] = lambda uri, resource: resource,
    ) -> None:
        """`resource_of` gives the key of what a Request-URI means, None for what is not here; `contact` our URI for a watcher.

        `entity_of` gives the name of a resource for those who asked for it by that Request-URI.
        """
        self._entity_of = entity_of
        self.packages = {package.name: package for package in packages}
        self._resource_of = resource_of
        self._contact = contact
        self._authorise = authorise
        self._all: dict[Key, tuple[Subscription, Watcher]] = {}
        self._by_resource: dict[tuple[str, str], dict[Key, None]] = {}
        self._of_watcher: dict[str, int] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._pushed = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def allow_events(self) -> str:
        """Return the value of Allow-Events."""
        return ", ".join(self.packages)

    def handle(self, request: Request, source: Watcher, now: float, *, to_tag: str) -> Reply:
        """Return the answer to a SUBSCRIBE, and the NOTIFY that follows each one that is taken."""
        try:
            found = self._subscribe(request, source, now, to_tag)
        except SipError as error:
            found = refuse(request, error, to_tag=to_tag)
        return Reply(found) if isinstance(found, Response) else found

    def changed(self, package: str, resource: str, now: float, details: tuple[object, ...] = ()) -> list[Notify]:
        """Return the NOTIFYs for all who watch a resource that has changed."""
        found = []
        for key in list(self._by_resource.get((package, resource), ())):
            subscription, source = self._all[key]
            if subscription.in_flight:
                waiting = (*(subscription.waiting or ()), *details)
                subscription.waiting = waiting if len(waiting) <= MAX_DETAILS else ()
            else:
                found.append(self._notify(subscription, source, now, details=details))
        return found

    def on_answer(self, key: Key, status: int, now: float, *, retry_after_s: int | None = None) -> list[Notify]:
        """Take the final answer to a NOTIFY, 408 for none at all, and return the next one if news wait.

        What is refused ends the subscription, unless the watcher says when to try again (RFC 6665 section 4.2.2).
        """
        held = self._all.get(key)
        if held is None:
            return []
        subscription, source = held
        subscription.in_flight = max(0, subscription.in_flight - 1)
        if status >= 300 and (retry_after_s is None or status in (481, 489)):
            self._forget(subscription)
            return []
        if subscription.waiting is None or subscription.in_flight:
            return []
        details, subscription.waiting = subscription.waiting, None
        return [self._notify(subscription, source, now, details=details)]

    def next_timer(self) -> float | None:
        """Return when `on_timer` wants to be called."""
        return self._heap[0][0] if self._heap else None

    def on_timer(self, now: float) -> list[Notify]:
        """End what is over, and return the last NOTIFY of each."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            _, _, key = heapq.heappop(self._heap)
            held = self._all.get(key)
            if held is not None and held[0].expires_at <= now:
                found.append(self._end(*held, now, "timeout"))
        return found

    def end_all(self, now: float) -> list[Notify]:
        """End everything, as before a stop: watchers subscribe again at once (`deactivated`)."""
        return [self._end(subscription, source, now, "deactivated") for subscription, source in list(self._all.values())]

    def _subscribe(self, request: Request, source: Watcher, now: float, to_tag: str) -> Reply | Response:
        event = request.event
        package = None if event is None else self.packages.get(event.package)
        if event is None or package is None:
            return _with(answer(request, 489, to_tag=to_tag), ("Allow-Events", self.allow_events))
        strange = [word for word in request.require if word.lower() not in ("path", "gruu")]
        if strange:
            return _with(answer(request, 420, to_tag=to_tag), ("Unsupported", ", ".join(strange)))
        asked = request.expires
        if asked is not None and 0 < asked < min(package.min_expires_s, AN_HOUR_S):
            return _with(answer(request, 423, to_tag=to_tag), ("Min-Expires", str(package.min_expires_s)))
        if request.to.tag is not None:
            return self._refresh(request, source, event, now)
        return self._begin(request, source, event, package, now, to_tag)

    def _begin(
        self, request: Request, source: Watcher, event: Event, package: Package, now: float, to_tag: str
    ) -> Reply | Response:
        watcher = request.from_.sip_uri.username or ""
        if self._authorise is not None:
            refused = self._authorise(request, source, watcher, now, to_tag=to_tag)
            if refused is not None:
                return refused
        resource = self._resource_of(request.uri)
        if resource is None:
            return answer(request, 404, to_tag=to_tag)
        if package.is_private and not _is_of(request.uri, watcher):
            return answer(request, 403, to_tag=to_tag)
        if request.accept and not any(kind.accepts(package.content_type) for kind in request.accept):
            return _with(answer(request, 406, to_tag=to_tag), ("Accept", package.content_type))
        _target(request)
        made = Subscription(
            package=package,
            resource=resource,
            entity=self._entity_of(request.uri, resource),
            watcher=watcher,
            event=event,
            dialog=dialog_of_server(request, to_tag, is_accepted=True),
            grant=Grant(Limits(package.min_expires_s, package.max_expires_s, package.default_expires_s)),
            contact=f"<{self._contact(source)}>",
        )
        if _characters(request) > MAX_SUBSCRIPTION_CHARACTERS:
            return answer(request, 513, to_tag=to_tag)
        if made.key in self._all:  # the same SUBSCRIBE once more, when its transaction is forgotten
            return answer(request, 482, to_tag=to_tag)
        if request.expires != 0 and (len(self._all) >= MAX_SUBSCRIPTIONS or self._of_watcher.get(watcher, 0) >= MAX_OF_WATCHER):
            return _with(answer(request, 503, to_tag=to_tag), ("Retry-After", str(RETRY_AFTER_S)))
        self._of_watcher[watcher] = self._of_watcher.get(watcher, 0) + 1
        self._by_resource.setdefault((package.name, resource), {})[made.key] = None
        return self._accept(request, made, source, now)

    def _refresh(self, request: Request, source: Watcher, event: Event, now: float) -> Reply | Response:
        held = self._all.get(Key(DialogId.of_request_received(request), event.package, event.id))
        if held is None:
            return answer(request, 481)
        if len(request.contacts):
            _target(request)
        if _characters(request) > MAX_SUBSCRIPTION_CHARACTERS:
            return answer(request, 513)
        refused = held[0].dialog.receive_request(request)
        return refused.answer_to(request) if refused is not None else self._accept(request, held[0], source, now)

    def _accept(self, request: Request, subscription: Subscription, source: Watcher, now: float) -> Reply:
        granted = subscription.grant.receive(request, now)
        assert isinstance(granted, int), "what is too brief was refused before"
        subscription.dialog.request_answered(request, 200)
        response = answer(request, 200, to_tag=subscription.dialog.id.local_tag)
        _with(response, ("Contact", subscription.contact), ("Expires", str(granted)))
        self._all[subscription.key] = (subscription, source)
        if subscription.grant.is_ended:
            return Reply(response, (self._end(subscription, source, now, "timeout"),))
        self._push(subscription)
        return Reply(response, (self._notify(subscription, source, now),))

    def _notify(self, subscription: Subscription, source: Watcher, now: float, *, details: tuple[object, ...] = ()) -> Notify:
        subscription.in_flight += 1
        return Notify(subscription.notify(now, details), source, subscription.key)

    def _end(self, subscription: Subscription, source: Watcher, now: float, reason: str) -> Notify:
        self._forget(subscription)
        subscription.grant.end(reason)
        return Notify(subscription.notify(now), source, subscription.key)

    def _push(self, subscription: Subscription) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (subscription.expires_at, self._pushed, subscription.key))
        if len(self._heap) > 2 * len(self._all) + HEAP_SLACK:
            self._heap = [(one.expires_at, number, key) for number, (key, (one, _)) in enumerate(self._all.items())]
            heapq.heapify(self._heap)

    def _forget(self, subscription: Subscription) -> None:
        if self._all.pop(subscription.key, None) is None:
            return
        watched = (subscription.package.name, subscription.resource)
        self._by_resource[watched].pop(subscription.key)
        if not self._by_resource[watched]:
            del self._by_resource[watched]
        left = self._of_watcher[subscription.watcher] - 1
        if left:
            self._of_watcher[subscription.watcher] = left
        else:
            del self._of_watcher[subscription.watcher]


def _with(response: Response, *headers: tuple[str, str]) -> Response:
    for name, value in headers:
        response.headers.add(name, value)
    return response


def _target(request: Request) -> None:
    """Raise SipError unless there is exactly one contact for NOTIFYs to go to, of sip or sips (RFC 3261 section 8.1.1.8)."""
    addresses = request.contacts.addresses
    if len(addresses) != 1:
        raise SipError(f"a SUBSCRIBE with {len(addresses)} contacts")
    _ = addresses[0].sip_uri


def _characters(request: Request) -> int:
    """Return the size of all that a subscription keeps of its SUBSCRIBE."""
    keys = ("from", "to", "call-id", "contact", "record-route", "event")
    return sum(len(line) for key in keys for line in request.headers.lines(key))


def _is_of(uri: Uri, name: str) -> bool:
    return isinstance(uri, SipUri) and (uri.username or "") == name
