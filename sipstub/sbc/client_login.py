"""The SBC as the one who is asked for a password: Authentication Mode SBC as client.  In a dialog see Asking."""

from __future__ import annotations

from sipstub.sbc.group_authentication import Login
from sipstub.sbc.ip_group import IpGroup
from sipstub.sip.cseq import CSeq
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response

MAX_ANSWERS = 3
"Challenges to one request that are answered: of a registrar, of a proxy before it, and one more for a nonce that is too old."
LEFT_OUT = frozenset({"authorization", "proxy-authorization", "cseq", "content-length"})


def with_credentials(
    request: Request, response: Response, group: IpGroup, source: str, cnonce: str, count: int
) -> Request | None:
    """Return the request to send after a challenge of a group, on behalf of the group named `source`, with the next CSeq.

    None where the SBC has no password for it, cannot answer, was refused with this very password, or has answered `count`
    challenges to it already and that is enough.
    """
    login = group.authentication.login_for(source)
    if login is None or response.status not in (401, 407) or count >= MAX_ANSWERS:
        return None
    is_proxy = response.status == 407
    given = request.proxy_authorization if is_proxy else request.authorization
    for challenge in response.proxy_authenticate if is_proxy else response.www_authenticate:
        if not challenge.is_stale and any(one.realm == challenge.realm and one.username == login.username for one in given):
            return None
        try:
            ha1 = make_ha1(login.username, challenge.realm, login.password.reveal(), challenge.algorithm)
            found = respond(
                challenge,
                method=request.method,
                uri=request.uri_text,
                username=login.username,
                ha1=ha1,
                cnonce=cnonce,
                body=request.body,
            )
        except SipError:
            continue
        return _again(request, "Proxy-Authorization" if is_proxy else "Authorization", str(found), login)
    return None


def _again(request: Request, header: str, value: str, login: Login) -> Request:
    pairs = [(field.name, field.value) for field in request.headers if field.key not in LEFT_OUT]
    made = Request(request.method, request.uri, pairs)
    made.headers.remove_first("Via")  # ours; what was kept below stays
    made.headers.add("CSeq", CSeq(request.cseq.number + 1, request.method))
    made.headers.add(header, value)
    other, others = (
        ("Authorization", request.authorization)
        if header.startswith("Proxy")
        else ("Proxy-Authorization", request.proxy_authorization)
    )
    for one in others:  # a registrar behind a proxy: both want to hear who we are
        if one.username == login.username:
            made.headers.add(other, one)
    if request.body:
        made.set_body(request.body)
    return made
