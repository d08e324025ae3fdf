"""Which parameters of a vendor a lab layer lays, from templates/<vendor>/lab.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.errors import CatalogueError

FILE = "lab.toml"


@dataclass(frozen=True, slots=True)
class LabWords:
    """The vendor's names."""

    enabled: str
    "The parameter that switches an account on; X stands for the account in all of them."

    enabled_on: str
    "Its value for on."

    user: str
    "The account's user name."

    server: str
    "The registrar's address."

    port: str
    "Its port."

    transport: str
    "How SIP travels."

    transports: Mapping[str, str]
    "The phone's values for udp, tcp and tls."

    outbound_proxy: str
    "The parameter that switches an outbound proxy on."

    outbound_proxy_on: str
    "Its value for on."

    outbound_proxy_off: str
    "Its value for off."

    server2: str
    "The second registrar's address."

    server2_off: str
    "Its value for none."

    older: tuple[str, ...]
    "Parameters of older firmware that name a server too."

    def name(self, parameter: str, account: int) -> str:
        """Return a parameter's name for one account."""
        return parameter.replace(".X.", f".{account}.")


def load_lab_words(folder: Path) -> LabWords | None:
    """Return the words in `folder`/lab.toml; None if the vendor has none.  CatalogueError if the file is wrong."""
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        data: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
        return LabWords(
            data["enabled"]["parameter"],
            data["enabled"]["on"],
            data["user"]["parameter"],
            data["server"]["parameter"],
            data["port"]["parameter"],
            data["transport"]["parameter"],
            dict(data["transport"]["words"]),
            data["outbound_proxy"]["parameter"],
            data["outbound_proxy"]["on"],
            data["outbound_proxy"]["off"],
            data["server2"]["parameter"],
            data["server2"]["off"],
            tuple(data["older"]["parameters"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CatalogueError(f"{file}: {error}", hint="restore the file, or correct it") from None
