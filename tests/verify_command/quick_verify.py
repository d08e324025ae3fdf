"""The real `provisioner verify` for phones that nobody uses: they are granted little and so come back soon; nobody just waits.

python quick_verify.py GRANT_S verify PHONE --stimulate
"""

from __future__ import annotations

import functools
import sys

from provisioner.cli import main
from provisioner.runtime import verify_run
from provisioner.runtime.verify_stimuli import Pace
from sipstub.verify.stimulus import Stimulus

if __name__ == "__main__":
    pace = Pace(frozenset({Stimulus.REGISTER, Stimulus.IDLE}), int(sys.argv.pop(1)), are_virtual=True)
    verify_run.VerifyOptions = functools.partial(verify_run.VerifyOptions, pace=pace)  # type: ignore[misc, assignment]
    main()
