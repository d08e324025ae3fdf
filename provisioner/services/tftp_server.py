"""The TFTP server: tftpy's, with a loop of its own that no datagram can end.

One thread and one epoll.  Each pass first empties the listening sockets into a bounded queue (their receive buffer holds some 277
small datagrams, and a request lost there costs a phone its whole timeout), then serves the transfers, then opens new ones.

Limits: MAX_QUEUE requests waiting, MAX_EVENTS transfers and MAX_STARTS new ones per pass, the session counts of tftp_table, the
windows of tftp_options.  Whatever goes wrong in one session ends that session alone.  Requests are never written to disk, and
nothing is opened by a name that came from the network: `answer` decides which published file a name means.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import logging
import os
import select
import socket
import time
from collections.abc import Callable, Iterable

import tftpy

from provisioner.delivery.answer import Answer, Refusal, Served
from provisioner.delivery.event import DeliveryEvent, EventSink
from provisioner.delivery.reason import Reason
from provisioner.delivery.request import FileRequest, Protocol
from provisioner.services import tftp_report as report
from provisioner.services.tftp_address import plain_ip
from provisioner.services.tftp_content import OpenFiles, open_source, wire_size
from provisioner.services.tftp_inbox import MAX_QUEUE, Arrival, Inbox, bound_socket
from provisioner.services.tftp_options import PLAIN_TERMS, negotiate
from provisioner.services.tftp_packet import (
    FILE_NOT_FOUND,
    ILLEGAL_OPERATION,
    MAX_REQUEST_BYTES,
    SERVER_FAILED,
    UNKNOWN_TRANSFER,
    WRITE_REFUSED,
    MalformedRequest,
    PacketFactory,
    ReadRequest,
    WriteRequest,
)
from provisioner.services.tftp_session import FIRST_INTERVAL_S, RETRANSMISSIONS, Outcome, Transfer
from provisioner.services.tftp_table import GRACE_S, MAX_HALF_OPEN, MAX_RUNNING, Channel, SessionTable

MAX_EVENTS = 64
MAX_STARTS = 64
MAX_REPLY_BYTES = 1024
"The most that is read of a client's ACK or ERROR."

IDLE_WAIT_S = 60.0
MAX_FAILED_ROUNDS = 100
"Rounds that may fail one after the other before the server gives up and the supervisor starts a new one."

TIMER_SLACK = 1024
"Timers of ended sessions that may lie in the heap besides four per living one, before it is cleaned."

MODES = frozenset(("octet", "netascii"))

log = logging.getLogger(__name__)


class TftpServer(tftpy.TftpServer):  # type: ignore[misc]  # tftpy carries no types
    """Serves what `answer` gives for a request, in the place of tftpy's server (`listen`, `stop`, `is_running`, `listenport`)."""

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        answer: Callable[[FileRequest], Answer],
        sink: EventSink,
        *,
        first_interval_s: float = FIRST_INTERVAL_S,
        retransmissions: int = RETRANSMISSIONS,
        max_half_open: int = MAX_HALF_OPEN,
        max_running: int = MAX_RUNNING,
        grace_s: float = GRACE_S,
        max_queue: int = MAX_QUEUE,
    ) -> None:
        """Take over bound UDP sockets, IPv4 or IPv6 or both; with none, `listen` binds one as tftpy does.

        `answer` runs on the server's thread: it must not wait.  `sink` gets one event per refusal and per ended transfer.
        """
        logging.getLogger("tftpy").setLevel(logging.CRITICAL)  # its own words cost more than its work
        super().__init__(os.sep, dyn_file_func=answer)  # a folder is demanded; nothing is ever opened below it
        self.listeners = list(sockets)
        self.files = OpenFiles()
        self.table = SessionTable(max_half_open, max_running, grace_s)
        self._answer = answer
        self._sink = sink
        self._first_interval_s = first_interval_s
        self._retransmissions = retransmissions
        self._max_queue = max_queue
        self._timers: list[tuple[float, int, Channel]] = []
        self._order = itertools.count()
        self._factory = PacketFactory()
        self._epoll: select.epoll
        self._wakeup = -1
        self.inbox = Inbox((), max_queue=max_queue)
        self.resent = 0
        "Datagrams sent more than once, over all ended transfers."

    def listen(
        self,
        listenip: str = "",
        listenport: int = tftpy.DEF_TFTP_PORT,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> None:
        """Serve until `stop`; then close the sockets and return.  OSError only while binding.

        Address and port count only if the constructor got no sockets.  `timeout` is the first retransmission interval in seconds,
        `retries` the number of retransmissions.
        """
        if timeout is not None:
            self._first_interval_s = timeout
        if retries is not None:
            self._retransmissions = retries
        if not self.listeners:
            self.listeners = [bound_socket(listenip, listenport)]
        self._epoll = select.epoll()
        try:
            self._prepare()
            self.is_running.set()
            failed = 0
            while not self._is_stopping():
                try:
                    self._pass()
                    failed = 0
                except Exception:
                    log.exception("a round of the TFTP server failed")
                    failed += 1
                    if failed >= MAX_FAILED_ROUNDS:
                        raise
        finally:
            self._end()

    def stop(self, now: bool = False) -> None:
        """Take no new requests and return from `listen` when the last transfer has ended; with `now`, at once.

        May be called from another thread or from a signal handler, and also before `listen`.
        """
        self.inbox.is_closing = True  # at once: the request that wakes the loop together with us is late already
        super().stop(now)
        with contextlib.suppress(OSError):
            if self._wakeup >= 0:
                os.eventfd_write(self._wakeup, 1)

    def _prepare(self) -> None:
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wakeup, select.EPOLLIN)
        self.inbox = Inbox(self.listeners, max_queue=self._max_queue)
        self.inbox.watch(self._epoll)
        self.sock = self.listeners[0]
        self.listenip, self.listenport = self.sock.getsockname()[:2]

    def _is_stopping(self) -> bool:
        if self.shutdown_immediately:
            return True
        self.inbox.is_closing = bool(self.shutdown_gracefully)
        return self.inbox.is_closing and not self.table.channels and not self.inbox.queue

    def _end(self) -> None:
        for channel in list(self.table.channels.values()):
            self._send(channel, (SERVER_FAILED,))
            channel.transfer.abort("the server stopped")
            self._finish(channel)
        self._timers.clear()
        self._epoll.close()
        self.inbox.close()
        for listener in self.listeners:
            listener.close()
        self.listeners = []
        wakeup, self._wakeup = self._wakeup, -1
        if wakeup >= 0:
            os.close(wakeup)
        self.is_running.clear()

    def _pass(self) -> None:
        """Do one round: listening sockets first, then transfers, timers, and new requests."""
        queue = self.inbox.queue
        now = time.monotonic()
        wait_s = self.table.wait_s(now) if queue else IDLE_WAIT_S
        if self._timers and wait_s:
            wait_s = min(wait_s, max(0.0, self._timers[0][0] - now))
        events = self._epoll.poll(wait_s, MAX_EVENTS)
        channels = self.table.channels
        if len(events) == MAX_EVENTS:  # then a listening socket may be ready without being named
            self.inbox.drain_all()
        else:
            for fd, _ in events:
                if fd not in channels and not self.inbox.drain(fd) and fd == self._wakeup:
                    os.eventfd_read(fd)
        for fd, _ in events:
            channel = channels.get(fd)
            if channel is not None:
                self._hear(channel)
        now = time.monotonic()
        self._ring(now)
        for _ in range(min(MAX_STARTS, len(queue))):
            if self.table.wait_s(now):
                break
            self._open(queue.popleft())

    def _hear(self, channel: Channel) -> None:
        """Read one datagram of a transfer and do what it asks for."""
        try:
            data, sender = channel.recvfrom(MAX_REPLY_BYTES)
            if sender != channel.peer and sender[:2] != channel.peer[:2]:
                if data[:2] != b"\0\5" and sender[1]:  # RFC 1350 section 4; never an error for an error
                    channel.sendto(UNKNOWN_TRANSFER, sender)
                return
            transfer = channel.transfer
            packets = transfer.receive(data, time.monotonic())
            for packet in packets:
                channel.sendto(packet, sender)
            if transfer.outcome is not Outcome.RUNNING:
                self._finish(channel)
            elif packets:  # the client moves; an old or senseless datagram gets nothing
                self.table.touch(channel)
        except BlockingIOError:
            return
        except Exception as error:
            self._fail(channel, error)

    def _ring(self, now: float) -> None:
        """Let the transfers whose time has come send again.  A heap entry may be early: then it goes back with the right time."""
        timers = self._timers
        while timers and timers[0][0] <= now:
            _, order, channel = heapq.heappop(timers)
            if channel.is_closed:
                continue
            try:
                self._send(channel, channel.transfer.elapse(now))
            except Exception as error:
                self._fail(channel, error)
            if channel.transfer.outcome is not Outcome.RUNNING:
                self._finish(channel)
            else:
                heapq.heappush(timers, (channel.transfer.due_at, order, channel))
        if len(timers) > 4 * len(self.table) + TIMER_SLACK:
            self._timers = [timer for timer in timers if not timer[2].is_closed]
            heapq.heapify(self._timers)

    def _open(self, arrival: Arrival) -> None:
        """Answer one request; whatever fails, the next one is served."""
        began_at = time.monotonic()
        unix_at = time.time()
        name, method = "", report.RRQ
        peer_ip = plain_ip(arrival.peer[0])
        try:
            known = self.table.find(arrival.key)
            if known is not None and known.request == arrival.data and known.transfer.is_repeated_by_same_request(began_at):
                self._send(known, known.transfer.repeat(began_at))
                return
            if len(arrival.data) >= MAX_REQUEST_BYTES:
                raise MalformedRequest(f"a request of {MAX_REQUEST_BYTES} bytes or more")
            packet = self._factory.parse_request(arrival.data)
            name = packet.filename
            if isinstance(packet, WriteRequest):
                method = report.WRQ
                self._refuse_write(arrival, name, peer_ip, unix_at)
                return
            if packet.mode not in MODES:
                raise MalformedRequest("the mode is neither octet nor netascii")
            if known is not None:
                known.transfer.abort("the phone asked anew from the same port")
                self._finish(known)
            answer = self._answer(FileRequest(Protocol.TFTP, name, peer_ip))
            if isinstance(answer, Refusal):
                self._reply(arrival, FILE_NOT_FOUND)
                self._record(report.refused(answer, at=unix_at, method=method, name=name, peer=peer_ip, status=1))
                return
            self._start(arrival, packet, answer, peer_ip=peer_ip, began_at=began_at, unix_at=unix_at)
        except MalformedRequest as error:
            self._reply(arrival, ILLEGAL_OPERATION)
            self._record(report.malformed(str(error), at=unix_at, method=method, name=name, peer=peer_ip, status=4))
        except Exception as error:
            log.exception("answering %r for %s failed", name[: report.MAX_NAME_CHARACTERS], peer_ip)
            self._reply(arrival, SERVER_FAILED)
            took_s = time.monotonic() - began_at
            self._record(report.failed(error, at=unix_at, name=name, peer=peer_ip, duration_s=took_s))

    def _refuse_write(self, arrival: Arrival, name: str, peer_ip: str, unix_at: float) -> None:
        """Answer error 2 whatever the content function thinks; it is asked only to know which phone it was."""
        self._reply(arrival, WRITE_REFUSED)
        refusal: Refusal | None = None
        with contextlib.suppress(Exception):
            answer = self._answer(FileRequest(Protocol.TFTP, name, peer_ip, is_write=True))
            refusal = answer if isinstance(answer, Refusal) else None
        if refusal is None:
            refusal = Refusal(Reason.WRITE_REFUSED, f"write request from {peer_ip}")
        self._record(report.refused(refusal, at=unix_at, method=report.WRQ, name=name, peer=peer_ip, status=2))

    def _start(
        self,
        arrival: Arrival,
        packet: ReadRequest,
        served: Served,
        *,
        peer_ip: str,
        began_at: float,
        unix_at: float,
    ) -> None:
        """Open the transfer and send its first packets.  OSError if the file or a socket cannot be opened."""
        is_netascii = packet.mode == "netascii"
        options = packet.options
        terms = negotiate(options, wire_size(served.file, is_netascii=is_netascii)) if options else PLAIN_TERMS
        while (surplus := self.table.surplus()) is not None:
            self._push_out(surplus)
        own = self._session_socket(arrival)
        try:
            source = open_source(served.file, terms, is_netascii=is_netascii, files=self.files)
        except BaseException:
            own.close()
            raise
        transfer = Transfer(
            source, terms, now=began_at, first_interval_s=self._first_interval_s, retransmissions=self._retransmissions
        )
        channel = Channel(
            own,
            arrival.peer,
            key=arrival.key,
            request=arrival.data,
            name=packet.filename,
            peer_ip=peer_ip,
            served=served,
            transfer=transfer,
            began_at=began_at,
            unix_at=unix_at,
        )
        self.table.add(channel)
        try:
            self._epoll.register(channel.fd, select.EPOLLIN)
            heapq.heappush(self._timers, (transfer.due_at, next(self._order), channel))
            self._send(channel, transfer.begin(began_at))
        except Exception as error:
            self._fail(channel, error)

    def _session_socket(self, arrival: Arrival) -> socket.socket:
        """Return a socket on a port of its own, at the address the phone asked; other sessions go if descriptors run out."""
        while True:
            try:
                return arrival.answering_socket()
            except OSError as error:
                victim = self.table.least_useful()
                if error.errno not in (errno.EMFILE, errno.ENFILE) or victim is None:
                    raise
                self._push_out(victim)

    def _send(self, channel: Channel, packets: Iterable[bytes]) -> None:
        """Send to the phone; what the kernel will not take now is as good as lost, and the timer repeats it."""
        with contextlib.suppress(OSError):
            for packet in packets:
                channel.sendto(packet, channel.peer)

    def _reply(self, arrival: Arrival, packet: bytes) -> None:
        """Answer a request that opens no session, from a port of its own as every answer."""
        with contextlib.suppress(OSError), arrival.answering_socket() as own:
            own.sendto(packet, arrival.peer)

    def _push_out(self, channel: Channel) -> None:
        channel.transfer.abort("pushed out by newer requests")
        self._finish(channel)

    def _fail(self, channel: Channel, error: Exception) -> None:
        """End one session because something went wrong on our side."""
        if channel.is_closed:
            return
        log.warning("transfer of %r to %s failed: %s", channel.name[: report.MAX_NAME_CHARACTERS], channel.peer_ip, error)
        self._send(channel, (SERVER_FAILED,))
        channel.transfer.abort(f"failed: {type(error).__name__}")
        self._finish(channel)

    def _finish(self, channel: Channel) -> None:
        """Close the channel and write down how it ended; a second call does nothing."""
        if channel.is_closed:
            return
        self.table.remove(channel)
        with contextlib.suppress(OSError):
            self._epoll.unregister(channel.fd)
        channel.socket.close()
        channel.fd = -1
        transfer = channel.transfer
        with contextlib.suppress(Exception):
            transfer.close()
        self.resent += transfer.resent
        self._record(report.ended(channel, duration_s=time.monotonic() - channel.began_at))

    def _record(self, event: DeliveryEvent) -> None:
        try:
            self._sink.record(event)
        except Exception:  # a sink promises not to raise; a broken promise must not cost a phone its file
            log.exception("an event was lost")
