"""The core of a stub that registers phones: which services there are, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.core.core import Core
from sipstub.core.options import Options
from sipstub.core.registering import Registering
from sipstub.registrar.registrar import Registrar
from sipstub.transaction.layer import TransactionLayer


@dataclass(frozen=True, slots=True)
class Stub:
    """A core and the services in it that others want to talk to."""

    core: Core
    registering: Registering

    @property
    def registrar(self) -> Registrar:
        """Return the registrar."""
        return self.registering.registrar


def compose(registrar: Registrar, layer: TransactionLayer | None = None) -> Stub:
    """Return a stub around that registrar."""
    core = Core(layer)
    registering = Registering(registrar)
    core.add(Options(lambda: core.allow, supported=tuple(sorted(registrar.extensions))))
    core.add(registering)
    return Stub(core, registering)
