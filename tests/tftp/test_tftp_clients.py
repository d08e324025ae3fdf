"""Real clients get the very bytes: tftp-hpa, atftp, curl and tftpy."""

from __future__ import annotations

import io
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tftpy
from tftp_running import Running, running, static

SMALL = random.Random(8).randbytes(4_096)
TEXT = b"#!version:1.0.0.1\naccount.1.label = Lobby\r\nx\ry\n"
LARGE_BYTES = 20 * 1024 * 1024
PATIENCE_S = 60


@pytest.fixture(scope="module")
def large() -> bytes:
    return random.Random(9).randbytes(LARGE_BYTES)


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory, large: bytes) -> Iterator[Running]:
    path = tmp_path_factory.mktemp("files") / "T46.rom"
    path.write_bytes(large)
    files = {"a.cfg": SMALL, "empty": b"", "even": SMALL[:1024], "text.cfg": TEXT, "large": large, "T46.rom": static(path)}
    with running(files, hosts=("127.0.0.1", "::1")) as found:
        yield found


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, timeout=PATIENCE_S, check=False)


@pytest.mark.needs("tftp")
@pytest.mark.parametrize("name", ["a.cfg", "empty", "even"])
def test_tftp_hpa_gets_the_file_in_octet_mode(it: Running, tmp_path: Path, name: str) -> None:
    run("tftp", "-m", "binary", "127.0.0.1", it.port, "-c", "get", name, cwd=tmp_path)
    assert (tmp_path / name).read_bytes() == it.answers.files[name].body


@pytest.mark.needs("tftp")
def test_tftp_hpa_gets_text_in_netascii_mode_as_it_lies_on_the_server(it: Running, tmp_path: Path) -> None:
    run("tftp", "-m", "ascii", "127.0.0.1", it.port, "-c", "get", "text.cfg", cwd=tmp_path)
    assert (tmp_path / "text.cfg").read_bytes() == TEXT


@pytest.mark.needs("tftp")
def test_tftp_hpa_shows_the_bare_errors(it: Running, tmp_path: Path) -> None:
    assert b"File not found" in run("tftp", "127.0.0.1", it.port, "-c", "get", "missing", cwd=tmp_path).stdout
    (tmp_path / "up").write_bytes(b"x")
    assert b"Access violation" in run("tftp", "127.0.0.1", it.port, "-c", "put", "up", cwd=tmp_path).stdout


@pytest.mark.needs("tftp")
def test_tftp_hpa_gets_the_file_over_ipv6(it: Running, tmp_path: Path) -> None:
    run("tftp", "-6", "-m", "binary", "::1", it.addresses[1][1], "-c", "get", "a.cfg", cwd=tmp_path)
    assert (tmp_path / "a.cfg").read_bytes() == SMALL


@pytest.mark.needs("curl")
@pytest.mark.parametrize("more", [[], ["--tftp-blksize", "1428"], ["--tftp-blksize", "8"], ["--tftp-no-options"]])
@pytest.mark.parametrize("name", ["a.cfg", "empty", "even"])
def test_curl_gets_the_file_with_and_without_options(it: Running, tmp_path: Path, name: str, more: list[str]) -> None:
    done = run("curl", "-sS", *more, f"tftp://127.0.0.1:{it.port}/{name}", cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (it.answers.files[name].body, b"", 0)


@pytest.mark.needs("curl")
def test_curl_gets_20_mb_in_blocks_of_1428(it: Running, tmp_path: Path, large: bytes) -> None:
    done = run("curl", "-sS", "--tftp-blksize", "1428", f"tftp://127.0.0.1:{it.port}/T46.rom", cwd=tmp_path)
    assert done.stdout == large


@pytest.mark.needs("curl")
def test_curl_tells_an_unknown_file_as_not_found(it: Running, tmp_path: Path) -> None:
    assert (
        run("curl", "-sS", f"tftp://127.0.0.1:{it.port}/missing", cwd=tmp_path).returncode == 68
    )  # "file not found on TFTP server"


@pytest.mark.needs("atftp")
@pytest.mark.parametrize("name", ["a.cfg", "even", "T46.rom", "large"])
@pytest.mark.parametrize("options", [["blksize 1428"], ["blksize 1428", "windowsize 8"]], ids=["lock step", "windows of 8"])
def test_atftp_gets_the_file(it: Running, tmp_path: Path, large: bytes, name: str, options: list[str]) -> None:
    words = [word for option in options for word in ("--option", option)]
    done = run("atftp", *words, "--get", "-r", name, "-l", "got", "127.0.0.1", it.port, cwd=tmp_path)
    wanted = large if name in ("T46.rom", "large") else it.answers.files[name].body
    assert (tmp_path / "got").read_bytes() == wanted, done.stderr


@pytest.mark.parametrize("options", [{}, {"blksize": 1428, "tsize": 0}])
@pytest.mark.parametrize("name", ["a.cfg", "even"])
def test_the_client_of_tftpy_gets_the_file(it: Running, name: str, options: dict[str, int]) -> None:
    got = io.BytesIO()
    tftpy.TftpClient("127.0.0.1", it.port, dict(options)).download(name, got)
    assert got.getvalue() == it.answers.files[name].body
