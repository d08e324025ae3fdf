"""Our own registrar in this event loop, on a free port of loopback, with its recorder."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from sipstub.core.compose import Stub, compose
from sipstub.net.address import ListenAddress, bind_both, bind_tcp
from sipstub.net.certificate import Certificates
from sipstub.net.server import Listening, SipServer
from sipstub.net.tls import client_context, server_context
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.message import Request
from sipstub.trace.record import Recorder

HOST = "127.0.0.1"
REALM = "sipstub"
PASSWORD = "secret-1001"


@dataclass
class StubServer:
    """The registrar and what it saw."""

    stub: Stub
    server: SipServer
    recorder: Recorder

    def port(self, transport: str) -> int:
        return next(endpoint.port for endpoint in self.server.locals if endpoint.transport == transport)

    def got(self, method: str, host: str | None = None) -> list[Request]:
        """Return the requests of that method, of one phone or of all."""
        found = [one.message for one in self.recorder.messages(peer=host) if one.is_inbound]
        return [message for message in found if isinstance(message, Request) and message.method == method]


@contextlib.asynccontextmanager
async def stub_server(users: Iterable[str], *, certificates: Certificates | None = None) -> AsyncIterator[StubServer]:
    """Serve these users over UDP and TCP, and over TLS if there are certificates."""
    known = Users(RegistrarUser.of(name, PASSWORD, REALM) for name in users)
    stub = compose(Registrar(known, Policy(REALM), b"k" * 32))
    datagrams, streams = bind_both(ListenAddress(HOST, 0))
    listening = [Listening(datagrams), Listening(streams)]
    context = None
    if certificates is not None:
        listening.append(Listening(bind_tcp(ListenAddress(HOST, 0)), is_tls=True))
        context = server_context(certificates.server)
    recorder = Recorder()
    server = SipServer(stub.core, listening, recorder=recorder, server_tls=context, client_tls=client_context())
    await server.start()
    try:
        yield StubServer(stub, server, recorder)
    finally:
        await server.close()
