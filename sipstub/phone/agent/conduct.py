"""How a phone behaves where no setting says it.  The defaults are an honest phone's; `disobey.py` changes one at a time."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.phone.agent.timer_manner import HONEST_TIMER, TimerManner
from sipstub.sip.framing import PING


@dataclass(frozen=True, slots=True)
class Conduct:
    """One manner per field."""

    refresh_share: float | None = 0.5
    "Part of a granted time after which it is renewed; None for never."
    retries: bool = True
    "Whether a failed registration is tried again."
    fails_over: bool = True
    "Whether the second server is ever asked."
    obeys_423: bool = True
    "Whether a longer time is asked for when the registrar wants it."
    is_surge_prevented: bool = True
    "Whether the first registration waits as told."
    keeps_call_id: bool = True
    "Whether all registrations to one server are one Call-ID."
    raises_cseq: bool = True
    "Whether each request has a higher number than the one before."
    contact_port_offset: int = 0
    contact_user: str = ""
    "Instead of the account's own, if not empty."
    digest_realm: str = ""
    "Instead of the realm of the challenge, if not empty."
    digest_uri: str = ""
    "Instead of the Request-URI, if not empty."
    counts_nonces: bool = True
    "Whether nc goes up when a nonce is used again."
    answers_challenges: bool = True
    answers_options: bool = True
    answers_check_sync: bool = True
    "Whether NOTIFY check-sync gets its 200."
    resyncs: bool = True
    "Whether NOTIFY check-sync leads to anything."
    check_sync_mode: str = ""
    "Instead of sip.notify_reboot_enable, if not empty."
    acknowledges: bool = True
    "Whether the 200 to an INVITE of its own gets its ACK."
    keepalive_datagram: bytes = PING
    "Which bytes V80 sends is not known, only that they are few."
    asserts_identity: bool = False
    "Whether REGISTER says who the account is in P-Preferred-Identity too."
    user_agent: str = ""
    "Instead of its own name, if not empty."
    timer: TimerManner = HONEST_TIMER
    "Session timers."


HONEST = Conduct()
