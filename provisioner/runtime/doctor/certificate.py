"""The certificate of the HTTPS listener: readable, its key fits, its dates, its names, and who may read the key."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from provisioner.runtime.addresses import guess_address
from provisioner.runtime.doctor.finding import Finding, ok, problem, warning
from provisioner.runtime.doctor.secrets import is_open_to_all
from provisioner.runtime.doctor.subject import Subject
from provisioner.runtime.doctor.x509 import MAX_FILE_BYTES, Certificate, CertificateUnreadable, read_pem

SOON_DAYS = 30
DAY_S = 86_400


def look(subject: Subject) -> Iterator[Finding]:
    """Yield every fault of the certificate, or that it is good."""
    if "https" not in subject.listeners:
        yield ok("https is off")
        return
    if not subject.settings["certificate"]:
        yield warning("https is on, and no setting of this call names its certificate", "give --certificate FILE as to `serve`")
        return
    file = subject.settings.path("certificate")
    key = Path(subject.settings["certificate_key"] or file)
    try:
        with file.open("r", encoding="ascii", errors="replace") as opened:
            chain = read_pem(opened.read(MAX_FILE_BYTES))
    except (OSError, CertificateUnreadable) as error:
        yield problem(f"{file}: {getattr(error, 'strerror', None) or error}", "name a PEM file with `certificate`")
        return
    faults = [*_key(file, key), *_dates(file, chain, subject.now), *_names(chain[0], subject)]
    yield from faults
    if not faults:
        yield ok(f"{file} fits its key, covers the advertised host, and is good until {_day(min(one.ends for one in chain))}")


def _key(file: Path, key: Path) -> Iterator[Finding]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asked: list[bool] = []

    def no_password() -> str:
        asked.append(True)
        return ""  # without this OpenSSL asks the terminal, and doctor waits

    try:
        context.load_cert_chain(file, key, password=no_password)
    except (OSError, ssl.SSLError) as error:
        reason = str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
        if asked:
            reason = "the key is encrypted"
        elif reason == "KEY_VALUES_MISMATCH":
            reason = "the key belongs to another certificate"
        elif "PEM lib" in reason:
            reason = "it holds no key that can be read"
        yield problem(f"{key}: {reason}", "give the certificate's own key, unencrypted, as PEM with `certificate_key`")
        return
    if is_open_to_all(key):
        yield problem(f"{key} can be read by every user of this machine", f"chmod go= {key}")


def _dates(file: Path, chain: list[Certificate], now: float) -> Iterator[Finding]:
    for number, one in enumerate(chain):
        name = f"{file}" if number == 0 else f"certificate {number + 1} of {file}"
        if now >= one.ends:
            yield problem(f"{name} expired on {_day(one.ends)}", "renew it and restart the server")
        elif now < one.begins:
            yield problem(f"{name} is not valid before {_day(one.begins)}", "wait, or look at the clock")
        elif one.ends - now < SOON_DAYS * DAY_S:
            yield warning(f"{name} expires on {_day(one.ends)}, in {int((one.ends - now) / DAY_S)} days", "renew it")


def _names(own: Certificate, subject: Subject) -> Iterator[Finding]:
    host = (subject.settings["advertise"] or subject.bound.host or guess_address()).strip("[]")
    if not own.covers(host):
        named = ", ".join((*own.names, *map(str, own.addresses))[:5]) or "nothing"
        yield warning(
            f"the certificate is for {named}, phones are told {host}",
            "advertise a name of the certificate; phones with security.cn_validation = 1 refuse it",
        )


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
