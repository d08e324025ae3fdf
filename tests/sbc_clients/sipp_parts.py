"""What calls through an SBC need of SIPp beside session timers: registering, holding, transferring, being redirected."""

from __future__ import annotations

from collections.abc import Iterable

from sipp_script import Part, answer, answered, request, send

HELD = "a=sendonly"
DESCRIPTION = "RTP/AVP 0 8\n"
BRANCH = "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport\nMax-Forwards: 70\n"
SDP = "\nv=0\no=- 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio 6000 RTP/AVP 0 8\n"
_TRYING = '  <recv response="100" optional="true"/>\n'


def invites(uri: str = "sip:200@[remote_ip]:[remote_port]", *headers: str) -> Iterable[Part]:
    """Call."""
    more = "".join(f"{header}\n" for header in headers)
    yield send(
        f"INVITE {uri} SIP/2.0\n{BRANCH}From: <sip:[service]@[local_ip]>;tag=[pid]c[call_number]\n"
        f"To: <sip:200@[remote_ip]>\nCall-ID: [call_id]\nCSeq: 1 INVITE\n"
        "Contact: <sip:[service]@[local_ip]:[local_port]>\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, REFER, NOTIFY\n"
        f"{more}Content-Type: application/sdp\nContent-Length: [len]\n{SDP}",
        retrans=True,
    )
    yield _TRYING


def calls(*headers: str, uri: str = "sip:200@[remote_ip]:[remote_port]") -> Iterable[Part]:
    """Call and be answered."""
    yield from invites(uri, *headers)
    yield from answered(1)


def is_refused(status: int, back: int = 3) -> Iterable[Part]:
    """Have the call refused."""
    yield f'  <recv response="{status}"/>\n'
    yield send(
        f"ACK sip:200@[remote_ip]:[remote_port] SIP/2.0\n{BRANCH.replace('[branch]', f'[branch-{back}]')}"
        "From: <sip:[service]@[local_ip]>;tag=[pid]c[call_number]\n"
        "To: <sip:200@[remote_ip]>[peer_tag_param]\nCall-ID: [call_id]\nCSeq: 1 ACK\nContent-Length: 0"
    )


def asks(method: str, *headers: str, status: int = 200, has_body: bool = False, direction: str = "") -> Iterable[Part]:
    """Ask something in the call, and have it answered."""
    made = request(method, *headers, has_body=has_body)
    yield made.replace(DESCRIPTION, f"{DESCRIPTION}        {direction}\n") if direction else made
    yield f'{_TRYING}  <recv response="{status}"/>\n'
    if method == "INVITE":
        yield request("ACK")


def hears(
    method: str, *wanted: tuple[str, str], status: str = "200 OK", direction: str = "", has_body: bool = False
) -> Iterable[Part]:
    """Be asked something in the call, with these in it (where, regular expression), and answer."""
    actions = "".join(
        f'      <ereg regexp="{pattern}" search_in="{"body" if place == "body" else "hdr"}" '
        f'{"" if place == "body" else f"""header="{place}:" """}check_it="true" assign_to="w{number}"/>\n'
        for number, (place, pattern) in enumerate(wanted)
    )
    yield (
        f'  <recv request="{method}">\n    <action>\n{actions}    </action>\n  </recv>\n'
        if actions
        else (f'  <recv request="{method}"/>\n')
    )
    made = answer(status, has_body=has_body, retrans=method == "INVITE")
    yield made.replace(DESCRIPTION, f"{DESCRIPTION}        {direction}\n") if direction else made
    if method == "INVITE":
        yield '  <recv request="ACK"/>\n'


def second(parts: Iterable[Part]) -> Iterable[Part]:
    """Return the same in a second call of the same script, with names of its own."""
    for part in parts:
        for name in ("me", "peer", "target"):
            part = part.replace(f"[${name}]", f"[${name}2]").replace(f'assign_to="{name}"', f'assign_to="{name}2"')
        yield part.replace("Call-ID: [call_id]", "Call-ID: two///[call_id]").replace("c[call_number]", "d[call_number]")


def learns_refer() -> Iterable[Part]:
    """Be asked to call somebody, say yes, and know whom."""
    yield (
        '  <recv request="REFER">\n    <action>\n      <ereg regexp="sip:[^&gt;?]*" search_in="hdr" header="Refer-To:" '
        'assign_to="refer"/>\n    </action>\n  </recv>\n'
    )
    yield answer("202 Accepted")


def registers(*, is_challenged: bool = True, expires: int = 60) -> Iterable[Part]:
    """Register, with a digest if that is asked for, and be told 200."""
    for cseq, credentials in ((1, ""), (2, "[authentication]"))[: 1 + is_challenged]:
        yield send(
            f"REGISTER sip:[remote_ip]:[remote_port] SIP/2.0\n{BRANCH}From: <sip:[service]@[remote_ip]>;tag=[pid]r[call_number]\n"
            f"To: <sip:[service]@[remote_ip]>\nCall-ID: [call_id]\nCSeq: {cseq} REGISTER\n"
            f"Contact: <sip:[service]@[local_ip]:[local_port]>\nExpires: {expires}\n{credentials}\n".rstrip()
            + "\nContent-Length: 0",
            retrans=True,
        )
        is_last = cseq == 1 + is_challenged
        yield _TRYING + ('  <recv response="200"/>\n' if is_last else '  <recv response="401" auth="true"/>\n')


def is_called_and_says(status: str, *headers: str) -> Iterable[Part]:
    """Be called, and refuse or send elsewhere."""
    yield '  <recv request="INVITE"/>\n'
    mine = "Contact: <sip:[service]@[local_ip]:[local_port]>"
    made = answer(status, *headers, tag=True, retrans=True)
    yield "\n".join(line for line in made.split("\n") if line.strip() != mine)
    yield '  <recv request="ACK"/>\n'


def rings_until_cancelled() -> Iterable[Part]:
    """Be called, ring, and be told that it is no more wanted."""
    yield (
        '  <recv request="INVITE">\n    <action>\n      <ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>\n'
        '      <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>\n    </action>\n  </recv>\n'
    )
    yield answer("180 Ringing", tag=True)
    yield '  <recv request="CANCEL"/>\n'
    yield answer("200 OK", tag=True)
    refusal = answer("487 Request Terminated", tag=True, retrans=True)
    yield refusal.replace("[last_CSeq:]", "CSeq:[$cseq]").replace("[last_Via:]", "Via:[$via]")
    yield '  <recv request="ACK"/>\n'


def cancels() -> Iterable[Part]:
    """Take the call back while it rings."""
    yield '  <recv response="180"/>\n'
    yield send(
        f"CANCEL sip:200@[remote_ip]:[remote_port] SIP/2.0\n{BRANCH.replace('[branch]', '[branch-3]')}"
        "From: <sip:[service]@[local_ip]>;tag=[pid]c[call_number]\nTo: <sip:200@[remote_ip]>\nCall-ID: [call_id]\n"
        "CSeq: 1 CANCEL\nContent-Length: 0",
        retrans=True,
    )
    yield '  <recv response="200"/>\n'
    yield from is_refused(487, back=6)


def answers_all_the_same() -> Iterable[Part]:
    """Be called, be told that it is no more wanted, and answer the call first; hear ACK and BYE."""
    first, ringing, cancelled, *_ = rings_until_cancelled()
    yield from (first, ringing, cancelled)
    late = answer("200 OK", tag=True, has_body=True, retrans=True)
    yield late.replace("[last_CSeq:]", "CSeq:[$cseq]").replace("[last_Via:]", "Via:[$via]")
    yield '  <recv request="ACK"/>\n  <recv request="BYE"/>\n'
    yield answer("200 OK")
