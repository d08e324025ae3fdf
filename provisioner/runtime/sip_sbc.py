"""An SBC stub where phones knock, with the registrar of this process behind it: `serve --sbc FILE`."""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.errors import EnvironmentProblem, ProvisionerError
from provisioner.runtime.sip_journal import SipJournal
from sipstub.errors import SipstubError
from sipstub.media.port import PortRange
from sipstub.media.relay_engine import DEFAULT_RANGE, RelayEngine
from sipstub.net.address import ListenAddress, bind_udp
from sipstub.net.sbc_file import read_sbc_file
from sipstub.net.server import Listening, SipServer
from sipstub.net.tls import client_context
from sipstub.sbc.compose import compose_sbc
from sipstub.sbc.media.anchored import AnchoredMedia
from sipstub.sbc.media.rules import MediaRules
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of
from sipstub.sbc.stand_in import StandIn, stand_in
from sipstub.trace.record import Recorder

BEHIND = "127.0.0.1"
"Where the SBC and the registrar talk to each other."


class SbcProblem(ProvisionerError):
    """Settings of an SBC that cannot stand between phones and the registrar here."""

    code = "bad-sbc"


@dataclass(frozen=True, slots=True)
class SbcChoice:
    """The SBC that is wanted."""

    file: Path
    phone_group: str | None = None
    "IP Group (or IP Profile, where the file has no groups) of the phones; None for the first of type User."
    far_group: str | None = None
    "The same of the registrar; None for where the route of the phones leads."

    def read(self) -> SbcSettings:
        """Return the settings of the file; SbcProblem if they cannot be used."""
        try:
            return read_sbc_file(self.file, lambda text: None)
        except SipstubError as error:
            raise SbcProblem(f"{self.file}: {error.message}", hint=error.hint) from None

    def stands(self, settings: SbcSettings, **places: Any) -> StandIn:
        """Return them with addresses of ours; SbcProblem where nobody can tell which settings are those of the phones."""
        try:
            return stand_in(settings, phones=self.phone_group, far=self.far_group, **places)
        except SipstubError as error:
            raise SbcProblem(f"{self.file}: {error.message}", hint=error.hint) from None

    @property
    def mark(self) -> str:
        """Return what tells these settings from others: a hash of the file and of the groups that are named."""
        try:
            data = self.file.read_bytes()
        except OSError as error:
            raise SbcProblem(f"cannot read {self.file}: {error.strerror}") from None
        return hashlib.sha256(data + f"\0{self.phone_group}\0{self.far_group}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SbcSide:
    """Settings and sockets of an SBC, ready before anything starts."""

    choice: SbcChoice
    stands: StandIn
    inner: socket.socket
    "The SBC's own, towards the registrar."
    registrar: socket.socket
    "Where the registrar listens, for the SBC alone."

    @property
    def far(self) -> tuple[str, int]:
        """Return the address of the registrar."""
        host, port = self.registrar.getsockname()[:2]
        return host, port

    def facts(self) -> dict[str, Any]:
        """Return what other commands may know."""
        return {
            "file": str(self.choice.file),
            "mark": self.choice.mark,
            "phones": self.stands.phones,
            "far": self.stands.far,
            "registrar": f"{self.far[0]}:{self.far[1]}",
            "notes": list(self.stands.notes),
        }


def sbc_side(choice: SbcChoice, listening: Sequence[Listening]) -> SbcSide:
    """Read the settings and bind what the SBC and the registrar talk to each other by; SbcProblem, EnvironmentProblem."""
    settings = choice.read()
    try:
        inner, registrar = (bind_udp(ListenAddress(BEHIND, 0)) for _ in range(2))
    except SipstubError as error:
        raise EnvironmentProblem(error.message, hint=error.hint) from None
    ports = [one.socket.getsockname()[1] for one in listening if one.socket.type == socket.SOCK_DGRAM]
    behind = f"{BEHIND}:{registrar.getsockname()[1]}"
    stands = choice.stands(settings, registrar=behind, ports=ports, inner_port=inner.getsockname()[1])
    try:
        site_of(stands.settings)
        MediaRules.of(stands.settings)
    except SipstubError as error:
        raise SbcProblem(f"{choice.file}: {error.message}", hint=error.hint) from None
    return SbcSide(choice, stands, inner, registrar)


class SbcFront:
    """The SBC of one process, while that runs."""

    def __init__(
        self, side: SbcSide, listening: Sequence[Listening], recorder: Recorder, told: SipJournal, tls: ssl.SSLContext | None
    ) -> None:
        settings = side.stands.settings
        self._relays = RelayEngine(PortRange.parse(DEFAULT_RANGE))
        media = AnchoredMedia(MediaRules.of(settings), self._relays)
        sbc = compose_sbc(site_of(settings), time.time(), media=media)
        sbc.core.on_malformed = told.malformed
        self.server = SipServer(
            sbc.core,
            [*listening, Listening(side.inner)],
            recorder=recorder,
            server_tls=tls,
            client_tls=client_context(),
            tell=told.connection,
        )
        media.serve(self.server.burst_ended, lambda: self.server.now)

    async def start(self) -> None:
        """Begin to serve phones."""
        self._relays.start()
        await self.server.start()

    async def close(self) -> None:
        """Stop; all ports of media are given back."""
        await self.server.close()
        self._relays.close()
