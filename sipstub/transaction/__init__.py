"""Transactions of SIP: four machines, their timers, and the layer that holds them.  Pure: no sockets, no clock."""
