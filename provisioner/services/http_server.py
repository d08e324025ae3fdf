"""The phones' HTTP and HTTPS server: gunicorn's arbiter over sockets that the caller has bound and made to listen.

Give the listening sockets a backlog of 2048 or more: in a boot storm every phone connects in the same second.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from provisioner.delivery.event import EventSink
from provisioner.delivery.policy import Policy
from provisioner.delivery.request import Protocol
from provisioner.delivery.snapshot import SnapshotSource
from provisioner.services.http_desk import Decide
from provisioner.services.http_limits import HEADER_FIELDS_MAX, REQUEST_LINE_MAX_BYTES, Limits
from provisioner.services.http_log import OneLineLogger
from provisioner.services.http_tls import TlsSettings
from provisioner.services.http_worker import PhoneWorker

BACKLOG = 4096
"What callers should listen with; the kernel cuts it to net.core.somaxconn."

WATCHDOG_S = 30
"A worker whose loop stands still this long is killed and replaced."


@dataclass(frozen=True, kw_only=True)
class PhoneServer:
    """All that the phones' server needs.  The three factories are called in each worker, after the fork."""

    http: Sequence[socket.socket] = ()
    "Bound, listening."

    https: Sequence[socket.socket] = ()
    "Bound, listening; want `tls`."

    snapshots: Callable[[], SnapshotSource]
    "Gives this worker's view of the newest generation."

    policy: Callable[[], Policy]
    "Gives what is allowed."

    events: Callable[[], EventSink]
    "Gives this worker's way to the journal; its `close()` (or `flush()`) is called when the worker ends."

    decide: Decide
    "The decision function."

    workers: int = 2
    "Processes."

    tls: TlsSettings | None = None
    "Certificate for `https`."

    limits: Limits = field(default_factory=Limits)
    "Bounds per worker."

    graceful_s: float = 10.0
    "How long transfers may go on after SIGTERM."

    ready_fd: int | None = None
    "Gets one byte from each worker that accepts, also from one that replaced another; see `wait_until_ready`."

    log_level: str = "warning"
    "debug, info, warning or error; lines go to stderr."

    fast: bool = True
    "False sends every request through gunicorn's parser and WSGI; for tests and measurements."

    memo: bool = True
    "False decides every request anew; for measurements."

    context: ssl.SSLContext | None = field(init=False, default=None)
    "Made before the fork, so that a bad certificate is one error in the caller and session tickets hold for all workers."

    def __post_init__(self) -> None:
        if self.https:
            if self.tls is None:
                raise ValueError("https sockets want a certificate")
            object.__setattr__(self, "context", self.tls.context())

    @property
    def schemes(self) -> tuple[Protocol, ...]:
        """The scheme of each socket, in the order in which gunicorn gets them."""
        return (Protocol.HTTP,) * len(self.http) + (Protocol.HTTPS,) * len(self.https)

    def run(self) -> NoReturn:
        """Serve in this process and its children until SIGTERM; ends with SystemExit."""
        Arbiter(PhoneApplication(self)).run()
        raise SystemExit(0)


class PhoneApplication(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's configuration; no file, variable or flag of gunicorn's own is read."""

    def __init__(self, server: PhoneServer) -> None:
        self.server = server
        # gunicorn takes the descriptors it is given for its own, so it gets copies.
        self.copies = [os.dup(one.fileno()) for one in (*server.http, *server.https)]
        super().__init__()

    def load_config(self) -> None:
        """Set all that differs from gunicorn's defaults."""
        server = self.server
        for name, value in {
            "bind": [f"fd://{fd}" for fd in self.copies],
            "workers": server.workers,
            "worker_class": PhoneWorker,
            "logger_class": OneLineLogger,
            "loglevel": server.log_level,
            "proc_name": "phones",
            "timeout": WATCHDOG_S,
            # The workers end their transfers first; the arbiter only then kills.
            "graceful_timeout": int(server.graceful_s) + 2,
            "control_socket_disable": True,
            "http_parser": "python",
            "limit_request_line": REQUEST_LINE_MAX_BYTES,
            "limit_request_fields": HEADER_FIELDS_MAX,
            # No header changes who asks, by which scheme, or what is asked for.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "forwarder_headers": "",
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """Never called: the worker makes its own application."""
        raise NotImplementedError


def wait_until_ready(fd: int, workers: int, timeout_s: float) -> bool:
    """Return True when `workers` workers have written to the other end of `fd`, False after `timeout_s` or at its end."""
    deadline = time.monotonic() + timeout_s
    seen = 0
    while seen < workers:
        readable, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        data = os.read(fd, 4096) if readable else b""
        if not data:
            return False
        seen += len(data)
    return True
