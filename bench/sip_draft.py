"""Good REGISTERs and INVITEs in pieces, as a phone would send them: the ones that `sip_anomaly` spoils."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.sip_anomaly import Draft
from sipstub.sip.credentials import Challenge
from sipstub.sip.digest import make_ha1, respond

SDP = (
    b"v=0\r\no=- 20047 20047 IN IP4 127.0.0.1\r\ns=SDP data\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 11780 RTP/AVP 9 0 8 101\r\n"
    b"a=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)
KINDS = ("REGISTER", "INVITE", "SUBSCRIBE")


@dataclass
class Sender:
    """A phone that counts what it says."""

    user: str
    password: str
    realm: str
    host: str
    port: int
    target: str
    "`HOST:PORT` of the server."
    transport: str = "UDP"
    challenge: Challenge | None = None
    "What the server asked; None sends no credentials."
    mark: str = "f"
    "Begins its Call-IDs."
    count: int = 0
    _nc: int = 0
    _ha1: str = field(default="", repr=False)

    def draft(self, kind: str = "REGISTER", *, contact: str | None = None, expires: int = 120) -> Draft:
        """Return the next message of that kind, with a fresh branch, Call-ID and digest."""
        self.count += 1
        number = f"{self.mark}{self.count}"
        domain = self.target.partition(":")[0]
        uri = f"sip:{self.target}" if kind == "REGISTER" else f"sip:{self.user}@{self.target}"
        me = f"sip:{self.user}@{self.host}:{self.port}"
        lines = [
            f"Via: SIP/2.0/{self.transport} {self.host}:{self.port};branch=z9hG4bK{number};rport",
            f'From: "Desk {self.user}" <sip:{self.user}@{domain}>;tag=t{number}',
            f"To: <sip:{self.user}@{domain}>",
            f"Call-ID: {number}@{self.host}",
            f"CSeq: {self.count} {kind}",
            f"Contact: {contact or f'<{me};line=a1b2>;q=0.5'}",
            "Max-Forwards: 70",
            "User-Agent: Yealink SIP-T46G 28.80.0.60",
            "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY",
            "Supported: path, replaces",
        ]
        if kind != "INVITE":
            lines.append(f"Expires: {expires}")
        if kind == "SUBSCRIBE":
            lines += ["Event: message-summary;id=1", "Accept: application/simple-message-summary"]
        body = b""
        if kind == "INVITE":
            lines += ["Session-Expires: 1800;refresher=uac", "Min-SE: 90", "Content-Type: application/sdp"]
            body = SDP
        if self.challenge is not None:
            self._nc += 1
            self._ha1 = self._ha1 or make_ha1(self.user, self.realm, self.password, self.challenge.algorithm)
            credentials = respond(
                self.challenge,
                method=kind,
                uri=uri,
                username=self.user,
                ha1=self._ha1,
                cnonce=f"c{self.count:08x}",
                nc=self._nc,
                body=body,
            )
            lines.append(f"Authorization: {credentials}")
        return Draft(f"{kind} {uri} SIP/2.0".encode(), tuple(line.encode() for line in lines), body)

    def take(self, challenge: Challenge) -> None:
        """Answer that challenge from now on."""
        self.challenge, self._nc = challenge, 0
