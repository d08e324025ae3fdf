"""What people see over HTTP: health and metrics now, pages and the API with later capabilities."""
