"""The templates and the example fleet that travel with the program, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

import provisioner
from provisioner.errors import EnvironmentProblem


def bundled(name: str) -> Path:
    """Return the folder `templates` or `devices` that came with the program; raise EnvironmentProblem if it is gone."""
    package = Path(provisioner.__file__).parent
    for candidate in (package / "bundled" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise EnvironmentProblem(f"the folder {name} that belongs to the program is missing", hint="install the program again")
