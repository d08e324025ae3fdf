"""What tests/net, tests/verify and tests/linphone run is used here too."""

from __future__ import annotations

import sys
from pathlib import Path

for _name in ("verify", "net", "runtime", "linphone"):
    _folder = str(Path(__file__).parent.parent / _name)
    if _folder not in sys.path:
        sys.path.append(_folder)
