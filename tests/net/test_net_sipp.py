"""Scenarios of SIPp, one file each under `sipp/`, and sipsak: clients that do what a phone should and what it should not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ports import free_port
from sip_running import PASSWORD, a_program, a_stub

from sipstub.net.certificate import Certificates
from sipstub.registrar.binding import Change
from sipstub.registrar.reason import Why

MADE, AGAIN, GONE = Change.CREATED, Change.REFRESHED, Change.UNREGISTERED


@dataclass(frozen=True)
class Ending:
    """What has to have happened when SIPp is content with the answers."""

    changes: tuple[Change, ...] = ()
    why: Why | None = None
    "The reason in the journal, if it is refused for one that belongs there."
    user: str = "100"
    password: str = PASSWORD
    digest_uri: str = ""
    "Of the digest, if not that of the request."


SCENARIOS = {
    # what a phone may do
    "register": Ending((MADE,)),
    "register_and_unregister": Ending((MADE, GONE)),
    "refresh_with_the_next_count": Ending((MADE, AGAIN)),
    "refresh_with_another_contact": Ending((MADE, MADE)),
    "new_call_id_each_refresh": Ending((MADE, AGAIN)),
    "no_contact": Ending(),
    "no_expires": Ending((MADE,)),
    "min_expires": Ending((MADE,)),
    "max_expires": Ending((MADE,)),
    "expires_of_the_contact": Ending((MADE,)),
    "expires_no_number": Ending((MADE,)),
    "negative_expires": Ending((MADE,)),
    "several_contacts": Ending((MADE, MADE)),
    "remove_one_contact": Ending((MADE, MADE, GONE)),
    "star_with_zero": Ending((MADE, GONE)),
    "contact_without_user": Ending((MADE,)),
    "compact_headers": Ending((MADE,)),
    "path": Ending((MADE,)),
    "outbound": Ending((MADE,)),
    "extension_in_proxy_require": Ending((MADE,)),
    # whom it may not be
    "wrong_password": Ending(why=Why.WRONG_CREDENTIALS, password="wrong"),
    "unknown_user": Ending(why=Why.WRONG_CREDENTIALS, user="999"),
    "another_users_address": Ending(why=Why.NOT_ITS_OWN),
    "wrong_realm": Ending(),
    "wrong_uri": Ending(why=Why.URI_DIFFERS, digest_uri="other.example"),
    "foreign_nonce": Ending(why=Why.FOREIGN_NONCE),
    "no_digest": Ending(),
    "digest_without_response": Ending(why=Why.MALFORMED),
    # what it may not ask for
    "too_brief": Ending(why=Why.TOO_BRIEF),
    "too_many_contacts": Ending(why=Why.TOO_MANY_CONTACTS),
    "star_with_expires": Ending(why=Why.STAR_WITHOUT_ZERO),
    "star_beside_a_contact": Ending(why=Why.MALFORMED),
    "contact_that_is_none": Ending(why=Why.MALFORMED),
    "cseq_backwards": Ending((MADE,), Why.OUT_OF_ORDER),
    "unknown_extension": Ending(why=Why.UNKNOWN_EXTENSION),
    "large_body": Ending(why=Why.TOO_LARGE),
    "other_scheme": Ending(why=Why.UNKNOWN_DOMAIN),
    # what is no request
    "no_from": Ending(),
    "two_to": Ending(),
    "unbalanced_quote": Ending(),
    "other_version": Ending(),
    # what is not for a registrar
    "options": Ending(),
    "invite_to_nobody": Ending(),
    "bye_without_a_call": Ending(),
    "cancel_without_a_call": Ending(),
    "publish": Ending(),
    "subscribe_to_nothing": Ending(),
    "unknown_method": Ending(),
}
OVER_TLS = ("register", "register_and_unregister", "outbound", "wrong_password", "wrong_uri", "cseq_backwards", "other_version")
"SIPp of Debian has no TLS: a relay of ours takes its TCP further."
FOLDER = Path(__file__).parent / "sipp"
SIPP_TRANSPORT = {"udp": "u1", "tcp": "t1", "tls": "t1"}
WAYS = [(name, transport) for name in SCENARIOS for transport in ("udp", "tcp")] + [(name, "tls") for name in OVER_TLS]


def test_every_scenario_is_run() -> None:
    assert {path.stem for path in FOLDER.glob("*.xml")} == set(SCENARIOS)


@pytest.mark.needs("sipp")
@pytest.mark.parametrize(("name", "transport"), WAYS, ids=[f"{name}-{transport}" for name, transport in WAYS])
def test_a_scenario_of_sipp_ends_as_it_should(name: str, transport: str, tmp_path: Path, certificates: Certificates) -> None:
    ending = SCENARIOS[name]
    users = tmp_path / "users.csv"
    users.write_text(f"SEQUENTIAL\n{ending.user};[authentication username={ending.user} password={ending.password}]\n")

    async def run() -> None:
        async with contextlib.AsyncExitStack() as running:
            stub = await running.enter_async_context(a_stub(certificates=certificates if transport == "tls" else None))
            port = stub.port(transport)
            if transport == "tls":
                port = await running.enter_async_context(tls_relay(port, certificates.ca))
            command = ["sipp", "-sf", str(FOLDER / f"{name}.xml"), "-inf", str(users), "-t", SIPP_TRANSPORT[transport]]
            command += ["-i", "127.0.0.1", "-p", str(free_port()), "-m", "1", "-timeout", "15", "-timeout_error", "-nostdin"]
            command += ["-auth_uri", ending.digest_uri] if ending.digest_uri else []
            command += ["-trace_err", "-error_file", "errors.txt", f"127.0.0.1:{port}"]
            sipp = await running.enter_async_context(a_program(*command, home=tmp_path))
            code = await sipp.ends()
            errors = tmp_path / "errors.txt"
            assert code == 0, errors.read_text() if errors.exists() else sipp.output[-2000:]
            assert {one.why for one in stub.refusals} == ({ending.why} - {None})
            # a flow of RFC 5626 ends with its connection, which SIPp closes
            assert tuple(one.change for one in stub.changes if one.change is not Change.DEACTIVATED) == ending.changes
            if transport == "tls":
                assert {one.peer.transport for one in stub.recorder.messages()} == {"tls"}

    asyncio.run(run())


@contextlib.asynccontextmanager
async def tls_relay(port: int, ca: Path) -> AsyncIterator[int]:
    """Take TCP on a free port and carry it on over TLS."""
    context = ssl.create_default_context(cafile=str(ca))
    carrying: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        for one, other in ((reader, here), (there, writer)):
            task = asyncio.create_task(pump(one, other))
            carrying.add(task)
            task.add_done_callback(carrying.discard)

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(carrying):
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


@pytest.mark.needs("sipsak")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipsak_gets_an_answer_to_options(transport: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as stub:
            command = ("sipsak", "-v", "-E", transport, "-s", f"sip:100@127.0.0.1:{stub.port(transport)}")
            async with a_program(*command, home=tmp_path) as sipsak:
                assert await sipsak.ends() == 0, sipsak.output
            assert [one.data.split(b"\r\n")[0] for one in stub.messages(inbound=False)] == [b"SIP/2.0 200 OK"]

    asyncio.run(run())


@pytest.mark.needs("sipsak")
def test_sipsak_registers_with_digest(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as stub:
            where = f"sip:100@127.0.0.1:{stub.port('udp')}"
            command = ("sipsak", "-U", "-C", "sip:100@127.0.0.1:5555", "-x", "60", "-u", "100", "-a", PASSWORD, "-s", where)
            async with a_program(*command, home=tmp_path) as sipsak:
                made = await stub.change(Change.CREATED, "100", "udp")
                assert await sipsak.ends() == 0, sipsak.output
            assert made.binding.contact == "sip:100@127.0.0.1:5555"

    asyncio.run(run())
