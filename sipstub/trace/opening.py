"""Whatever holds messages, opened by what stands in it, not by its name: pcap, pcapng, or a recording as JSON."""

from __future__ import annotations

from pathlib import Path

from sipstub.trace.capture.reading import read_capture
from sipstub.trace.recording import CaptureProblem, Recording
from sipstub.trace.recording_json import MAX_JSON_BYTES, parse_recording


def open_recording(path: Path, *, phone: str | None = None) -> Recording:
    """Return the messages of a file; raises CaptureProblem.  `phone` is the phone's host, where a capture leaves it in doubt."""
    try:
        with path.open("rb") as stream:
            begin = stream.peek(64)
            if not begin:
                raise CaptureProblem(f"{path.name} is empty")
            if begin.lstrip()[:1] == b"{":
                return parse_recording(stream.read(MAX_JSON_BYTES + 1))
            return read_capture(stream, phone=phone)
    except OSError as error:
        raise CaptureProblem(f"{path.name} cannot be read: {error.strerror or error}") from error
