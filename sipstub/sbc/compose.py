"""An SBC with the core it lives in."""

from __future__ import annotations

from collections.abc import Callable

from sipstub.core.core import Core
from sipstub.sbc.media_plane import MediaPlane
from sipstub.sbc.service import Sbc
from sipstub.sbc.site import Site
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.timing import Timing

MAX_OPEN_PER_HOST = 16_384
"Requests without an answer from one address: behind that of a proxy are all its phones."
LONGEST_ALERT_S = 3600.0
"The largest SBCAlertTimeout."
ANSWER_MARGIN_S = 60.0
"Transactions wait so much longer than it, which runs once until it rings and once more from then on."
TIMING = Timing(ringing_s=2 * LONGEST_ALERT_S + ANSWER_MARGIN_S)
"Whatever SBCAlertTimeout is now: settings can be read again while calls ring."


def compose_sbc(
    site: Site,
    now: float,
    *,
    media: MediaPlane | None = None,
    tell: Callable[[str, float], None] = lambda text, now: None,
    timing: Timing = TIMING,
) -> Sbc:
    """Return an SBC; its `core` is what a server runs."""
    core = Core(TransactionLayer(timing, max_open_per_host=MAX_OPEN_PER_HOST))
    sbc = Sbc(core, site, now=now, media=media, tell=tell)
    core.add(sbc, is_fallback=True)
    return sbc
