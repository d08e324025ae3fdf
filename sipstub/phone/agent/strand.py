"""What the requests of one kind have in common: Call-ID, tag, counting numbers, and the answer to the last challenge."""

from __future__ import annotations

from sipstub.phone.agent.account import Account
from sipstub.phone.agent.conduct import Conduct
from sipstub.phone.agent.identifier import Identifiers
from sipstub.sip.credentials import AuthParams, Challenge
from sipstub.sip.digest import MD5, make_ha1, respond
from sipstub.sip.error import SipError
from sipstub.sip.message import Response
from sipstub.sip.scanner import quote

CNONCE_DIGITS = 16
AuthHeader = tuple[str, str]


class Strand:
    """One Call-ID with its credentials."""

    def __init__(self, account: Account, conduct: Conduct, identifiers: Identifiers, host: str) -> None:
        self._account = account
        self._conduct = conduct
        self._identifiers = identifiers
        self._host = host
        self.call_id = identifiers.call_id(account.number, host)
        self.tag = identifiers.digits()
        self._cseq = 0
        self._challenge: Challenge | None = None
        self._header = "Authorization"
        self._nc = 0
        self._is_answered = False
        "Whether the challenge was answered and nothing but another challenge came since."

    def next_cseq(self) -> int:
        """Return the number of the next request."""
        if self._conduct.raises_cseq or not self._cseq:
            self._cseq += 1
        return self._cseq

    def begin(self) -> None:
        """Begin a new piece of work: a registration, a subscription."""
        self._is_answered = False
        if not self._conduct.keeps_call_id:
            self.renew()

    def repeat(self) -> None:
        """Give the next request the number of the last."""
        self._cseq -= 1

    def renew(self) -> None:
        """Take another Call-ID."""
        self.call_id = self._identifiers.call_id(self._account.number, self._host)

    def challenged(self, response: Response) -> bool:
        """Take a 401 or 407; return whether there is any use in asking again."""
        if not self._conduct.answers_challenges or not self._account.password:
            return False
        is_proxy = response.status == 407
        try:
            found = response.proxy_authenticate if is_proxy else response.www_authenticate
        except SipError:
            return False
        # the firmware knows MD5 alone; where several are offered it takes that one
        known = [one for one in found if one.is_digest and one.algorithm == MD5 and (not one.qops or "auth" in one.qops)]
        if not known or (self._is_answered and not known[0].is_stale):
            return False
        self._challenge, self._nc = known[0], 0
        self._is_answered = True
        self._header = "Proxy-Authorization" if is_proxy else "Authorization"
        return True

    def accepted(self) -> None:
        """Note that the last request was not challenged."""
        self._is_answered = False

    def authorization(self, method: str, uri: str) -> AuthHeader | None:
        """Return name and value of the header that answers the last challenge, or None if there was none."""
        if self._challenge is None:
            return None
        if self._conduct.counts_nonces or not self._nc:
            self._nc += 1
        account, challenge = self._account, self._challenge
        if self._conduct.digest_realm:
            challenge = _with_realm(challenge, self._conduct.digest_realm)
        credentials = respond(
            challenge,
            method=method,
            uri=self._conduct.digest_uri or uri,
            username=account.auth_name,
            ha1=make_ha1(account.auth_name, challenge.realm, account.password),
            cnonce=self._identifiers.hex(CNONCE_DIGITS),
            nc=self._nc,
        )
        return self._header, str(credentials)


def _with_realm(challenge: Challenge, realm: str) -> Challenge:
    items = tuple((name, quote(realm) if name.lower() == "realm" else value) for name, value in challenge.params.items)
    return Challenge(challenge.scheme, AuthParams(items))
