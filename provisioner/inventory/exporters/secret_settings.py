"""Settings by parameter name hold secrets too: a Wi-Fi key, a password in a URL.  An export masks them like passwords."""

from __future__ import annotations

import re
from dataclasses import replace

from provisioner.catalogue.catalogue import Catalogue
from provisioner.inventory.layer import RESET, PhoneText, Setting
from provisioner.secret import Secret

_USERINFO = re.compile(r"://[^/?#@\s]*@")


def with_secrets(phone: PhoneText, catalogue: Catalogue) -> PhoneText:
    """Return the phone with each secret setting's value as a Secret; the same phone if it has none."""
    found = {name: setting for name, setting in phone.layer.settings.items() if _is_secret(name, setting, catalogue)}
    if not found:
        return phone
    hidden = {name: Setting(Secret(str(setting.value)), setting.origin) for name, setting in found.items()}
    return replace(phone, layer=replace(phone.layer, settings={**phone.layer.settings, **hidden}))


def _is_secret(name: str, setting: Setting, catalogue: Catalogue) -> bool:
    if setting.value in ("", RESET):
        return False
    parameter = catalogue.parameter(name)
    return (parameter is not None and parameter.is_secret) or _USERINFO.search(str(setting.value)) is not None
