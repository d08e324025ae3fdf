"""Who a phone says it is: MAC, model, firmware, and the names that follow from them.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sipstub.errors import IdentityProblem

BOOT_FILE_GENERATION = 81
"From this firmware generation on a phone asks for `.boot` files first."
COMMON_BOOT_FILE = "y000000000000.boot"
NO_LOOPBACK = frozenset({"127.0.0.0", "127.0.0.1", "127.255.255.255"})
"Network, the servers' own address and broadcast: no phone takes one of them."

_MAC = re.compile(r"[0-9a-f]{12}")
_FIRMWARE = re.compile(r"\d{1,3}(?:\.\d{1,5}){3,7}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PhoneModel:
    """What a phone must know about its own model; comes from `templates/yealink/models.toml`."""

    name: str
    "Canonical name: `T46G`, `T21P E2`, `CP860`."

    user_agent_name: str
    "As in the User-Agent: `SIP-T46G`, `SIP-T21P_E2`, `CP860`."

    common_name: str
    "The file of all phones of the model: `y000000000028.cfg`."

    example_firmware: str
    "A version that exists for this model, taken where none is named: `28.80.0.60`."

    http_agent_sample: str = ""
    "A User-Agent that ends in example firmware and MAC, for models with a form of their own; empty for the usual one."

    sip_agent_sample: str = ""
    "The same of SIP messages; it ends in example firmware."

    codec_slots: int = 0
    "How many codecs an account can name; 0 where nobody knows."

    @property
    def pn(self) -> str:
        """What `$PN` stands for in a URL: the model without `SIP-`."""
        return self.user_agent_name.removeprefix("SIP-").removeprefix("SIP ")


@dataclass(frozen=True, slots=True)
class PhoneIdentity:
    """One phone."""

    mac: str
    "Twelve lower-case hex digits."

    model: PhoneModel
    "What it is."

    firmware: str
    "`28.80.0.60`: hardware prefix, generation, and two more."

    @classmethod
    def of(cls, mac: str, model: PhoneModel, firmware: str | None = None) -> Self:
        """Return the identity for a MAC in any usual form; without firmware the model's example; else IdentityProblem."""
        plain = re.sub(r"[:.\-]", "", mac.strip().lower())
        if not _MAC.fullmatch(plain):
            raise IdentityProblem(f"not a MAC address: {mac[:40]!r}", hint="write twelve hex digits, as on the phone's label")
        version = firmware or model.example_firmware
        if not _FIRMWARE.fullmatch(version):
            raise IdentityProblem(f"not a firmware version: {version[:40]!r}", hint=f"write it like {model.example_firmware}")
        return cls(plain, model, version)

    @property
    def mac_colons(self) -> str:
        """`00:15:65:aa:bb:cc`."""
        return ":".join(self.mac[at : at + 2] for at in range(0, 12, 2))

    @property
    def agent(self) -> str:
        """The User-Agent of its HTTP requests: `Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc`."""
        before, firmware, _ = self.model.http_agent_sample.partition(f"{self.model.example_firmware} ")
        return f"{before if firmware else f'Yealink {self.model.user_agent_name} '}{self.firmware} {self.mac_colons}"

    @property
    def sip_agent(self) -> str:
        """The User-Agent of its SIP messages: `Yealink SIP-T46G 28.80.0.60`."""
        sample = self.model.sip_agent_sample
        before = sample.removesuffix(self.model.example_firmware)
        return f"{before if before != sample else f'Yealink {self.model.user_agent_name} '}{self.firmware}"

    @property
    def generation(self) -> int:
        """The second number of the firmware: 80 for `28.80.0.60`."""
        return int(self.firmware.split(".")[1])

    @property
    def asks_boot_files(self) -> bool:
        """Whether this firmware asks for `<mac>.boot` and `y000000000000.boot` before the cfg files."""
        return self.generation >= BOOT_FILE_GENERATION

    @property
    def mac_file(self) -> str:
        """`001565aabbcc.cfg`."""
        return f"{self.mac}.cfg"

    @property
    def local_file(self) -> str:
        """The file of what the user changed on the phone: `001565aabbcc-local.cfg`."""
        return f"{self.mac}-local.cfg"

    @property
    def boot_file(self) -> str:
        """`001565aabbcc.boot`."""
        return f"{self.mac}.boot"

    @property
    def loopback(self) -> str:
        """The phone's own address in 127.0.0.0/8, from the last three octets of its MAC."""
        address = "127." + ".".join(str(int(self.mac[at : at + 2], 16)) for at in (6, 8, 10))
        return f"127.254.254.{int(self.mac[10:], 16) or 2}" if address in NO_LOOPBACK else address


def find_model(models: Iterable[PhoneModel], text: str) -> PhoneModel:
    """Return the model meant by `T46G`, `SIP-T46G`, `t21p_e2`; else IdentityProblem with the nearest names."""
    known = {_folded(name): model for model in models for name in (model.name, model.user_agent_name)}
    found = known.get(_folded(text))
    if found is not None:
        return found
    import difflib

    near = difflib.get_close_matches(_folded(text), known, 1)
    hint = f"did you mean {known[near[0]].name!r}?" if near else "known: " + ", ".join(sorted({m.name for m in known.values()}))
    raise IdentityProblem(f"no model {text[:40]!r}", hint=hint)


def _folded(text: str) -> str:
    folded = re.sub(r"[\s_\-]", "", text.lower())
    return folded.removeprefix("sip")
