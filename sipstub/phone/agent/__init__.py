"""What a phone says on the wire once it has its settings.  Pure: no sockets, no clock, no random numbers of its own."""
