# SPDX-License-Identifier: Apache-2.0
"""A schema in the strongest form that a provider or engine accepts, and the conversion of values from that form."""

from schema_guard.ext.fitting.adapting.adaptation import adapt
from schema_guard.ext.fitting.adapting.result import Adapted, SchemaChange

__all__ = ["Adapted", "SchemaChange", "adapt"]
