"""Suites of schemas, tasks and golds, and how replies to them are scored."""
