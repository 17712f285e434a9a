# SPDX-License-Identifier: Apache-2.0
"""Reports of a store. Each number has one source, and three writers show the same document."""

from schema_guard.report.figures import Configuration, Report, as_json, report_on

__all__ = ["Configuration", "Report", "as_json", "report_on"]
