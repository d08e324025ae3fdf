"""What the stub does in calls that are kept up for session timers, as data: one scenario, one value.  Pure."""
