"""Numbered steps from one schema to the next, run from Python by provisioner.state.database; there is no ini file."""
