# SPDX-License-Identifier: Apache-2.0
"""The report as a page that follows its store, for one person at this machine."""

from schema_guard.ext.serving.command import serve_report

__all__ = ["serve_report"]
