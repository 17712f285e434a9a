"""The pure heart: no I/O, no clock, no randomness, no provider's name."""
