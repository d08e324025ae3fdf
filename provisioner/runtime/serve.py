"""Put the server together: bind first, then a loader, HTTP, TFTP and people processes under one supervisor."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Collection
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from provisioner.address import WILDCARDS, parse_listen
from provisioner.delivery.decide import decide
from provisioner.delivery.request import FileRequest
from provisioner.expectations.observables import load_observables
from provisioner.runtime.addresses import addresses_of, advertised, write_addresses
from provisioner.runtime.fleet import Fleet
from provisioner.runtime.lab_folder import LabFolder
from provisioner.runtime.lab_return import LabReturns, noted_hashes
from provisioner.runtime.loader import Loader
from provisioner.runtime.ready import Ready, write_ready_file
from provisioner.runtime.sip import bind_sip_side, serve_sip
from provisioner.runtime.sip_sbc import SbcChoice
from provisioner.runtime.sources import FleetSource, policy_of
from provisioner.services.http_server import PhoneServer
from provisioner.services.http_tls import TlsSettings
from provisioner.services.listener import Bound, bind
from provisioner.services.people_server import serve_people
from provisioner.services.supervisor import Supervisor
from provisioner.services.tftp_server import TftpServer
from provisioner.services.tftp_table import allow_descriptors
from provisioner.settings import Settings
from provisioner.state.database import Database
from provisioner.state.database_place import name_database
from provisioner.state.folder import FILE_MODE
from provisioner.state.journal import Journal
from provisioner.state.published import PublishedSource, Publisher, StateFolder
from provisioner.state.retention import Retention
from provisioner.state.unpacker import BackgroundUnpacker

READY_FILE = "ready.json"
"In the state folder while a server runs: how other commands find it."

Say = Callable[[str], None]


class Server:
    """One running `provisioner serve`."""

    def __init__(
        self,
        settings: Settings,
        templates: Path,
        *,
        say: Say,
        ready_file: Path | None = None,
        record: Path | None = None,
        only_sip: bool = False,
        sbc: SbcChoice | None = None,
    ) -> None:
        """Bind and check everything that can be wrong; EnvironmentProblem, SettingsError or CatalogueError before any start.

        With `only_sip` another server publishes into the same state folder; this one only looks up what it publishes.  With `sbc`
        phones find that SBC at the SIP listeners, and the registrar stands behind it.
        """
        self.settings = settings
        self.templates = templates
        self._say = say
        self._ready_file = ready_file
        self._record = record
        self._only_sip = only_sip
        self.host, self.is_guess = advertised(settings)
        self.bound: dict[str, Bound] = {}
        for scheme in ("http", "https", "tftp"):
            listen = parse_listen(settings[scheme])
            if listen is not None and not only_sip:
                self.bound[scheme] = bind(scheme, listen)
        people = parse_listen(settings["people"])
        self.people = bind("http", people) if people is not None and not only_sip else None
        key = settings["certificate_key"]
        self.tls: TlsSettings | None = None
        if "https" in self.bound:
            self.tls = TlsSettings(settings.path("certificate"), Path(key) if key else None, settings["tls_minimum"])
            self.tls.context()
        self.sip = bind_sip_side(settings, sbc)
        self.bound |= self.sip.bound
        self.state = StateFolder.open(settings.path("state"))
        if not only_sip:
            Publisher(self.state).close()  # another loader on this folder is one line now, not a crashing child later
        self.database = Database.open(self.state, settings["database"])
        self.addresses = addresses_of(
            settings, *(self.bound[name].port if name in self.bound else None for name in ("sip", "sips"))
        )
        if not only_sip:
            write_addresses(self.state.path, self.addresses)
            name_database(self.state, settings["database"])
        FleetSource(self.state, templates)  # contradicting facts are one line now too
        policy_of(settings)
        parts = {} if only_sip else {"loader": 1}
        if "http" in self.bound or "https" in self.bound:
            parts["http"] = settings["workers"]
        if "tftp" in self.bound:
            parts["tftp"] = 1
        if self.sip.listening:
            parts["sip"] = 1
        if self.people is not None:
            parts["people"] = 1
        self._ready = Ready(parts)
        self._is_ready = False
        self.on_ready: Callable[[], None] = lambda: None
        self.on_tick: Callable[[], None] = lambda: None
        self._supervisor = Supervisor(say, settings["drain_seconds"] + 5, self._tick)

    def run(self) -> int:
        """Serve until SIGTERM (0) or SIGINT (130)."""
        supervisor = self._supervisor
        if not self._only_sip:
            supervisor.add("loader", self._load, forwards_hup=True, stops_last=True)
        if "http" in self.bound or "https" in self.bound:
            supervisor.add("http", self._http)
        if "tftp" in self.bound:
            supervisor.add("tftp", self._tftp)
        if self.sip.listening:
            supervisor.add("sip", self._sip)
        if self.people is not None:
            supervisor.add("people", self._people)
        try:
            return supervisor.run()
        finally:
            for path in (self._own_ready_file, self._ready_file):
                if path is not None:
                    path.unlink(missing_ok=True)

    @property
    def _own_ready_file(self) -> Path | None:
        """Return where other commands find this server; None if they are to find the one that publishes."""
        return None if self._only_sip else self.state.path / READY_FILE

    def facts(self) -> dict[str, Any]:
        """Return what --ready-file holds: every listening address, and the process to signal."""
        found: dict[str, Any] = {"pid": os.getpid(), "version": version("provisioner"), "advertise": self.host}
        for scheme in ("http", "https", "tftp", "sip", "sips"):
            bound = self.bound.get(scheme)
            found[scheme] = {"url": bound.url(self.host), "port": bound.port, "listen": bound.addresses} if bound else None
        people = self.people
        found["people"] = {"url": people.url(_shown(people)), "port": people.port, "listen": people.addresses} if people else None
        found["sbc"] = self.sip.sbc.facts() if self.sip.sbc is not None else None
        found["state"] = str(self.state.path)
        return found

    # -- in the supervisor

    def _tick(self) -> None:
        if not self._is_ready and not self._ready.missing:
            self._is_ready = True
            facts = self.facts()
            if self._own_ready_file is not None:
                write_ready_file(self._own_ready_file, facts, mode=FILE_MODE)
            if self._ready_file is not None:
                write_ready_file(self._ready_file, facts)
            self.on_ready()
        if self._is_ready:
            self.on_tick()

    # -- in the children

    def _load(self) -> None:
        publisher = Publisher(self.state, pinned=self._pinned)
        for repair in publisher.repairs:
            self._say(f"state folder: {repair}")
        fleet = Fleet(self.templates, self.settings.path("devices"), self.addresses, labs=LabFolder(self.state.path))
        loader = Loader(fleet, publisher, self._say, returns=self._lab_returns())
        unpacker = BackgroundUnpacker(self.database, self._retention())

        def on_loaded() -> None:
            self._ready.tell("loader")
            unpacker.start()

        loader.run(self.settings["poll_seconds"], on_loaded)
        unpacker.stop()
        publisher.close()

    def _lab_returns(self) -> LabReturns:
        from provisioner.state.reading import Reading

        reading = Reading(self.database, PublishedSource(self.state))

        def delivered(macs: Collection[str]) -> dict[str, str]:
            try:
                fetches = reading.last_fetches(macs).items()
            except sa.exc.DBAPIError:
                return {}  # while the database is away nobody is known to have fetched
            return {mac: kinds["mac"].delivered_sha256 or "" for mac, kinds in fetches if "mac" in kinds}

        return LabReturns(self.state.path, reading.content, delivered)

    def _pinned(self) -> set[str]:
        from provisioner.state.reading import Reading

        return Reading(self.database).pinned() | noted_hashes(self.state.path)

    def _retention(self) -> Retention:
        return Retention(keep_s=self.settings["journal_days"] * 86400.0)

    def _http(self) -> None:
        source = FleetSource(self.state, self.templates)
        PhoneServer(
            http=self.bound["http"].sockets if "http" in self.bound else (),
            https=self.bound["https"].sockets if "https" in self.bound else (),
            snapshots=lambda: source,
            policy=lambda: policy_of(self.settings),
            events=lambda: Journal(self.database),
            decide=decide,
            workers=self.settings["workers"],
            tls=self.tls,
            graceful_s=self.settings["drain_seconds"],
            ready_fd=self._ready.fd("http"),
        ).run()

    def _tftp(self) -> None:
        allow_descriptors()
        source, policy = FleetSource(self.state, self.templates), policy_of(self.settings)
        journal = Journal(self.database)

        def answer(request: FileRequest) -> Any:
            return decide(request, source.current(), policy, now=time.time())

        server = TftpServer(self.bound["tftp"].sockets, answer, journal)

        def on_term(_number: int, _frame: object) -> None:
            server.stop()
            signal.setitimer(signal.ITIMER_REAL, max(0.01, self.settings["drain_seconds"]))

        signal.signal(signal.SIGTERM, on_term)
        signal.signal(signal.SIGALRM, lambda _number, _frame: server.stop(now=True))
        self._ready.tell("tftp")
        try:
            server.listen()
        finally:
            journal.close()

    def _sip(self) -> None:
        source = FleetSource(self.state, self.templates)
        observables = load_observables(self.templates)

        def tell() -> None:
            self._ready.tell("sip")

        serve_sip(
            self.sip, self.settings, self.host, self.state, source, self.database, tell, self._record, observables=observables
        )

    def _people(self) -> None:
        assert self.people is not None
        from provisioner.runtime.people import make_people

        def make() -> Any:
            return make_people(self.state, self.templates, self.database, self.bound)

        serve_people(self.people.sockets, make, lambda: self._ready.tell("people"))


def _shown(bound: Bound) -> str:
    return bound.host if bound.host not in WILDCARDS else "127.0.0.1"


def running_server(state: Path) -> dict[str, Any] | None:
    """Return the facts of the server that runs on this state folder, or None if none does."""
    import json

    try:
        data = json.loads((state / READY_FILE).read_text("utf-8"))
        os.kill(int(data["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return data if isinstance(data, dict) else None


def talk(text: str) -> None:
    """Print one line of talk with the time of day; talk goes to stderr."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)
