"""Python's garbage collector in a process that serves: what lasts is left alone, and the young are looked over less often.

With ten thousand bindings, answers and recorded messages alive, looking at all of them again and again costs a tenth of the time.
"""

from __future__ import annotations

import gc

GARBAGE_THRESHOLD = 20_000
"New objects before the youngest are looked over."
OLDER_EVERY = (20, 50)
"So many times the youngest, before the next older are."


def calm_collector() -> None:
    """Set what is there now aside, and look less often at the rest; call it once everything is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, *OLDER_EVERY)
