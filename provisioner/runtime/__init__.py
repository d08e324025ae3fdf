"""The composition root: here settings are read, folders opened, processes started."""
