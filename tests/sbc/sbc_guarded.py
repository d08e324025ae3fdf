"""Sites whose settings have tables beside groups and routes: users, accounts, servers that are not SIP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sbc_world import Peer

from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sip.credentials import Challenge
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.message import Request

Columns = Mapping[str, int | str]
PASSWORD = "Tr0ub4dor"
PHONES: Columns = {"Name": "phones", "Type": "user", "AuthenticationMode": 2, "MethodList": "REGISTER\\INVITE\\MESSAGE"}
PBX: Columns = {"Name": "pbx", "ProxySetName": "pbx"}
USER: Columns = {"LocalUser": "100", "Username": "login100", "Password": PASSWORD, "IPGroupName": "phones"}
ROUTES: tuple[Columns, ...] = (
    {"SrcIPGroupName": "phones", "RequestType": "register", "DestIPGroupName": "pbx"},
    {"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"},
    {"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"},
)


def settings_of(
    values: Columns | None = None,
    *,
    phones: Columns | None = None,
    pbx: Columns | None = None,
    routes: Iterable[Columns] = ROUTES,
    proxy: str = "10.0.2.1:5060",
    source: str = "10.0.1.*",
    tables: Iterable[tuple[str, Columns]] = (),
) -> SbcSettings:
    """Return settings of phones that register at a PBX; expiries are not randomised unless it is said."""
    found = SbcSettings().with_value("SBCRandomizeExpires", 0)
    for name, value in (values or {}).items():
        found = found.with_value(name, value)
    rows: list[tuple[str, Columns]] = [
        ("ProxySet", {"ProxyName": "pbx"}),
        ("ProxyIp", {"ProxySetId": "pbx", "IpAddress": proxy}),
        ("IPGroup", {**PHONES, **(phones or {})}),
        ("IPGroup", {**PBX, **(pbx or {})}),
        ("Classification", {"SrcAddress": source, "SrcIPGroupName": "phones"}),
        *(("IP2IPRouting", route) for route in routes),
        *tables,
    ]
    for table, columns in rows:
        found = found.with_row(table, **columns)
    return found


def ask(
    phone: Peer, method: str, *headers: tuple[str, str], body: bytes = b"", uri: str = "", user: str = "100", cseq: int = 1
) -> Request:
    """Have a phone ask: to register itself, or to talk to 200."""
    me = f"<sip:{user}@corp.example>"
    if method == "REGISTER":
        return phone.ask(method, "sip:corp.example", ("Expires", "3600"), *headers, from_=me, to=me, cseq=cseq)
    return phone.ask(method, uri or "sip:200@corp.example", *headers, from_=me, body=body, cseq=cseq)


def credentials(
    challenge: Challenge,
    method: str = "REGISTER",
    uri: str = "sip:corp.example",
    *,
    username: str = "login100",
    password: str = PASSWORD,
    nc: int = 1,
    body: bytes = b"",
) -> str:
    """Return what a phone answers a challenge with."""
    ha1 = make_ha1(username, challenge.realm, password, challenge.algorithm)
    return str(respond(challenge, method=method, uri=uri, username=username, ha1=ha1, cnonce="c", nc=nc, body=body))
