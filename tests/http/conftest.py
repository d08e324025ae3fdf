"""Fixtures of the phones' HTTP server."""

from phone_http import certificate, gunicorn, rom, start

__all__ = ["certificate", "gunicorn", "rom", "start"]
