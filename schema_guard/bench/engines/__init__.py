# SPDX-License-Identifier: Apache-2.0
"""Constrained-decoding engines side by side: what each accepts of a suite's instances, and what it takes."""

from schema_guard.bench.engines.document import document_of, engines_as_json
from schema_guard.bench.engines.engine import ENGINES, Engine, engines_of
from schema_guard.bench.engines.limits import EngineLimits
from schema_guard.bench.engines.result import Checked, EngineResult, EnginesResult
from schema_guard.bench.engines.run import Progress, run_engines

__all__ = [
    "ENGINES",
    "Checked",
    "Engine",
    "EngineLimits",
    "EngineResult",
    "EnginesResult",
    "Progress",
    "document_of",
    "engines_as_json",
    "engines_of",
    "run_engines",
]
