# SPDX-License-Identifier: Apache-2.0
"""Convert malformed JSON to JSON with the same meaning. Each step has a name, and is lossless or lossy."""

from schema_guard.ext.repair.cursor import MAX_WORK
from schema_guard.ext.repair.scalar_reply import scalars
from schema_guard.ext.repair.scanner import readings

__all__ = ["MAX_WORK", "readings", "scalars"]
