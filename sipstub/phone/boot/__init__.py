"""Where the booting phone touches sockets and the clock."""
