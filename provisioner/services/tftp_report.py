"""What the journal is told of a TFTP request: one event when it is refused, and one when its transfer has ended."""

from __future__ import annotations

from provisioner.delivery.answer import Refusal, Served
from provisioner.delivery.event import DeliveryEvent
from provisioner.delivery.reason import Reason
from provisioner.delivery.request import Protocol
from provisioner.services.tftp_session import Outcome
from provisioner.services.tftp_table import Channel

MAX_NAME_CHARACTERS = 200
TFTP = str(Protocol.TFTP)
RRQ = "RRQ"
WRQ = "WRQ"


def refused(refusal: Refusal, *, at: float, method: str, name: str, peer: str, status: int) -> DeliveryEvent:
    """Return the event of a request that got an ERROR instead of a file; `status` is the code on the wire."""
    return DeliveryEvent(
        at=at,
        protocol=TFTP,
        method=method,
        name=name[:MAX_NAME_CHARACTERS],
        peer=peer,
        agent=None,
        mac=refusal.mac,
        phone=refusal.phone,
        model=refusal.model,
        firmware=refusal.firmware,
        outcome=str(refusal.reason),
        status=status,
        fact=refusal.fact,
    )


def malformed(fact: str, *, at: float, method: str, name: str, peer: str, status: int) -> DeliveryEvent:
    """Return the event of a request that could not be read."""
    return refused(Refusal(Reason.BAD_NAME, fact), at=at, method=method, name=name, peer=peer, status=status)


def failed(error: Exception, *, at: float, name: str, peer: str, duration_s: float) -> DeliveryEvent:
    """Return the event of a request whose answer failed on our side."""
    fact = f"the answer failed: {type(error).__name__}"
    return _transferred(
        None, at=at, name=name, peer=peer, outcome=Outcome.ABORTED, size_bytes=0, duration_s=duration_s, fact=fact
    )


def ended(channel: Channel, *, duration_s: float) -> DeliveryEvent:
    """Return the event of a transfer that has ended, well or not."""
    return _transferred(
        channel.served,
        at=channel.unix_at,
        name=channel.name,
        peer=channel.peer_ip,
        outcome=channel.transfer.outcome,
        size_bytes=channel.transfer.size_bytes,
        duration_s=duration_s,
        fact=channel.transfer.fact,
    )


def _transferred(
    served: Served | None, *, at: float, name: str, peer: str, outcome: str, size_bytes: int, duration_s: float, fact: str
) -> DeliveryEvent:
    file = served.file if served else None
    note = served.note if served else ""
    return DeliveryEvent(
        at=at,
        protocol=TFTP,
        method=RRQ,
        name=name[:MAX_NAME_CHARACTERS],
        peer=peer,
        agent=None,
        mac=served.mac if served else None,
        phone=served.phone if served else None,
        model=served.model if served else None,
        firmware=served.firmware if served else None,
        outcome=str(outcome),
        status=0,
        kind=str(file.kind) if file else None,
        file=file.name if file else None,
        sha256=file.sha256 if file else None,
        size_bytes=size_bytes,
        duration_s=duration_s,
        fact=", ".join(part for part in (fact, note) if part),
    )
