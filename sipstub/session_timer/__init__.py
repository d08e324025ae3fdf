"""Session timers of RFC 4028: who offers, refuses, refreshes and ends sessions, and when.  Pure: no sockets, no clock."""
