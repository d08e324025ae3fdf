"""Contact: addresses with `expires`, `q`, `+sip.instance` and `reg-id`, or the star of RFC 3261 section 10.2.2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.name_addr import NameAddr, parse_parts
from sipstub.sip.scanner import split_values

MAX_EXPIRES_S = 2**32 - 1
MALFORMED_EXPIRES_S = 3600
"What an expiry counts as that is no number, or too large for one (RFC 3261 section 20.10)."
MAX_REG_ID = 2**31 - 1

_Q = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")


@dataclass(frozen=True, slots=True)
class Contact(NameAddr):
    """One contact address."""

    @classmethod
    def parse(cls, text: str) -> Contact:
        """Return the contact, its q value checked."""
        found = cls(*parse_parts(text))
        q = found.params.get("q")
        if q is not None and not _Q.match(q):
            raise SipError(f"q is not between 0 and 1: {q!r}")
        return found

    @property
    def expires_s(self) -> int | None:
        """Return the asked or granted time in seconds; MALFORMED_EXPIRES_S for what is no such number."""
        return None if "expires" not in self.params else lenient_expires(self.params.get("expires") or "")

    @property
    def q(self) -> float:
        """Return the preference, 1.0 where there is none."""
        return float(self.params.get("q") or 1.0)

    @property
    def instance(self) -> str | None:
        """Return `+sip.instance` without quotes and angle brackets (RFC 5626)."""
        value = self.params.get("+sip.instance")
        return value.strip("<>") if value else None

    @property
    def reg_id(self) -> int | None:
        """Return the flow number of RFC 5626, or None; it counts only beside an instance."""
        value = self.params.get("reg-id")
        if value is None or not (value.isascii() and value.isdigit()) or len(value) > 10:
            return None
        return int(value) if 0 < int(value) <= MAX_REG_ID else None


@dataclass(frozen=True, slots=True)
class Contacts:
    """All contacts of one message."""

    addresses: tuple[Contact, ...] = ()
    is_star: bool = False
    "Contact: * , which stands alone."

    @classmethod
    def parse_all(cls, lines: list[str]) -> Contacts:
        """Return the contacts of all Contact headers together; raises SipError for a star that has company."""
        texts = [text for line in lines for text in split_values(line)]
        if "*" in texts:
            if len(texts) > 1:
                raise SipError("Contact: * stands beside other contacts")
            return cls(is_star=True)
        return cls(tuple(Contact.parse(text) for text in texts))

    def __str__(self) -> str:
        return "*" if self.is_star else ", ".join(str(contact) for contact in self.addresses)

    def __iter__(self) -> Iterator[Contact]:
        return iter(self.addresses)

    def __len__(self) -> int:
        return len(self.addresses)


def lenient_expires(text: str) -> int:
    """Return seconds; what is malformed or over MAX_EXPIRES_S counts as an hour, as RFC 3261 sections 20.10 and 20.19 wish."""
    digits = text.strip(" \t")
    if not (digits.isascii() and digits.isdigit()):
        return MALFORMED_EXPIRES_S
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= 10 and int(digits) <= MAX_EXPIRES_S else MALFORMED_EXPIRES_S
