"""One Access-Request over UDP: sent again until an answer comes that has the right signature; the caller sets the time."""

from __future__ import annotations

import asyncio
import secrets

from sipstub.sbc.outside import RadiusAsk, RadiusReply
from sipstub.sbc.radius import AUTHENTICATOR_BYTES, access_request, read_answer

AGAIN_S = 1.5
"A request without an answer is sent again after so long; the same packet, which a server knows as a repetition."


class _Waiting(asyncio.DatagramProtocol):
    def __init__(self, number: int, authenticator: bytes, secret: bytes) -> None:
        self._known = number, authenticator, secret
        self.verdict: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        found = read_answer(data, *self._known)
        if found is not None and not self.verdict.done():
            self.verdict.set_result(found)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there yet; a server that starts in time still answers the repetition."""


async def ask_radius(ask: RadiusAsk) -> RadiusReply:
    """Return the verdict; runs until it comes or the caller's time is over.  Raises OSError for an address without a way."""
    number, authenticator = secrets.randbelow(256), secrets.token_bytes(AUTHENTICATOR_BYTES)
    secret = ask.secret.reveal().encode()
    packet = access_request(number, authenticator, secret, ask.attributes)
    loop = asyncio.get_running_loop()
    transport, waiting = await loop.create_datagram_endpoint(
        lambda: _Waiting(number, authenticator, secret), remote_addr=(ask.host, ask.port)
    )
    try:
        while True:
            transport.sendto(packet)
            done, _ = await asyncio.wait((waiting.verdict,), timeout=AGAIN_S)
            if done:
                return RadiusReply(waiting.verdict.result())
    finally:
        waiting.verdict.cancel()
        transport.close()
