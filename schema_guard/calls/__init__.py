"""Drivers of the loop, and the reading of what providers give back."""
