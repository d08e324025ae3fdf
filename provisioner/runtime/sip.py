"""The SIP process: the registrar of sipstub over the published fleet, with bindings that outlive a restart."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provisioner.address import WILDCARDS, parse_listen
from provisioner.delivery.event import EventSink
from provisioner.delivery.snapshot import SnapshotSource
from provisioner.expectations.observables import Observables
from provisioner.runtime.media import media_engine
from provisioner.runtime.sip_journal import SipJournal
from provisioner.runtime.sip_sbc import SbcChoice, SbcFront, SbcSide, sbc_side
from provisioner.runtime.verify_jobs import Door, Hands, JobRunner
from provisioner.services.listener import Bound, bind, bind_sip
from provisioner.services.sip_bindings import KeptBindings
from provisioner.services.sip_users import FleetUsers
from provisioner.settings import Settings
from provisioner.state.binding_table import BindingTable
from provisioner.state.database import Database, plain_reason
from provisioner.state.folder import StateFolder
from provisioner.state.job_table import JobTable
from provisioner.state.journal import Journal
from sipstub.core.compose import compose
from sipstub.media.engine import MediaEngine
from sipstub.media.place import NO_MEDIA
from sipstub.net.certificate import keep_certificates
from sipstub.net.collector import calm_collector
from sipstub.net.descriptors import allow_descriptors
from sipstub.net.server import Listening, SipServer
from sipstub.net.tls import client_context, server_context
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.stimulus.director import Director
from sipstub.trace.record import Recorder
from sipstub.trace.recording import Recording
from sipstub.trace.recording_json import recording_as_json

CERTIFICATES = "certificates"
"In the state folder: the authority and the certificate that the registrar makes for itself."

KEY_FILE = "registrar.key"
KEY_BYTES = 32
FLUSH_S = 1.0
FIRST_GENERATION_S = 120.0
"How long phones are not answered while there is no generation yet: the first load of a very large fleet."
FIRST_GENERATION_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class SipSide:
    """The sockets of the registrar, bound before anything starts."""

    bound: Mapping[str, Bound]
    "`sip` (TCP; UDP has the same port) and `sips`, as far as they are on."

    listening: tuple[Listening, ...]
    "All sockets that phones know."

    sbc: SbcSide | None = None
    "The SBC that phones find there, if it is not the registrar itself."

    def port(self, name: str) -> int | None:
        """Return the real port of `sip` or `sips`; None if it is off."""
        return self.bound[name].port if name in self.bound else None

    def doors(self, host: str) -> tuple[Door, ...]:
        """Return where phones are heard; a socket for all addresses counts for `host`, by which phones know the server."""
        found = []
        for one in self.listening:
            address, port = one.socket.getsockname()[:2]
            transport = "tls" if one.is_tls else "udp" if one.socket.type == socket.SOCK_DGRAM else "tcp"
            found.append((transport, host if address in WILDCARDS else address, port))
        return tuple(found)


def bind_sip_side(settings: Settings, sbc: SbcChoice | None = None) -> SipSide:
    """Bind what the settings ask for; EnvironmentProblem in one line, SbcProblem for an SBC that cannot be."""
    media_engine(settings)  # what is wrong with it is said before anything starts
    bound: dict[str, Bound] = {}
    listening: list[Listening] = []
    listen = parse_listen(settings["sip"])
    if listen is not None:
        datagrams, bound["sip"] = bind_sip(listen)
        listening += [Listening(sock) for sock in (*datagrams.sockets, *bound["sip"].sockets)]
    listen = parse_listen(settings["sips"])
    if listen is not None:
        bound["sips"] = bind("sips", listen)
        listening += [Listening(sock, is_tls=True) for sock in bound["sips"].sockets]
    return SipSide(bound, tuple(listening), None if sbc is None else sbc_side(sbc, listening))


def serve_sip(
    side: SipSide,
    settings: Settings,
    host: str,
    state: StateFolder,
    source: SnapshotSource,
    database: Database,
    ready: Callable[[], None],
    record: Path | None = None,
    *,
    observables: Observables,
) -> None:
    """Serve in this process until SIGTERM; then write what went over the wire to `record`."""
    tls = server_context(*_certificate(settings, host, state), minimum=settings["tls_minimum"]) if "sips" in side.bound else None
    users = FleetUsers(source, settings["realm"], observables)
    journal, recorder = Journal(database), Recorder()
    store = KeptBindings(BindingTable(database), time.time)
    registrar = Registrar(users, Policy(settings["realm"]), registrar_key(state.path), store, since=time.time())
    media = media_engine(settings)
    try:
        asyncio.run(_serve(side, registrar, store, users, journal, tls, ready, recorder, JobTable(database), host, media))
    finally:
        journal.close()
        if record is not None:
            _write_recording(record, recorder)


def _write_recording(path: Path, recorder: Recorder) -> None:
    """Write the messages as JSON.  The digests stay: without them nobody can check which password was used."""
    text = json.dumps(recording_as_json(Recording(tuple(recorder.messages()), is_own=True)))
    temporary = path.with_name(path.name + ".tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def _certificate(settings: Settings, host: str, state: StateFolder) -> tuple[Path, Path | None]:
    if settings["certificate"]:
        return settings.path("certificate"), Path(settings["certificate_key"]) if settings["certificate_key"] else None
    return keep_certificates(state.path / CERTIFICATES, [host], now=time.time()).server, None


async def _serve(
    side: SipSide,
    registrar: Registrar,
    store: KeptBindings,
    users: FleetUsers,
    journal: EventSink,
    tls: ssl.SSLContext | None,
    ready: Callable[[], None],
    recorder: Recorder,
    jobs: JobTable,
    host: str,
    media: MediaEngine | None = None,
) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    allow_descriptors()
    stub = compose(registrar)
    registrar.restore(list(store.load()), time.time())
    told = SipJournal(journal, users, registrar.location.of_flow)
    stub.registering.watch(told.change, told.refusal)
    stub.core.on_malformed = told.malformed
    front = None if side.sbc is None else SbcFront(side.sbc, side.listening, recorder, told, tls)
    if side.sbc is None:
        server = SipServer(
            stub.core, side.listening, recorder=recorder, server_tls=tls, client_tls=client_context(), tell=told.connection
        )
    else:  # what it hears was recorded as the SBC sent it
        server = SipServer(stub.core, [Listening(side.sbc.registrar)], tell=told.connection)
    await _first_generation(users, ended)
    await server.start()
    if front is not None:
        await front.start()
    if media is not None:
        media.start()
    far = () if side.sbc is None else (side.sbc.far,)
    hands = Hands(Director(stub, media=media or NO_MEDIA), lambda: server.now, server.burst_ended, side.doors(host), far)
    running = asyncio.create_task(JobRunner(jobs, recorder, hands).run())
    calm_collector()
    ready()
    try:
        while not ended.is_set():
            try:
                await asyncio.wait_for(ended.wait(), FLUSH_S)
            except TimeoutError:
                told.settle(server.now)
                await _write(store)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if media is not None:
            media.close()
        if front is not None:
            await front.close()
        await server.close()
        told.settle(server.now)
        await _write(store)


async def _first_generation(users: FleetUsers, ended: asyncio.Event) -> None:
    """Wait until there are users: a phone that is not answered asks again, one that is told 401 takes its password for wrong."""
    until = time.monotonic() + FIRST_GENERATION_S
    while not users.look() and not ended.is_set() and time.monotonic() < until:
        await asyncio.sleep(FIRST_GENERATION_POLL_S)


async def _write(store: KeptBindings) -> None:
    taken = store.take()
    try:
        await asyncio.to_thread(store.write, taken)
    except Exception as error:
        # The phones go on; the database gets everything with the next try.
        store.give_back(taken)
        print(f"bindings not written: {plain_reason(error)}", file=sys.stderr, flush=True)


def registrar_key(state: Path) -> bytes:
    """Return the key of nonces and GRUUs, made on first use: a phone's nonce is stale after a restart, not wrong."""
    path = state / KEY_FILE
    try:
        return path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(KEY_BYTES)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
        return key
