# SPDX-License-Identifier: Apache-2.0
"""Results in notebooks."""

from __future__ import annotations

from schema_guard.ext.notebook.frame import as_html

__all__ = ["as_html"]
