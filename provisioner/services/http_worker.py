"""A gunicorn worker that runs the phones' loop; gunicorn forks, watches, restarts and stops it."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

from gunicorn.workers.base import Worker

from provisioner.delivery.request import Protocol
from provisioner.services.http_app import DeliveryApp
from provisioner.services.http_desk import Desk
from provisioner.services.http_loop import Listener, PhoneLoop
from provisioner.services.http_ordinary import OrdinaryPath

if TYPE_CHECKING:
    from provisioner.services.http_server import PhoneServer

NOTIFY_EVERY_S = 1.0
"How often the worker tells gunicorn that it lives, and looks whether gunicorn does."


class PhoneWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """One process of the phones' HTTP server."""

    def load_wsgi(self) -> None:
        """Make this process's own sources; nothing that holds a database or a lock crosses the fork."""
        server: PhoneServer = self.app.server
        snapshots, policy = server.snapshots(), server.policy()
        self.sink: Any = server.events()
        schemes = server.schemes
        desks = {one: Desk(one, snapshots, policy, server.decide, self.sink, memo=server.memo) for one in set(schemes)}
        self.wsgi = DeliveryApp(desks)
        ordinary = {one: OrdinaryPath(self.cfg, self.wsgi, one) for one in desks}
        listeners = [
            Listener(listener.sock, desks[scheme], ordinary[scheme], server.context if scheme is Protocol.HTTPS else None)
            for listener, scheme in zip(self.sockets, schemes, strict=True)
        ]
        self.loop = PhoneLoop(listeners, server.limits, log=self.log.warning, fast=server.fast)

    def run(self) -> None:
        """Serve until told to stop, then answer what was asked, within the time that gunicorn allows."""
        server: PhoneServer = self.app.server
        loop = self.loop
        try:
            loop.watch(self.PIPE[0], self._forget_wakes)
            loop.accept_on()
            if server.ready_fd is not None:
                with contextlib.suppress(OSError):
                    os.write(server.ready_fd, b"\n")
            due = 0.0
            while self.alive:
                now = time.monotonic()
                if now >= due:
                    due = now + NOTIFY_EVERY_S
                    self.notify()
                    if self.ppid != os.getppid():
                        self.log.warning("the arbiter has gone; worker stops")
                        break
                loop.turn(NOTIFY_EVERY_S)
            loop.drain()
            deadline = time.monotonic() + server.graceful_s
            while not loop.is_empty and time.monotonic() < deadline:
                self.notify()
                loop.turn(0.1)
        finally:
            loop.close()
            close = getattr(self.sink, "close", None) or getattr(self.sink, "flush", None)
            if close is not None:
                close()

    def _forget_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.PIPE[0], 4096)
