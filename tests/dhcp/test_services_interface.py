"""The networks that this machine is in, from what the kernel says, and what strange answers become."""

from __future__ import annotations

import ipaddress
import socket
import struct

import pytest

from provisioner.services import interface
from provisioner.services.interface import LOOPBACK, addresses, networks, parse_if_inet6, parse_ifconf, subnets

IF_INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 02 40 00 82     eth0
fe8000000000000000fc00fffe000001 02 40 20 80     eth0
"""


def row(name: str, address: str, family: int = socket.AF_INET) -> bytes:
    return struct.pack("=16sHH4s", name.encode(), family, 0, socket.inet_aton(address)).ljust(interface._ROW_BYTES, b"\0")


def test_loopback_is_always_there() -> None:
    assert subnets(()) == LOOPBACK
    assert all(any(network.subnet_of(found) for found in networks() if found.version == network.version) for network in LOOPBACK)  # type: ignore[arg-type]


def test_this_machines_own_loopback_address_is_found() -> None:
    assert ipaddress.ip_address("127.0.0.1") in addresses()


def test_an_ipv6_table_gives_addresses_with_their_length() -> None:
    assert [str(found) for found in parse_if_inet6(IF_INET6)] == ["::1/128", "fd00::2/64", "fe80::fc:ff:fe00:1/64"]


def test_a_link_local_address_stands_for_every_neighbour_on_a_link() -> None:
    assert [str(found) for found in subnets(parse_if_inet6(IF_INET6))] == ["127.0.0.0/8", "::1/128", "fd00::/64", "fe80::/10"]


@pytest.mark.parametrize("line", ["", "xyz", "zz" * 16 + " 01 80 10 80 lo", "00" * 16 + " 01 ff 10 80 lo", "00" * 16])
def test_a_strange_line_of_the_ipv6_table_is_passed_over(line: str) -> None:
    assert len(parse_if_inet6(line + "\n" + IF_INET6)) == 3


def test_each_ipv4_row_is_asked_for_its_own_mask() -> None:
    masks = {b"10.1.0.5": "255.255.0.0", b"10.2.0.5": "255.255.255.0"}
    table = row("eth0", "10.1.0.5") + row("eth0", "10.2.0.5") + row("eth1", "10.9.0.1", socket.AF_INET6)

    def mask_of(asked: bytes) -> bytes:
        return row("eth0", masks[socket.inet_ntoa(asked[20:24]).encode()])

    assert [str(found) for found in parse_ifconf(table, mask_of)] == ["10.1.0.5/16", "10.2.0.5/24"]


def test_an_interface_that_went_away_or_has_a_mask_with_holes_gives_its_address_alone() -> None:
    def gone(_: bytes) -> bytes:
        raise OSError("no such device")

    assert [str(found) for found in parse_ifconf(row("ppp0", "10.1.0.5"), gone)] == ["10.1.0.5/32"]
    assert [str(found) for found in parse_ifconf(row("ppp0", "10.1.0.5"), lambda _: row("", "255.0.255.0"))] == ["10.1.0.5/32"]


def test_a_mask_of_length_zero_never_allows_the_whole_world() -> None:
    wide = [ipaddress.IPv4Interface("10.1.0.5/0"), ipaddress.IPv6Interface("2001:db8::1/0")]
    assert [str(found) for found in subnets(wide)] == ["10.1.0.5/32", "127.0.0.0/8", "::1/128", "2001:db8::1/128"]


def test_networks_inside_others_are_merged() -> None:
    found = subnets([ipaddress.IPv4Interface("10.1.0.5/16"), ipaddress.IPv4Interface("10.1.2.5/24")])
    assert [str(network) for network in found if network.version == 4] == ["10.1.0.0/16", "127.0.0.0/8"]


def test_a_kernel_that_does_not_answer_leaves_loopback_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bytes:
        raise OSError("no such ioctl")

    monkeypatch.setattr(interface.fcntl, "ioctl", fails)
    monkeypatch.setattr(interface, "_IF_INET6", interface.Path("/does/not/exist"))
    assert networks() == LOOPBACK
