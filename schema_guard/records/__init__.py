"""Records of calls: one row an attempt, stored without the texts of prompts and replies."""

from schema_guard.records.backend import StoreInfo
from schema_guard.records.store import Store, default_store, open_store, resolve_store
from schema_guard.records.summary import FailureCount, Summary, ViolationCount
from schema_guard.records.writer import Counts

__all__ = [
    "Counts",
    "FailureCount",
    "Store",
    "StoreInfo",
    "Summary",
    "ViolationCount",
    "default_store",
    "open_store",
    "resolve_store",
]
