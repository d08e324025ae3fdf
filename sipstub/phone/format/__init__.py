"""Readers of the files that phones take, as the phones read them."""
