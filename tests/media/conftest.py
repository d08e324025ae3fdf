"""What tests/net and tests/phone_agent run, and tests/stimulus and tests/verify simulate, is used here too."""

from __future__ import annotations

import sys
from pathlib import Path

for _name in ("net", "phone_agent", "stimulus", "verify"):
    _folder = str(Path(__file__).parent.parent / _name)
    if _folder not in sys.path:
        sys.path.append(_folder)
