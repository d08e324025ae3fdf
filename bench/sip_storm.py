"""A thousand phones get their power back at once: files over HTTP, a tenth over TFTP, then registered with what those say.

    python -m bench sip_storm

The time of a phone runs from the moment the power comes back to the 200 of its REGISTER.  Each phone has an address of its own;
two processes carry five hundred each, on the cores that the server uses too.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from bench.line import Line
from bench.sip_served import ROOT, Served

PHONES = 1_000
PROCESSES = 2
LIMIT_S = 240.0
PROGRAM = (sys.executable, "-m", "bench.sip_storm_phones")
P99_S = 60.0
"Half of what people wait for a phone to come back; a phone of this age takes as long to boot at all."


def run(phones: int = PHONES) -> list[Line]:
    """Return how long the phones took, and what went wrong."""
    with Served(phones) as served:
        share = phones // PROCESSES
        facts = served.facts
        started = [
            subprocess.Popen(
                [*PROGRAM, str(number * share), str(share), facts["http"]["url"], facts["tftp"]["url"], str(LIMIT_S)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for number in range(PROCESSES)
        ]  # fmt: skip
        try:
            for process in started:
                assert process.stdout is not None and process.stdout.readline() == "ready\n"
            for process in started:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            said = [json.loads(process.communicate(timeout=LIMIT_S + 60)[0]) for process in started]
        finally:
            for process in started:
                process.kill()
                process.wait()
        trouble, bindings = served.trouble(), sum(row["outcome"] == "created" for row in served.journal())
    took = sorted(time for one in said for time in one["took_s"])
    booted = sorted(time for one in said for time in one["booted_s"])
    problems = [text for one in said for text in one["problems"]] + trouble
    detail = f"{bindings} bindings in the journal, {len(problems)} tries that failed first"
    lost = phones - len(took)
    return [
        Line("phones without a registration", lost, "", "<= 0", not lost, "; ".join(problems[:3])),
        Line("files fetched: half of the phones", _at(booted, 0.5), "s", "", True, f"99 of 100: {_at(booted, 0.99):.1f} s"),
        Line("power to the 200 of REGISTER: half of the phones", _at(took, 0.5), "s", "", True, detail),
        Line("the same: 99 of 100", _at(took, 0.99), "s", f"<= {P99_S:g}", bool(took) and _at(took, 0.99) <= P99_S),
        Line("the last one", took[-1] if took else None, "s", "", True),
    ]


def _at(times: list[float], share: float) -> float:
    if len(times) < 2:
        return float("inf")
    return statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1]
