"""`python -m sipstub` is the `sipstub` command."""

from sipstub.cli import main

if __name__ == "__main__":
    main()
