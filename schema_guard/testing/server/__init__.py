"""A server on loopback that speaks the wire formats of providers."""
