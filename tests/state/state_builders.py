"""Builders with valid defaults for the tests of the state folder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from provisioner.delivery.event import DeliveryEvent
from provisioner.delivery.file import FileKind
from provisioner.delivery.snapshot import PhoneEntry
from provisioner.state.published import NewFile, Publication, PublishedPhone

MAC = "001565aabbcc"
COMMON = "y000000000028.cfg"
SHA = "a" * 64


def a_mac(number: int) -> str:
    return f"001565{number:06x}"


def a_body(number: int, version: int = 0) -> bytes:
    """A body that tells its phone and version, and is long enough that a cut would show."""
    return b"#!version:1.0.0.1\n" + b"account.1.label = phone %d version %d\n" % (number, version) * 100


def a_mac_file(number: int, version: int = 0) -> NewFile:
    return NewFile(FileKind.MAC, a_mac(number), a_body(number, version), [["phones.toml", number, "phone"]])


def a_phone(number: int, **changes: Any) -> PublishedPhone:
    fields = {"name": f"phone-{number}", "model": "T46G", "common_name": COMMON} | changes
    return PublishedPhone(PhoneEntry(a_mac(number), **fields), group="sales")


def a_fleet(numbers: Iterable[int], version: int = 0) -> Publication:
    """MAC files and phones, all of one version, and one common file."""
    chosen = list(numbers)
    files = {f"{a_mac(number)}.cfg": a_mac_file(number, version) for number in chosen}
    files[COMMON] = NewFile(FileKind.COMMON, None, b"#!version:1.0.0.1\n# version %d\n" % version)
    return Publication(files=files, phones={a_mac(number): a_phone(number) for number in chosen})


def an_event(**changes: Any) -> DeliveryEvent:
    """A MAC file delivered to a known phone over HTTP."""
    fields: dict[str, Any] = {
        "at": 1000.0,
        "protocol": "http",
        "method": "GET",
        "name": f"/{MAC}.cfg",
        "peer": "10.1.2.3",
        "agent": "Yealink SIP-T46G 28.83.0.35 00:15:65:aa:bb:cc",
        "mac": MAC,
        "phone": "t46g-lobby",
        "model": "T46G",
        "firmware": "28.83.0.35",
        "outcome": "ok",
        "status": 200,
        "kind": "mac",
        "file": f"{MAC}.cfg",
        "sha256": SHA,
        "size_bytes": 4000,
        "duration_s": 0.001,
    } | changes
    return DeliveryEvent(**fields)


def a_knock(asked: str, **changes: Any) -> DeliveryEvent:
    """An unknown phone that asked."""
    fields: dict[str, Any] = {
        "mac": asked,
        "name": f"/{asked}.cfg",
        "phone": None,
        "outcome": "unknown-mac",
        "status": 404,
        "kind": None,
        "file": None,
        "sha256": None,
        "size_bytes": 0,
    }
    return an_event(**(fields | changes))
