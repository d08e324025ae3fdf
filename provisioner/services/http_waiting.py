"""The open connections of a worker: who waits for what, for how long, and who goes first when there are too many."""

from __future__ import annotations

import resource
from collections.abc import Iterator

from provisioner.services.http_connection import Connection, State
from provisioner.services.http_limits import Limits

RESERVED_FDS = 128
"Descriptors kept for listeners, the database, logs and the open static files."


class WaitingLine:
    """Connections in one state, the one that has waited longest first."""

    __slots__ = ("_waiting", "timeout_s")

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._waiting: dict[int, Connection] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._waiting.values()))

    def join(self, connection: Connection, now: float) -> None:
        """Put it at the end; its time starts now (monotonic seconds)."""
        connection.deadline = now + self.timeout_s
        self._waiting[connection.fd] = connection

    def leave(self, connection: Connection) -> None:
        """Take it out, if it is there."""
        self._waiting.pop(connection.fd, None)

    def first(self) -> Connection | None:
        """Return the one that has waited longest."""
        return next(iter(self._waiting.values()), None)


class WaitingRoom:
    """All connections by descriptor, each in the line of its state."""

    __slots__ = ("_limits", "_lines", "by_fd", "connections_max")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.by_fd: dict[int, Connection] = {}
        self.connections_max = _connections_max(limits.connections)
        self._lines = {
            State.LINGER: WaitingLine(limits.linger_s),
            State.IDLE: WaitingLine(limits.idle_s),
            State.HANDSHAKE: WaitingLine(limits.handshake_s),
            State.HEAD: WaitingLine(limits.head_s),
            State.SEND: WaitingLine(limits.progress_s),
        }

    @property
    def is_full(self) -> bool:
        """True when somebody must go before another may come."""
        return len(self.by_fd) >= self.connections_max

    @property
    def is_empty(self) -> bool:
        """True when no connection is open but those that only linger."""
        return len(self.by_fd) == len(self._lines[State.LINGER])

    def idle(self) -> Iterator[Connection]:
        """Return those that have asked for nothing since their last answer."""
        return iter(self._lines[State.IDLE])

    def silent(self) -> Iterator[Connection]:
        """Return those that have connected and sent nothing."""
        return (connection for connection in self._lines[State.HEAD] if not connection.buffer)

    def enter(self, connection: Connection, now: float) -> None:
        """Take in a new connection; `now` is monotonic."""
        self.by_fd[connection.fd] = connection
        self._lines[connection.state].join(connection, now)

    def move(self, connection: Connection, state: State, now: float) -> None:
        """Put it into the line of another state, or at the end of the same; its time starts anew."""
        self._lines[connection.state].leave(connection)
        connection.state = state
        if state is State.SEND:
            connection.mark = connection.left
        self._lines[state].join(connection, now)

    def leave(self, connection: Connection) -> bool:
        """Let it go; False if it has gone already."""
        if self.by_fd.get(connection.fd) is not connection:
            return False
        del self.by_fd[connection.fd]
        self._lines[connection.state].leave(connection)
        return True

    def least(self, now: float) -> Connection | None:
        """Return the connection that is worth least, in the order of State, the one that has waited longest first.

        Of those that are being sent to it is the slowest: a phone on a normal line outlives a client that stalls.
        """
        for state, line in self._lines.items():
            first = line.first()
            if first is not None:
                return min(line, key=lambda one: one.rate(now)) if state is State.SEND else first
        return None

    def expired(self, now: float) -> Iterator[Connection]:
        """Give those whose time is over; the caller lets each go before it takes the next."""
        for state, line in self._lines.items():
            while (connection := line.first()) is not None and connection.deadline <= now:
                if state is State.SEND and connection.mark - connection.left >= min(self._limits.progress_bytes, connection.mark):
                    self.move(connection, State.SEND, now)  # it reads, if slowly
                    continue
                yield connection


def _connections_max(wanted: int) -> int:
    """Return how many connections the process's limit of descriptors leaves room for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(16, min(wanted, soft - RESERVED_FDS))
