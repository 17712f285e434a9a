"""Replies as models send them, valid and broken, and models that send them."""
