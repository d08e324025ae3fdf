"""Captures that real tools made are read: tcpdump and dumpcap live on loopback, and the file formats of text2pcap and editcap."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path

import pytest
from capture_samples import TcpTalk, a_datagram, a_pcap, read, timed
from message_samples import a_request, a_response

from sipstub.trace.recording import Recording

CAN_CAPTURE = pytest.mark.skipif(os.geteuid() != 0, reason="to capture on loopback takes root")
REGISTER, FINE = a_request(), a_response()
HERE = "127.0.77.77"
ONLY_OURS = f"host {HERE} or host ::1"
BIG = a_request("MESSAGE", body=b"x" * 20_000)


def talk_over_udp(family: socket.AddressFamily, host: str) -> list[bytes]:
    """Say a few things on loopback and return them; the last asks a capture to end."""
    with socket.socket(family, socket.SOCK_DGRAM) as server, socket.socket(family, socket.SOCK_DGRAM) as phone:
        server.bind((host, 0))
        phone.bind((host, 0))
        for data in (REGISTER, BIG):
            phone.sendto(data, server.getsockname())
            server.recv(65_535)
        server.sendto(FINE, phone.getsockname())
        phone.recv(65_535)
    return [REGISTER, BIG, FINE]


def talk_over_tcp(host: str) -> list[bytes]:
    with (
        socket.create_server((host, 0)) as server,
        socket.create_connection(server.getsockname()[:2], source_address=(host, 0)) as phone,
    ):
        accepted, _ = server.accept()
        with accepted:
            for data in (REGISTER[:50], REGISTER[50:] + BIG):
                phone.sendall(data)
            left = len(REGISTER) + len(BIG)
            while left:
                left -= len(accepted.recv(65_535))
            accepted.sendall(FINE)
            assert phone.recv(65_535) == FINE
    return [REGISTER, BIG, FINE]


def captured(command: list[str], file: Path) -> tuple[Recording, list[bytes]]:
    """Return what the tool wrote while we talked, and what we said; marks before and after say when it listens and has all."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as tool:
        try:
            wait_for_mark(b"begin of talk", file)
            said = talk_over_udp(socket.AF_INET, HERE)
            said += talk_over_udp(socket.AF_INET6, "::1")
            said += talk_over_tcp(HERE)
            wait_for_mark(b"end of talk", file)
        finally:
            tool.terminate()
            tool.wait(10)
    return read(file.read_bytes()), said


def wait_for_mark(mark: bytes, file: Path) -> None:
    """Send the mark on loopback, again and again, until the tool has written it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind((HERE, 0))
        ours.settimeout(0.05)
        for _ in range(400):
            ours.sendto(mark, ours.getsockname())
            ours.recv(100)
            with contextlib.suppress(TimeoutError):
                ours.recv(100)  # nothing comes: a moment passes
            if file.exists() and mark in file.read_bytes():
                return
    pytest.fail(f"{mark!r} was never captured")


TCPDUMP = ["tcpdump", "-U", "--immediate-mode", "-B", "65536"]  # the usual buffer holds only a few large packets
TOOLS = {
    "tcpdump on loopback": [*TCPDUMP, "-i", "lo"],
    "tcpdump on all, cooked": [*TCPDUMP, "-i", "any", "-y", "LINUX_SLL"],
    "tcpdump on all, cooked 2": [*TCPDUMP, "-i", "any", "-y", "LINUX_SLL2"],
    "tcpdump with nanoseconds": [*TCPDUMP, "-i", "lo", "--time-stamp-precision=nano"],
    "dumpcap on loopback": ["dumpcap", "-q", "-i", "lo", "-f", ONLY_OURS],
}


@CAN_CAPTURE
@pytest.mark.needs("tcpdump", "dumpcap")
@pytest.mark.parametrize("name", TOOLS)
def test_what_a_tool_captures_on_loopback_is_read(name: str, tmp_path: Path) -> None:
    file = tmp_path / "live.pcap"
    found, said = captured([*TOOLS[name], "-w", str(file), *([ONLY_OURS] if "tcpdump" in name else [])], file)
    assert sorted(message.data for message in found.messages) == sorted(said), found.notes
    assert {message.peer.host for message in found.messages} == {HERE, "::1"}
    assert [message.is_inbound for message in found.messages] == [True, True, False] * 3


@pytest.mark.needs("editcap")
@pytest.mark.parametrize("kind", ["pcap", "nsecpcap", "pcapng"])
@pytest.mark.parametrize("link", [("-T", "ether"), ("-T", "rawip")])
def test_files_written_by_editcap_are_read(kind: str, link: tuple[str, str], tmp_path: Path) -> None:
    talk = TcpTalk()
    packets = [a_datagram(REGISTER), *talk.hello(), talk.segment(0, REGISTER), talk.segment(1, FINE)]
    is_ethernet = link[1] == "ether"
    frames = [bytes(12) + b"\x08\x00" + packet for packet in packets] if is_ethernet else packets
    (tmp_path / "ours").write_bytes(a_pcap(timed(frames), link_type=1 if is_ethernet else 101))
    subprocess.run(["editcap", "-F", kind, *link, tmp_path / "ours", tmp_path / "theirs"], check=True, capture_output=True)
    found = read((tmp_path / "theirs").read_bytes())
    assert [message.data for message in found.messages] == [REGISTER, REGISTER, FINE]
    assert found.messages[1].at == pytest.approx(1_700_000_000.04, abs=1e-6) and found.notes == ()


@pytest.mark.needs("text2pcap")
@pytest.mark.parametrize("options", [["-4", "10.1.2.3,10.1.0.5"], ["-6", "2001:db8::3,2001:db8::5"]])
@pytest.mark.parametrize("transport", ["-u", "-T"])
def test_files_written_by_text2pcap_are_read(transport: str, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "dump").write_text("".join(f"{at:06x} {REGISTER[at : at + 16].hex(' ')}\n" for at in range(0, len(REGISTER), 16)))
    command = ["text2pcap", transport, "5062,5060", *options, str(tmp_path / "dump"), str(tmp_path / "made")]
    subprocess.run(command, check=True, capture_output=True)
    found = read((tmp_path / "made").read_bytes())
    assert [message.data for message in found.messages] == [REGISTER]
    assert found.messages[0].peer.port == 5062


@pytest.mark.needs("tshark")
def test_pdus_exported_by_tshark_are_read(tmp_path: Path) -> None:
    talk = TcpTalk()
    packets = [*talk.hello(), talk.segment(0, REGISTER[:99]), talk.segment(0, REGISTER[99:]), a_datagram(REGISTER)]
    (tmp_path / "ours").write_bytes(a_pcap(timed(packets)))
    command = ["tshark", "-r", str(tmp_path / "ours"), "-U", "OSI layer 7", "-w", str(tmp_path / "theirs")]
    subprocess.run(command, check=True, capture_output=True)
    found = read((tmp_path / "theirs").read_bytes())
    assert [message.data for message in found.messages] == [REGISTER, REGISTER]
    assert [message.peer.transport for message in found.messages] == ["tcp", "udp"]
