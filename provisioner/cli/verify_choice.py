"""Which phones a command means: by name or MAC, by group, by model, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.cli.lost import find_mac
from provisioner.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.runtime.fleet import Fleet
    from provisioner.runtime.history import History


def chosen(fleet: Fleet, history: History, phones: Sequence[str], group: str | None, model: str | None) -> list[str]:
    """Return the MACs that are meant, by name of the phone; NotFound where a name means nothing."""
    from provisioner.inventory.origin import Rank
    from provisioner.inventory.value import nearest

    inventory = fleet.inventory()
    if group is not None:
        groups = inventory.layers.get(Rank.GROUP, {})
        if group not in groups:
            raise NotFound(f'there is no group "{group[:60]}"', hint=nearest(group, groups) or "see devices/groups/")
    wanted = None
    if model is not None:
        wanted = fleet.catalogue.find_model(model)
        if wanted is None:
            near = fleet.catalogue.nearest_model(model)
            raise NotFound(
                f'there is no model "{model[:60]}"', hint=f'did you mean "{near}"?' if near else "see `provisioner models`"
            )
    if phones:
        found = [find_mac(inventory, history, written) for written in phones]
    else:
        found = [mac for mac, _ in sorted(inventory.phones.items(), key=lambda item: item[1].name)]
    kept = []
    for mac in dict.fromkeys(found):
        phone = inventory.phones.get(mac)
        if group is not None and (phone is None or phone.group != group):
            continue
        if wanted is not None and (phone is None or phone.model.name != wanted.name):
            continue
        kept.append(mac)
    if not kept:
        raise NotFound("no phone of the inventory is meant", hint="see `provisioner phones`")
    return kept
