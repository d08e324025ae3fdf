"""What was said on the wire: recorded, drawn as a ladder, written as pcapng, read from captures made elsewhere."""
