"""The same answers over HTTPS, and handshakes that hold nobody up."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from phone_http import BODY, GET, Phones, read_all, read_response, without_date

from provisioner.errors import SettingsError
from provisioner.services.http_limits import Limits
from provisioner.services.http_tls import TlsSettings

pytestmark = pytest.mark.needs("openssl")


def shaken(phones: Phones, certificate: TlsSettings) -> ssl.SSLSocket:
    assert phones.https is not None
    context = ssl.create_default_context(cafile=str(certificate.certificate))
    plain = socket.create_connection(phones.https.getsockname(), 10)
    return context.wrap_socket(plain, server_hostname="localhost")


def half_open(phones: Phones, data: bytes = b"\x16\x03\x01") -> socket.socket:
    assert phones.https is not None
    sock = socket.create_connection(phones.https.getsockname(), 10)
    sock.sendall(data)
    return sock


def test_https_gives_the_same_bytes_as_http(start: Callable[..., Phones], certificate: TlsSettings) -> None:
    phones = start(tls=certificate)
    with shaken(phones, certificate) as sock:
        sock.sendall(GET)
        assert without_date(read_all(sock)) == without_date(phones.ask(GET))
    for protocol in ("http", "https"):
        phones.diary.first(lambda event: event.protocol == protocol and event.outcome == "ok")  # noqa: B023  used at once


def test_a_connection_is_kept_over_https_and_odd_requests_take_the_other_path(
    start: Callable[..., Phones], certificate: TlsSettings
) -> None:
    phones = start(tls=certificate)
    with shaken(phones, certificate) as sock:
        sock.sendall(GET.replace(b"Connection: close", b"X-Odd: 1"))
        assert read_response(sock).endswith(BODY)
        sock.sendall(GET.replace(b"Connection: close\r\n", b"") * 40)
        got = b""
        while got.count(b"HTTP/1.1 200 OK") < 40:
            got += sock.recv(65536)


def test_a_firmware_arrives_whole_over_https(start: Callable[..., Phones], certificate: TlsSettings, rom: Path) -> None:
    phones = start(tls=certificate, rom=rom)
    with shaken(phones, certificate) as sock:
        sock.sendall(b"GET /files/T46.rom HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
        assert read_all(sock).partition(b"\r\n\r\n")[2] == rom.read_bytes()
    assert phones.outcome("ok").protocol == "https"


def test_half_a_handshake_holds_up_nobody_and_ends_in_time(start: Callable[..., Phones], certificate: TlsSettings) -> None:
    phones = start(tls=certificate, limits=Limits(handshake_s=0.4))
    halves = [half_open(phones) for _ in range(40)]
    with shaken(phones, certificate) as sock:
        sock.sendall(GET)
        assert read_all(sock).endswith(BODY)
    assert phones.ask(GET).endswith(BODY)
    for half in halves:
        assert half.recv(10) == b""
        half.close()
    event = phones.outcome("tls-handshake-failed")
    assert (event.method, event.fact, event.protocol, event.status) == ("TLS", "timeout", "https", 0)


def test_a_failed_handshake_is_written_down_with_its_reason(start: Callable[..., Phones], certificate: TlsSettings) -> None:
    phones = start(tls=certificate)
    with half_open(phones, GET) as sock:
        read_all(sock)
    assert phones.outcome("tls-handshake-failed").fact == "HTTP_REQUEST"


def test_a_phone_that_does_not_trust_the_certificate_is_seen(start: Callable[..., Phones], certificate: TlsSettings) -> None:
    phones = start(tls=certificate)
    assert phones.https is not None
    context = ssl.create_default_context()
    with socket.create_connection(phones.https.getsockname(), 10) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="localhost")
    assert "UNKNOWN_CA" in phones.outcome("tls-handshake-failed").fact


def test_old_tls_is_refused_unless_the_minimum_is_lowered(start: Callable[..., Phones], certificate: TlsSettings) -> None:
    def asked(phones: Phones) -> str:
        assert phones.https is not None
        command = ["openssl", "s_client", "-tls1", "-cipher", "DEFAULT:@SECLEVEL=0", "-quiet", "-connect"]
        command.append(f"127.0.0.1:{phones.https.getsockname()[1]}")
        return subprocess.run(command, input=GET, capture_output=True, timeout=20).stdout.decode()

    strict = start(tls=certificate)
    assert asked(strict) == ""
    assert strict.outcome("tls-handshake-failed").fact == "UNSUPPORTED_PROTOCOL"
    lowered = start(tls=TlsSettings(certificate.certificate, certificate.key, minimum="1.0"))
    assert asked(lowered).endswith(BODY.decode())


def test_a_certificate_that_cannot_be_used_is_one_named_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be used: No such file"):
        TlsSettings(tmp_path / "none.pem").context()
    with pytest.raises(SettingsError, match=r"tls_minimum '0\.9' is unknown"):
        TlsSettings(tmp_path / "none.pem", minimum="0.9").context()


@pytest.mark.needs("curl", "openssl")
def test_curl_gets_the_file_over_https(start: Callable[..., Phones], certificate: TlsSettings) -> None:
    phones = start(tls=certificate)
    assert phones.https is not None
    port = phones.https.getsockname()[1]
    command = [
        "curl",
        "-sS",
        "--noproxy",
        "*",
        "--cacert",
        str(certificate.certificate),
        "--resolve",
        f"localhost:{port}:127.0.0.1",
    ]
    done = subprocess.run([*command, phones.url(tls=True), phones.url(tls=True)], capture_output=True, timeout=20)
    assert done.stdout == BODY * 2
