"""One thread that serves all connections of a worker; nothing in it waits for a client.

Heads are collected as they come, answers leave as fast as the client takes them, static files go by sendfile.  A client
can make its own connection slow and nobody else's.  The clock is read once per turn.
"""

from __future__ import annotations

import errno
import select
import time
from collections.abc import Callable, Mapping, Sequence
from os import close, read, set_blocking, write
from time import monotonic

from provisioner.delivery.request import Protocol
from provisioner.services import http_limits as bounds
from provisioner.services.http_connection import Connection, State
from provisioner.services.http_desk import DateLine, Desk, Prepared
from provisioner.services.http_head import HEAD_END, is_broken, parse_plain
from provisioner.services.http_limits import Limits
from provisioner.services.http_listener import Door, Listener
from provisioner.services.http_ordinary import OrdinaryPath
from provisioner.services.http_question import plain_address
from provisioner.services.http_record import ABORTED
from provisioner.services.http_tls import HANDSHAKE_FAILED, failure_name
from provisioner.services.http_waiting import WaitingRoom


class PhoneLoop:
    """The connections of one worker."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        limits: Limits,
        *,
        log: Callable[[str], None],
        fast: bool = True,
    ) -> None:
        self._limits = limits
        self._room = WaitingRoom(limits)
        self._log = log
        self._fast = fast
        self._epoll = select.epoll()
        self._door = Door(listeners, self._epoll)
        self._ordinary: Mapping[Protocol, OrdinaryPath] = {one.desk.protocol: one.ordinary for one in listeners}
        self._wakes: dict[int, Callable[[], None]] = {}
        self._date = DateLine()
        self._now = time.monotonic()
        self._wall = time.time()
        self._expiry_due = 0.0
        self._handshakes = 0
        self._silent_until = 0.0
        self.draining = False

    @property
    def is_empty(self) -> bool:
        """As WaitingRoom.is_empty."""
        return self._room.is_empty

    def watch(self, fd: int, wake: Callable[[], None]) -> None:
        """Call `wake` when `fd` is readable."""
        self._wakes[fd] = wake
        self._epoll.register(fd, select.EPOLLIN)

    def accept_on(self) -> None:
        """Begin to take connections."""
        self._door.open()

    def drain(self) -> None:
        """Take what the kernel has already accepted, answer what has been asked, close what is idle."""
        self.draining = True
        self._silent_until = self._now + bounds.SILENT_AT_DRAIN_S
        if self._door.is_open:
            for listener in self._door.by_fd.values():
                for _ in range(self._room.connections_max // bounds.ACCEPTS_PER_TURN + 1):
                    if not self._accept(listener):
                        break
        self._door.close()
        for connection in self._room.idle():
            self._guarded(self._on_readable, connection)
            if connection.state is State.IDLE:
                self._drop(connection)

    def turn(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` for something to happen, and do what it asks for."""
        if self._room.by_fd or self._door.rests:
            timeout_s = min(timeout_s, bounds.EXPIRY_EVERY_S)
        events = self._epoll.poll(timeout_s, bounds.EVENTS_PER_TURN)
        self._now = now = time.monotonic()
        self._wall = time.time()
        self._handshakes = 0
        listeners, connections = self._door.by_fd, self._room.by_fd
        for fd, mask in events:
            connection = connections.get(fd)
            if connection is not None:
                if mask & ~select.EPOLLOUT and connection.state is not State.SEND:
                    self._guarded(self._on_readable, connection)
                else:
                    self._guarded(self._on_writable, connection)
            elif fd in listeners:
                self._accept(listeners[fd])
            elif fd in self._wakes:
                self._wakes[fd]()
        if now >= self._expiry_due:
            self._expiry_due = now + bounds.EXPIRY_EVERY_S
            self._expire()

    def close(self) -> None:
        """Drop everything that is open; what was being sent is written down as aborted."""
        self._door.close()
        for connection in list(self._room.by_fd.values()):
            self._drop(connection)
        self._epoll.close()

    # --- new connections

    def _accept(self, listener: Listener) -> bool:
        """Take connections; True if there may be more.

        The common case, one whole plain request whose answer fits into the socket's buffer, needs no poller and no socket object.
        """
        desk, now, wall, accept = listener.desk, self._now, self._wall, listener.accept
        date, record = self._date.at(wall), desk.sink.record
        is_fast = self._fast and not self.draining and listener.context is None
        snapshot, current = None, desk.current
        for _ in range(bounds.ACCEPTS_PER_TURN):
            try:
                fd, address = accept()
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._make_room(error)
                    return False
                continue  # the client gave up before it was taken (accept(2), "Error handling")
            peer = address[0]
            if ":" in peer:
                peer = plain_address(peer)
            set_blocking(fd, False)
            if not is_fast:
                self._take(listener, fd, peer)
                continue
            try:
                data = read(fd, bounds.FIRST_READ_BYTES)
            except BlockingIOError:
                self._adopt(Connection(listener.socket_of(fd), peer, desk, tls=False))
                continue
            except OSError:
                data = b""
            if not data:
                close(fd)
                continue
            if current() is not snapshot or snapshot is None:
                snapshot = current()
                young, old = desk.memo()
            key = (peer, data)
            known = young.get(key) or old.get(key)
            if known is None or known.until < now:
                known = self._prepared(desk, peer, data, known) if data[-4:] == HEAD_END else None
                snapshot = None  # the memo's halves may have changed places
            if known is None or not known.close:
                self._take_with(listener, fd, peer, data)
                continue
            response = known.response(date)
            try:
                sent = write(fd, response) if known.opened is None else 0
            except BlockingIOError:
                sent = 0
            except OSError:
                close(fd)
                record(known.record.event(wall, ABORTED, 0, 0.0))
                continue
            if sent == len(response):
                close(fd)
                record(known.record.sent(wall, monotonic() - now))
            else:
                self._take_rest(listener, fd, peer, known, response, sent)
        return True

    def _take(self, listener: Listener, fd: int, peer: str) -> None:
        """Take a connection whose request, if it is here, goes the long way."""
        if listener.context is not None:
            wrapped = listener.wrapped(fd)
            if wrapped is not None:
                self._adopt(Connection(wrapped, peer, listener.desk, tls=True))
            return
        self._guarded(self._fill, self._adopt(Connection(listener.socket_of(fd), peer, listener.desk, tls=False)))

    def _take_with(self, listener: Listener, fd: int, peer: str, data: bytes) -> None:
        """Take a connection whose first bytes have been read and want more than one answer that fits."""
        connection = self._adopt(Connection(listener.socket_of(fd), peer, listener.desk, tls=False))
        connection.buffer = data
        self._guarded(self._advance, connection)

    def _take_rest(self, listener: Listener, fd: int, peer: str, known: Prepared, response: bytes, sent: int) -> None:
        """Take a connection whose answer did not fit."""
        connection = self._adopt(Connection(listener.socket_of(fd), peer, listener.desk, tls=False))
        connection.begin(response, known, self._wall, self._now, sent)
        self._guarded(self._push, connection)

    def _prepared(self, desk: Desk, peer: str, data: bytes, old: Prepared | None) -> Prepared | None:
        try:
            return desk.prepare_last(peer, data, self._now, old)
        except Exception as error:
            self._log(f"no answer to {peer}: {type(error).__name__}: {error}")
            return None

    def _adopt(self, connection: Connection) -> Connection:
        """Take a connection into the poller and the line of its state, and return it."""
        if self._room.is_full:
            self._make_room(None)
        connection.started = self._now
        connection.interest = select.EPOLLIN
        self._room.enter(connection, self._now)
        self._epoll.register(connection.fd, select.EPOLLIN)
        return connection

    def _make_room(self, error: OSError | None) -> None:
        """Give up the connection that is worth least; if there is none, rest for a moment."""
        victim = self._room.least(self._now)
        if victim is not None:
            self._drop(victim)
            return
        if error is not None and self._door.is_open:
            self._log(f"no room for another connection: {error.strerror}")
            self._door.close(until=self._now + bounds.REST_S)

    # --- reading

    def _on_readable(self, connection: Connection) -> None:
        state = connection.state
        if state is State.HANDSHAKE:
            self._step_handshake(connection)
        elif state is not State.LINGER:
            self._fill(connection)
        elif connection.throw_away(self._limits.linger_bytes):
            self._drop(connection)

    def _fill(self, connection: Connection) -> None:
        """Read what has come, and answer it."""
        data = connection.receive(bounds.HEAD_MAX_BYTES)
        if data is None:
            return
        if not data:
            self._drop(connection)
            return
        if connection.state is State.IDLE:
            self._wait(connection, State.HEAD)
        connection.buffer = connection.buffer + data if connection.buffer else data
        self._advance(connection)

    def _advance(self, connection: Connection) -> None:
        """Answer the requests in the buffer, as far as they are complete and the client takes the answers."""
        for _ in range(bounds.REQUESTS_PER_WAKE):
            buffer = connection.buffer
            end = buffer.find(HEAD_END)
            if 0 <= end <= bounds.HEAD_MAX_BYTES - 4:
                head, connection.buffer = buffer[: end + 4], buffer[end + 4 :]
                self._answer(connection, head)
                if connection.state is not State.IDLE:
                    return
                if connection.buffer:
                    self._wait(connection, State.HEAD)
            elif len(buffer) >= bounds.HEAD_MAX_BYTES or is_broken(buffer):
                connection.buffer = b""
                self._answer_ordinarily(connection, buffer, force_close=True)
                return
            else:
                # What TLS has already decrypted makes no socket readable.
                more = connection.receive(bounds.HEAD_MAX_BYTES) if connection.tls else None
                if not more:
                    return
                connection.buffer = buffer + more
        # Too many at once: the rest gets its turn after the others', and before more is read.
        self._watch(connection, select.EPOLLOUT)

    def _answer(self, connection: Connection, head: bytes) -> None:
        connection.served += 1
        desk = connection.desk
        force_close = self.draining or connection.served >= self._limits.requests
        if self._fast:
            prepared = None if force_close else desk.remembered(connection.peer, head, self._now)
            if prepared is None and (plain := parse_plain(head)) is not None:
                prepared = desk.prepare(connection.peer, head, plain, self._now, force_close=force_close)
            if prepared is not None:
                connection.begin(prepared.response(self._date.at(self._wall)), prepared, self._wall, self._now)
                self._push(connection)
                return
        self._answer_ordinarily(connection, head, force_close=force_close)

    def _answer_ordinarily(self, connection: Connection, head: bytes, *, force_close: bool) -> None:
        handled = self._ordinary[connection.desk.protocol].handle(head, connection.peer, force_close=force_close)
        connection.linger = handled.linger
        connection.begin(handled.head + bytes(handled.reply.body), handled.prepared(), self._wall, self._now)
        self._push(connection)

    # --- sending

    def _on_writable(self, connection: Connection) -> None:
        if connection.state is State.HANDSHAKE:
            self._step_handshake(connection)
            return
        if connection.record is not None:
            self._push(connection)
            if connection.state is not State.IDLE:
                return
            if connection.buffer:
                self._wait(connection, State.HEAD)
        self._watch(connection, select.EPOLLIN)
        self._advance(connection)

    def _push(self, connection: Connection) -> None:
        """Send what can be sent, and finish if that was all."""
        try:
            done = connection.send()
        except OSError:
            self._drop(connection)
            return
        if done:
            self._finish(connection)
        elif connection.state is not State.SEND:
            self._wait(connection, State.SEND)

    def _finish(self, connection: Connection) -> None:
        """Write the response down and go on with the connection as it was announced."""
        record = connection.record
        assert record is not None
        duration = time.monotonic() - connection.started
        connection.desk.write_down(record.event(connection.at, record.outcome, connection.body_sent, duration))
        connection.forget_response()
        if not connection.close:
            self._wait(connection, State.IDLE)
        elif connection.linger and connection.half_close():
            self._wait(connection, State.LINGER)
        else:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        """Close it; a response that was not sent whole is written down as aborted."""
        if not self._room.leave(connection):
            return
        record = connection.record
        if record is not None:
            duration = time.monotonic() - connection.started
            connection.desk.write_down(record.event(connection.at, ABORTED, connection.body_sent, duration))
            connection.forget_response()
        else:
            connection.say_goodbye()
        connection.sock.close()  # takes it out of the poller too

    def _step_handshake(self, connection: Connection) -> None:
        if self._handshakes >= bounds.HANDSHAKES_PER_TURN:
            return  # still readable, so it comes again in the next turn
        self._handshakes += 1
        try:
            wanted = connection.shake()
        except OSError as error:
            connection.desk.report(connection.peer, "TLS", HANDSHAKE_FAILED, failure_name(error), self._wall)
            self._drop(connection)
            return
        if wanted:
            self._watch(connection, wanted)
            return
        self._wait(connection, State.HEAD)
        self._fill(connection)

    def _wait(self, connection: Connection, state: State) -> None:
        """Move to the line of another state; its time starts anew."""
        self._room.move(connection, state, self._now)
        self._watch(connection, select.EPOLLOUT if state is State.SEND else select.EPOLLIN)

    def _watch(self, connection: Connection, interest: int) -> None:
        if interest != connection.interest:
            self._epoll.modify(connection.fd, interest)
            connection.interest = interest

    def _expire(self) -> None:
        """Close what has waited too long in its line."""
        for connection in self._room.expired(self._now):
            why = connection.timeout()
            if why is not None:
                connection.desk.report(connection.peer, *why, self._wall)
            self._drop(connection)
        if self.draining and self._now >= self._silent_until:
            for connection in self._room.silent():
                self._drop(connection)
        self._door.open_if_due(self._now)

    def _guarded(self, handler: Callable[[Connection], None], connection: Connection) -> None:
        """Run one step; whatever goes wrong costs this connection only."""
        try:
            handler(connection)
        except OSError:
            self._drop(connection)
        except Exception as error:
            self._log(f"dropped {connection.peer}: {type(error).__name__}: {error}")
            self._drop(connection)
