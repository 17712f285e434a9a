# SPDX-License-Identifier: Apache-2.0
"""Constrained-decoding engines side by side: what each accepts of a suite's instances, and what it takes."""

from benchmarks.engine_checks.document import document_of, engines_as_json
from benchmarks.engine_checks.engine import ENGINES, Engine, engines_of
from benchmarks.engine_checks.limits import EngineLimits
from benchmarks.engine_checks.result import Checked, EngineResult, EnginesResult
from benchmarks.engine_checks.run import Progress, run_engines

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
