# SPDX-License-Identifier: Apache-2.0
"""Texts without credentials and personal data."""

from schema_guard.ext.redaction.apply import (
    REDACTED,
    REDACTED_EMAIL,
    Redacted,
    RedactedPlace,
    redact,
    redacted,
    redacted_value,
)

__all__ = [
    "REDACTED",
    "REDACTED_EMAIL",
    "Redacted",
    "RedactedPlace",
    "redact",
    "redacted",
    "redacted_value",
]
