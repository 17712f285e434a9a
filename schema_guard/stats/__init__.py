"""Failure rates with bounds that hold however often one looks at them.

Pure numbers in, pure numbers out: no store, no clock, no randomness, nothing but the standard library.
"""

from schema_guard.stats.rates import Bounds, bounds, calls_needed, e_value, log_e_value, wilson

__all__ = ["Bounds", "bounds", "calls_needed", "e_value", "log_e_value", "wilson"]
