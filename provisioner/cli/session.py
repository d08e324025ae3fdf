"""What most commands need: the settings with this command's flags, the fleet, and the phone that somebody means."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provisioner.errors import NotFound
from provisioner.mac import MacAddress
from provisioner.settings import BY_NAME, Settings, load_settings

if TYPE_CHECKING:
    from provisioner.inventory.load import Inventory
    from provisioner.inventory.phone import Phone
    from provisioner.runtime.fleet import Fleet

Command = TypeVar("Command", bound=Callable[..., Any])


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Add a flag for each named setting; the command gets one `settings: Settings` argument."""

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def with_settings(*args: Any, **kwargs: Any) -> Any:
            flags: Mapping[str, Any] = {name: kwargs.pop("setting_" + name) for name in names}
            ctx = click.get_current_context()
            config = (ctx.find_root().obj or {}).get("config")
            return function(*args, settings=load_settings(config, flags), **kwargs)

        wrapped: Any = with_settings
        for name in reversed(names):
            spec = BY_NAME[name]
            is_list = spec.type is list
            shown = (
                f"{spec.summary} [{spec.default if spec.default != '' else 'none'}]"
                if not is_list
                else f"{spec.summary}; may be repeated"
            )
            wrapped = click.option(
                "--" + name.replace("_", "-"), "setting_" + name, multiple=is_list, metavar=_metavar(name, spec.type), help=shown
            )(wrapped)
        result: Command = wrapped
        return result

    return decorate


def _metavar(name: str, kind: type) -> str:
    if name in ("http", "https", "tftp", "sip", "sips", "people"):
        return "HOST:PORT"
    if name in ("devices", "templates", "state"):
        return "DIR"
    return {int: "N", float: "SECONDS", list: "NETWORK"}.get(kind, "FILE" if name.startswith("certificate") else "TEXT")


def templates_folder(settings: Settings) -> Path:
    """Return the folder of templates: the one set, `templates` here, or the one that came with the program."""
    from provisioner.runtime.bundled import bundled

    if settings["templates"]:
        return settings.path("templates")
    return Path("templates") if Path("templates").is_dir() else bundled("templates")


def open_fleet(settings: Settings) -> Fleet:
    """Return the fleet of these settings, under the lab layers of this moment; nothing is loaded yet but templates and facts."""
    from provisioner.runtime.addresses import read_addresses
    from provisioner.runtime.fleet import Fleet
    from provisioner.runtime.lab_folder import LabFolder

    labs = LabFolder(settings.path("state"))
    return Fleet(templates_folder(settings), settings.path("devices"), read_addresses(settings), labs=labs, now=time.time())


def find_phone(inventory: Inventory, written: str) -> Phone:
    """Return the phone of this name or MAC (any form); raise NotFound with the nearest name."""
    from provisioner.inventory.value import nearest

    by_name = {phone.name: phone for phone in inventory.phones.values()}
    if written in by_name:
        return by_name[written]
    try:
        mac = MacAddress.parse(written).plain
    except ValueError:
        mac = ""
    if mac in inventory.phones:
        return inventory.phones[mac]
    if mac:
        raise NotFound(f"no phone has the MAC {mac}", hint=f"adopt it: provisioner adopt {mac}")
    raise NotFound(f'no phone is called "{written[:60]}"', hint=nearest(written, by_name) or "see `provisioner phones`")
