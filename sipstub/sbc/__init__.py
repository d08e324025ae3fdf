"""The SBC stub: what a customer's SBC does to phones, under the names of its own settings."""
