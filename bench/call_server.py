"""The stub's answering machine as a process of its own, until SIGTERM: `python -m bench.call_server PORT READY_FILE [record]`.

The core, the registrar, the recorder and the calls are those of the program, on one loop; every INVITE is answered at once.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

from sipstub.core.compose import compose
from sipstub.net.collector import calm_collector
from sipstub.net.server import Listening, SipServer
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import Users
from sipstub.stimulus.director import Director
from sipstub.trace.record import Recorder

TALK_S = 600.0
"Longer than any run."


async def serve(port: int, ready: Path, *, records: bool) -> None:
    """Answer calls until SIGTERM, with everything written down or without."""
    stub = compose(Registrar(Users([]), Policy("bench", domains=("127.0.0.1",)), b"a key of a benchmark, long enough"))
    director = Director(stub, challenges=False)
    director.calls.wanted = lambda aor: True
    director.calls.ring_s, director.calls.talk_s = 0.0, TALK_S
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    server = SipServer(stub.core, [Listening(sock)], recorder=Recorder() if records else None)
    await server.start()
    calm_collector()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    ready.write_text("ready")
    await ended.wait()
    await server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), records="record" in sys.argv[3:]))
