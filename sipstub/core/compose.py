"""The core of a stub that registers phones: which services there are, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.core.core import Core
from sipstub.core.flow import Flow
from sipstub.core.others import Others
from sipstub.core.plain import PlainRegisters
from sipstub.core.registering import Registering
from sipstub.registrar.binding import BindingChange
from sipstub.registrar.reginfo import CONTENT_TYPE, reginfo
from sipstub.registrar.registrar import Registrar
from sipstub.sip.uri import SipUri, Uri
from sipstub.subscriptions.dialog_info import dialog_info
from sipstub.subscriptions.message_summary import message_summary
from sipstub.subscriptions.notifier import Notifier
from sipstub.subscriptions.other_methods import OtherMethods
from sipstub.subscriptions.package import News, Package
from sipstub.transaction.layer import TransactionLayer

REG = "reg"
REG_EXPIRES_S = 3761
"What RFC 3680 section 4.4 proposes."


@dataclass(frozen=True, slots=True)
class Stub:
    """A core and the services in it that others want to talk to."""

    core: Core
    registering: Registering
    others: Others

    @property
    def registrar(self) -> Registrar:
        """Return the registrar."""
        return self.registering.registrar


def compose(registrar: Registrar, layer: TransactionLayer | None = None, *, packages: tuple[Package, ...] = ()) -> Stub:
    """Return a stub around that registrar; `packages` take the place of those of the same name that know nothing."""
    core = Core(layer)
    policy = registrar.policy

    def is_ours(uri: Uri) -> bool:
        return isinstance(uri, SipUri) and policy.serves(uri)

    def resource_of(uri: Uri) -> str | None:
        return policy.aor_key(uri) if isinstance(uri, SipUri) and policy.serves(uri) else None

    def reg_body(news: News) -> bytes:
        changes = [detail for detail in news.details if isinstance(detail, BindingChange)]
        return reginfo(news.entity, registrar.bindings(news.resource, news.now), changes, news.version, news.now)

    known = {
        package.name: package
        for package in (
            message_summary(),
            dialog_info(),
            Package(REG, CONTENT_TYPE, reg_body, default_expires_s=REG_EXPIRES_S, is_private=True),
            *packages,
        )
    }

    def contact(watcher: object) -> str:
        assert isinstance(watcher, Flow)
        return core.places.contact(watcher.hop)

    def entity_of(uri: Uri, resource: str) -> str:
        return policy.entity(uri) if isinstance(uri, SipUri) else resource

    notifier = Notifier(known.values(), resource_of, contact, registrar.authorise, entity_of)
    registering = Registering(registrar)
    others = Others(core, notifier, OtherMethods(notifier, is_ours, supported=tuple(sorted(registrar.extensions))))
    registering.watch(lambda change: others.changed(REG, change.binding.aor, change.at, (change,)))
    core.add(registering)
    core.challenge = registering.challenge
    core.plain = PlainRegisters(core.layer, registering).take
    core.add(others, is_fallback=True)
    return Stub(core, registering, others)
