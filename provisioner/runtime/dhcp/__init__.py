"""DHCP text that sends Yealink phones here: the URL, how phones are told apart, and one block per kind of server.  Pure."""
