"""Reports of what is recorded: one number, one source, several renderings."""

from schema_guard.report.as_text import as_text, table
from schema_guard.report.figures import Configuration, Report, as_json, report_on
from schema_guard.stats import Rate

__all__ = ["Configuration", "Rate", "Report", "as_json", "as_text", "report_on", "table"]
