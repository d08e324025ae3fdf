"""Where the database of a state folder is: SQLite in the folder, or a PostgreSQL that the folder names.

A server is told by its setting and leaves the URL in the folder, so that every other command asks the same database.  The
URL holds no password: that stands in ~/.pgpass, or in the file that PGPASSFILE names, and is read by the driver itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.database_url import read_url
from provisioner.errors import EnvironmentProblem
from provisioner.state.folder import FILE_MODE, StateFolder, create_private

if TYPE_CHECKING:
    import sqlalchemy as sa

FILE_NAME = "database.url"
MAX_URL_BYTES = 4_096
SQLITE = "sqlite"
"What is said instead of a URL to go back to SQLite in the folder."


def has_database(state: Path) -> bool:
    """Return whether a server has kept what happened for this folder, here or elsewhere; PermissionError if it is another's."""
    return (state / FILE_NAME).exists() or (state / "observed.sqlite").exists()


def database_url(folder: StateFolder, said: str = "") -> sa.URL:
    """Return the URL to open: what was said, else what the folder names, else SQLite in the folder.

    Raises EnvironmentProblem for text that is no URL.
    """
    said = said or _named(folder)
    if said in ("", SQLITE):
        import sqlalchemy as sa  # a tenth of a second that commands without a database need not pay

        create_private(folder.database)
        return sa.URL.create("sqlite", database=str(folder.database))
    found = read_url(said)
    if found is None:
        raise EnvironmentProblem(
            f"what {folder.path / FILE_NAME} or the setting `database` says is no URL of a database",
            hint="give `provisioner serve --database URL` once; --database sqlite goes back to SQLite in the folder",
            code="database",
        )
    return found


def name_database(folder: StateFolder, said: str) -> None:
    """Leave the URL in the folder for other commands, or take it away for `sqlite`; nothing said changes nothing."""
    path = folder.path / FILE_NAME
    if said == SQLITE:
        path.unlink(missing_ok=True)
    if said in ("", SQLITE):
        return
    temporary = path.with_suffix(".tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "w") as file:
        file.write(said + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _named(folder: StateFolder) -> str:
    try:
        with (folder.path / FILE_NAME).open(encoding="utf-8", errors="replace") as file:
            return file.read(MAX_URL_BYTES).strip()
    except FileNotFoundError:
        return ""
