"""What tests of other folders have is used here too."""

from __future__ import annotations

import sys
from pathlib import Path

_TESTS = Path(__file__).parent.parent
for _name in ("sbc", "net", "phone_agent", "timer_clients"):
    if str(_TESTS / _name) not in sys.path:
        sys.path.append(str(_TESTS / _name))
