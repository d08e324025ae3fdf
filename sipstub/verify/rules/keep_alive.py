"""Rules about the packets that hold a path through a NAT open."""

from __future__ import annotations

import statistics
from collections import Counter

from sipstub.verify.case import RELIABLE, Case, number_of
from sipstub.verify.facts import KeepaliveFact
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen
from sipstub.verify.rule import rule
from sipstub.verify.setting import OFF
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

USUAL_SPACING = 30.0
"Seconds; for files that do not name it."


@rule("keepalive", row=48, source="guide", certainty=Certainty.STATED, also=("keepalive-interval",), stimulus=Stimulus.IDLE)
def keepalive(case: Case) -> Outcome:
    """The packets are of this kind; there are none where it is off."""
    packets = case.keepalives
    expected = "none" if case.value == OFF else case.value
    if not packets and _is_stream(case):
        return skipped("the setting is about UDP")
    wrong = [packet for packet in packets if packet.kind != case.value]
    if wrong and not (_is_stream(case) and wrong[-1].kind == "datagram"):  # CRLF of RFC 5626 section 3.5.1
        return failed(wrong[-1].kind, wrong[-1], expected=expected)
    if packets:
        return passed(packets[-1].kind, packets[-1], expected=expected)
    registered = case.registered
    if registered is None:
        return unseen("no registration to keep alive", expected=expected)
    spacing = number_of(case.text("keepalive-interval")) or USUAL_SPACING
    watched = case.watched_s(registered.at)
    if watched < spacing * case.tolerance.keepalive_rounds:
        return unseen(f"watched for {watched:.0f} s only", expected=expected)
    return (passed if case.value == OFF else failed)(f"none in {watched:.0f} s", registered, expected=expected)


@rule("keepalive-interval", row=49, source="guide", certainty=Certainty.STATED, also=("keepalive",), stimulus=Stimulus.IDLE)
def keepalive_interval(case: Case) -> Outcome | None:
    """The packets come with this spacing."""
    kind, spacing = case.text("keepalive"), case.number
    if kind == OFF:
        return None
    if spacing is None:
        return skipped("not a number")
    expected = f"every {spacing:g} s"
    packets = _of_one_server([packet for packet in case.keepalives if not kind or packet.kind == kind])
    if not packets and _is_stream(case):
        return skipped("the setting is about UDP")
    allowed = case.tolerance.keepalive(spacing)
    seen = ""
    # Accounts that share a connection each send their own: then every second, third ... packet has the spacing.
    for step in range(1, len(case.expectations.enabled) + 1):
        gaps = [later.at - earlier.at for earlier, later in zip(packets, packets[step:], strict=False)]
        if not gaps:
            break
        usual = statistics.median(gaps)  # a restart, or a server that was not there, leaves one gap of another length
        seen = seen or f"every {usual:.1f} s"
        if abs(usual - spacing) <= allowed:
            return passed(f"every {usual:.1f} s", packets[-1], expected=expected)
    if seen:
        return failed(seen, packets[-1], expected=expected)
    return unseen("fewer than two keep-alives", expected=expected)


def _of_one_server(packets: list[KeepaliveFact]) -> list[KeepaliveFact]:
    """Return the packets to the server that got most of them: one that only serves for a while says little."""
    counts = Counter(packet.local for packet in packets)
    return [packet for packet in packets if packet.local == counts.most_common(1)[0][0]] if packets else []


def _is_stream(case: Case) -> bool:
    requests = case.account.requests
    return bool(requests) and all(request.peer.transport in RELIABLE for request in requests)
