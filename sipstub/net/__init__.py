"""Sockets and the clock of sipstub: UDP, TCP and TLS around a core that knows neither."""
