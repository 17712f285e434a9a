# SPDX-License-Identifier: Apache-2.0
"""How often real replies fail in each way: what `broken` is weighted by.

Counted by benchmarks/failure_weights.py; its results are benchmarks/results/2026-11-24-failure-weights.json. Two
corpora: replies of SmolLM2-135M under ten strategies (254 rows, 161 failed), and answers of 34 large models (708 rows,
487 failed; MIT, JigsawStack/sob). Six failed rows of the first are of no way that is made here.
"""

from __future__ import annotations

from typing import NamedTuple


class ObservedFaults(NamedTuple):
    """Failed replies.

    Attributes:
        small: Of the small model.
        large: Of the large models.
    """

    small: int
    large: int


FAILED = ObservedFaults(161, 487)

# The order is the one in which examples shrink: what is easy to read comes first.
COUNTS = {
    "prose_only": ObservedFaults(1, 3),
    "empty": ObservedFaults(0, 0),
    "refusal": ObservedFaults(0, 0),
    "null": ObservedFaults(0, 382),
    "missing_key": ObservedFaults(7, 4),
    "extra_key": ObservedFaults(1, 2),
    "number_as_string": ObservedFaults(2, 1),
    "wrong_type": ObservedFaults(0, 2),
    "wrong_arm": ObservedFaults(2, 0),
    "wrong_value": ObservedFaults(12, 0),
    "cut_off": ObservedFaults(17, 81),
    "repetition_loop": ObservedFaults(13, 3),
    "trailing_comma": ObservedFaults(0, 1),
    "missing_comma": ObservedFaults(1, 0),
    "single_quotes": ObservedFaults(0, 0),
    "python_literals": ObservedFaults(0, 0),
    "bad_escape": ObservedFaults(0, 6),
    "unescaped_quote": ObservedFaults(6, 2),
    "not_finite": ObservedFaults(0, 0),
    "duplicate_key": ObservedFaults(31, 0),
    "several_documents": ObservedFaults(2, 0),
    "schema_echo": ObservedFaults(37, 0),
    "cut_schema_echo": ObservedFaults(23, 0),
}

_SCALE = 10_000


def weight(how: str) -> int:
    """Give the weight of a way to fail: the mean of its shares of both corpora, in 1/10,000, at least 1.

    One row is added to what was seen of each way: what neither corpus holds comes up as well.
    """
    shares = [(count + 1) / (failed + len(COUNTS)) for count, failed in zip(COUNTS[how], FAILED, strict=True)]
    return round(_SCALE * sum(shares) / len(shares))
