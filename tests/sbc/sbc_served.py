"""An SBC that runs in this event loop, on free ports of loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from sipstub.net.address import ListenAddress, bind_both
from sipstub.net.outside import OutsideAsker
from sipstub.net.server import Listening, SipServer
from sipstub.net.tls import client_context
from sipstub.sbc.compose import compose_sbc
from sipstub.sbc.service import Sbc
from sipstub.sbc.site import Site


@contextlib.asynccontextmanager
async def a_served_sbc(site: Site, host: str = "127.0.0.1") -> AsyncIterator[tuple[Sbc, SipServer, int]]:
    """Yield an SBC, its server, and the port for UDP and TCP."""
    sbc = compose_sbc(site, 0.0)
    listening = [Listening(sock) for sock in bind_both(ListenAddress(host, 0))]
    server = SipServer(sbc.core, listening, client_tls=client_context())
    asker = OutsideAsker(sbc.outside, server)
    await server.start()
    try:
        yield sbc, server, server.locals[0].port
    finally:
        await asker.close()
        await server.close()
