"""`sipstub serve` as a person starts it: a process of its own, its files, its end, its words."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from sip_client import Client
from sip_running import PASSWORD, REALM

from sipstub.serve_command import serve_command
from sipstub.sip.digest import make_ha1
from sipstub.trace.capture.reading import read_capture

DOC = Path(__file__).parent.parent.parent / "docs" / "reference" / "sipstub-serve.md"


@dataclass
class Serving:
    process: asyncio.subprocess.Process
    ports: dict[str, int]
    errors: bytes = b""
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def says(self, text: bytes) -> None:
        assert self.process.stderr is not None
        async with asyncio.timeout(60):
            while text not in self.errors:
                data = await self.process.stderr.read(4096)
                assert data, self.errors
                self.errors += data


@asynccontextmanager
async def serving(folder: Path, *options: str) -> AsyncIterator[Serving]:
    ready = folder / "ready"
    (folder / "password").write_text(PASSWORD + "\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", "from sipstub.cli import main; main()", "serve", "--ready-file", str(ready),
        "--user", f"100:{folder / 'password'}", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=folder, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while b"users of realm" not in (line := await process.stdout.readline()):
                assert line, await process.stderr.read() if process.stderr else ""
            while not ready.exists():
                await asyncio.sleep(0)
        ports = {line.split()[0]: int(line.rpartition(":")[2]) for line in ready.read_text().splitlines()}
        yield Serving(process, ports)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def test_it_registers_over_three_transports_writes_its_record_and_ends_cleanly(tmp_path: Path) -> None:
    async def run() -> None:
        options = ("--sip", "127.0.0.1:0", "--sips", "127.0.0.1:0", "--record", "record.pcapng", "--certificates", "tls")
        async with serving(tmp_path, *options) as stub:
            for transport in ("udp", "tcp", "tls"):
                async with Client(transport, stub.ports[transport], ca=tmp_path / "tls" / "ca.pem") as phone:
                    assert (await phone.register()).status == 200
                    refused = await phone.ask_with_digest("REGISTER", password="wrong")
                    assert refused.status == 401
            await stub.says(b"created sip:100@")
            await stub.says(b"refused 401 wrong-credentials")
            stub.process.send_signal(signal.SIGTERM)
            _, rest = await asyncio.wait_for(stub.process.communicate(), 60)
            assert stub.process.returncode == 0
            assert PASSWORD.encode() not in stub.errors + rest
            assert b"Traceback" not in stub.errors + rest
        assert not (tmp_path / "ready").exists()
        record = tmp_path / "record.pcapng"
        assert stat.S_IMODE(record.stat().st_mode) == 0o600
        with record.open("rb") as stream:
            found = read_capture(stream)
        assert {message.peer.transport for message in found.messages} >= {"udp", "tcp"}
        text = b"".join(message.data for message in found.messages)
        assert b"REGISTER sip:" in text and b"200 OK" in text
        assert b"Authorization: Digest" in text
        assert not re.search(rb'response="[0-9a-f]{32}"', text)

    asyncio.run(run())


def test_ctrl_c_ends_it_too(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path, "--sip", "127.0.0.1:0") as stub:
            stub.process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(stub.process.wait(), 60) == 0

    asyncio.run(run())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((), "nobody could register"),
        (("--user", "100"), "NAME:FILE"),
        (("--user", "100:empty"), "no password"),
        (("--user", "100:missing"), "cannot read"),
        (("--users", "other.htdigest"), "no user of realm"),
        (("--sip", "nonsense:5060", "--user", "100:password"), "not an IP address"),
        (("--tls-minimum", "0.9", "--user", "100:password"), "0.9"),
    ],
)
def test_what_is_wrong_is_told_before_anything_listens(
    options: tuple[str, ...], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").write_text("")
    (tmp_path / "password").write_text("x\n")
    (tmp_path / "other.htdigest").write_text(f"100:elsewhere:{make_ha1('100', 'elsewhere', 'x')}\n")
    result = CliRunner().invoke(serve_command, options)
    assert result.exit_code != 0
    assert word in result.output + str(getattr(result.exception, "message", ""))


def test_users_of_an_htdigest_file_are_taken(tmp_path: Path) -> None:
    async def run() -> None:
        table = tmp_path / "users.htdigest"
        table.write_text(f"200:{REALM}:{make_ha1('200', REALM, 'geheim')}\n")
        async with (
            serving(tmp_path, "--sip", "127.0.0.1:0", "--users", str(table)) as stub,
            Client("udp", stub.ports["udp"]) as phone,
        ):
            response = await phone.ask_with_digest("REGISTER", password="geheim", user="200")
            assert response.status == 200

    asyncio.run(run())


def test_every_option_has_its_heading() -> None:
    text = DOC.read_text("utf-8")
    headings = {line for line in text.splitlines() if line.startswith("### ")}
    for parameter in serve_command.params:
        for option in parameter.opts:
            assert any(option in heading for heading in headings), option
    named = {word.strip("`,") for heading in headings for word in heading.split() if word.startswith("`--")}
    assert named <= {option for parameter in serve_command.params for option in parameter.opts}
