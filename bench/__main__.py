"""`make bench`: every benchmark, one after the other, one line per measurement; exit 1 if a target is missed.

`python -m bench NAME ...` runs some of them.  Each measures ours and a peer in the same run, so that the ratio means something
on any machine.
"""

from __future__ import annotations

import importlib
import sys
import time

BENCHES = {
    "rendering": "load, check and reload of 1,000 and 10,000 phones",
    "http_phones": "HTTP beside nginx: CPU per request, boot storm, stalls",
    "sbc_media": "RTP of 200 calls through the SBC beside rtpengine: packets per CPU-second",
    "sbc_registrations": "5,000 phones register through the SBC, and refresh, beside kamailio as a proxy: failures, CPU, memory",
    "sip_calls": "2,000 calls with session timers beside sippy's B2BUA: memory of a call, CPU of a refresh",
    "sip_flood": "100,000 invented users at a running server: a phone that refreshes meanwhile, memory, journal",
    "sip_fuzz": "42,000 spoilt messages at a running server: hangs, memory, descriptors, the next phone",
    "sip_memory": "memory of 10,000 registered phones",
    "sip_parse": "SIP messages beside sipmessage: parse, typed headers, write",
    "sip_registrations": "digest registrations beside kamailio, driven by SIPp: CPU per registration, memory",
    "sip_storm": "1,000 phones booting at once, from power to the 200 of REGISTER",
    "tftp": "TFTP beside tftpd-hpa and plain tftpy: CPU per transfer, boot storm, loss, large files",
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return the exit code."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    missed = 0
    for name in names or BENCHES:
        began = time.monotonic()
        print(f"\n{name}: {BENCHES[name]}", flush=True)
        for line in importlib.import_module(f"bench.{name}").run():
            print(f"  {line}", flush=True)
            missed += not line.is_met
        print(f"  took {time.monotonic() - began:.0f} s", flush=True)
    print(f"\n{missed} targets missed" if missed else "\nall targets met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
