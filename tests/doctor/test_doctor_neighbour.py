"""Other servers on this machine are found in the kernel's table, and nobody is asked."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from doctor_subject import a_subject

from provisioner.runtime.doctor import neighbour
from provisioner.runtime.doctor.finding import Level
from provisioner.runtime.doctor.socket_table import Holder, holders, parse_udp

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"


def row(port: int, inode: int) -> str:
    return f"  1: 00000000:{port:04X} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 {inode} 2 0 0\n"


def a_proc(folder: Path, *sockets: tuple[int, int], processes: dict[int, tuple[str, int]] | None = None) -> Path:
    proc = folder / "proc"
    (proc / "net").mkdir(parents=True)
    (proc / "net" / "udp").write_text(HEAD + "".join(row(port, inode) for port, inode in sockets), "ascii")
    for pid, (name, inode) in (processes or {}).items():
        (proc / str(pid) / "fd").mkdir(parents=True)
        (proc / str(pid) / "comm").write_text(name + "\n", "ascii")
        (proc / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
    return proc


def test_the_kernels_table_is_read_and_strange_lines_are_passed_over() -> None:
    assert parse_udp(HEAD + "nonsense\n" + row(67, 12) + " 1: zz\n" + row(69, 13)) == [(67, 12), (69, 13)]
    assert parse_udp("") == []


def test_a_port_is_traced_to_its_process(tmp_path: Path) -> None:
    proc = a_proc(tmp_path, (67, 12), (69, 13), processes={7: ("dnsmasq", 12), 8: ("in.tftpd", 13)})
    assert holders(67, proc) == [Holder("dnsmasq", 7)]
    assert holders(70, proc) == []


def test_a_process_that_may_not_be_looked_at_still_counts(tmp_path: Path) -> None:
    proc = a_proc(tmp_path, (69, 13))
    assert [str(found) for found in holders(69, proc)] == ["a process of another user"]


def test_this_very_process_is_found_in_the_real_table() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert os.getpid() in {found.pid for found in holders(sock.getsockname()[1], Path("/proc"))}


@pytest.mark.parametrize(
    ("name", "dialect"), [("dnsmasq", "dnsmasq"), ("kea-dhcp4", "kea"), ("dhcpd", "isc"), ("x", "dnsmasq|kea|isc")]
)
def test_a_dhcp_server_here_gets_the_command_that_fits_it(tmp_path: Path, name: str, dialect: str) -> None:
    proc = a_proc(tmp_path, (67, 12), processes={7: (name, 12)})
    (found,) = neighbour.look(a_subject(tmp_path, proc=proc))
    assert found.level is Level.OK and f"{name} (pid 7)" in found.fact and found.hint.endswith(f"provisioner dhcp {dialect}")


def test_another_tftp_server_is_a_warning_unless_the_port_is_ours_to_judge(tmp_path: Path) -> None:
    proc = a_proc(tmp_path, (69, 13), processes={8: ("in.tftpd", 13)})
    found = list(neighbour.look(a_subject(tmp_path, proc=proc, tftp=":6969")))
    assert [one.level for one in found] == [Level.OK, Level.WARNING] and "in.tftpd (pid 8)" in found[1].fact
    assert len(list(neighbour.look(a_subject(tmp_path, proc=proc, tftp=":69")))) == 1


def test_a_machine_without_that_table_has_no_neighbours(tmp_path: Path) -> None:
    assert [one.level for one in neighbour.look(a_subject(tmp_path))] == [Level.OK]
