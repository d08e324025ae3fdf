"""A freeradius of our own: settings in a temporary folder, one loopback port, one client, digests as draft-sterman has them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from ports import free_port

HOST = f"127.67.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"
"An address that nobody else uses, so that a port that is free stays free."
SECRET = "radius-shared"
READY = "Ready to process requests"
_CONF = """
prefix = /usr
libdir = {libraries}
confdir = {folder}
raddbdir = {folder}
logdir = {folder}
run_dir = {folder}
db_dir = {folder}
max_request_time = 5
cleanup_delay = 2
security {{
  allow_core_dumps = no
  reject_delay = 0
}}
thread pool {{
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 2
}}
client sbc {{
  ipaddr = 127.0.0.0/8
  secret = {secret}
  require_message_authenticator = yes
}}
modules {{
  digest {{
  }}
  files {{
    filename = {folder}/users
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = {host}
    port = {port}
  }}
  authorize {{
    digest
    files
  }}
  authenticate {{
    digest
  }}
}}
"""


@dataclass
class Radius:
    """A server that runs."""

    port: int
    lines: list[str] = field(default_factory=list)
    "What it said."


@contextlib.asynccontextmanager
async def freeradius(folder: Path, users: dict[str, str]) -> AsyncIterator[Radius]:
    """Yield a server that knows these passwords, when it is ready; it is ended afterwards."""
    port = free_port(HOST)
    libraries = next(place for place in (Path("/usr/lib/freeradius"), Path("/usr/lib64/freeradius")) if place.is_dir())
    text = _CONF.format(folder=folder, libraries=libraries, host=HOST, secret=SECRET, port=port)
    (folder / "radiusd.conf").write_text(text)
    (folder / "users").write_text("".join(f'{name} Cleartext-Password := "{word}"\n' for name, word in users.items()))
    program = shutil.which("freeradius")
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program, "-f", "-X", "-d", str(folder), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    server = Radius(port)
    assert process.stdout is not None
    stdout = process.stdout
    has_begun = asyncio.Event()

    async def listen() -> None:
        while line := await stdout.readline():
            server.lines.append(line.decode(errors="replace").rstrip())
            if READY in server.lines[-1]:
                has_begun.set()
        has_begun.set()  # or never will

    reading = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(20):
            await has_begun.wait()
        assert any(READY in line for line in server.lines), "\n".join(server.lines[-20:])
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        await reading
