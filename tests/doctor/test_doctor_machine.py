"""Clock, advertised host, allowed networks: judged by what this machine knows of itself."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from doctor_subject import a_subject

from provisioner.runtime.doctor import advertise, allowed, clock
from provisioner.runtime.doctor.finding import Finding, Level


def at(year: int) -> float:
    return datetime(year, 6, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("year", "level"),
    [(1970, Level.PROBLEM), (2025, Level.PROBLEM), (2026, Level.OK), (2030, Level.OK), (2046, Level.OK), (2047, Level.WARNING)],
)
def test_a_clock_before_the_program_or_far_after_it_is_wrong(tmp_path: Path, year: int, level: Level) -> None:
    assert [one.level for one in clock.look(a_subject(tmp_path, now=at(year)))] == [level]


def advertised(folder: Path, host: str, *addresses: str) -> Finding:
    (found,) = advertise.look(a_subject(folder, advertise=host), lambda name: list(addresses))
    return found


@pytest.mark.parametrize(
    ("host", "addresses", "level", "fact"),
    [
        ("10.1.0.5", ["10.1.0.5"], Level.OK, "10.1.0.5 is this machine"),
        ("prov.example", ["10.1.0.5"], Level.OK, "prov.example (10.1.0.5) is this machine"),
        ("prov.example", ["10.9.0.5"], Level.WARNING, "is not an address of this machine"),
        ("prov.example", ["10.1.0.5", "10.9.0.5"], Level.WARNING, "also resolves to 10.9.0.5"),
        ("localhost", ["127.0.0.1"], Level.WARNING, "no phone can reach it"),
        ("localhost", ["::1"], Level.WARNING, "no phone can reach it"),
    ],
)
def test_the_advertised_host_is_held_against_this_machines_addresses(
    tmp_path: Path, host: str, addresses: list[str], level: Level, fact: str
) -> None:
    found = advertised(tmp_path, host, *addresses)
    assert found.level is level and fact in found.fact


def test_a_name_without_an_address_is_a_problem(tmp_path: Path) -> None:
    def unknown(_: str) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    (found,) = advertise.look(a_subject(tmp_path, advertise="prov.example"), unknown)
    assert found.level is Level.PROBLEM and "Name or service not known" in found.fact


def test_an_address_is_resolved_without_asking_anybody() -> None:
    assert advertise.resolve("127.0.0.1") == ["127.0.0.1"]
    assert advertise.resolve("::1") == ["::1"]


def levels(folder: Path, *networks: str) -> list[tuple[Level, str]]:
    subject = a_subject(folder, allow=networks)
    return [(one.level, one.fact) for one in allowed.look(subject)]


def test_with_nothing_allowed_by_hand_it_is_this_machines_own_networks(tmp_path: Path) -> None:
    assert levels(tmp_path) == [(Level.OK, "loopback and the networks of this machine: 127.0.0.0/8, 10.1.0.0/16, ::1/128")]


@pytest.mark.parametrize("network", ["10.1.0.0/16", "10.1.7.0/24", "127.0.0.1/32"])
def test_a_network_inside_this_machines_own_is_fine(tmp_path: Path, network: str) -> None:
    assert [level for level, _ in levels(tmp_path, network)] == [Level.OK]


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("10.0.0.0/8", "is wider than this machine's own network"),
        ("10.2.0.0/16", "is not a network of this machine"),
        ("fd00::/8", "is not a network of this machine"),
        ("0.0.0.0/0", "lets every address in the world ask"),
        ("::/0", "lets every address in the world ask"),
    ],
)
def test_a_wider_network_is_a_warning(tmp_path: Path, network: str, words: str) -> None:
    ((level, fact),) = levels(tmp_path, network)
    assert level is Level.WARNING and words in fact and "--allow" in fact


def test_a_text_that_is_no_network_is_a_problem_and_the_others_are_still_judged(tmp_path: Path) -> None:
    found = levels(tmp_path, "10.1.0.0/33", "10.1.0.0/16")
    assert [level for level, _ in found] == [Level.PROBLEM, Level.OK]
