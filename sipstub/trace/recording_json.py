"""A recording as JSON, and back: the form that reports and later runs work from.

    {"format": "sipstub-recording", "version": 1, "own": true, "notes": [], "packets": 0,
     "messages": [{"number": 1, "at": 1700000000.25, "inbound": true, "local": "udp 10.1.0.5:5060",
                   "peer": "udp 10.1.2.3:5062", "text": "REGISTER ..."}]}

`text` holds the bytes as UTF-8; bytes that are none stand as `base64` instead.  What is read back is equal to what was written.
Nothing is masked here.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

from sipstub.sip.error import SipError
from sipstub.trace.record import Endpoint, RecordedMessage
from sipstub.trace.recording import MAX_NOTES, CaptureProblem, Recording

FORMAT, VERSION = "sipstub-recording", 1
MAX_JSON_BYTES = 256 * 2**20
MAX_JSON_MESSAGES = 200_000

_HINT = "a file of `sipstub ladder --record`, or a capture"


def recording_as_json(recording: Recording) -> dict[str, Any]:
    """Return the recording as values that json.dumps takes."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "own": recording.is_own,
        "notes": list(recording.notes),
        "packets": recording.packets,
        "messages": [_message_as_json(message) for message in recording.messages],
    }


def parse_recording(data: bytes) -> Recording:
    """Return the recording; raises CaptureProblem, with the place, for anything that `recording_as_json` does not give."""
    if len(data) > MAX_JSON_BYTES:
        raise CaptureProblem(f"a recording of {len(data)} bytes, at most {MAX_JSON_BYTES} are read")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CaptureProblem("not JSON", hint=_HINT) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise CaptureProblem(f"JSON, but no {FORMAT}", hint=_HINT)
    if found.get("version") != VERSION:
        raise CaptureProblem(f"a recording of version {found.get('version')!r}, this program reads {VERSION}")
    rows, notes = found.get("messages"), found.get("notes", [])
    packets = found.get("packets", 0)
    if not isinstance(rows, list) or not isinstance(notes, list) or not isinstance(packets, int):
        raise CaptureProblem("a recording without messages")
    if len(rows) > MAX_JSON_MESSAGES:
        raise CaptureProblem(f"{len(rows)} messages, at most {MAX_JSON_MESSAGES} are read")
    messages = tuple(_message(row, position) for position, row in enumerate(rows, 1))
    return Recording(messages, tuple(str(note) for note in notes[:MAX_NOTES]), found.get("own") is True, packets)


def _message_as_json(message: RecordedMessage) -> dict[str, Any]:
    found: dict[str, Any] = {
        "number": message.number,
        "at": message.at,
        "inbound": message.is_inbound,
        "local": str(message.local),
        "peer": str(message.peer),
    }
    try:
        return found | {"text": message.data.decode()}
    except UnicodeDecodeError:
        return found | {"base64": base64.b64encode(message.data).decode()}


def _message(row: Any, position: int) -> RecordedMessage:
    try:
        text = row.get("text")
        data = base64.b64decode(row["base64"], validate=True) if text is None else text.encode()
        number, at, is_inbound = row["number"], float(row["at"]), row["inbound"]
        if not isinstance(number, int) or not isinstance(is_inbound, bool) or not math.isfinite(at):
            raise ValueError("wrong type")
        return RecordedMessage(number, at, is_inbound, Endpoint.parse(row["local"]), Endpoint.parse(row["peer"]), data)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, SipError, binascii.Error) as error:
        raise CaptureProblem(f"message {position} of the recording is not one: {error}"[:200]) from error
