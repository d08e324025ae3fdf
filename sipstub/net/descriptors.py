"""Room for connections: the limit of open descriptors raised as far as the system lets us."""

from __future__ import annotations

import contextlib
import resource

WANTED = 65_536


def allow_descriptors(wanted: int = WANTED) -> int:
    """Raise the soft limit to `wanted` or the hard limit, never lower it; return what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= target:
        return soft
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
