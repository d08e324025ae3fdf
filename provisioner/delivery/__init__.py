"""Who may have which file, and why not.  Pure: no sockets, no clock, no logging."""
