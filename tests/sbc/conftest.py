"""What tests of other folders have, for the SBC over sockets."""

from __future__ import annotations

import sys
from pathlib import Path

_TESTS = Path(__file__).parent.parent
for _folder in (_TESTS, _TESTS / "net", _TESTS / "phone_agent"):
    if str(_folder) not in sys.path:
        sys.path.append(str(_folder))
