"""Reports about findings: JSON is the source, text, JUnit, HTML and CSV are made from it."""
