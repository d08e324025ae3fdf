"""Where a listener listens, as people write it: `:8080`, `127.0.0.1:8080`, `[::1]:69`, `off`."""

from __future__ import annotations

from dataclasses import dataclass

WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound
"Hosts that mean every address of this machine."


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to bind."""

    host: str
    "Address or name; empty means every address of this machine, IPv4 and IPv6."

    port: int
    "0 takes a free port."

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str) -> Listen | None:
    """Return the address, None for `off`; ValueError says what is wrong."""
    if text.strip() == "off":
        return None
    host, colon, port = text.strip().rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"is {text!r}, which has no port; write HOST:PORT, :PORT or off")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"is {text!r}; an IPv6 address wants brackets: [::1]:8080")
    return Listen(host, int(port))
