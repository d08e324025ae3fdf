"""`sipstub serve --sbc FILE` as a process of its own, that can be killed and started again at the same port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

START_S = 30.0
LOOK_S = 0.02


class SbcProcess:
    """One of them, with all that it ever said."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.said = ""
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it, and return when it listens."""
        ready = self._folder / "ready"
        ready.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", "from sipstub.cli import main; main()", "serve", "--sbc", "sbc.toml",
            "--sip", f"127.0.0.1:{self.port}", "--ready-file", "ready",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=self._folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self._process = process
        self._reading = asyncio.create_task(self._read(process))
        async with asyncio.timeout(START_S):
            while not ready.exists():
                assert process.returncode is None, self.said
                await asyncio.sleep(LOOK_S)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal; return its exit code when it is gone."""
        process, reading = self._process, self._reading
        assert process is not None and reading is not None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        code = await asyncio.wait_for(process.wait(), START_S)
        await reading
        return code

    @property
    def udp_ports(self) -> set[int]:
        """Return the ports of all its UDP sockets: the one for SIP, and those of media."""
        assert self._process is not None
        links = (str(entry.readlink()) for entry in Path(f"/proc/{self._process.pid}/fd").iterdir())
        own = {link[8:-1] for link in links if link.startswith("socket:[")}
        rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
        return {int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in own}

    async def until(self, what: Callable[[SbcProcess], object], limit_s: float = START_S) -> None:
        """Wait until something about it is true; it tells nobody, so it is looked at."""
        async with asyncio.timeout(limit_s):
            while not what(self):
                await asyncio.sleep(LOOK_S)

    async def is_free(self) -> None:
        """Wait until it holds no media port."""
        await self.until(lambda sbc: sbc.udp_ports == {self.port})

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while data := await process.stdout.read(65_536):
            self.said += data.decode(errors="replace")


@contextlib.asynccontextmanager
async def an_sbc_process(folder: Path, port: int, text: str) -> AsyncIterator[SbcProcess]:
    """Yield one with these settings; it must have freed all media ports in the end, and end well when it is told to."""
    (folder / "sbc.toml").write_text(text)
    process = SbcProcess(folder, port)
    await process.start()
    is_well = False
    try:
        yield process
        await process.is_free()
        is_well = True
    finally:
        if not is_well:
            await process.end(signal.SIGKILL)
            print(process.said[-4000:])
    assert await process.end() == 0, process.said[-4000:]
    assert "Traceback" not in process.said, process.said[-4000:]
