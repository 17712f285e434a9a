# SPDX-License-Identifier: Apache-2.0
"""What a benchmark has shown: from a finished run to a document, a file and a page."""

from schema_guard.bench.result.answers import known_answers
from schema_guard.bench.result.as_json import (
    result_as_json,
    result_file,
    result_from_file,
    result_from_json,
    result_schema,
)
from schema_guard.bench.result.document import document_of, whole_document_of
from schema_guard.bench.result.figures import result_of
from schema_guard.bench.result.page import result_page
from schema_guard.bench.result.values import (
    BenchResult,
    CallRow,
    Compared,
    FailedExample,
    FailedRow,
    FailurePlace,
    SuitePart,
    VariantResult,
)
from schema_guard.bench.run.scored_call import Setup

__all__ = [
    "BenchResult",
    "CallRow",
    "Compared",
    "FailedExample",
    "FailedRow",
    "FailurePlace",
    "Setup",
    "SuitePart",
    "VariantResult",
    "document_of",
    "known_answers",
    "result_as_json",
    "result_file",
    "result_from_file",
    "result_from_json",
    "result_of",
    "result_page",
    "result_schema",
    "whole_document_of",
]
