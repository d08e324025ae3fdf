"""From the bytes that a phone got to what it should do: a vendor's mapping is data, the words are sipstub's.  Pure."""
