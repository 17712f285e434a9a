"""Instances drawn from schemas: valid ones, and such that break one keyword."""
