"""A gunicorn worker that runs the phones' loop; gunicorn forks, watches, restarts and stops it."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gunicorn.workers.base import Worker

from provisioner.delivery.event import EventSink
from provisioner.delivery.request import Protocol
from provisioner.services.http_app import DeliveryApp
from provisioner.services.http_desk import Desk
from provisioner.services.http_listener import Listener
from provisioner.services.http_loop import PhoneLoop
from provisioner.services.http_ordinary import OrdinaryPath

if TYPE_CHECKING:
    from provisioner.services.http_server import PhoneServer

GC_THRESHOLD = 100_000
"Objects made between two looks for cycles; requests make none."

NOTIFY_EVERY_S = 1.0
"How often the worker tells gunicorn that it lives, and looks whether gunicorn does."


def build_loop(
    server: PhoneServer, cfg: Any, sockets: Sequence[socket.socket], sink: EventSink, log: Callable[[str], None]
) -> PhoneLoop:
    """Return the loop of one worker over `sockets`, which are in the order of `server.schemes`."""
    snapshots, policy = server.snapshots(), server.policy()
    desks = {one: Desk(one, snapshots, policy, server.decide, sink, memo=server.memo) for one in set(server.schemes)}
    app = DeliveryApp(desks)
    ordinary = {one: OrdinaryPath(cfg, app, one) for one in desks}
    listeners = [
        Listener(sock, desks[scheme], ordinary[scheme], server.context if scheme is Protocol.HTTPS else None)
        for sock, scheme in zip(sockets, server.schemes, strict=True)
    ]
    return PhoneLoop(listeners, server.limits, log=log, fast=server.fast)


class PhoneWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """One process of the phones' HTTP server."""

    def load_wsgi(self) -> None:
        """Make this process's own sources; nothing that holds a database or a lock crosses the fork."""
        server: PhoneServer = self.app.server
        self.sink: Any = server.events()
        self.loop = build_loop(server, self.cfg, [one.sock for one in self.sockets], self.sink, self.log.warning)

    def run(self) -> None:
        """Serve until told to stop, then answer what was asked, within the time that gunicorn allows."""
        server: PhoneServer = self.app.server
        loop = self.loop
        try:
            gc.collect()
            gc.freeze()  # what was loaded stays; looking through it again and again would only stop the loop
            gc.set_threshold(GC_THRESHOLD, 20, 100)
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
