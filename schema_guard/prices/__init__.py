"""Prices of tokens and of tuning, from tables that a user names."""
