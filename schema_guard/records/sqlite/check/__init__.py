# SPDX-License-Identifier: Apache-2.0
"""Looking for damage in a SQLite store; imported by whoever asks for it."""

from schema_guard.records.sqlite.check.full_check import check

__all__ = ["check"]
