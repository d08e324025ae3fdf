"""The certificate check: names and dates from the certificate itself, and whether the key fits."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from doctor_subject import a_subject
from hypothesis import given
from hypothesis import strategies as st

from provisioner.runtime.doctor import certificate
from provisioner.runtime.doctor.finding import Finding, Level
from provisioner.runtime.doctor.x509 import MAX_CERTIFICATES, CertificateUnreadable, read_der, read_pem

PEM = Path(__file__).parent / "certificate"
DER = base64.b64decode("".join((PEM / "named.pem").read_text("ascii").splitlines()[1:-1]))
DAY = 86_400

MakeCertificate = Callable[..., Path]


def stamp(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()


def test_dates_are_read_in_both_forms_of_the_rfc() -> None:
    (named,) = read_pem((PEM / "named.pem").read_text("ascii"))
    assert (named.begins, named.ends) == (stamp("2026-11-21 12:05:32"), stamp("2036-11-18 12:05:32"))
    (old,) = read_pem((PEM / "common_name.pem").read_text("ascii"))
    assert old.ends == stamp("2081-08-24 12:05:32")


@pytest.mark.parametrize(
    ("file", "host", "covered"),
    [
        ("named", "prov.example", True),
        ("named", "PROV.example.", True),
        ("named", "a.phones.example", True),
        ("named", "a.b.phones.example", False),
        ("named", "phones.example", False),
        ("named", "10.1.0.5", True),
        ("named", "2001:db8:0::5", True),
        ("named", "10.1.0.6", False),
        ("named", "ignored.example", False),
        ("common_name", "prov.example", True),
        ("common_name", "old", False),
        ("bare_address", "10.1.0.5", True),
        ("bare_address", "10.1.0.6", False),
    ],
)
def test_names_are_compared_as_a_phone_does(file: str, host: str, covered: bool) -> None:
    assert read_pem((PEM / f"{file}.pem").read_text("ascii"))[0].covers(host) is covered


@pytest.mark.parametrize(
    "text", ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_said_to_be_none(text: str) -> None:
    with pytest.raises(CertificateUnreadable):
        read_pem(text)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_certificate_or_the_one_error(data: bytes) -> None:
    try:
        read_der(data)
    except CertificateUnreadable:
        return


@given(st.integers(0, len(DER) - 1), st.integers(0, 255), st.integers(0, len(DER)))
def test_a_damaged_certificate_gives_a_certificate_or_the_one_error(at: int, byte: int, length: int) -> None:
    for data in (DER[:at] + bytes([byte]) + DER[at + 1 :], DER[:length]):
        try:
            read_der(data)
        except CertificateUnreadable:
            continue


@pytest.mark.parametrize("missing", [1, 80, 300])
def test_a_certificate_that_ends_too_early_is_not_read(missing: int) -> None:
    with pytest.raises(CertificateUnreadable, match="ends too early"):
        read_der(DER[:-missing])


def test_a_long_chain_is_cut() -> None:
    assert len(read_pem((PEM / "named.pem").read_text("ascii") * 50)) == MAX_CERTIFICATES


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> MakeCertificate:
    folder = tmp_path_factory.mktemp("made")

    def make(name: str, *options: str) -> Path:
        file = folder / f"{name}.pem"
        call = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=x"]
        call += ["-addext", "subjectAltName=IP:10.1.0.5", "-days", "100", "-keyout", f"{folder}/{name}.key", "-out", str(file)]
        subprocess.run([*call, *(options or ("-nodes",))], check=True, capture_output=True, timeout=30)
        return file

    return make


def look(folder: Path, file: Path, key: Path | None, *, days: float = 1, host: str = "10.1.0.5") -> list[Finding]:
    begins = read_pem(file.read_text("ascii"))[0].begins
    flags = {"https": ":0", "certificate": str(file), "advertise": host}
    if key is not None:
        flags["certificate_key"] = str(key)
    return list(certificate.look(a_subject(folder, now=begins + days * DAY, **flags)))


@pytest.mark.needs("openssl")
def test_a_good_certificate_is_fine(tmp_path: Path, make: MakeCertificate) -> None:
    file = make("good")
    (found,) = look(tmp_path, file, file.with_suffix(".key"))
    assert found.level is Level.OK and "is good until" in found.fact


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    ("days", "level", "words"),
    [
        (-1, Level.PROBLEM, "not valid before"),
        (69, Level.OK, ""),
        (71, Level.WARNING, "in 29 days"),
        (100, Level.PROBLEM, "expired on"),
    ],
)
def test_dates_are_judged_by_the_clock(tmp_path: Path, make: MakeCertificate, days: int, level: Level, words: str) -> None:
    file = make("dated")
    (found,) = look(tmp_path, file, file.with_suffix(".key"), days=days)
    assert found.level is level and words in found.fact


@pytest.mark.needs("openssl")
def test_an_expired_certificate_in_the_chain_is_a_problem(tmp_path: Path, make: MakeCertificate) -> None:
    file = make("chained")
    file.write_text(file.read_text("ascii") + (PEM / "bare_address.pem").read_text("ascii"), "ascii")
    subject = a_subject(
        tmp_path,
        now=stamp("2027-03-02 00:00:00"),
        https=":0",
        certificate=str(file),
        certificate_key=str(file.with_suffix(".key")),
    )
    assert any("certificate 2 of" in one.fact and "expired on 2027-03-01" in one.fact for one in certificate.look(subject))


@pytest.mark.needs("openssl")
def test_a_key_of_another_certificate_is_a_problem(tmp_path: Path, make: MakeCertificate) -> None:
    (found,) = look(tmp_path, make("one"), make("other").with_suffix(".key"))
    assert found.level is Level.PROBLEM and "the key belongs to another certificate" in found.fact


@pytest.mark.needs("openssl")
def test_an_encrypted_key_is_a_problem_and_asks_nobody_for_its_password(tmp_path: Path, make: MakeCertificate) -> None:
    file = make("locked", "-passout", "pass:s3cret9")
    (found,) = look(tmp_path, file, file.with_suffix(".key"))
    assert found.level is Level.PROBLEM and "the key is encrypted" in found.fact


@pytest.mark.needs("openssl")
def test_a_missing_key_or_none_at_all_is_a_problem(tmp_path: Path, make: MakeCertificate) -> None:
    (found,) = look(tmp_path, make("keyless"), tmp_path / "none.key")
    assert found.level is Level.PROBLEM and "No such file" in found.fact
    (found,) = look(tmp_path, make("keyless"), None)
    assert found.level is Level.PROBLEM and "it holds no key that can be read" in found.fact


@pytest.mark.needs("openssl")
def test_a_name_that_the_certificate_does_not_cover_is_a_warning(tmp_path: Path, make: MakeCertificate) -> None:
    file = make("elsewhere")
    (found,) = look(tmp_path, file, file.with_suffix(".key"), host="prov.example")
    assert found.level is Level.WARNING and "is for 10.1.0.5, phones are told prov.example" in found.fact


@pytest.mark.needs("openssl")
def test_a_key_open_to_every_user_is_a_problem(tmp_path: Path, make: MakeCertificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "is_open_to_all", lambda path: path.suffix == ".key")
    file = make("open")
    (found,) = look(tmp_path, file, file.with_suffix(".key"))
    assert found.level is Level.PROBLEM and found.hint.startswith("chmod go=")


def test_a_certificate_that_is_missing_or_no_certificate_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("hello", "ascii")
    for name, words in (("none.pem", "No such file"), ("text.pem", "no BEGIN CERTIFICATE")):
        (found,) = certificate.look(a_subject(tmp_path, https=":0", certificate=str(tmp_path / name)))
        assert found.level is Level.PROBLEM and words in found.fact


def test_without_https_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert list(certificate.look(a_subject(tmp_path))) == [Finding(Level.OK, "https is off")]
