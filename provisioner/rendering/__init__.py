"""From a resolved phone to the bytes it gets.  Pure but for reading the templates; same input, same bytes."""
