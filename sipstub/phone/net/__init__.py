"""Sockets and the clock of virtual phones: each with an address of its own, hundreds in one event loop."""
