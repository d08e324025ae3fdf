"""A PostgreSQL of the tests' own: made in a temporary folder, on a socket there, ended with the process that made it.

It refuses to run as root, so root starts it as another user.  Nothing is synced to the disk: no test cuts the power.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pytest

PROGRAMS = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
"Where Debian has them; never on the PATH."

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))]
"For tests of what must be the same with both."

KEPT = 3
"Databases kept; each is 7 MB."

_NUMBERS = itertools.count(1)

READY = "database system is ready to accept connections"
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=40", "log_min_messages=log")


class Cluster:
    """One server; each test takes a database of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="provisioner-postgres-"))
        self._programs = Path(PROGRAMS[0])
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = "nobody"
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._process: Any = None
        self._said: deque[str] = deque(maxlen=50)
        self._databases: list[str] = []
        self._has_template = False
        make = ["-D", self._data, "-U", "provisioner", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        self._run("initdb", *make)
        self.start()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def start(self) -> None:
        """Start the server and return when it takes connections."""
        command = [str(self._programs / "postgres"), "-D", self._data, "-k", str(self.folder), "-h", ""]
        for setting in SETTINGS:
            command += ["-c", setting]
        self._process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, cwd=self.folder, env=self._environment, user=self._user
        )
        self._said.clear()
        is_ready = threading.Event()
        threading.Thread(target=self._listen, args=(self._process.stderr, is_ready), daemon=True).start()
        is_ready.wait()
        assert READY in "".join(self._said), "".join(self._said)

    def _listen(self, log: IO[str], is_ready: threading.Event) -> None:
        with log:
            for line in log:
                self._said.append(line)
                if READY in line:
                    is_ready.set()
        is_ready.set()

    def stop(self) -> None:
        """End every connection and the server."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def new_database(self, template: str = "template0") -> str:
        """Return the URL of an empty database, or of a copy of another; only the newest few are kept."""
        import psycopg  # here and below: most tests want neither it nor a database

        self._databases.append(f"fleet{next(_NUMBERS)}")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self._databases[-1]} TEMPLATE {template} STRATEGY file_copy")
            while len(self._databases) > KEPT:
                connection.execute(f"DROP DATABASE {self._databases.pop(0)} WITH (FORCE)")
        return self.url(self._databases[-1])

    def url(self, database: str) -> str:
        """Return where a database is."""
        return f"postgresql://provisioner@/{database}?host={quote(str(self.folder), safe='')}"

    def migrated_database(self) -> str:
        """Return the URL of a database at the newest schema, without the time that migrations take."""
        if not self._has_template:
            from provisioner.state.database import Database
            from provisioner.state.folder import StateFolder

            self._run("createdb", "-h", str(self.folder), "-U", "provisioner", "-T", "template0", "migrated")
            Database.open(StateFolder.open(self.folder / "state"), self.url("migrated"))
            self._has_template = True
        return self.new_database("migrated")

    def remove(self) -> None:
        """End the server and delete all that it had."""
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.folder, env=self._environment, user=self._user, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.remove()
