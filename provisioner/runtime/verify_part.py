"""Recorded messages on their way through the job table: packed by the SIP process, unpacked by who asked."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Sequence

from sipstub.trace.record import RecordedMessage, Recorder
from sipstub.trace.recording import CaptureProblem, Recording
from sipstub.trace.recording_json import MAX_JSON_BYTES, parse_recording, recording_as_json

MAX_JOB_MESSAGES = 100_000
MAX_JOB_BYTES = 48 * 2**20
"Of the messages of one job; what comes later is counted, not kept."
MAX_SEARCHED = 4_096
"Bytes of a message in which a phone's name is looked for."

MAX_LOOK_BACK = 20_000
"Messages in which the beginning of a job is looked for."


def pack(messages: Sequence[RecordedMessage]) -> bytes:
    """Return messages as one compressed part."""
    return zlib.compress(json.dumps(recording_as_json(Recording(tuple(messages), is_own=True))).encode(), 1)


def unpack(body: bytes) -> tuple[RecordedMessage, ...]:
    """Return the messages of a part; CaptureProblem for anything that `pack` does not give."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(body, MAX_JSON_BYTES)
    except zlib.error as error:
        raise CaptureProblem(f"a damaged part of a job: {error}") from None
    return parse_recording(data).messages


class Collecting:
    """Takes from the recorder what has to do with the phones of one job.

    A phone is known by address, or by a user name or MAC in what it sends; from then on all of its host counts, what it
    said since the job began included.  Too much does no harm: whose message is whose is decided later, and with more care.
    """

    def __init__(
        self,
        recorder: Recorder,
        words: Iterable[str],
        hosts: Iterable[str],
        *,
        takes_all: bool,
        since: float | None = None,
        far: Iterable[tuple[str, int]] = (),
    ) -> None:
        """`since` is when the asker began: some time may have passed until the job was asked for and taken.

        What goes to and from the ends that are `far`, behind an SBC, is taken in any case, and none of them is a phone.
        """
        self._recorder = recorder
        self._began = self._last = recorder.last_number if since is None else _last_before(recorder, since)
        self._takes_all = takes_all
        self._hosts = set(hosts)
        self._far = frozenset(far)
        forms = {form for word in words for form in _forms(word)}
        pattern = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._words = re.compile(rf"(?<![\w.+-])(?:{pattern})(?![\w.+-])".encode(), re.IGNORECASE) if forms else None
        self.count = 0
        self.size_bytes = 0
        self.left_out = 0
        "Messages beyond the bounds."

    def take(self) -> list[RecordedMessage]:
        """Return what is new, by number."""
        fresh = self._recorder.messages(since=self._last)
        if not fresh:
            return []
        found = fresh if self._takes_all else self._of_hosts(fresh)
        self._last = fresh[-1].number
        kept = []
        for message in found:
            self.size_bytes += len(message.data)
            if self.count >= MAX_JOB_MESSAGES or self.size_bytes > MAX_JOB_BYTES:
                self.left_out += 1
                continue
            self.count += 1
            kept.append(message)
        return kept

    def _of_hosts(self, fresh: Sequence[RecordedMessage]) -> list[RecordedMessage]:
        earlier: list[RecordedMessage] = []
        for message in fresh:
            host = message.peer.host
            if self._is_far(message):
                continue
            if host not in self._hosts and self._words is not None and self._words.search(message.data[:MAX_SEARCHED]):
                self._hosts.add(host)
                known = self._recorder.messages(since=self._began, peer=host)
                earlier += [one for one in known if one.number <= self._last and not self._is_far(one)]  # those are taken
        return earlier + [one for one in fresh if one.peer.host in self._hosts or self._is_far(one)]

    def _is_far(self, message: RecordedMessage) -> bool:
        return (message.peer.host, message.peer.port) in self._far


def _last_before(recorder: Recorder, at: float) -> int:
    """Return the number of the last message before a moment that is not long ago."""
    last = recorder.last_number
    recent = recorder.messages(since=max(0, last - MAX_LOOK_BACK))
    return next((message.number - 1 for message in recent if message.at >= at), last)


def _forms(word: str) -> Iterable[str]:
    """Return the ways in which a MAC is written; any other word as it is."""
    yield word
    if re.fullmatch("[0-9a-f]{12}", word):
        pairs = [word[at : at + 2] for at in range(0, 12, 2)]
        yield from (mark.join(pairs) for mark in ":-")
