"""Typical mistakes in code that uses schema_guard, for type checkers.

Each mistake is one line after the common lines. A checker must report the line with at most one error of a readable size.
`benchmarks/typing_mistakes.py` measures them.
"""

from __future__ import annotations

COMMON = """\
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
import schema_guard
from schema_guard import guard, judge


@dataclass
class Invoice:
    total: float


def even(text: str) -> str | None:
    return None


@guard(Invoice)
def extract(prompt: str) -> str:
    return prompt


@guard(Invoice)
async def aextract(prompt: str) -> str:
    return prompt


@guard(Invoice, default=None)
def maybe(prompt: str) -> str:
    return prompt


@guard(Invoice, on_failure="return")
def returning(prompt: str) -> str:
    return prompt


def total_of(invoice: Invoice) -> float:
    return invoice.total


"""
MISTAKES = {
    "misspelled argument": "guard(Invoice, max_attempt=3)",
    "misspelled argument, a dict as schema": 'guard({"type": "object"}, max_attempt=3)',
    "misspelled argument, a union as schema": "guard(Invoice | None, max_attempt=3)",
    "word of another library": "guard(Invoice, max_retries=2)",
    "argument that moved": 'guard(Invoice, version="2")',
    "wrong type of a count": 'guard(Invoice, max_attempts="3")',
    "wrong type of a flag": 'guard(Invoice, early_stop="yes")',
    "wrong type of limits": 'guard(Invoice, limits={"max_bytes": 10})',
    "wrong strategy": "guard(Invoice, strategy=3)",
    "wrong word for a failure": 'guard(Invoice, on_failure="retrun")',
    "wrong word for a repair": 'guard(Invoice, repair="lossles")',
    "check of another type": "guard(Invoice, checks=[even])",
    "check that isn't callable": 'guard(Invoice, checks=["even"])',
    "wrong argument of a call": "extract(3)",
    "missing argument of a call": "extract()",
    "result as another type": 'extract("t") + "x"',
    "default not considered": 'total_of(maybe("t"))',
    "failure not considered": 'total_of(returning("t"))',
    "missing await": 'total_of(aextract("t"))',
    "value of an outcome not checked": 'total_of(extract.outcome("t").value)',
    "growing value as the result": 'for value in extract.stream("t"): total_of(value)',
    "wrong argument of a stream": "extract.stream(3)",
    "schema that is no schema": "guard(Invoice)(3)",
    "wrong argument of judge": 'judge("{}", Invoice, repairs="off")',
}
