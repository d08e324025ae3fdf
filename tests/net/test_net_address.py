"""Addresses as people write them, and sockets bound to them."""

from __future__ import annotations

import pytest

from sipstub.net.address import ListenAddress, ListenProblem, bind_both, bind_tcp, bind_udp, outward_host
from sipstub.net.descriptors import allow_descriptors


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:5080", "127.0.0.1", 5080),
        ("127.0.0.1", "127.0.0.1", 5060),
        ("localhost:1", "127.0.0.1", 1),
        (":5080", "0.0.0.0", 5080),
        ("*", "0.0.0.0", 5060),
        ("[::1]:5080", "::1", 5080),
        ("[::1]", "::1", 5060),
        ("127.0.0.1:0", "127.0.0.1", 0),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int) -> None:
    assert ListenAddress.parse(text, default_port=5060) == ListenAddress(host, port)


@pytest.mark.parametrize(
    "text", ["pbx.example.com:5060", "127.0.0.1:x", "127.0.0.1:70000", "::1:5060", "[::1", "[::1]1", "1.2.3"]
)
def test_what_is_no_address_is_told_with_a_hint(text: str) -> None:
    with pytest.raises(ListenProblem) as caught:
        ListenAddress.parse(text, default_port=5060)
    assert caught.value.hint


def test_udp_and_tcp_get_the_same_free_port() -> None:
    one, two = bind_both(ListenAddress("127.0.0.1", 0))
    with one, two:
        assert one.getsockname()[1] == two.getsockname()[1]


@pytest.mark.parametrize("bind", [bind_udp, bind_tcp])
def test_a_port_that_is_taken_is_told(bind: object) -> None:
    with bind(ListenAddress("127.0.0.1", 0)) as taken:  # type: ignore[operator]
        address = ListenAddress("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ListenProblem, match="in use"):
            bind(address)  # type: ignore[operator]


def test_a_port_that_is_taken_for_one_of_both_leaves_no_socket_open() -> None:
    with bind_tcp(ListenAddress("127.0.0.1", 0)) as taken:
        address = ListenAddress("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ListenProblem):
            bind_both(address)
        bind_udp(address).close()


def test_we_have_an_address_towards_others_and_room_for_connections() -> None:
    assert outward_host().count(".") == 3
    assert allow_descriptors(64) >= 64
