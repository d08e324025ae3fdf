"""`python -m sipstub` is the `sipstub` command."""

import sys

from sipstub.cli import main

if __name__ == "__main__":
    sys.exit(main())
