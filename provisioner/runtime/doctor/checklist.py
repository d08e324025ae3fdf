"""What to look at on the phone itself, since nobody here can see it."""

from __future__ import annotations

from provisioner.errors import SettingsError
from provisioner.runtime.dhcp.url import phone_url
from provisioner.runtime.doctor.subject import Subject


def checklist(subject: Subject) -> tuple[str, ...]:
    """Return the lines for people, with the URL of this server in them."""
    try:
        url = phone_url(subject.settings, subject.bound).text
    except SettingsError:
        url = "the URL of this server"
    return (
        "the phone has an address in one of the allowed networks (Menu > Status), and the right VLAN",
        "model and firmware on Menu > Status are those of devices/ (`provisioner models` lists what gets files)",
        f"Settings > Auto Provision shows {url} as server, or DHCP hands it out (`provisioner dhcp ...`)",
        "PnP and zero touch may give another URL before DHCP does: turn them off, or see that they name this server",
        "power-on provisioning is on (auto_provision.power_on), then restart the phone or press Auto Provision Now",
        "HTTPS: an old phone knows neither a private authority nor TLS 1.2; load the authority first, or use HTTP",
        "then look here: provisioner events, provisioner knocking, provisioner why --event ID",
    )
