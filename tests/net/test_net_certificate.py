"""Certificates of our own: made once, kept, private, renewed in time, and good in the eyes of others."""

from __future__ import annotations

import ssl
import stat
import subprocess
from pathlib import Path

import pytest

from sipstub.net.certificate import MAX_NAMES, RENEW_DAYS, SERVER_LIFETIME_DAYS, keep_certificates
from sipstub.net.tls import TlsProblem, server_context

NOW = 1_795_000_000.0
DAY = 86_400.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("kept") / "new"
    keep_certificates(found, ["pbx.example.com", "192.0.2.10", "2001:db8::1"], now=NOW)
    return found


@pytest.mark.needs("openssl")
def test_the_names_stand_in_the_certificate_and_openssl_takes_the_chain(folder: Path) -> None:
    text = subprocess.run(
        ["openssl", "x509", "-in", folder / "server.pem", "-noout", "-ext", "subjectAltName"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("DNS:pbx.example.com", "DNS:localhost", "IP Address:192.0.2.10", "IP Address:127.0.0.1", "IP Address:2001:DB8"):
        assert name in text
    command = ["openssl", "verify", "-no_check_time", "-CAfile", folder / "ca.pem", folder / "server.pem"]
    subprocess.run(command, check=True, capture_output=True)


def test_keys_are_for_nobody_else(folder: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "server.pem": 0o600}
    assert b"PRIVATE" not in (folder / "ca.pem").read_bytes()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_is_there_is_kept_and_what_ends_soon_or_lacks_a_name_is_made_anew_by_the_same_authority(folder: Path) -> None:
    ca, server = (folder / "ca.pem").read_bytes(), (folder / "server.pem").read_bytes()
    assert not keep_certificates(folder, ["pbx.example.com"], now=NOW + DAY).is_new
    assert (folder / "server.pem").read_bytes() == server
    assert keep_certificates(folder, ["other.example.com"], now=NOW + DAY).is_new
    assert not keep_certificates(folder, [], now=NOW + (SERVER_LIFETIME_DAYS - RENEW_DAYS - 2) * DAY).is_new
    assert keep_certificates(folder, [], now=NOW + (SERVER_LIFETIME_DAYS - RENEW_DAYS + 2) * DAY).is_new
    assert (folder / "ca.pem").read_bytes() == ca


@pytest.mark.parametrize("name", ["ca-key.pem", "ca.pem", "server.pem"])
@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None])
def test_a_damaged_or_missing_file_is_made_anew(name: str, content: bytes | None, tmp_path: Path, folder: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    found = keep_certificates(tmp_path, [], now=NOW + DAY)
    assert found.is_new
    server_context(found.server)


def test_a_client_with_the_authority_trusts_by_name_and_by_address(folder: Path) -> None:
    keep_certificates(folder, [], now=1_600_000_000.0)  # nothing happens
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    assert context.get_ca_certs()[0]["subject"]


def test_too_many_names_and_no_names_at_all_and_bad_places_are_told(tmp_path: Path) -> None:
    with pytest.raises(TlsProblem, match="at most"):
        keep_certificates(tmp_path, [f"n{number}" for number in range(MAX_NAMES)], now=NOW)
    with pytest.raises(TlsProblem, match="not a name"):
        keep_certificates(tmp_path, ["ümlaut.example"], now=NOW)
    (tmp_path / "file").write_text("")
    with pytest.raises(TlsProblem, match="cannot keep"):
        keep_certificates(tmp_path / "file", [], now=NOW)
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(TlsProblem, match="cannot use"):
        server_context(tmp_path / "no.pem")
