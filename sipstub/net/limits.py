"""How much a peer may ask of the streams, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of TCP and TLS connections, all times in seconds."""

    connections: int = 8_192
    "At once, per listening process; the next one is closed as it comes."
    connections_per_host: int = 1_024
    "At once, of one address; a site behind a NAT is one address."
    handshake_s: float = 10.0
    "From accept to the end of the TLS handshake."
    first_message_s: float = 30.0
    "From the connection to its first whole message or keep-alive."
    message_s: float = 10.0
    "From the first byte of a message to its last."
    idle_s: float = 7_200.0
    "Without a byte from the peer; a registered phone refreshes or pings long before."
    connect_s: float = 5.0
    "To open a connection, handshake included."
    waiting_messages: int = 32
    "Kept for a connection that is being opened."
    connecting: int = 256
    "Connections that are being opened at once."
    unsent_bytes: int = 256 * 1024
    "Not taken by the peer; then nothing more is read from it."
    unsent_s: float = 15.0
    "So long a peer may leave that standing; then the connection is dropped."
    close_s: float = 2.0
    "To say goodbye in TLS; after it the connection is just dropped."

    @property
    def tick_s(self) -> float:
        """Return how often connections are looked over for what is too slow."""
        return max(0.02, min(1.0, self.first_message_s / 4, self.message_s / 4, self.idle_s / 4, self.unsent_s / 4))


STREAM_LIMITS = StreamLimits()
