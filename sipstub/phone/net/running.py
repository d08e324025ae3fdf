"""One virtual phone that is switched on: its agent between sockets and the clock.

    async with RunningPhone(phone, "http://192.0.2.1/", options) as running:
        await running.registered(10)

It boots, does what its file says, and boots again when NOTIFY check-sync wants it.  Leaving the block is like cutting its power:
nothing is unregistered, unless `leave` was called.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Self

from sipstub.media.engine import MediaEngine
from sipstub.media.port import PortRange
from sipstub.media.sound import Sound
from sipstub.phone.agent.agent import PhoneAgent
from sipstub.phone.agent.event import PhoneEvent, Resync
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.agent.place import Place, addresses_of
from sipstub.phone.agent.plan import make_plan
from sipstub.phone.net.address import Bound, bind, own_host, resolve
from sipstub.phone.net.remote_control import RemoteControl
from sipstub.phone.net.stream import PhoneStreams
from sipstub.phone.remote_access import Dial, Press, RemoteAccess, account_of
from sipstub.phone.report import BootReport
from sipstub.phone.virtual import Phone
from sipstub.sip.message import Message
from sipstub.trace.record import Endpoint, Recorder, Transport
from sipstub.transaction.sending import Hop, Sending

MAX_BURST = 64
"Datagrams read before the loop goes on."
MAX_DATAGRAM = 65_535
MAX_KEPT_EVENTS = 1_000
MAX_MEDIA = 16
"Calls of one phone that have media at a time."
USUAL_PORTS = PortRange(11_780, 11_801)
"Of media, from the factory; each call asks for the ones that the file says."

_WIRE: dict[str, Transport] = {"UDP": "udp", "TCP": "tcp", "TLS": "tls"}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a phone runs, apart from what its file says."""

    seed: int | None = None
    "For identifiers and waits; None for other ones each time."
    disobey: tuple[str, ...] = ()
    "Names of mutants."
    source: str | None = None
    "Send from this address."
    tls: ssl.SSLContext | None = None
    "For SIP over TLS; None trusts any server."
    recorder: Recorder | None = None
    "Gets every message as the server's side would see it."
    answering: Answering = Answering.RING
    media: Sound | None = Sound.SILENCE
    "What is heard in its calls; None for no RTP."
    on_event: Callable[[PhoneEvent], None] = lambda event: None


class RunningPhone:
    """Runs one phone until it is closed."""

    def __init__(self, phone: Phone, url: str | None, options: RunOptions | None = None) -> None:
        """Without a URL the phone keeps the settings that it has and fetches nothing."""
        self.phone = phone
        self.options = options or RunOptions()
        self._url = url
        self.reports: list[BootReport] = []
        self.events: list[PhoneEvent] = []
        self.notes: list[str] = []
        self.agent: PhoneAgent | None = None
        self._place = Place(phone.identity.loopback)
        self._udp: dict[int, socket.socket] = {}
        self._media = MediaEngine(USUAL_PORTS, self.options.media or Sound.SILENCE, limit=MAX_MEDIA)
        self._streams: PhoneStreams | None = None
        self._control: RemoteControl | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._offset_s = 0.0
        self._changed = asyncio.Event()
        self._resync: asyncio.Task[None] | None = None
        self._to_follow: Resync | None = None
        self._is_flushing = False
        self._random = random.Random(self.options.seed)  # noqa: S311 - identifiers that can be had again, not secrets

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._offset_s = time.time() - loop.time()
        if self._url is not None:
            self.reports.append(await self.phone.boot(self._url))
        await self._switch_on()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._resync is not None:
            self._resync.cancel()
            await asyncio.gather(self._resync, return_exceptions=True)
        await self._switch_off()

    @property
    def now(self) -> float:
        """Return the time that the agent lives in."""
        return asyncio.get_running_loop().time() + self._offset_s

    async def registered(self, seconds: float) -> bool:
        """Wait until every account that can is registered; return whether that came to pass in time."""
        return await self.until(lambda: self.agent is not None and self.agent.is_registered, seconds)

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds that an event or a message can bring about; return whether it does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        return holds()

    async def leave(self, seconds: float = 2.0) -> bool:
        """Take all registrations back; return whether the servers agreed in time."""
        agent = self.agent
        if agent is None:
            return True
        agent.leave(self.now)
        self.settle()
        return await self.until(
            lambda: not any(lane.is_registered for line in agent.lines for lane in line.registrations), seconds
        )

    # Switching

    async def _switch_on(self) -> None:
        identity, settings = self.phone.identity, self.phone.settings
        plan = make_plan(identity, settings, self.options.disobey)
        names = await resolve(plan.names)
        addresses = [address for host in sorted(plan.hosts) for address in addresses_of(host, names)]
        bound = Bound(self._place)
        if addresses:
            bound = bind(own_host(identity.loopback, addresses, self.options.source), plan.ports)
        self._place = bound.place
        self.notes += bound.notes
        if self.options.media is not None:
            self._media.start()
        self.agent = PhoneAgent(
            identity,
            settings,
            source=self._random,
            place=bound.place,
            names=names,
            disobey=self.options.disobey,
            media=self._media,
        )
        self.agent.answering = self.options.answering
        loop = asyncio.get_running_loop()
        self._udp = bound.udp
        for port, sock in bound.udp.items():
            loop.add_reader(sock, self._readable, sock, port)
        self._streams = PhoneStreams(
            bound.place.host, self._received, self.settle, self._not_sent, self._lost, self.options.tls or _trusting()
        )
        for sock in bound.tcp.values():
            await self._streams.listen(sock)
        await self._let_control()
        self.agent.start(self.now)
        self.settle()

    async def _let_control(self) -> None:
        """Listen for action URIs, where the file names who may send them."""
        access = RemoteAccess.of(self.phone.settings)
        if access.is_on and access.allowed and self._place.host:
            try:
                self._control = await RemoteControl.listening(self._place.host, access, self._obey)
            except OSError as error:
                self.notes.append(f"no action URI: port {access.port} cannot be listened on: {error.strerror}")

    def _obey(self, wanted: Dial | Press) -> None:
        agent = self.agent
        if agent is None:
            return
        if isinstance(wanted, Dial):
            number = account_of(wanted.line, [(line.account.number, line.account.user) for line in agent.lines])
            if number is not None:
                agent.call(number, wanted.number, self.now)
        else:
            for call in [call for line in agent.lines for call in line.calls]:
                call.press(wanted.digit, self.now)
        self.settle()

    async def _switch_off(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._control is not None:
            await self._control.close()
            self._control = None
        if self.agent is not None:
            self.agent.stop()
        self.agent = None
        self._media.close()
        for sock in self._udp.values():
            loop.remove_reader(sock)
            sock.close()
        self._udp = {}
        if self._streams is not None:
            await self._streams.close()
            self._streams = None

    async def _follow(self) -> None:
        """Do what the last NOTIFY says; one that comes while the phone boots is followed after that."""
        while (resync := self._to_follow) is not None:
            self._to_follow = None
            await self._boot_again(resync)

    async def _boot_again(self, resync: Resync) -> None:
        if self._url is None:
            return
        if resync.is_reboot:
            await self._switch_off()
        report = await self.phone.boot(self._url)
        self.reports.append(report)
        if resync.is_reboot or report.changed:
            await self._switch_off()
            await self._switch_on()
        self._changed.set()

    # In and out

    def settle(self) -> None:
        """Send what the agent wants to send, tell its events, set the timer; call it after making the agent do something."""
        agent = self.agent
        if agent is None or self._is_flushing:
            return
        self._is_flushing = True
        try:
            while sendings := agent.to_send():
                for sending in sendings:
                    if not self._send(sending):
                        agent.on_transport_error(sending, self.now)
            while (event := agent.next_event()) is not None:
                self._tell(event)
        finally:
            self._is_flushing = False
        self._arm()
        self._changed.set()

    def _tell(self, event: PhoneEvent) -> None:
        if len(self.events) < MAX_KEPT_EVENTS:
            self.events.append(event)
        self.options.on_event(event)
        if isinstance(event, Resync):
            self._to_follow = event
            if self._resync is None or self._resync.done():
                self._resync = asyncio.get_running_loop().create_task(self._follow())

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wanted = self.agent.next_timer if self.agent is not None else None
        if wanted is not None:
            self._timer = asyncio.get_running_loop().call_at(wanted - self._offset_s, self._due)

    def _due(self) -> None:
        self._timer = None
        if self.agent is not None:
            self.agent.on_timer(self.now)
        self.settle()

    def _send(self, sending: Sending) -> bool:
        hop = sending.hop
        if hop.transport != "UDP":
            is_sent = self._streams is not None and self._streams.send(sending)
            local = self._streams.local_of(hop) if self._streams is not None else ("", 0)
        else:
            sock = self._udp.get(hop.socket) or next(iter(self._udp.values()), None)
            if sock is None:
                return False
            local = sock.getsockname()[:2]
            try:
                sock.sendto(sending.data, (hop.host, hop.port))
                is_sent = True
            except BlockingIOError:
                is_sent = True  # lost on the way
            except OSError:
                is_sent = False
        if is_sent:
            self._record(True, hop, local, sending.data)
        return is_sent

    def _readable(self, sock: socket.socket, port: int) -> None:
        for _ in range(MAX_BURST):
            try:
                data, address = sock.recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP error of something sent before
                continue
            self._received(data, Hop("UDP", address[0], address[1], port), (self._place.host, port))
            if self.agent is None:
                return
        self.settle()

    def _received(self, data: bytes, hop: Hop, local: tuple[str, int]) -> None:
        self._record(False, hop, local, data)
        if self.agent is not None:
            self.agent.receive(data, hop, self.now)

    def _record(self, is_sent: bool, hop: Hop, local: tuple[str, int], data: bytes) -> None:
        """Record as the server's side sees it: what the phone sends comes in there."""
        if self.options.recorder is not None:
            kind = _WIRE[hop.transport]
            there, here = Endpoint(kind, hop.host, hop.port), Endpoint(kind, local[0], local[1])
            self.options.recorder.record(is_sent, there, here, data, self.now)

    def _not_sent(self, sending: Sending) -> None:
        if self.agent is not None:
            self.agent.on_transport_error(sending, self.now)

    def _lost(self, hop: Hop) -> None:
        if self.agent is not None:
            self.agent.flow_closed(hop, self.now)
            self.settle()

    def send(self, message: Message, hop: Hop) -> None:
        """Send a message past the agent, for tests of whoever serves phones."""
        self._send(Sending(message.to_bytes(), hop))


@lru_cache(1)
def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # one for all phones: they keep no sessions
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
