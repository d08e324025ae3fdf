"""Every bound of the phones' HTTP server: what one peer, or all of them together, may take from a worker."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_MAX_BYTES = 16 * 1024
"Request line and headers; one byte more is answered 414 or 431."

FIRST_READ_BYTES = 2 * 1024
"Read at once from a new connection; a phone's request has 200 bytes."

PLAIN_HEAD_MAX_BYTES = 4 * 1024
"A longer head is never plain: gunicorn's parser reads it."

REQUEST_LINE_MAX_BYTES = 8190
"A longer request line is answered 414."

HEADER_FIELDS_MAX = 64
"More header fields are answered 431."

ACCEPTS_PER_TURN = 64
"New connections taken before those already open get their turn."

EVENTS_PER_TURN = 512
"Ready sockets looked at before the clock is read again."

HANDSHAKES_PER_TURN = 8
"Steps of TLS handshakes, about 1 ms each, before plain phones get their turn."

REQUESTS_PER_WAKE = 32
"Pipelined requests of one connection answered before others get their turn."

SEND_CHUNK_BYTES = 128 * 1024
"Given to one slow reader at a time, and left unsent in the kernel at most."

MEMO_ENTRIES_MAX = 16 * 1024
"Remembered answers in each of the two halves of the memo; about 1 kB each."

MEMO_TTL_S = 60.0
"A decision is believed no longer than this: none depends on the clock yet, and one that does takes effect this much later."

EXPIRY_EVERY_S = 0.1
"Between two looks for connections whose time is over."

REST_S = 0.1
"How long nothing is accepted when the process has no descriptor left and no connection to give up."

SILENT_AT_DRAIN_S = 1.0
"How long a stopping worker waits for a client that has connected and sent nothing."


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be tuned per server; the rest is fixed above."""

    connections: int = 4096
    "Open connections per worker; when it is reached, lingering, idle, half-open and then the slowest go first."

    head_s: float = 10.0
    "From the first byte (or the accept) to the end of the head."

    handshake_s: float = 10.0
    "From the accept to the end of the TLS handshake."

    idle_s: float = 5.0
    "Between two requests of one connection."

    requests: int = 100
    "Requests of one connection."

    progress_s: float = 60.0
    "A reader must take `progress_bytes` within this time."

    progress_bytes: int = 32 * 1024
    "About 0.5 kB/s: slower than any telephone line, faster than standing still."

    linger_s: float = 2.0
    "How long what a client still sends is thrown away, so that it can read the answer."

    linger_bytes: int = 2 * 1024 * 1024
    "How much of it."
