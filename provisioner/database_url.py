"""URLs of databases as the driver reads them, and without the secrets that may stand in them.

The text of one that cannot be read is not repeated to anybody: what stands there as a port may be a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

DRIVER = "postgresql+psycopg"
SECRET_WORDS = frozenset({"password", "sslpassword"})
"Of what may stand behind the question mark."


def read_url(text: str) -> sa.URL | None:
    """Return the URL, with our driver for a PostgreSQL; None for text that is none."""
    import sqlalchemy as sa  # a tenth of a second that commands without a database need not pay

    try:
        found = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # the latter for a port that is no number
        return None
    return found.set(drivername=DRIVER) if found.drivername in ("postgres", "postgresql") else found


def has_secret(url: sa.URL) -> bool:
    """Return whether a password stands in it, of a user or of a key."""
    return url.password is not None or not SECRET_WORDS.isdisjoint(url.query)


def shown(url: sa.URL) -> str:
    """Return a URL for people, without secrets."""
    return url.difference_update_query(tuple(SECRET_WORDS)).render_as_string(hide_password=True)
