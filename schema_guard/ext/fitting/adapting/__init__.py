# SPDX-License-Identifier: Apache-2.0
"""A schema made ready for a provider or engine: the strongest form that it takes, and the way back from it."""

from schema_guard.ext.fitting.adapting.adaptation import adapt
from schema_guard.ext.fitting.adapting.result import Adapted, SchemaChange

__all__ = ["Adapted", "SchemaChange", "adapt"]
