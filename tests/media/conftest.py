"""What tests/net runs, and the phone of tests/phone_agent, are used here too."""

from __future__ import annotations

import sys
from pathlib import Path

for _name in ("net", "phone_agent"):
    _folder = str(Path(__file__).parent.parent / _name)
    if _folder not in sys.path:
        sys.path.append(_folder)
