"""What tests/verify simulates and tests/stimulus leads is used here too."""

from __future__ import annotations

import sys
from pathlib import Path

for _name in ("verify", "net", "stimulus"):
    _folder = str(Path(__file__).parent.parent / _name)
    if _folder not in sys.path:
        sys.path.append(_folder)
