"""gunicorn's error log as lines that a person can read, one per message."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from gunicorn.glogging import Logger


class OneLineLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Writes `phones [pid] level: message` to stderr; an exception becomes its last line and its place."""

    error_fmt = "phones [%(process)d] %(levelname)s: %(message)s"

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log the current exception without its traceback."""
        kind, error, trace = sys.exc_info()
        place = traceback.extract_tb(trace)[-1] if trace is not None else None
        where = f" ({place.filename}:{place.lineno})" if place is not None else ""
        text = " ".join(str(error).split())
        self.error_log.error(msg + ": %s: %s%s", *args, kind.__name__ if kind else "", text, where)
