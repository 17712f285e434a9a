# SPDX-License-Identifier: Apache-2.0
"""Suites beside the built-in one, and recorded results of models to compare with."""

from schema_guard.ext.suites.named import load_named
from schema_guard.ext.suites.reference import document_of, placement

__all__ = ["document_of", "load_named", "placement"]
