"""The HTTP services of the settings: routing servers, and those that push."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sbc.outside import HttpAsk
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.secret import Secret
from sipstub.sbc.settings.settings import SbcSettings

ROUTING = 0
"HTTPType of a routing server."


@dataclass(frozen=True, slots=True)
class HttpService:
    """One of them."""

    url: str
    timeout_s: int
    username: str
    password: Secret

    def ask(self, body: bytes) -> HttpAsk:
        """Return a question to it."""
        return HttpAsk(self.url, body, self.username, self.password)


def routing_server(settings: SbcSettings) -> HttpService | None:
    """Return the first service of type routing."""
    rows = settings.table("HTTPRemoteServices")
    return next((_service(row) for row in rows if row.number("HTTPType") == ROUTING and row.text("Path")), None)


def push_servers(settings: SbcSettings) -> dict[str, HttpService]:
    """Return the services that push, by the provider that phones name."""
    found = {}
    for row in settings.table("PushNotificationServers"):
        service = settings.row("HTTPRemoteServices", row.text("RemoteHTTPService"))
        if service is not None and service.text("Path"):
            found[row.text("Provider").lower()] = _service(service)
    return found


def _service(row: Row) -> HttpService:
    password = row.value("Password")
    return HttpService(
        row.text("Path"), row.number("Timeout"), row.text("Username"), password if isinstance(password, Secret) else Secret("")
    )
