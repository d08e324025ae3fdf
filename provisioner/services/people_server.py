"""The people listener: gunicorn with threads, cured of waiting for clients that do not close."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import TConn, ThreadWorker

THREADS = 16


class PeopleWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threaded worker, whose own close reads up to 2 s from each client on the main thread (since 26.0)."""

    def enqueue_req(self, conn: Any) -> None:
        """Take a connection whose close does not wait."""
        conn.close = partial(_close_now, conn)
        super().enqueue_req(conn)


def _close_now(conn: Any, graceful: bool = False) -> None:
    del graceful
    TConn.close(conn)


class _Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, sockets: Sequence[socket.socket], make: Callable[[], Any], ready: Callable[[], None]) -> None:
        self._fds = [sock.fileno() for sock in sockets]
        self._make = make
        self._ready = ready
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": [f"fd://{fd}" for fd in self._fds],
            "workers": 1,
            "threads": THREADS,
            "worker_class": PeopleWorker,
            "timeout": 60,
            "graceful_timeout": 5,
            "loglevel": "warning",
            "errorlog": "-",
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "post_worker_init": lambda _worker: self._ready(),
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        return self._make()


def serve_people(sockets: Sequence[socket.socket], make: Callable[[], Any], ready: Callable[[], None]) -> NoReturn:
    """Serve the WSGI application that `make` gives (called in the worker) until SIGTERM."""
    Arbiter(_Application(sockets, make, ready)).run()
    raise SystemExit(0)
