# SPDX-License-Identifier: Apache-2.0
"""From evidence to a verdict: is prompting enough, what to try next, does fine-tuning pay.

Pure: plain JSON in, a verdict out; no store, no clock, no network. The only files that are read are the schema of
evidence, which is published here, and the library's own list of prices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema_guard.decide.changed_evidence import what_if
    from schema_guard.decide.evidence.reading import evidence_schema
    from schema_guard.decide.verdict import Verdict, decide

__all__ = ["Verdict", "decide", "evidence_schema", "what_if"]

_HOME_OF = {
    "Verdict": "verdict",
    "decide": "verdict",
    "evidence_schema": "evidence.reading",
    "what_if": "changed_evidence",
}


def __getattr__(name: str) -> Any:
    from schema_guard.front_door import find  # imports only the names that are used

    return find(__name__, _HOME_OF, name)
