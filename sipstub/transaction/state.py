"""Where a transaction stands, and the names of its timers.  RFC 3261 section 17 and its table 4, RFC 6026."""

from __future__ import annotations

import enum


class State(enum.Enum):
    """States of the four machines; none has all of them."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    "The INVITE was answered 2xx (RFC 6026)."
    TERMINATED = "terminated"


class TimerName(enum.Enum):
    """Timers by the letters of the RFCs; the last four are ours to name."""

    A = "A"
    "INVITE goes out again, over UDP."
    B = "B"
    "INVITE was never answered."
    D = "D"
    "Answers to INVITE may still be repeated."
    E = "E"
    "Another request goes out again, over UDP."
    F = "F"
    "Another request was never answered."
    G = "G"
    "A final answer to INVITE goes out again, over UDP."
    H = "H"
    "The ACK never came."
    I = "I"  # noqa: E741  # the RFC's own letter
    "ACKs may still be repeated."
    J = "J"
    "Other requests may still be repeated."
    K = "K"
    "Answers to other requests may still be repeated."
    L = "L"
    "INVITE may still be repeated after a 2xx."
    M = "M"
    "Further 2xx may still come, of forks or repeated."
    TRYING_100 = "100"
    "A 100 is due: 200 ms after an INVITE, much later after others (RFC 4320)."
    UNANSWERED = "unanswered"
    "The user of a server transaction never gave a final answer."
    RINGING = "ringing"
    "An INVITE of ours got provisional answers and never a final one."
    CANCELLED = "cancelled"
    "An INVITE that was cancelled got no final answer (RFC 3261 section 9.1)."
