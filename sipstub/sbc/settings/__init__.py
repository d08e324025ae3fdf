"""The settings of the SBC stub: facts, readers, writers and the value that the rest of the stub asks."""
