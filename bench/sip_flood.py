"""A hundred thousand invented users try to register while a phone refreshes: it is answered at once, and memory is bounded.

    python -m bench sip_flood

Memory has to stay under what its bounds add up to; it is told after four fifths too.  Every fourth stranger answers the
challenge with a guess; most come over UDP from many addresses and ports, some over TCP.  The flood waits for answers, so
that what is lost is not lost in the kernel.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from bench.line import Line
from bench.sip_draft import Sender
from bench.sip_peer import Peer
from bench.sip_served import REALM, ROOT, Served, password_of, user_of

USERS = 100_000
PART_S = 400.0
PARTS = (0.8, 0.2)
MAX_MB = 256
"Of the SIP process: the recorder has 64 MB of messages and as much again to find them by, kept answers 32 MB, the program 40 MB."
PAUSE_S = 0.05
MAX_ROWS = 60_000
"Rows of the journal that a flood of this size may leave."
PROGRAM = (sys.executable, "-m", "bench.sip_flood_source")


def run(users: int = USERS) -> list[Line]:
    """Return what became of the phone, of the memory and of the journal."""
    with Served(1) as served, Peer("127.77.8.8", served.port) as peer:
        sender = Sender(user_of(0), password_of(0), REALM, "127.77.8.8", peer.port, f"127.0.0.1:{served.port}", mark="phone")
        sender.take(peer.ask(bytes(sender.draft())).www_authenticate[0])
        waits: list[float] = []
        refused: list[int] = []
        memory, flooded = [], []
        for first, share in zip((0.0, PARTS[0]), PARTS, strict=True):
            source = subprocess.Popen(
                [*PROGRAM, str(served.port), str(round(users * first)), str(round(users * share))],
                cwd=ROOT, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            try:
                end = time.monotonic() + PART_S
                while source.poll() is None and time.monotonic() < end:
                    _refresh(peer, sender, waits, refused)
                    time.sleep(PAUSE_S)
                if source.poll() is None or source.stdout is None:
                    raise RuntimeError(f"the flood was not over after {PART_S:g} s")
                flooded.append(json.loads(source.stdout.read()))
            finally:
                source.kill()
                source.wait()
            memory.append(served.memory_kb())
        time.sleep(2.0)
        rows, is_alive, trouble = len(served.journal()), served.is_alive, served.trouble()
    answered = sum(one["answered"] for one in flooded)
    statuses = {status: sum(one["statuses"].get(status, 0) for one in flooded) for one in flooded for status in one["statuses"]}
    said = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    rate = answered / sum(one["took_s"] for one in flooded)
    after_mb = memory[1] / 1024
    detail = f"{memory[0] / 1024:.0f} MB after four fifths"
    waits.sort()
    wait = f"half within {waits[len(waits) // 2] * 1000:.0f} ms, all within {waits[-1] * 1000:.0f} ms"
    return [
        Line("invented users answered", answered, "", f">= {users * 0.99:g}", answered >= users * 0.99, f"{said}; {rate:.0f}/s"),
        Line("refreshes of a phone meanwhile", len(waits), "", "", True, wait),
        Line("of these refused", len(refused), "", "<= 0", not refused, str(refused[:5]) if refused else ""),
        Line("of these sent more than once", peer.repeated, "", "<= 0", not peer.repeated),
        Line("memory of the SIP process after all of them", after_mb, "MB", f"<= {MAX_MB}", after_mb <= MAX_MB, detail),
        Line("rows in the journal", rows, "", f"<= {MAX_ROWS}", rows <= MAX_ROWS),
        Line("trouble in the log", len(trouble), "", "<= 0", is_alive and not trouble, "; ".join(trouble[:3])),
    ]


def _refresh(peer: Peer, sender: Sender, waits: list[float], refused: list[int]) -> None:
    began = time.monotonic()
    response = peer.ask(bytes(sender.draft()))
    if response.status == 401:  # the nonce is too old
        sender.take(response.www_authenticate[0])
        began = time.monotonic()
        response = peer.ask(bytes(sender.draft()))
    waits.append(time.monotonic() - began)
    if response.status != 200:
        refused.append(response.status)
