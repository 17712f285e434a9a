"""From evidence to a verdict: is prompting enough, what to try next, does fine-tuning pay.

Pure: plain JSON in, a verdict out; no store, no clock, no network. Only `prices` reads files, when it is asked.
"""

from schema_guard.decide.verdict import Verdict, decide
from schema_guard.decide.what_if import what_if

__all__ = ["Verdict", "decide", "what_if"]
