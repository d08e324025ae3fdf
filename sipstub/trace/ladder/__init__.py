"""Messages as a ladder: a column per party, an arrow per message, findings pinned to their arrow; text, SVG, table, diff."""
