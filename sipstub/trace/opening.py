"""Whatever holds messages, opened by what stands in it, not by its name: pcap, pcapng, or a recording as JSON."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from sipstub.trace.capture.reading import read_capture
from sipstub.trace.record import plain_host
from sipstub.trace.recording import CaptureProblem, Recording
from sipstub.trace.recording_json import MAX_JSON_BYTES, parse_recording

MAX_HOSTS_NAMED = 8
"In the hint of an error."


def open_recording(path: Path, *, phone: str | None = None) -> Recording:
    """Return the messages of a file; raises CaptureProblem.

    `phone` is the phone's address, where a capture leaves it in doubt; it has to be one, and to occur.
    """
    wanted = _address(phone) if phone is not None else None
    try:
        with path.open("rb") as stream:
            begin = stream.peek(64)
            if not begin:
                raise CaptureProblem(f"{path.name} is empty")
            if begin.lstrip()[:1] == b"{":
                recording = parse_recording(stream.read(MAX_JSON_BYTES + 1))
            else:
                recording = read_capture(stream, phone=phone)
    except OSError as error:
        raise CaptureProblem(f"{path.name} cannot be read: {error.strerror or error}") from error
    hosts = {plain_host(end.host) for message in recording.messages for end in (message.peer, message.local)}
    if wanted is not None and hosts and wanted not in hosts:
        seen = ", ".join(sorted(hosts)[:MAX_HOSTS_NAMED])
        raise CaptureProblem(f"nobody at {wanted} speaks in {path.name}", hint=f"these do: {seen}")
    return recording


def _address(text: str) -> str:
    found = plain_host(text)
    try:
        ipaddress.ip_address(found)
    except ValueError:
        raise CaptureProblem(
            f"{text[:60]!r} is no address", hint="give the phone's IPv4 or IPv6 address in the capture"
        ) from None
    return found
