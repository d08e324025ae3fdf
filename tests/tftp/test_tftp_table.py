"""Which session goes when there are too many."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from tftp_memory import T0, transfer
from tftp_running import published

from provisioner.delivery.answer import Served
from provisioner.services.tftp_table import GRACE_S, Channel, SessionTable, allow_descriptors


class Maker:
    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []

    def __call__(self, port: int) -> Channel:
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sockets.append(own)
        peer = ("192.0.2.1", port)
        return Channel(
            own, peer, key=(3, *peer), request=b"", name="a.cfg", peer_ip=peer[0], served=Served(published("a.cfg", b"a")),
            transfer=transfer(b"a"), began_at=T0, unix_at=T0,
        )  # fmt: skip


@pytest.fixture
def channel() -> Iterator[Maker]:
    maker = Maker()
    yield maker
    for own in maker.sockets:
        own.close()


def test_the_oldest_half_open_session_goes_first_and_running_ones_stay(channel: Maker) -> None:
    table = SessionTable(2, 2)
    first, second, third = channel(1), channel(2), channel(3)
    table.add(first)
    table.add(second)
    table.touch(first)
    assert table.surplus() is None
    table.add(third)
    assert table.surplus() is second
    table.remove(second)
    assert table.surplus() is None
    assert (len(table), table.half_open) == (2, 1)


def test_of_too_many_running_sessions_the_one_that_moved_least_lately_goes(channel: Maker) -> None:
    table = SessionTable(2, 2)
    first, second, third = channel(1), channel(2), channel(3)
    for one in (first, second, third):
        table.add(one)
        table.touch(one)
    table.touch(first)
    assert table.surplus() is second
    assert table.least_useful() is second


def test_a_half_open_session_has_a_moment_for_its_first_ack(channel: Maker) -> None:
    table = SessionTable(1, 2)
    first, second = channel(1), channel(2)
    assert table.wait_s(T0) == 0
    table.add(first)
    assert (table.wait_s(T0), table.wait_s(T0 + GRACE_S)) == (GRACE_S, 0)
    table.touch(first)
    assert table.wait_s(T0) == 0
    table.add(second)
    table.remove(second)
    assert table.wait_s(T0) == 0


def test_a_peer_is_found_by_its_newest_session(channel: Maker) -> None:
    table = SessionTable()
    old, new = channel(1), channel(1)
    table.add(old)
    table.add(new)
    assert table.find(old.key) is new
    table.remove(old)
    assert table.find(old.key) is new
    table.remove(new)
    assert table.find(old.key) is None
    table.remove(new)


def test_the_table_keeps_within_the_descriptors_that_the_process_may_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 256))
    table = SessionTable(2048, 2048)
    assert table.max_half_open + table.max_running <= 192
    assert table.max_half_open > 90


def test_the_soft_limit_of_descriptors_is_raised_as_far_as_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 3000))
    monkeypatch.setattr("resource.setrlimit", lambda _, limits: asked.append(limits))
    assert (allow_descriptors(2000), allow_descriptors(9000), allow_descriptors(1000)) == (2000, 3000, 1024)
    assert asked == [(2000, 3000), (3000, 3000)]
