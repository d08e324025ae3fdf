"""What we want: phones, lines, keys, groups, sites; every value with the place it was written at."""
