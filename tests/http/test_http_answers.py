"""What a phone gets over HTTP: its file, a 304, or the same bare refusal as everybody else."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from phone_http import BODY, COMMON, GET, MAC, Phones, a_file, a_snapshot, read_response, without_date

from provisioner.delivery.answer import Answer, Refusal
from provisioner.delivery.file import FileKind
from provisioner.delivery.policy import Policy, parse_networks
from provisioner.delivery.reason import Reason
from provisioner.delivery.request import FileRequest
from provisioner.delivery.snapshot import Snapshot


def test_a_phone_gets_its_file_with_length_tag_and_type(start: Callable[..., Phones]) -> None:
    head, _, body = start().ask(GET).partition(b"\r\n\r\n")
    assert body == BODY
    tag = a_file("x", FileKind.MAC, BODY).sha256.encode()
    assert without_date(head).split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Server: provisioner",
        b"Date: -",
        b"Connection: close",
        b"Content-Type: text/plain; charset=utf-8",
        b'ETag: "' + tag + b'"',
        b"Cache-Control: no-store",
        b"Content-Length: " + str(len(BODY)).encode(),
    ]
    assert re.search(rb"\r\nDate: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n", head)


def test_the_delivery_is_written_down_with_all_that_is_known(start: Callable[..., Phones]) -> None:
    phones = start()
    phones.ask(GET)
    event = phones.outcome("ok")
    assert event.protocol == "http" and event.method == "GET" and event.name == f"/{MAC}.cfg" and event.peer == "127.0.0.1"
    assert event.agent == "anything" and event.mac == MAC and event.phone == "lobby" and event.model == "T46G"
    assert event.status == 200 and event.kind == "mac" and event.file == f"{MAC}.cfg" and event.size_bytes == len(BODY)
    assert event.sha256 == a_file("x", FileKind.MAC, BODY).sha256
    assert event.at > 1_700_000_000 and 0 <= event.duration_s < 10


def test_head_gives_the_same_head_and_no_body(start: Callable[..., Phones]) -> None:
    phones = start()
    head = phones.ask(GET).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert without_date(phones.ask(GET.replace(b"GET", b"HEAD"))) == without_date(head)
    assert phones.outcome("head").size_bytes == 0


@pytest.mark.parametrize(
    ("asked", "part"), [("1000-1999", slice(1000, 2000)), ("-500", slice(-500, None)), ("7-", slice(7, None))]
)
def test_a_part_of_a_firmware_is_exactly_that_part(start: Callable[..., Phones], rom: Path, asked: str, part: slice) -> None:
    phones = start(rom=rom)
    got = phones.ask(b"GET /files/T46.rom HTTP/1.1\r\nRange: bytes=%s\r\n\r\n" % asked.encode())
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 206 Partial Content") and body == rom.read_bytes()[part]
    assert phones.outcome("ok").size_bytes == len(body)


def test_a_file_with_secrets_is_kept_by_nobody_and_a_common_file_may_be_asked_about(start: Callable[..., Phones]) -> None:
    phones = start()
    assert b"\r\nCache-Control: no-store\r\n" in phones.ask(GET)
    assert b"\r\nCache-Control: no-cache\r\n" in phones.ask(b"GET /%s HTTP/1.0\r\n\r\n" % COMMON.encode())


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"x", "{}"', "*"])
def test_an_unchanged_file_is_answered_304_without_a_body(start: Callable[..., Phones], form: str) -> None:
    phones = start()
    tag = form.format(a_file("x", FileKind.MAC, BODY).sha256).encode()
    got = phones.ask(GET.replace(b"\r\n\r\n", b"\r\nIf-None-Match: " + tag + b"\r\n\r\n"))
    assert got.startswith(b"HTTP/1.1 304 Not Modified\r\n") and got.endswith(b"\r\n\r\n") and b"ETag: " in got
    event = phones.outcome("not-modified")
    assert (event.status, event.size_bytes, event.file) == (304, 0, f"{MAC}.cfg")


def test_every_refusal_looks_the_same_on_the_wire(start: Callable[..., Phones]) -> None:
    phones = start(policy=lambda: Policy(parse_networks(("127.0.0.1",))))
    outside = start(policy=lambda: Policy(parse_networks(("10.0.0.0/8",))))
    closing = b" HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
    put = b"PUT /001565aabbcc.cfg HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\nhi"
    asked = [b"GET /001565000000.cfg", b"GET /001565aabbcc.boot", b"GET /y000000000099.cfg", b"GET /../x", b"GET /files/none"]
    answers = {without_date(phones.ask(line + closing)) for line in asked}
    answers |= {without_date(phones.ask(put)), without_date(outside.ask(GET))}
    assert len(answers) == 1
    assert answers.pop().startswith(b"HTTP/1.1 404 Not Found\r\nServer: provisioner\r\n")
    assert phones.outcome("unknown-mac").fact == "mac 001565000000 is not in the inventory"
    assert outside.outcome("outside-network").status == 404


def test_before_the_first_generation_the_answer_is_503_and_afterwards_at_once_the_file(start: Callable[..., Phones]) -> None:
    phones = start()
    phones.shelf.snapshot = None
    assert phones.ask(GET).startswith(b"HTTP/1.1 503 Service Unavailable")
    phones.shelf.snapshot = a_snapshot()
    assert phones.ask(GET).endswith(BODY)


def test_a_new_generation_is_served_from_the_next_request_on(start: Callable[..., Phones]) -> None:
    phones = start()
    assert phones.ask(GET).endswith(BODY)
    old = a_snapshot()
    phones.shelf.snapshot = replace(old, files={**old.files, f"{MAC}.cfg": a_file(f"{MAC}.cfg", FileKind.MAC, b"new", MAC)})
    assert phones.ask(GET).endswith(b"\r\n\r\nnew")


def test_an_answer_is_remembered_for_the_same_peer_and_the_same_bytes_only(start: Callable[..., Phones]) -> None:
    asked: list[FileRequest] = []

    def decide(request: FileRequest, snapshot: Snapshot | None, policy: Policy, *, now: float) -> Answer:
        asked.append(request)
        return Refusal(Reason.UNKNOWN_FILE, "no")

    phones = start(decide=decide)
    for head in (GET, GET, GET.replace(b"anything", b"anythinG"), GET):
        phones.ask(head)
    assert [request.agent for request in asked] == ["anything", "anythinG"]


def test_a_decision_that_raises_costs_one_connection(start: Callable[..., Phones]) -> None:
    def decide(request: FileRequest, snapshot: Snapshot | None, policy: Policy, *, now: float) -> Answer:
        if request.agent == "anything":
            raise RuntimeError("a fault")
        return Refusal(Reason.UNKNOWN_FILE, "no")

    phones = start(decide=decide)
    assert phones.ask(GET) == b""
    assert phones.ask(GET.replace(b"anything", b"else")).startswith(b"HTTP/1.1 404")
    assert any("RuntimeError: a fault" in line for line in phones.log)


def test_a_connection_is_kept_and_used_again(start: Callable[..., Phones]) -> None:
    phones = start()
    keep = GET.replace(b"Connection: close\r\n", b"")
    with phones.open(keep) as sock:
        first = read_response(sock)
        sock.sendall(keep.replace(MAC.encode() + b".cfg", COMMON.encode()))
        assert read_response(sock).endswith(b"#!version:1.0.0.1\n")
        sock.sendall(b"GET /x HTTP/1.1\r\nX-Odd: y\r\n\r\n")
        assert read_response(sock).startswith(b"HTTP/1.1 404")
        sock.sendall(keep)
        assert without_date(read_response(sock)) == without_date(first)


def test_a_body_of_some_size_does_not_tear_the_refusal_away(start: Callable[..., Phones]) -> None:
    phones = start()
    size = 1_000_000
    with phones.open(b"PUT /001565aabbcc-local.cfg HTTP/1.1\r\nHost: b\r\nContent-Length: %d\r\n\r\n" % size) as sock:
        sock.sendall(b"x" * size)
        assert read_response(sock).startswith(b"HTTP/1.1 404 Not Found")
    assert phones.outcome("write-refused").method == "PUT"


def test_the_address_of_an_ipv4_phone_on_an_ipv6_socket_is_its_ipv4_address(start: Callable[..., Phones]) -> None:
    phones = start(host="::")
    phones.http.getsockname()
    import socket

    with socket.create_connection(("127.0.0.1", phones.http.getsockname()[1])) as sock:
        sock.sendall(GET)
        assert read_response(sock).endswith(BODY)
    assert phones.outcome("ok").peer == "127.0.0.1"


def test_a_phone_is_served_over_ipv6(start: Callable[..., Phones]) -> None:
    phones = start(host="::1")
    assert phones.ask(GET).endswith(BODY)
    assert phones.outcome("ok").peer == "::1"


def test_a_forwarded_address_is_not_believed(start: Callable[..., Phones]) -> None:
    phones = start()
    phones.ask(GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 10.9.9.9\r\nForwarded: for=10.9.9.9\r\n\r\n"))
    event = phones.outcome("ok")
    assert (event.peer, event.protocol) == ("127.0.0.1", "http")


def test_long_texts_of_a_peer_are_cut_in_the_journal(start: Callable[..., Phones]) -> None:
    phones = start()
    phones.ask(b"GET /%s HTTP/1.1\r\nUser-Agent: %s\r\n\r\n" % (b"x" * 3000, b"y" * 900))
    event = phones.outcome("bad-name")
    assert (len(event.name), len(event.agent or "")) == (200, 200)


@pytest.mark.needs("curl")
def test_curl_gets_the_file_its_head_a_part_and_a_304(start: Callable[..., Phones], tmp_path: object) -> None:
    phones = start()

    def curl(*arguments: str) -> str:
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", *arguments], capture_output=True, text=True, timeout=20)
        return done.stdout + done.stderr

    url = f"http://127.0.0.1:{phones.address[1]}/{MAC}.cfg"
    assert curl(url).encode() == BODY
    assert curl(url, url).encode() == BODY * 2
    assert "HTTP/1.1 200 OK" in curl("-I", url)
    assert "HTTP/1.0 200 OK" in curl("-0", "-i", url)
    tag = a_file("x", FileKind.MAC, BODY).sha256
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-H", f'If-None-Match: "{tag}"', url) == "304"
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-T", __file__, url) == "404"
