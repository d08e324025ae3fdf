"""The stub alone in a process: binds, reads users, keeps certificates, and runs until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from sipstub.core.compose import compose
from sipstub.core.core import Core
from sipstub.core.journal import Journal
from sipstub.errors import SipstubError
from sipstub.media.connect_tone import ConnectTone
from sipstub.media.port import PortRange
from sipstub.media.relay_engine import DEFAULT_RANGE, RelayEngine
from sipstub.net.address import ListenAddress, bind_both, bind_tcp
from sipstub.net.certificate import RENEW_DAYS, keep_certificates
from sipstub.net.collector import calm_collector
from sipstub.net.descriptors import allow_descriptors
from sipstub.net.outside import OutsideAsker
from sipstub.net.sbc_file import SbcFileProblem, bind_interfaces, read_sbc_file
from sipstub.net.sbc_reload import SbcReload
from sipstub.net.server import Listening, NetEvent, SipServer
from sipstub.net.tls import client_context, server_context
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import MAX_HTDIGEST_BYTES, RegistrarUser, Users, htdigest_users
from sipstub.sbc.compose import compose_sbc
from sipstub.sbc.media.anchored import AnchoredMedia
from sipstub.sbc.media.dsp import MAX_DSPS, DspPool
from sipstub.sbc.media.rules import MediaRules
from sipstub.sbc.service import Sbc
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of
from sipstub.sip.wildcard import UNSPECIFIED
from sipstub.trace.pcapng_writer import write_pcapng
from sipstub.trace.record import Endpoint, Recorder

DONE = 0
SIP_PORT, SIPS_PORT = 5060, 5061
KEY_BYTES = 32
MAX_PASSWORD_BYTES = 4096
CERTIFICATE_LOOK_S = 3600.0
"How often a certificate of our own is looked at."


class UsersProblem(SipstubError):
    """Users that cannot be read."""

    code = "bad-users"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What was asked for on the command line."""

    sip: tuple[str, ...]
    sips: tuple[str, ...]
    realm: str
    advertise: str | None
    certificate: Path | None
    key: Path | None
    certificates: Path
    tls_minimum: str
    record: Path | None
    record_digests: bool
    ready_file: Path | None
    shows_refreshes: bool
    sbc: Path | None = None
    "Settings of an SBC to run; beside the registrar if there are users."
    media_ports: str = DEFAULT_RANGE
    "Of calls through the SBC whose IP Group has no Media Realm."
    dsps: int = MAX_DSPS
    "Calls through the SBC that are transcoded at a time."
    connect_tone: str = ""
    "What one side of each call through the SBC hears first, as `src:FILE`."


def read_users(realm: str, users_file: Path | None, one_by_one: Iterable[str]) -> Users:
    """Return all users; raises UsersProblem for a file that cannot be read."""
    found: list[RegistrarUser] = []
    if users_file is not None:
        try:
            found += htdigest_users(_read(users_file, MAX_HTDIGEST_BYTES), realm)
        except ValueError as error:
            raise UsersProblem(f"{users_file}: {error}", hint="lines of user:realm:hash, as htdigest writes them") from None
        if not found:
            raise UsersProblem(f"{users_file} has no user of realm {realm!r}", hint="--realm must be the one in the file")
    for text in one_by_one:
        name, _, file = text.partition(":")
        if not name or not file:
            raise UsersProblem(f"not NAME:FILE: {text!r}", hint="the password stands in the first line of FILE")
        lines = _read(Path(file), MAX_PASSWORD_BYTES).decode("utf-8", "replace").splitlines()
        if not lines or not lines[0]:
            raise UsersProblem(f"{file} has no password in its first line")
        found.append(RegistrarUser.of(name, lines[0], realm))
    return Users(found)


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UsersProblem(f"cannot read {path}: {error.strerror}") from None
    if len(data) > limit:
        raise UsersProblem(f"{path} is larger than {limit} bytes")
    return data


async def serve(options: ServeOptions, users: Users) -> int:
    """Run until a signal, and return the exit code."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(DONE)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    allow_descriptors()
    journal = Journal(lambda text: click.echo(text, err=True), shows_refreshes=options.shows_refreshes)
    recorder = Recorder()
    servers: list[SipServer] = []

    def tell(event: NetEvent) -> None:
        journal.line(f"{event.peer}: {event.fact}", event.at)

    settings = None if options.sbc is None else read_sbc_file(options.sbc, lambda text: click.echo(text, err=True))
    asker = None
    stub = compose(Registrar(users, Policy(options.realm), secrets.token_bytes(KEY_BYTES)))
    relays = None
    if settings is not None:
        relays = RelayEngine(PortRange.parse(options.media_ports), advertised=options.advertise or "")
        tone = ConnectTone.parse(options.connect_tone) if options.connect_tone else None
        media = AnchoredMedia(MediaRules.of(settings), relays, dsps=DspPool(options.dsps), tone=tone, tell=journal.line)
        sbc = compose_sbc(site_of(settings), time.time(), media=media, tell=journal.line)
        sbc.core.on_malformed = journal.malformed
        servers.append(_bind_sbc(options, settings, sbc, recorder, tell, is_alone=not len(users)))
        asker = OutsideAsker(sbc.outside, servers[0])
        assert options.sbc is not None
        media.serve(servers[0].burst_ended, lambda: servers[0].now)
        reload = SbcReload(options.sbc, settings, sbc, servers[0], lambda text: click.echo(text, err=True), media)
        loop.add_signal_handler(signal.SIGHUP, reload)
    if settings is None or len(users):
        stub.registering.watch(journal.change, journal.refusal)
        stub.core.on_malformed = journal.malformed
        servers.append(_bind(options, stub.core, recorder, tell))
    if relays is not None:
        relays.start()
    for server in servers:
        await server.start()
    calm_collector()
    renewals = [loop.create_task(_renew(options, server)) for server in servers]
    try:
        _announce(options, [local for server in servers for local in server.locals], len(users))
        return await ended
    finally:
        for renewal in renewals:
            renewal.cancel()
        stub.others.end_all(servers[0].now)
        if asker is not None:
            await asker.close()
        for server in servers:
            await server.close()
        if relays is not None:
            relays.close()
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)
        if options.record is not None:
            _write_record(options.record, recorder, masked=not options.record_digests)


def _bind_sbc(
    options: ServeOptions,
    settings: SbcSettings,
    sbc: Sbc,
    recorder: Recorder,
    tell: Callable[[NetEvent], None],
    *,
    is_alone: bool,
) -> SipServer:
    """Return the server of the SBC: at its SIP Interfaces, or, if it is alone and has none, where the command line says."""
    listening = bind_interfaces(settings)
    if not listening and not is_alone:
        raise SbcFileProblem(f"{options.sbc} names no SIPInterface", hint="the registrar listens where --sip says")
    return _bind(options, sbc.core, recorder, tell, listening)


def _bind(
    options: ServeOptions,
    core: Core,
    recorder: Recorder,
    tell: Callable[[NetEvent], None],
    given: list[Listening] | None = None,
) -> SipServer:
    if given:
        is_secure = any(one.is_tls for one in given)
        found = server_context(*_certificate(options), minimum=options.tls_minimum) if is_secure else None
        return SipServer(
            core,
            given,
            recorder=recorder,
            server_tls=found,
            client_tls=client_context(),
            advertised=options.advertise or "",
            tell=tell,
        )
    plain = [ListenAddress.parse(text, default_port=SIP_PORT) for text in options.sip]
    secure = [ListenAddress.parse(text, default_port=SIPS_PORT) for text in options.sips]
    with contextlib.ExitStack() as unwinding:
        listening: list[Listening] = []
        for address in plain:
            for sock in bind_both(address):
                unwinding.callback(sock.close)
                listening.append(Listening(sock))
        for address in secure:
            sock = bind_tcp(address)
            unwinding.callback(sock.close)
            listening.append(Listening(sock, is_tls=True))
        context = None
        if secure:
            certificate, key = _certificate(options)
            context = server_context(certificate, key, minimum=options.tls_minimum)
        unwinding.pop_all()
    return SipServer(
        core,
        listening,
        recorder=recorder,
        server_tls=context,
        client_tls=client_context(),
        advertised=options.advertise or "",
        tell=tell,
    )


def _certificate(options: ServeOptions) -> tuple[Path, Path | None]:
    if options.certificate is not None:
        return options.certificate, options.key
    hosts = [ListenAddress.parse(text, default_port=SIPS_PORT).host for text in options.sips]
    names = [options.advertise or "", *(host for host in hosts if host not in UNSPECIFIED)]
    return keep_certificates(options.certificates, names, now=time.time()).server, None


async def _renew(options: ServeOptions, server: SipServer) -> None:
    """Look at our own certificate now and then; new connections get a new one RENEW_DAYS before the old one ends."""
    while options.sips and options.certificate is None and RENEW_DAYS:
        await asyncio.sleep(CERTIFICATE_LOOK_S)
        try:
            certificate, key = await asyncio.to_thread(_certificate, options)
            server.streams.server_tls = server_context(certificate, key, minimum=options.tls_minimum)
        except SipstubError as error:
            click.echo(f"the certificate could not be renewed: {error.message}", err=True)


def _announce(options: ServeOptions, local: list[Endpoint], users: int) -> None:
    lines = [f"listening on {endpoint}" for endpoint in local]
    if any(endpoint.transport == "tls" for endpoint in local) and options.certificate is None:
        lines.append(f"phones trust {options.certificates / 'ca.pem'}")
    lines.append(f"{users} users of realm {options.realm}")
    click.echo("\n".join(lines))
    sys.stdout.flush()
    if options.ready_file is not None:
        fresh = options.ready_file.with_name(f".{options.ready_file.name}.{os.getpid()}")
        fresh.write_text("".join(f"{endpoint}\n" for endpoint in local), "utf-8")
        fresh.replace(options.ready_file)


def _write_record(path: Path, recorder: Recorder, *, masked: bool) -> None:
    messages = [message.masked() if masked else message for message in recorder.messages()]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        count = write_pcapng(file, messages)
    forgotten = f", {recorder.forgotten.total} older ones were forgotten" if recorder.forgotten.total else ""
    click.echo(f"{count} messages in {path}{forgotten}")
