"""SIPp scenarios about session timers, put together of what one side of a call does: `called()` or `calls()`, then what follows.

    path.write_text(xml("late", *called(), *wait(75), *refreshes("UPDATE"), *stays()))

A wait ends where the other side hangs up, and so does every scenario: SIPp's exit code says that nothing else came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SDP = """
        v=0
        o=- 1 1 IN IP4 [local_ip]
        s=-
        c=IN IP4 [local_ip]
        t=0 0
        m=audio 6000 RTP/AVP 0 8
"""
TIMER = "Session-Expires: 90;refresher=uas\nRequire: timer"
"What a phone that is called and is to refresh says in its 200."
OFFER = "Session-Expires: 90;refresher=uac\nMin-SE: 90"
OVER_S = 200
"Longer than every scenario: who waits so long does not end by itself."
HUNG_UP = "hung_up"
FIRST_CSEQ = 10
"Requests in a call count on from here."

Part = str


def xml(name: str, *parts: Part) -> str:
    """Return a whole scenario; places like CSEQ and LABEL become numbers in the order in which they stand."""
    body = "".join(parts)
    for place, first in (("CSEQ", FIRST_CSEQ), ("LABEL", 0)):
        count = first
        while place in body:
            # CSEQ+ begins a request; CSEQ= repeats its number in an ACK.
            at = body.index(place)
            mark = body[at + len(place)]
            count += mark == "+"
            body = body[:at] + str(count) + body[at + len(place) + 1 :]
    known = dict.fromkeys(",".join(re.findall(r'assign_to="([^"]+)"', body)).split(",")) if "assign_to" in body else {}
    end = _bye_answer() + '  <label id="over"/>\n  <nop/>\n' if HUNG_UP in body else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="{name}">\n{body}{end}'
        + (f'  <Reference variables="{",".join(known)}"/>\n' if known else "")
        + "</scenario>\n"
    )


def send(text: str, *, retrans: bool = False, also: str = "") -> Part:
    """Send this text."""
    lines = "\n".join(f"        {line.strip()}" for line in text.strip().splitlines())
    again = ' retrans="500"' if retrans else ""
    return f"  <send{again}{also}>\n    <![CDATA[\n{lines}\n\n    ]]>\n  </send>\n"


def with_body(head: str, *, has_body: bool) -> str:
    """Return headers with a session description, or without."""
    if not has_body:
        return f"{head.strip()}\nContent-Length: 0"
    return f"{head.strip()}\nContent-Type: application/sdp\nContent-Length: [len]\n\n{SDP.strip()}"


def _learns(header: str, name: str) -> str:
    return f'      <ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{name}"/>\n'


def _learns_target() -> str:
    return '      <ereg regexp="sip:[^&gt;]*" search_in="hdr" header="Contact:" assign_to="target"/>\n'


def answer(status: str, *headers: str, tag: bool = False, has_body: bool = False, retrans: bool = False) -> Part:
    """Answer the last request; `tag` is for the answers to a first INVITE."""
    more = "\n".join(header for header in headers if header)
    head = (
        f"SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:]{';tag=[pid]c[call_number]' if tag else ''}\n[last_Call-ID:]\n"
        f"[last_CSeq:]\nContact: <sip:[service]@[local_ip]:[local_port]>\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\n"
        f"Supported: timer\n{more}"
    )
    return send(with_body(head, has_body=has_body), retrans=retrans)


def _bye_answer() -> Part:
    return f'  <label id="{HUNG_UP}"/>\n' + answer("200 OK")


def request(method: str, *headers: str, has_body: bool = False) -> Part:
    """Ask something in the call."""
    more = "\n".join(header for header in headers if header)
    head = (
        f"{method} [$target] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport\n"
        f"Max-Forwards: 70\nFrom:[$me]\n"
        f"To:[$peer]\nCall-ID: [call_id]\nCSeq: CSEQ{'=' if method == 'ACK' else '+'} {method}\n"
        f"Contact: <sip:[service]@[local_ip]:[local_port]>\n{more}"
    )
    return send(with_body(head, has_body=has_body), retrans=method != "ACK")


# How a call begins


def rung() -> Iterable[Part]:
    """Take an INVITE, without an answer yet."""
    actions = _learns("From", "peer") + _learns_target()
    yield f'  <recv request="INVITE">\n    <action>\n{actions}    </action>\n  </recv>\n'


def called(timer: str = TIMER) -> Iterable[Part]:
    """Be called, and answer 200 with these headers."""
    yield from rung()
    yield answer("180 Ringing", tag=True)
    yield answer("200 OK", timer, tag=True, has_body=True, retrans=True)
    # The ACK has our tag in To: from now on that is who we are.
    yield '  <recv request="ACK">\n    <action>\n' + _learns("To", "me") + "    </action>\n  </recv>\n"


def refuses_call(status: str, *headers: str) -> Iterable[Part]:
    """Be called, and refuse; the ACK ends the scenario."""
    yield from rung()
    yield answer(status, *headers, tag=True, retrans=True)
    yield '  <recv request="ACK"/>\n'


def calls(*offers: str) -> Iterable[Part]:
    """Call with these headers; every offer but the last meets 422."""
    for number, offer in enumerate(offers):
        if number == 0:
            yield _invite(offer, 1, "")
            yield '  <recv response="100" optional="true"/>\n  <recv response="401" auth="true"/>\n'
            yield _ack_of_refusal(1)
        else:
            yield '  <recv response="100" optional="true"/>\n  <recv response="422"/>\n'
            yield _ack_of_refusal(1 + number)
        yield _invite(offer, 2 + number, "[authentication]")
    yield '  <recv response="100" optional="true"/>\n'


def _invite(offer: str, cseq: int, credentials: str) -> Part:
    head = (
        f"INVITE sip:100@[remote_ip]:[remote_port] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport\n"
        f"Max-Forwards: 70\nFrom: <sip:[service]@[remote_ip]>;tag=[pid]c[call_number]\nTo: <sip:100@[remote_ip]>\n"
        "Call-ID: [call_id]\n"
        f"CSeq: {cseq} INVITE\nContact: <sip:[service]@[local_ip]:[local_port]>\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\n"
        f"Supported: timer\n{offer}\n{credentials}"
    ).strip()
    return send(with_body(head, has_body=True), retrans=True)


def _ack_of_refusal(cseq: int) -> Part:
    # The branch of the INVITE: SIPp counts back from here, past the answers.
    back = 3
    return send(
        f"ACK sip:100@[remote_ip]:[remote_port] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch-{back}];rport\n"
        "Max-Forwards: 70\nFrom: <sip:[service]@[remote_ip]>;tag=[pid]c[call_number]\nTo: <sip:100@[remote_ip]>[peer_tag_param]\n"
        f"Call-ID: [call_id]\nCSeq: {cseq} ACK\nContent-Length: 0"
    )


def answered(cseq: int = 2) -> Iterable[Part]:
    """Have the call answered, and acknowledge it."""
    actions = _learns("From", "me") + _learns("To", "peer") + _learns_target()
    yield f'  <recv response="180"/>\n  <recv response="200">\n    <action>\n{actions}    </action>\n  </recv>\n'
    yield request("ACK").replace("CSEQ=", str(cseq))


def refused(status: int, cseq: int) -> Iterable[Part]:
    """Have the call refused, and leave it at that."""
    yield f'  <recv response="{status}"/>\n'
    yield _ack_of_refusal(cseq)


def speaks_later(seconds: float) -> Iterable[Part]:
    """Send OPTIONS after a while, so that it is known to be alive and to have had the time for more."""
    yield f'  <pause milliseconds="{round(seconds * 1000)}"/>\n'
    yield send(
        "OPTIONS sip:[remote_ip]:[remote_port] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport\n"
        "Max-Forwards: 70\nFrom: <sip:[service]@[remote_ip]>;tag=[pid]o[call_number]\nTo: <sip:[remote_ip]>\n"
        "Call-ID: [call_id]\nCSeq: 99 OPTIONS\nContent-Length: 0",
        retrans=True,
    )
    yield '  <recv response="200"/>\n'


# What happens in it


def wait(seconds: float) -> Iterable[Part]:
    """Do nothing for so long, unless the other side hangs up."""
    yield (
        f'  <recv request="BYE" timeout="{round(seconds * 1000)}" ontimeout="LABEL+" next="{HUNG_UP}"/>\n  <label id="LABEL="/>\n'
    )


def stays() -> Iterable[Part]:
    """Do nothing more until the other side hangs up."""
    yield f'  <recv request="BYE" timeout="{OVER_S * 1000}" next="{HUNG_UP}"/>\n'


def refreshes(method: str, *, status: int = 200, expires: int = 90, refresher: str = "uac") -> Iterable[Part]:
    """Refresh, and have that answered with `status`."""
    timer = f"Supported: timer\nSession-Expires: {expires};refresher={refresher}"
    yield request(method, timer, has_body=method == "INVITE")
    yield f'  <recv response="100" optional="true"/>\n  <recv response="{status}"/>\n'
    if method == "INVITE":
        yield request("ACK")


def takes(
    method: str,
    status: str = "200 OK",
    timer: str = "Session-Expires: 90;refresher=uac\nRequire: timer",
    *,
    has_body: bool | None = None,
    version: int = 1,
) -> Iterable[Part]:
    """Answer a refresh of the other side; `version` is that of the `o=` line."""
    is_good = status.startswith("2")
    is_described = is_good and (method == "INVITE" if has_body is None else has_body)
    yield f'  <recv request="{method}"/>\n'
    made = answer(status, timer if is_good else "", has_body=is_described, retrans=method == "INVITE")
    yield made.replace("o=- 1 1 ", f"o=- 1 {version} ")
    if method == "INVITE":
        yield '  <recv request="ACK"/>\n'


def hangs_up() -> Iterable[Part]:
    """Hang up, and have that answered."""
    yield request("BYE") + '  <recv response="200" next="over"/>\n'
