"""`render --reveal` of many files in one process: what the demo compares the bytes of phones with.

A list of [phone, mac or common] is read from standard input as JSON, and a list of the bytes in base64, or null, is written.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import sys
from collections.abc import Sequence

from provisioner.cli import cli


def rendered(phone: str, kind: str, options: Sequence[str]) -> bytes | None:
    """Return what the command prints; None if it does not end with 0."""
    body = io.BytesIO()
    out = io.TextIOWrapper(body)
    with contextlib.redirect_stdout(out):
        try:
            code = cli.main(["render", phone, "--file", kind, "--reveal", *options], standalone_mode=False)
        except Exception as error:  # whatever it is, there are no bytes then
            print(f"{phone} {kind}: {error}", file=sys.stderr)
            return None
    out.flush()
    return body.getvalue() if not code else None


def main() -> None:
    """Read, render, write."""
    found = [rendered(phone, kind, sys.argv[1:]) for phone, kind in json.load(sys.stdin)]
    json.dump([base64.b64encode(body).decode() if body is not None else None for body in found], sys.stdout)


if __name__ == "__main__":
    main()
