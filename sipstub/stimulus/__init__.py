"""What the stub does to a phone so that a setting shows: refusals, silence, calls, check-sync.  Pure; everything is undone."""
