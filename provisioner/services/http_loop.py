"""One thread that serves all connections of a worker; nothing in it waits for a client.

Heads are collected as they come, answers leave as fast as the client takes them, static files go by sendfile.  A client
can make its own connection slow and nobody else's.  The clock is read once per turn.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from provisioner.delivery.request import Protocol
from provisioner.services import http_limits as bounds
from provisioner.services.http_connection import Connection, State, WaitingLine
from provisioner.services.http_desk import DateLine, Desk, Prepared
from provisioner.services.http_head import HEAD_END, is_broken, parse_plain
from provisioner.services.http_limits import Limits
from provisioner.services.http_ordinary import OrdinaryPath
from provisioner.services.http_question import Question, plain_address
from provisioner.services.http_record import ABORTED, Record
from provisioner.services.http_response import bare
from provisioner.services.http_tls import HANDSHAKE_FAILED, failure_name

RESERVED_FDS = 128
"Descriptors kept for listeners, the database, logs and the open static files."

EXPIRY_EVERY_S = 0.1
HEAD_TIMEOUT = "head-timeout"


class Listener:
    """A listening socket and whose questions come by it."""

    def __init__(self, sock: socket.socket, desk: Desk, ordinary: OrdinaryPath, context: ssl.SSLContext | None) -> None:
        self.sock = sock
        self.desk = desk
        self.ordinary = ordinary
        self.context = context


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
        self._limits = replace(limits, connections=_connections_max(limits.connections))
        self._log = log
        self._fast = fast
        self._epoll = select.epoll()
        self._listeners = {listener.sock.fileno(): listener for listener in listeners}
        self._ordinary: Mapping[Protocol, OrdinaryPath] = {one.desk.protocol: one.ordinary for one in listeners}
        self._wakes: dict[int, Callable[[], None]] = {}
        self._connections: dict[int, Connection] = {}
        self._lines = {
            State.LINGER: WaitingLine(limits.linger_s),
            State.IDLE: WaitingLine(limits.idle_s),
            State.HANDSHAKE: WaitingLine(limits.handshake_s),
            State.HEAD: WaitingLine(limits.head_s),
            State.SEND: WaitingLine(limits.progress_s),
        }
        self._date = DateLine()
        self._now = time.monotonic()
        self._wall = time.time()
        self._expiry_due = 0.0
        self._handshakes = 0
        self._accepting = False
        self._resume_at: float | None = None
        self.draining = False

    # --- what the worker calls

    @property
    def is_empty(self) -> bool:
        """True when no connection is open but those that only linger."""
        return len(self._connections) == len(self._lines[State.LINGER])

    def watch(self, fd: int, wake: Callable[[], None]) -> None:
        """Call `wake` when `fd` is readable."""
        self._wakes[fd] = wake
        self._epoll.register(fd, select.EPOLLIN)

    def accept_on(self) -> None:
        """Begin to take connections."""
        for fd, listener in self._listeners.items():
            listener.sock.setblocking(False)
            # With several workers on one socket only one is woken per connection.
            self._epoll.register(fd, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        self._accepting = True

    def accept_off(self) -> None:
        """Take no more connections."""
        if self._accepting:
            for fd in self._listeners:
                self._epoll.unregister(fd)
        self._accepting = False

    def drain(self) -> None:
        """Take what the kernel has already accepted, answer what has been asked, close what is idle."""
        self.draining = True
        self._resume_at = None
        if self._accepting:
            for listener in self._listeners.values():
                for _ in range(self._limits.connections // bounds.ACCEPTS_PER_TURN + 1):
                    if not self._accept(listener):
                        break
        self.accept_off()
        for connection in self._lines[State.IDLE]:
            self._guarded(self._on_readable, connection)
            if connection.state is State.IDLE:
                self._drop(connection)

    def turn(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` for something to happen, and do what it asks for."""
        if len(self._connections) > 0 or self._resume_at is not None:
            timeout_s = min(timeout_s, EXPIRY_EVERY_S)
        events = self._epoll.poll(timeout_s, bounds.EVENTS_PER_TURN)
        self._now = now = time.monotonic()
        self._wall = time.time()
        self._handshakes = 0
        listeners, connections = self._listeners, self._connections
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
            self._expiry_due = now + EXPIRY_EVERY_S
            self._expire()

    def close(self) -> None:
        """Drop everything that is open; what was being sent is written down as aborted."""
        self.accept_off()
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._epoll.close()

    # --- new connections

    def _accept(self, listener: Listener) -> bool:
        """Take connections; True if there may be more."""
        desk, now = listener.desk, self._now
        for _ in range(bounds.ACCEPTS_PER_TURN):
            try:
                sock, address = listener.sock.accept()
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
            if listener.context is not None:
                self._begin_handshake(sock, peer, listener)
                continue
            try:
                data = sock.recv(bounds.HEAD_MAX_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._adopt(Connection(sock, peer, desk, tls=False))
                continue
            except OSError:
                sock.close()
                continue
            known = desk.remembered(peer, data, now) if self._fast and not self.draining else None
            if known is not None and known.close:
                # The common case: the whole answer is known and fits into the socket's buffer.
                self._send_known(sock, peer, desk, known)
                continue
            if not data:
                sock.close()
                continue
            connection = Connection(sock, peer, desk, tls=False)
            connection.buffer = data
            self._adopt(connection)
            self._guarded(self._advance, connection)
        return True

    def _send_known(self, sock: socket.socket, peer: str, desk: Desk, known: Prepared) -> None:
        data = b"".join((known.before, self._date.at(self._wall), known.after, known.body))
        record = known.record
        try:
            sent = sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except OSError:
            sock.close()
            desk.write_down(record.event(self._wall, ABORTED, 0, 0.0))
            return
        if sent == len(data):
            sock.close()
            desk.write_down(record.event(self._wall, record.outcome, record.length, 0.0))
            return
        connection = Connection(sock, peer, desk, tls=False)
        self._adopt(connection)
        self._begin(connection, data[sent:], record, close=True, linger=False)
        connection.total = len(data)
        self._wait(connection, State.SEND)

    def _begin_handshake(self, sock: socket.socket, peer: str, listener: Listener) -> None:
        assert listener.context is not None
        sock.setblocking(False)
        try:
            wrapped = listener.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):  # the client has gone already
            sock.close()
            return
        connection = Connection(wrapped, peer, listener.desk, tls=True)
        self._adopt(connection)

    def _adopt(self, connection: Connection) -> None:
        """Take a connection into the poller and the line of its state."""
        if len(self._connections) >= self._limits.connections:
            self._make_room(None)
        connection.sock.setblocking(False)
        connection.started = self._now
        connection.interest = select.EPOLLIN
        self._connections[connection.fd] = connection
        self._epoll.register(connection.fd, select.EPOLLIN)
        self._lines[connection.state].join(connection, self._now)

    def _make_room(self, error: OSError | None) -> None:
        """Give up the connection that is worth least; if there is none, rest for a moment."""
        for state, line in self._lines.items():
            victim = line.first()
            if victim is None:
                continue
            if state is State.SEND:
                # Who took least per second of what was sent so far: a phone on a normal line outlives a client that stalls.
                victim = min(line, key=lambda one: (one.total - one.left) / (self._now - one.started + 1.0))
            self._drop(victim)
            return
        if error is not None and self._accepting:
            self._log(f"no room for another connection: {error.strerror}")
            self.accept_off()
            self._resume_at = self._now + 0.1

    # --- reading

    def _on_readable(self, connection: Connection) -> None:
        state = connection.state
        if state is State.HANDSHAKE:
            self._step_handshake(connection)
            return
        if state is State.LINGER:
            self._throw_away(connection)
            return
        self._fill(connection)

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
        # Too many at once: the rest gets its turn after the others', as if it had just come.
        self._watch(connection, select.EPOLLIN | select.EPOLLOUT)

    def _answer(self, connection: Connection, head: bytes) -> None:
        desk = connection.desk
        connection.served += 1
        force_close = self.draining or connection.served >= self._limits.requests
        if self._fast:
            prepared = None if force_close else desk.remembered(connection.peer, head, self._now)
            if prepared is None:
                plain = parse_plain(head)
                if plain is not None:
                    prepared = desk.prepare(connection.peer, head, plain, self._now, force_close=force_close)
            if prepared is not None:
                data = b"".join((prepared.before, self._date.at(self._wall), prepared.after, prepared.body))
                self._begin(connection, data, prepared.record, close=prepared.close, linger=False)
                connection.opened = prepared.opened
                connection.offset = prepared.reply.first
                self._start(connection)
                return
        self._answer_ordinarily(connection, head, force_close=force_close)

    def _answer_ordinarily(self, connection: Connection, head: bytes, *, force_close: bool) -> None:
        handled = self._ordinary[connection.desk.protocol].handle(head, connection.peer, force_close=force_close)
        reply = handled.reply
        record = Record(handled.question, reply)
        self._begin(connection, handled.head + bytes(reply.body), record, close=handled.close, linger=handled.linger)
        connection.opened = reply.opened
        connection.offset = reply.first
        self._start(connection)

    # --- sending

    def _begin(self, connection: Connection, data: bytes, record: Record, *, close: bool, linger: bool) -> None:
        connection.data = memoryview(data)
        connection.record = record
        connection.close = close
        connection.linger = linger
        connection.opened = None
        connection.offset = connection.end = 0
        connection.at = self._wall
        connection.started = self._now
        connection.total = len(data)

    def _start(self, connection: Connection) -> None:
        """Send a response for the first time."""
        if connection.opened is not None:
            assert connection.record is not None
            connection.end = connection.offset + connection.record.length
            connection.total += connection.record.length
            # Bounds what one slow reader holds in the kernel, and makes its progress visible in small steps.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, bounds.SEND_CHUNK_BYTES)
        self._push(connection)

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
            done = self._send(connection)
        except OSError:
            self._drop(connection)
            return
        if done:
            self._finish(connection)
        elif connection.state is not State.SEND:
            connection.mark = connection.left
            self._wait(connection, State.SEND)

    def _send(self, connection: Connection) -> bool:
        """Give the kernel what it takes now; True when all is given.  OSError if the connection broke."""
        try:
            while connection.data is not None:
                sent = connection.sock.send(connection.data)
                connection.data = connection.data[sent:] if sent < len(connection.data) else None
            opened = connection.opened
            if opened is None or connection.offset >= connection.end:
                return True
            count = min(bounds.SEND_CHUNK_BYTES, connection.end - connection.offset)
            if connection.tls:
                sent = connection.sock.send(os.pread(opened.fd, count, connection.offset))
            else:
                sent = os.sendfile(connection.fd, opened.fd, connection.offset, count)
            if sent == 0:
                raise OSError(errno.EIO, "the file has become shorter")
            connection.offset += sent
            return connection.offset >= connection.end
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return False

    def _finish(self, connection: Connection) -> None:
        """Write the response down and go on with the connection as it was announced."""
        record = connection.record
        assert record is not None
        duration = time.monotonic() - connection.started
        connection.desk.write_down(record.event(connection.at, record.outcome, self._body_sent(connection), duration))
        self._forget_response(connection)
        if not connection.close:
            self._wait(connection, State.IDLE)
        elif connection.linger:
            self._linger(connection)
        else:
            self._drop(connection)

    def _body_sent(self, connection: Connection) -> int:
        record = connection.record
        assert record is not None
        return max(0, record.length - connection.left)

    def _forget_response(self, connection: Connection) -> None:
        if connection.opened is not None:
            connection.opened.release()
        connection.opened = None
        connection.data = None
        connection.record = None
        connection.offset = connection.end = 0

    # --- the end of a connection

    def _linger(self, connection: Connection) -> None:
        """Say that nothing more comes, and read on for a while: closing with unread input would tear the answer away."""
        connection.say_goodbye()
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(connection)
            return
        self._wait(connection, State.LINGER)

    def _throw_away(self, connection: Connection) -> None:
        try:
            # The plain bytes of the connection: whether they are TLS no longer matters.
            data = os.read(connection.fd, bounds.SEND_CHUNK_BYTES)
        except BlockingIOError:
            return
        connection.drained += len(data)
        if not data or connection.drained > self._limits.linger_bytes:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        """Close it; a response that was not sent whole is written down as aborted."""
        if self._connections.get(connection.fd) is not connection:
            return
        del self._connections[connection.fd]
        self._lines[connection.state].leave(connection)
        record = connection.record
        if record is not None:
            duration = time.monotonic() - connection.started
            connection.desk.write_down(record.event(connection.at, ABORTED, self._body_sent(connection), duration))
            self._forget_response(connection)
        else:
            connection.say_goodbye()
        connection.sock.close()  # takes it out of the poller too

    # --- TLS

    def _step_handshake(self, connection: Connection) -> None:
        if self._handshakes >= bounds.HANDSHAKES_PER_TURN:
            return  # still readable, so it comes again in the next turn
        self._handshakes += 1
        assert isinstance(connection.sock, ssl.SSLSocket)
        try:
            connection.sock.do_handshake()
        except ssl.SSLWantReadError:
            self._watch(connection, select.EPOLLIN)
        except ssl.SSLWantWriteError:
            self._watch(connection, select.EPOLLOUT)
        except OSError as error:
            self._report(connection, "TLS", HANDSHAKE_FAILED, failure_name(error))
            self._drop(connection)
        else:
            self._wait(connection, State.HEAD)
            self._fill(connection)

    def _report(self, connection: Connection, method: str, outcome: str, fact: str) -> None:
        """Write down what is no decision: a connection that never came to ask."""
        question = Question(connection.desk.protocol, method, "", connection.peer)
        record = Record(question, bare(400, outcome, fact))
        record.status = 0
        connection.desk.write_down(record.event(self._wall, outcome, 0, self._now - connection.started))

    # --- lines

    def _wait(self, connection: Connection, state: State) -> None:
        """Move to the line of another state; its time starts anew."""
        self._lines[connection.state].leave(connection)
        connection.state = state
        self._lines[state].join(connection, self._now)
        self._watch(connection, select.EPOLLOUT if state is State.SEND else select.EPOLLIN)

    def _watch(self, connection: Connection, interest: int) -> None:
        if interest != connection.interest:
            self._epoll.modify(connection.fd, interest)
            connection.interest = interest

    def _expire(self) -> None:
        """Close what has waited too long in its line."""
        now = self._now
        for state, line in self._lines.items():
            while (connection := line.first()) is not None and connection.deadline <= now:
                if state is State.SEND and self._has_progressed(connection):
                    connection.mark = connection.left
                    line.leave(connection)
                    line.join(connection, now)
                    continue
                if state is State.HEAD and connection.buffer:
                    self._report(connection, "-", HEAD_TIMEOUT, f"{len(connection.buffer)} bytes of a request and no more")
                elif state is State.HANDSHAKE:
                    self._report(connection, "TLS", HANDSHAKE_FAILED, "timeout")
                self._drop(connection)
        if self._resume_at is not None and now >= self._resume_at:
            self._resume_at = None
            if not self.draining:
                self.accept_on()

    def _has_progressed(self, connection: Connection) -> bool:
        return connection.mark - connection.left >= min(self._limits.progress_bytes, connection.mark)

    def _guarded(self, handler: Callable[[Connection], None], connection: Connection) -> None:
        """Run one step; whatever goes wrong costs this connection only."""
        try:
            handler(connection)
        except OSError:
            self._drop(connection)
        except Exception as error:
            self._log(f"dropped {connection.peer}: {type(error).__name__}: {error}")
            self._drop(connection)


def _connections_max(wanted: int) -> int:
    """Return how many connections the process's limit of descriptors leaves room for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(16, min(wanted, soft - RESERVED_FDS))
