"""Media of calls: RTP as values and machines, and one engine that has their sockets and timer."""
