"""The media of calls with the SIP stub, as the settings want them."""

from __future__ import annotations

from provisioner.errors import SettingsError
from provisioner.settings import Settings
from sipstub.media.engine import MediaEngine
from sipstub.media.port import PortProblem, PortRange
from sipstub.media.sound import Sound


def media_engine(settings: Settings) -> MediaEngine | None:
    """Return an engine that has not begun, or None where media are off; raises SettingsError for ports that cannot be."""
    if settings["media"] == "off":
        return None
    try:
        ports = PortRange.parse(settings["media_ports"])
    except PortProblem as problem:
        raise SettingsError(f"{settings.origin('media_ports')}: {problem.message}", hint=problem.hint) from None
    return MediaEngine(ports, Sound(settings["media"]))
