# SPDX-License-Identifier: Apache-2.0
"""Malformed JSON -> JSON that means the same, each step named and marked lossless or lossy."""

from schema_guard.ext.repair.bare import scalars
from schema_guard.ext.repair.readings import MAX_WORK, readings

__all__ = ["MAX_WORK", "readings", "scalars"]
