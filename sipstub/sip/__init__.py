"""SIP as values: messages, headers, URIs, SDP, digest, framing.  No sockets, no clock, nothing from outside this package."""
