"""Phones that we did not write register here: over every transport they have, and not with a wrong password."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from foreign_phone import EXPIRES_S, PHONES
from sip_running import a_program, a_stub

from sipstub.net.certificate import Certificates
from sipstub.registrar.binding import Change
from sipstub.registrar.reason import Why

WAYS = [
    pytest.param(phone, transport, marks=pytest.mark.needs(phone), id=f"{phone}-{transport}")
    for phone in PHONES
    for transport in ("udp", "tcp", "tls")
    if (phone, transport) != ("twinkle-console", "tls")
]


@pytest.mark.parametrize(("phone", "transport"), WAYS)
def test_a_foreign_phone_registers_and_says_goodbye(
    phone: str, transport: str, tmp_path: Path, certificates: Certificates
) -> None:
    async def run() -> None:
        async with a_stub(certificates=certificates) as stub:
            foreign = PHONES[phone](tmp_path, transport, stub.port(transport), certificates.ca)
            async with a_program(*foreign.command, home=tmp_path, goodbye=foreign.goodbye) as program:
                made = await stub.change(Change.CREATED, "100", transport)
                assert made.binding.remaining_s(made.at) == EXPIRES_S
                await program.says(foreign.has_registered)
            await stub.change(Change.UNREGISTERED, "100", transport)
            assert {one.peer.transport for one in stub.recorder.messages()} == {transport}
            assert stub.refusals == []
            assert stub.stub.core.counts.malformed == 0

    asyncio.run(run())


@pytest.mark.parametrize("phone", [pytest.param(phone, marks=pytest.mark.needs(phone)) for phone in PHONES])
def test_a_foreign_phone_with_a_wrong_password_stays_out(phone: str, tmp_path: Path, certificates: Certificates) -> None:
    async def run() -> None:
        async with a_stub() as stub:
            foreign = PHONES[phone](tmp_path, "udp", stub.port("udp"), certificates.ca, "wrong")
            async with a_program(*foreign.command, home=tmp_path, goodbye=foreign.goodbye):
                await stub.until(lambda: stub.refusals)
            assert stub.refusals[0].why is Why.WRONG_CREDENTIALS
            assert stub.changes == []

    asyncio.run(run())
