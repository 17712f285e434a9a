# SPDX-License-Identifier: Apache-2.0
"""Reports of what is recorded: one number, one source, one document, three writers."""

from schema_guard.report.figures import Configuration, Report, as_json, report_on

__all__ = ["Configuration", "Report", "as_json", "report_on"]
