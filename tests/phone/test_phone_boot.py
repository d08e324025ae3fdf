"""Virtual phones boot over real sockets on loopback."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from phone_servers import http_server, ok, tftp_server

from sipstub.errors import UrlProblem
from sipstub.phone.boot.fetch import FetchOptions
from sipstub.phone.boot.fleet import boot_fleet
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.outcome import FetchLimits, Outcome
from sipstub.phone.report import BootReport
from sipstub.phone.virtual import Phone
from sipstub.testing import IMPATIENT, T46G, FakePhone

HEAD = b"#!version:1.0.0.1\n"
COMMON, MAC = "y000000000028.cfg", "001565aabbcc.cfg"
FILES = {COMMON: HEAD + b"a = 1\n", MAC: HEAD + b"b = 2\n" * 300}
PATHS = {"/" + name: ok(body) for name, body in FILES.items()}
SHORT = FetchLimits(idle_s=0.2, total_s=3.0, retransmit_s=0.05, sends=3, size_bytes=100_000)


def a_phone(mac: str = "001565aabbcc", **options: object) -> Phone:
    return Phone(PhoneIdentity.of(mac, T46G), options=FetchOptions(limits=IMPATIENT, **options))  # type: ignore[arg-type]


def outcomes(report: BootReport) -> list[Outcome]:
    return [file.outcome for file in report.files]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_phone_boots_over_http(host: str) -> None:
    async def scenario() -> None:
        async with http_server(PATHS, host=host) as server:
            phone = a_phone()
            where = f"[{host}]" if ":" in host else host
            report = await phone.boot(f"http://{where}:{server.port}/")
            assert report.is_provisioned
            assert [file.body for file in report.files] == list(FILES.values())
            assert server.requests == list(PATHS)
            assert all(f"User-Agent: {phone.identity.agent}\r\n" in head for head in server.heads)
            assert f"Host: {where}:{server.port}\r\n" in server.heads[0]
            assert (await phone.boot(f"http://{where}:{server.port}")).is_unchanged

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("block_bytes", [None, 1428])
def test_a_phone_boots_over_tftp(host: str, block_bytes: int | None) -> None:
    async def scenario() -> None:
        async with tftp_server(FILES, host=host) as server:
            where = f"[{host}]" if ":" in host else host
            report = await a_phone(tftp_block_bytes=block_bytes).boot(f"tftp://{where}:{server.port}")
            assert report.is_provisioned
            assert [file.body for file in report.files] == list(FILES.values())
            assert server.requests == list(FILES)

    asyncio.run(scenario())


@pytest.mark.parametrize("transport", ["http", "tftp"])
def test_missing_files_are_told_apart_from_a_missing_server(transport: str) -> None:
    async def scenario() -> None:
        async with http_server({}) as http, tftp_server({}) as tftp:
            port = http.port if transport == "http" else tftp.port
            report = await a_phone().boot(f"{transport}://127.0.0.1:{port}/")
            assert outcomes(report) == [Outcome.NOT_FOUND, Outcome.NOT_FOUND]
            assert not report.is_provisioned

    asyncio.run(scenario())


def test_nobody_at_the_port_ends_the_pass() -> None:
    with socket.socket() as taken:  # bound but not listening: connections to it are refused
        taken.bind(("127.0.0.1", 0))
        report = FakePhone().boot(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert outcomes(report) == [Outcome.UNREACHABLE]
    assert report.files[0].detail == "connection refused"


def test_a_host_name_is_looked_up() -> None:
    async def scenario() -> None:
        async with http_server(PATHS) as server:
            assert (await a_phone().boot(f"http://localhost:{server.port}/")).is_provisioned

    asyncio.run(scenario())


def test_a_hundred_phones_boot_at_once_each_from_its_own_address() -> None:
    macs = [f"001565{number:06x}" for number in range(100)]
    own = {f"{mac}.cfg": HEAD + f"account.1.user_name = {mac}\n".encode() for mac in macs}
    files = {COMMON: FILES[COMMON], **own}

    async def scenario() -> None:
        async with http_server({"/" + name: ok(body) for name, body in files.items()}) as http, tftp_server(files) as tftp:
            urls = (f"http://127.0.0.1:{http.port}/", f"tftp://127.0.0.1:{tftp.port}/")
            phones = [a_phone(mac) for mac in macs]
            reports = await asyncio.gather(*(phone.boot(urls[at % 2]) for at, phone in enumerate(phones)))
            assert all(report.is_provisioned for report in reports)
            assert [report.effective.text("account.1.user_name") for report in reports] == macs
            assert len(set(http.peers) | set(tftp.peers)) == 100
            assert set(http.peers) | set(tftp.peers) == {phone.identity.loopback for phone in phones}

    asyncio.run(scenario())


def test_a_named_source_address_is_used() -> None:
    async def scenario() -> None:
        async with http_server(PATHS) as server:
            await a_phone(source="127.0.0.77").boot(f"http://127.0.0.1:{server.port}/")
            assert set(server.peers) == {"127.0.0.77"}

    asyncio.run(scenario())


def test_one_host_may_be_asked_without_an_own_address() -> None:
    async def scenario() -> None:
        async with http_server(PATHS) as server:
            await a_phone(own_address=False).boot(f"http://127.0.0.1:{server.port}/")
            assert set(server.peers) == {"127.0.0.1"}

    asyncio.run(scenario())


def _challenging(challenge: str, begin: str) -> object:
    def answer(head: str) -> bytes:
        if f"Authorization: {begin}" in head:
            return ok(HEAD + b"a = 1\n")
        return f"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 4\r\n\r\nno!\n".encode()

    return answer


@pytest.mark.parametrize(
    ("challenge", "begin"),
    [
        ('Basic realm="x"', "Basic " + base64.b64encode(b"user:pass:word").decode()),
        ('Digest realm="x", nonce="n", qop="auth"', 'Digest username="user", realm="x", nonce="n", uri="/'),
    ],
)
def test_credentials_are_sent_only_when_asked_for(challenge: str, begin: str) -> None:
    async def scenario() -> None:
        async with http_server(_challenging(challenge, begin)) as server:  # type: ignore[arg-type]
            report = await a_phone().boot(f"http://user:pass%3Aword@127.0.0.1:{server.port}/")
            assert report.is_provisioned
            assert ["Authorization" in head for head in server.heads] == [False, True, False, True]
            assert "pass" not in report.url
            without = await a_phone().boot(f"http://127.0.0.1:{server.port}/")
            assert outcomes(without) == [Outcome.REFUSED, Outcome.REFUSED]
            assert len(server.heads) == 6

    asyncio.run(scenario())


def test_a_wrong_password_is_tried_once() -> None:
    async def scenario() -> None:
        async with http_server(_challenging('Basic realm="x"', "Basic never")) as server:  # type: ignore[arg-type]
            report = await a_phone().boot(f"http://user:wrong@127.0.0.1:{server.port}/")
            assert outcomes(report) == [Outcome.REFUSED, Outcome.REFUSED]
            assert len(server.heads) == 4

    asyncio.run(scenario())


def test_the_phone_uses_the_credentials_of_its_settings() -> None:
    own = HEAD + b"auto_provision.server.username = user\nauto_provision.server.password = pass\n"
    phone = FakePhone()
    phone.boot_from({MAC: own})

    async def scenario() -> None:
        begin = "Basic " + base64.b64encode(b"user:pass").decode()
        async with http_server(_challenging('Basic realm="x"', begin)) as server:  # type: ignore[arg-type]
            assert (await phone.phone.boot(f"http://127.0.0.1:{server.port}/")).is_provisioned

    asyncio.run(scenario())


async def _says_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _stops_halfway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await reader.read()


async def _floods(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not writer.transport.is_closing():
        writer.write(b"x" * 65536)
        await writer.drain()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_says_nothing, Outcome.TIMED_OUT),
        (_stops_halfway, Outcome.TIMED_OUT),
        (_floods, Outcome.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", Outcome.TOO_LARGE),
        (b"HTTP/1.1 500 Oops\r\n\r\n", Outcome.BAD_STATUS),
        (b"garbage\r\n\r\n", Outcome.BROKEN),
        (b"", Outcome.BROKEN),
    ],
)
def test_a_bad_server_ends_in_a_named_outcome(answer: object, outcome: Outcome) -> None:
    async def scenario() -> None:
        async with http_server(lambda _head: answer) as server:  # type: ignore[arg-type,return-value]
            phone = a_phone()
            phone.options = FetchOptions(limits=SHORT)
            report = await phone.boot(f"http://127.0.0.1:{server.port}/")
            assert report.files[0].outcome is outcome
            if outcome is Outcome.TIMED_OUT:
                assert report.files[0].detail == "0.2 s of silence"

    asyncio.run(scenario())


def test_a_silent_tftp_server_times_out_and_a_lost_request_does_not() -> None:
    async def scenario(drop: set[int]) -> BootReport:
        async with tftp_server(FILES, drop=drop) as server:
            phone = a_phone()
            phone.options = FetchOptions(limits=SHORT)
            return await phone.boot(f"tftp://127.0.0.1:{server.port}/")

    lost = asyncio.run(scenario({1}))
    assert lost.is_provisioned
    assert [file.is_retransmitted for file in lost.files] == [True, False]
    assert outcomes(asyncio.run(scenario(set(range(1, 20))))) == [Outcome.TIMED_OUT]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key in one PEM file."""
    openssl = shutil.which("openssl") or pytest.skip("wants openssl")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=server"]
    subprocess.run([*command, "-keyout", f"{path}.key", "-out", path], check=True, capture_output=True)
    return path


@pytest.mark.needs("openssl")
def test_a_phone_boots_over_https_and_refuses_an_unknown_authority(certificate: Path) -> None:
    async def scenario() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, f"{certificate}.key")
        trusting = ssl.create_default_context(cafile=str(certificate))
        trusting.check_hostname = False
        async with http_server(PATHS, tls=context) as server:
            url = f"https://127.0.0.1:{server.port}/"
            report = await a_phone(tls=trusting).boot(url)
            assert report.is_provisioned
            assert report.transport == "https"
            stranger = await a_phone().boot(url)
            assert outcomes(stranger) == [Outcome.UNREACHABLE]
            assert "CERTIFICATE" in stranger.files[0].detail

    asyncio.run(scenario())


@pytest.fixture
def tftpd(tmp_path: Path) -> Iterator[int]:
    """The port of an in.tftpd that serves tmp_path."""
    if os.geteuid() != 0:
        pytest.skip("in.tftpd serves with --secure only as root")
    program = shutil.which("in.tftpd")
    assert program is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--listen", "--foreground", "--address", f"127.0.0.1:{port}", "--user", "root", "--secure", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(5)


@pytest.mark.needs("in.tftpd")
@pytest.mark.parametrize("block_bytes", [None, 8, 1428])
def test_a_phone_boots_from_a_foreign_tftp_server(tftpd: int, tmp_path: Path, block_bytes: int | None) -> None:
    body = HEAD + b"".join(b"account.1.x%d = y\n" % number for number in range(400))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / MAC).write_bytes(body)
    (tmp_path / "folder" / MAC).chmod(0o644)
    phone = a_phone(tftp_block_bytes=block_bytes)
    phone.options = FetchOptions(limits=FetchLimits(retransmit_s=0.1, sends=8), tftp_block_bytes=block_bytes)
    began = time.monotonic()
    report = asyncio.run(phone.boot(f"tftp://127.0.0.1:{tftpd}/folder"))
    assert report.is_provisioned, report.notes
    assert report.files[1].body == body
    assert outcomes(report) == [Outcome.NOT_FOUND, Outcome.RECEIVED]
    assert time.monotonic() - began < 10


def test_a_fleet_boots_a_few_at_a_time_and_reports_in_order() -> None:
    macs = [f"001565{number:06x}" for number in range(12)]

    async def scenario() -> None:
        inside = most = 0

        async def counts(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            for _ in range(5):
                await asyncio.sleep(0)
            inside -= 1
            writer.write(ok(HEAD))
            await writer.drain()
            await _reader.read()

        async with http_server(lambda _head: counts) as server:
            url = f"http://127.0.0.1:{server.port}/"
            seen: list[BootReport] = []
            reports = await boot_fleet(((a_phone(mac), url) for mac in macs), at_once=3, on_report=seen.append)
            assert [report.identity.mac for report in reports] == macs
            assert all(report.is_provisioned for report in reports)
            assert len(seen) == 12
            assert 1 < most <= 3
            with pytest.raises(UrlProblem):
                await boot_fleet([(a_phone(), "ftp://x/"), (a_phone(), url)])

    asyncio.run(scenario())
