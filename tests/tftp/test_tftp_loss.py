"""Every file arrives through a line that loses, doubles and reorders datagrams both ways."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from lossy import lossy
from tftp_running import ack, client, request, running

BODY = random.Random(3).randbytes(4_096)
LARGE = random.Random(4).randbytes(150_000)
QUICK = {"first_interval_s": 0.1, "retransmissions": 9}
"Retransmission as ever, but in a hurry: the phone below repeats its own packets after 0.15 s."


def patient_fetch(address: Any, name: str, *, blksize: int = 512, windowsize: int = 1, tries: int = 60) -> bytes:
    """Fetch as a firmware does: repeat the last packet on silence, take blocks in order, tell of gaps, dally at the end."""
    options: dict[str, object] = {}
    if blksize != 512:
        options["blksize"] = blksize
    if windowsize != 1:
        options["windowsize"] = windowsize
    with client(timeout_s=0.15) as own:
        last, peer, received, got, silent = request(name, **options), address, bytearray(), 0, 0
        is_bound = False
        own.sendto(last, peer)
        while silent < tries:
            try:
                data, sender = own.recvfrom(70_000)
            except TimeoutError:
                silent += 1
                own.sendto(last, peer)
                continue
            if is_bound and sender != peer:
                own.sendto(b"\0\5\0\5\0", sender)
                continue
            if data[1] == 5:
                raise OSError(data[4:-1].decode())
            peer, is_bound = sender, True
            if data[1] == 6:
                if not got:
                    last = ack(0)
                    own.sendto(last, peer)
                continue
            if int.from_bytes(data[2:4], "big") == (got + 1) & 0xFFFF:
                got, silent = got + 1, 0
                received += data[4:]
                is_over = len(data) - 4 < blksize
                if is_over or got % windowsize == 0:
                    last = ack(got)
                    own.sendto(last, peer)
                if is_over:
                    dally(own, peer, last)
                    return bytes(received)
            elif windowsize > 1 and last != ack(got):
                last = ack(got)
                own.sendto(last, peer)
    raise TimeoutError(f"{name}: {len(received)} bytes, then silence")


def dally(own: socket.socket, peer: Any, last: bytes) -> None:
    """Answer the last block again for a while, in case the last ACK was lost (RFC 1350 section 6)."""
    until = time.monotonic() + 0.3
    own.settimeout(0.3)
    while time.monotonic() < until:
        try:
            _, sender = own.recvfrom(70_000)
        except TimeoutError:
            return
        if sender == peer:
            own.sendto(last, peer)


@pytest.mark.parametrize(("copies", "reorder"), [(0.0, 0.0), (0.05, 0.05)], ids=["5 % loss", "5 % loss, doubled and reordered"])
def test_every_mac_file_arrives_through_5_percent_loss_both_ways(copies: float, reorder: float) -> None:
    with running({"a.cfg": BODY}, **QUICK) as it, lossy(it.address, loss=0.05, copies=copies, reorder=reorder) as proxy:
        with ThreadPoolExecutor(20) as phones:
            bodies = list(phones.map(lambda _: patient_fetch(proxy.address, "a.cfg"), range(100)))
        assert bodies == [BODY] * 100
        assert proxy.lost > 30
        assert bool(proxy.doubled) == bool(copies) and bool(proxy.held_back) == bool(reorder)


@pytest.mark.parametrize(("blksize", "windowsize"), [(1428, 1), (1428, 8), (512, 16)])
def test_large_files_arrive_with_windows_through_loss_copies_and_reordering(blksize: int, windowsize: int) -> None:
    fetch: Callable[[int], bytes] = lambda _: patient_fetch(proxy.address, "big", blksize=blksize, windowsize=windowsize)  # noqa: E731
    with running({"big": LARGE}, **QUICK) as it, lossy(it.address, loss=0.02, copies=0.02, reorder=0.02) as proxy:
        with ThreadPoolExecutor(4) as phones:
            assert list(phones.map(fetch, range(4))) == [LARGE] * 4
        assert proxy.lost and proxy.doubled and proxy.held_back


def test_a_phone_that_never_repeats_its_ack_is_carried_by_the_servers_repetition() -> None:
    with running({"a.cfg": BODY}, **QUICK) as it, client() as phone:
        phone.sendto(request("a.cfg"), it.address)
        received, seen = bytearray(), 0
        while True:
            data, sender = phone.recvfrom(600)
            number = int.from_bytes(data[2:4], "big")
            seen += 1
            if seen % 3 == 0:
                continue  # every third packet is lost, and the phone stays silent
            if number * 512 - 512 == len(received):
                received += data[4:]
            phone.sendto(ack(number), sender)
            if len(data) < 516:
                break
        assert received == BODY
        assert it.events.next().outcome == "ok"
