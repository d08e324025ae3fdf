"""An SBC with the core it lives in."""

from __future__ import annotations

from collections.abc import Callable

from sipstub.core.core import Core
from sipstub.sbc.media_plane import MediaPlane
from sipstub.sbc.service import Sbc
from sipstub.sbc.site import Site
from sipstub.transaction.layer import TransactionLayer
from sipstub.transaction.timing import LONGEST_RINGING_S, Timing

MAX_OPEN_PER_HOST = 16_384
"Requests without an answer from one address: behind that of a proxy are all its phones."
ANSWER_MARGIN_S = 60.0
"Transactions wait so much longer than SBCAlertTimeout, which runs once until it rings and once more from then on."


def compose_sbc(
    site: Site,
    now: float,
    *,
    media: MediaPlane | None = None,
    tell: Callable[[str, float], None] = lambda text, now: None,
) -> Sbc:
    """Return an SBC; its `core` is what a server runs."""
    ringing = max(LONGEST_RINGING_S, 2 * site.settings["SBCAlertTimeout"] + ANSWER_MARGIN_S)
    core = Core(TransactionLayer(Timing(ringing_s=ringing), max_open_per_host=MAX_OPEN_PER_HOST))
    sbc = Sbc(core, site, now=now, media=media, tell=tell)
    core.add(sbc, is_fallback=True)
    return sbc
