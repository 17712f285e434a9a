# SPDX-License-Identifier: Apache-2.0
"""Results for other programs: messages for a webhook, comments on pull requests, and JUnit XML for CI."""

from __future__ import annotations

from schema_guard.ext.channels.junit import as_junit
from schema_guard.ext.channels.notify import notify

__all__ = ["as_junit", "notify"]
