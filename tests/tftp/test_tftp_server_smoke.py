"""One phone, one file, one event: over sockets."""

from __future__ import annotations

import pytest
from tftp_running import MAC, client, fetch, running


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 5000])
def test_a_phone_gets_its_file_whatever_its_length(size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    with running({"a.cfg": body}) as it, client() as phone:
        assert fetch(phone, it.address, "a.cfg") == body
        event = it.events.next()
    assert (event.outcome, event.status, event.size_bytes, event.method, event.protocol) == ("ok", 0, size, "RRQ", "tftp")
    assert (event.mac, event.phone, event.kind, event.file, event.peer) == (MAC, "lobby", "mac", "a.cfg", "127.0.0.1")
    assert event.fact == "newer-firmware"
    assert 0 <= event.duration_s < 5


def test_an_unknown_file_gets_error_1_and_people_get_the_reason() -> None:
    with running({}) as it, client() as phone:
        with pytest.raises(OSError, match="File not found") as caught:
            fetch(phone, it.address, "b.cfg")
        event = it.events.next()
    assert caught.value.errno == 1
    assert (event.outcome, event.status, event.fact) == ("unknown-file", 1, "no file b.cfg")
