"""What tests of other folders have, for the SBC over sockets."""

from __future__ import annotations

import sys
from pathlib import Path

for _folder in (Path(__file__).parent.parent, Path(__file__).parent.parent / "net"):
    if str(_folder) not in sys.path:
        sys.path.append(str(_folder))
