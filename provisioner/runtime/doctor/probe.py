"""Asks a listener of this machine for something, as a phone would, and says who answered.

Only addresses of this machine are ever connected to: the caller picks them.  Every wait is bounded by PROBE_S, every answer by
MAX_ANSWER_BYTES.  The requests appear in the journal of a server that runs, under the agent below.
"""

from __future__ import annotations

import enum
import http.client
import socket
import ssl
import time
import warnings
from dataclasses import dataclass

from provisioner.services.http_response import SERVER
from sipstub.phone.outcome import FetchLimits, Outcome
from sipstub.phone.tftp_transfer import TftpTransfer

AGENT = "provisioner-doctor"
PROBE_S = 2.0
MAX_ANSWER_BYTES = 1024 * 1024
MAX_DATAGRAM_BYTES = 65_536
CFG_START = b"#!version:"

TFTP_LIMITS = FetchLimits(size_bytes=MAX_ANSWER_BYTES, idle_s=PROBE_S, total_s=PROBE_S, retransmit_s=0.5, sends=3)


class Who(enum.Enum):
    """Who answered."""

    NOBODY = "nobody"
    OURS = "ours"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one question."""

    who: Who
    "Whether it was this program."

    status: int = 0
    "HTTP status; for TFTP 200 for a file, 404 for error 1; 0 without an answer."

    size_bytes: int = 0
    "Of the body."

    is_cfg: bool = False
    "Whether the body begins like a phone's file."

    detail: str = ""
    "For people, where it is not simply an answer."


def ask_http(address: str, port: int, path: str, *, is_tls: bool = False) -> Answer:
    """Return who answers a GET; our phones' listener names itself in Server."""
    connection: http.client.HTTPConnection
    if is_tls:
        connection = http.client.HTTPSConnection(address, port, timeout=PROBE_S, context=_any_tls())
    else:
        connection = http.client.HTTPConnection(address, port, timeout=PROBE_S)
    try:
        connection.request("GET", path, headers={"User-Agent": AGENT, "Connection": "close"})
        response = connection.getresponse()
        body = response.read(MAX_ANSWER_BYTES)
    except ConnectionRefusedError:
        return Answer(Who.NOBODY, detail="connection refused")
    except (OSError, http.client.HTTPException) as error:
        return Answer(Who.OTHER, detail=f"no HTTP answer: {error or type(error).__name__}")
    finally:
        connection.close()
    server = response.headers.get("Server", "")
    who = Who.OURS if server == SERVER else Who.OTHER
    return Answer(
        who, response.status, len(body), body.startswith(CFG_START), "" if who is Who.OURS else f"Server: {server[:60]!r}"
    )


def ask_tftp(address: str, port: int, name: str) -> Answer:
    """Return who answers a read request; whoever sends a phone's file is taken for ours."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    transfer = TftpTransfer(name, (address, port), limits=TFTP_LIMITS)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))  # an address of this machine, so that nothing can leave it
        try:
            waiting = transfer.start(now=time.monotonic())
            while transfer.result is None:
                for packet in waiting:
                    sock.sendto(packet.data, packet.peer)
                sock.settimeout(max(0.001, transfer.deadline - time.monotonic()))
                try:
                    data, peer = sock.recvfrom(MAX_DATAGRAM_BYTES)
                    waiting = transfer.receive(data, (peer[0], peer[1]), now=time.monotonic())
                except TimeoutError:
                    waiting = transfer.poll(now=time.monotonic())
            for packet in waiting:
                sock.sendto(packet.data, packet.peer)  # the last acknowledgement
        except OSError as error:
            return Answer(Who.NOBODY, detail=str(error))
    result = transfer.result
    if result.outcome is Outcome.RECEIVED:
        is_cfg = result.body.startswith(CFG_START)
        return Answer(Who.OURS if is_cfg else Who.OTHER, 200, len(result.body), is_cfg)
    if result.outcome is Outcome.TIMED_OUT:
        return Answer(Who.NOBODY, detail=result.detail)
    return Answer(Who.OTHER, 404 if result.outcome is Outcome.NOT_FOUND else 500, detail=result.detail)


def _any_tls() -> ssl.SSLContext:
    """The certificate has a check of its own; here only the answer counts, also from a server for old phones."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context
