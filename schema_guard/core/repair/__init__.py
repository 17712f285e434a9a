"""Malformed JSON -> JSON that means the same, each step named and marked lossless or lossy."""
