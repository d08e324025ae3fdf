"""A UDP proxy between TFTP peers that loses, doubles and reorders datagrams in both directions.

It keeps transfer identifiers apart: for each phone one socket towards the server, and for each port that the server answers from
one socket towards the phone, so that both ends see what they would see without it.  At most MAX_FLOWS phones are kept, the oldest
goes.  A datagram that is held back passes after the next one of its direction, or after HOLD_S.
"""

from __future__ import annotations

import os
import random
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MAX_FLOWS = 256
HOLD_S = 0.02


class _Flow:
    """One phone: its address, the socket towards the server, and one socket towards the phone per port of the server."""

    def __init__(self, phone: Any, front: socket.socket) -> None:
        self.phone = phone
        self.front = front
        self.up = _free_socket(front)
        self.down: dict[Any, socket.socket] = {}

    def close(self) -> None:
        for own in (self.up, *self.down.values()):
            own.close()


def _free_socket(like: socket.socket) -> socket.socket:
    own = socket.socket(like.family, socket.SOCK_DGRAM)
    own.bind((like.getsockname()[0], 0))
    own.setblocking(False)
    return own


class LossyProxy:
    """The proxy; `address` is what the phone is told."""

    def __init__(self, server: Any, *, loss: float, copies: float, reorder: float, seed: int) -> None:
        self.server = server
        self.loss = loss
        self.copies = copies
        self.reorder = reorder
        self.lost = self.doubled = self.held_back = self.passed = 0
        self._random = random.Random(seed)
        self._front = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind((server[0], 0))
        self._front.setblocking(False)
        self.address = self._front.getsockname()
        self._flows: dict[Any, _Flow] = {}
        self._held: list[tuple[socket.socket, bytes, Any]] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._front, selectors.EVENT_READ, (None, None))
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._is_over = False

    def run(self) -> None:
        """Pass datagrams on until `stop`."""
        while not self._is_over:
            ready = self._selector.select(HOLD_S if self._held else None)
            if not ready:
                self._release()
            for key, _ in ready:
                if key.data is not None and isinstance(key.fileobj, socket.socket) and key.fileobj.fileno() >= 0:
                    self._pass(key.fileobj, *key.data)
        for flow in self._flows.values():
            flow.close()
        self._front.close()
        self._selector.close()
        os.close(self._wake)

    def stop(self) -> None:
        """End `run`."""
        self._is_over = True
        os.eventfd_write(self._wake, 1)

    def _pass(self, own: socket.socket, flow: _Flow | None, server: Any) -> None:
        try:
            data, sender = own.recvfrom(70_000)
        except OSError:
            return
        if flow is None:  # a request to the front
            found = self._flows.get(sender) or self._new_flow(sender)
            self._toss(found.up, data, self.server)
        elif server is None:  # the server answers, from a port of its choice
            down = flow.down.get(sender)
            if down is None:
                down = flow.down[sender] = _free_socket(self._front)
                self._selector.register(down, selectors.EVENT_READ, (flow, sender))
            self._toss(down, data, flow.phone)
        else:  # the phone talks to that port
            self._toss(flow.up, data, server)

    def _new_flow(self, phone: Any) -> _Flow:
        if len(self._flows) >= MAX_FLOWS:
            oldest = self._flows.pop(next(iter(self._flows)))
            for own in (oldest.up, *oldest.down.values()):
                self._selector.unregister(own)
            oldest.close()
        flow = self._flows[phone] = _Flow(phone, self._front)
        self._selector.register(flow.up, selectors.EVENT_READ, (flow, None))
        return flow

    def _toss(self, own: socket.socket, data: bytes, to: Any) -> None:
        if self._random.random() < self.loss:
            self.lost += 1
            return
        if self._random.random() < self.reorder and len(self._held) < MAX_FLOWS:
            self.held_back += 1
            self._held.append((own, data, to))
            return
        self._put(own, data, to)
        if self._random.random() < self.copies:
            self.doubled += 1
            self._put(own, data, to)
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for own, data, to in held:
            self._put(own, data, to)

    def _put(self, own: socket.socket, data: bytes, to: Any) -> None:
        self.passed += 1
        try:
            own.sendto(data, to)
        except OSError:
            self.lost += 1


@contextmanager
def lossy(server: Any, *, loss: float = 0.05, copies: float = 0.0, reorder: float = 0.0, seed: int = 1) -> Iterator[LossyProxy]:
    """A running proxy in front of that server address."""
    proxy = LossyProxy(server, loss=loss, copies=copies, reorder=reorder, seed=seed)
    thread = threading.Thread(target=proxy.run, name="lossy", daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(10)
        assert not thread.is_alive()
