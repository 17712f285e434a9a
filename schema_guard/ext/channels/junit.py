# SPDX-License-Identifier: Apache-2.0
"""Results as JUnit XML, which GitLab, Jenkins, and other CI systems show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from schema_guard.bench.result.run_comparison import Comparison
from schema_guard.bench.result.run_comparison import document_of as comparison_document
from schema_guard.bench.result.values import PASSED
from schema_guard.report.watch_document import by_function, document_of
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.decide.watch import Watched


def as_junit(found: Comparison | Sequence[Watched], limit: float = 0.0) -> str:
    """Return a gate, or the functions that `watch` checked, as JUnit XML.

    Args:
        found: The result. Each function, or each variant and rate, is a test case.
        limit: The largest failure rate of `watch` that is good enough.
    """
    if isinstance(found, Comparison):
        title, gate = comparison_document(found).title, found.gate
        cases = [
            (f"{drop.b} {PASSED[drop.measure]}", title, gate is not None and gate.is_missed(drop))
            for drop, *_ in found.differences
        ]
        return _xml("schema-guard bench compare", cases)
    return _xml(
        "schema-guard watch",
        [
            (
                f"{function[0].function} (schema {function[0].schema})",
                document_of(function, limit).title,
                not all(one.is_fine for one in function),
            )
            for function in by_function(found)
        ],
    )


def _xml(name: str, cases: Iterable[tuple[str, str, bool]]) -> str:
    cases = list(cases)
    counts: dict[str, Any] = {
        "name": name, "tests": str(len(cases)), "failures": str(sum(is_bad for *_, is_bad in cases)), "errors": "0",
    }  # fmt: skip
    suites = Element("testsuites")
    suite = SubElement(suites, "testsuite", counts)
    for case, text, is_bad in cases:
        entry = SubElement(suite, "testcase", {"classname": name, "name": safe(case)})
        if is_bad:
            SubElement(entry, "failure", {"message": safe(text)})
        else:
            SubElement(entry, "system-out").text = safe(text)
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=True)
