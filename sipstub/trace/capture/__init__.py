"""Captures that others made: pcap and pcapng files down to SIP messages.  Bounded, and tolerant of every kind of damage."""
