# SPDX-License-Identifier: Apache-2.0
"""Malformed JSON -> JSON that means the same, each step named and marked lossless or lossy."""

from schema_guard.ext.repair.cursor import MAX_WORK
from schema_guard.ext.repair.scalar_reply import scalars
from schema_guard.ext.repair.scanner import readings

__all__ = ["MAX_WORK", "readings", "scalars"]
