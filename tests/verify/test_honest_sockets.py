"""The same over real sockets: an honest phone registers at our server, calls, is asked, and is not accused of anything."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from full_file import MODELS, SECOND, a_file
from model_files import TRANSPORTS
from verify_builders import CATALOGUE, OBSERVABLES
from wire_lab import Callee

from provisioner.expectations.build import build_expectations, read_cfg_files, subject_of
from sipstub.core.compose import compose
from sipstub.net.address import ListenAddress, bind_both, bind_tcp
from sipstub.net.certificate import keep_certificates
from sipstub.net.server import Listening, SipServer
from sipstub.net.tls import client_context, server_context
from sipstub.phone.agent.event import CallChanged, CallState, PhoneEvent, Registered
from sipstub.phone.format.cfg import parse_cfg
from sipstub.phone.format.effective import Effective, apply_files
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.trace.record import Recorder
from sipstub.verify.facts import Facts
from sipstub.verify.finding import Finding
from sipstub.verify.judge import judge
from sipstub.verify.stimulus import EVERY
from sipstub.verify.verdict import Verdict

HOST = "127.0.0.41"
REALM = "sockets"
PATIENCE_S = 40.0
MACS = {"udp": "001565c10001", "tcp": "001565c10002", "tls": "001565c10003"}
AT_ONCE = {
    "account-enabled", "user-name", "auth-name", "password", "answers-challenge", "digest-realm", "digest-uri",
    "nonce-count", "display-name", "label", "server-address", "server-port", "transport", "register-expiry",
    "mac-header", "line-header", "rport", "compact-headers", "proxy-require", "outbound-proxy", "cseq", "user-agent",
    "caller-id-source", "mwi-subscription", "mwi-expiry", "mwi-target", "session-timer", "session-expires",
    "session-refresher", "reliable-provisional", "user-phone", "codec-order", "codec-payload", "ptime", "srtp",
    "rtp-port", "dtmf", "dtmf-payload", "dtmf-info-type", "acknowledges", "anonymous-call",
}  # fmt: skip
"Rules that need no waiting."


async def talk(transport: str, folder: Path) -> list[Finding]:
    """Return what rules say of one phone that registers, calls, presses a key and hangs up."""
    user = RegistrarUser.of("1001", "secret-1001", REALM, auth_name="auth-1001")
    stub = compose(Registrar(Users([user]), Policy(REALM), b"k" * 32))
    datagrams, streams = bind_both(ListenAddress(HOST, 0))
    secure = bind_tcp(ListenAddress(HOST, 0))
    port = {"udp": datagrams, "tcp": streams, "tls": secure}[transport].getsockname()[1]
    stub.core.add(Callee(f"{HOST}:{port}"))
    certificates = keep_certificates(folder, (HOST,), now=time.time())
    recorder = Recorder()
    server = SipServer(
        stub.core,
        [Listening(datagrams), Listening(streams), Listening(secure, is_tls=True)],
        recorder=recorder,
        server_tls=server_context(certificates.server),
        client_tls=client_context(),
    )
    kind = str(TRANSPORTS.index(transport))
    servers = {f"account.1.sip_server.{number}.transport_type": kind for number in (1, 2)}
    servers |= {f"account.1.sip_server.{number}.port": str(port) for number in (1, 2)}
    file = a_file(
        servers, {"account.1.sip_server.1.address": HOST, "account.1.register_mac": "1", "account.1.register_line": "1"}
    )
    settings = apply_files(Effective(), [(file.name, parse_cfg(file.body))])
    identity = PhoneIdentity.of(MACS[transport], MODELS["T46G"])
    events: list[PhoneEvent] = []
    phone = Phone(identity, memory=PhoneMemory(effective=settings))
    running = RunningPhone(phone, None, RunOptions(seed=1, on_event=events.append))

    def seen(method: bytes) -> bool:
        return any(message.data.startswith(method) for message in recorder.messages())

    await server.start()
    try:
        async with running:
            assert await running.registered(PATIENCE_S)
            assert running.agent is not None
            call = running.agent.call(1, "2002", running.now)
            running.settle()
            assert call is not None
            assert await running.until(lambda: any(_is(event, CallState.ANSWERED) for event in events), PATIENCE_S)
            call.press("5", running.now)
            call.hang_up(running.now)
            running.settle()
            assert await running.until(lambda: seen(b"SUBSCRIBE") and seen(b"INFO") and seen(b"BYE"), PATIENCE_S)
    finally:
        await server.close()
    assert any(isinstance(event, Registered) for event in events)
    subject = subject_of("sockets", identity.mac, CATALOGUE.models["T46G"], firmware=identity.firmware)
    expectations = build_expectations(read_cfg_files([file]), OBSERVABLES, subject, CATALOGUE)
    return list(judge(expectations, Facts.of(recorder.messages(), hosts=[HOST, SECOND]), EVERY))


def _is(event: PhoneEvent, state: CallState) -> bool:
    return isinstance(event, CallChanged) and event.state is state


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_honest_phone_on_sockets_is_not_accused(transport: str, tmp_path: Path) -> None:
    findings = asyncio.run(talk(transport, tmp_path))
    assert [finding for finding in findings if finding.verdict in (Verdict.FAIL, Verdict.WARN)] == []
    passed = {finding.rule for finding in findings if finding.verdict is Verdict.PASS}
    assert passed >= AT_ONCE, AT_ONCE - passed
