"""Media of calls through the SBC: whose coders, which ports, what is done to packets.  Sockets are in `sipstub.media`."""
