"""The inventory in forms that other programs and people read, and that the importers read back."""
