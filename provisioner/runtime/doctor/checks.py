"""All checks, in the order of the report: the machine, the listeners, who may ask, what lies on disk, the neighbours."""

from __future__ import annotations

from functools import partial

from provisioner.runtime.bound import LISTENERS
from provisioner.runtime.doctor import (
    advertise,
    allowed,
    certificate,
    clock,
    fleet,
    listener,
    neighbour,
    secrets,
    state_folder,
)
from provisioner.runtime.doctor.examine import Check

CHECKS: tuple[Check, ...] = (
    Check("clock", clock.look),
    Check("devices", fleet.look, fleet.TIMEOUT_S),
    *(Check(name, partial(listener.look_at, name), listener.TIMEOUT_S) for name in LISTENERS),
    Check("certificate", certificate.look),
    Check("advertise", advertise.look),
    Check("networks", allowed.look),
    Check("state", state_folder.look),
    Check("secrets", secrets.look),
    Check("neighbours", neighbour.look),
)
