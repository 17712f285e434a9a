# SPDX-License-Identifier: Apache-2.0
"""How often real replies fail in each way: what `broken` is weighted by.

Counted by benchmarks/failure_weights.py; its results are benchmarks/results/2026-11-24-failure-weights.json. Two
corpora: replies of SmolLM2-135M under ten strategies (254 rows, 161 failed), and answers of 34 large models (708 rows,
487 failed; MIT, JigsawStack/sob). Six failed rows of the first are of no way that is made here.
"""

from __future__ import annotations

from typing import NamedTuple


class Seen(NamedTuple):
    """Failed replies.

    Attributes:
        small: Of the small model.
        large: Of the large models.
    """

    small: int
    large: int


FAILED = Seen(161, 487)

# The order is the one in which examples shrink: what is easy to read comes first.
SEEN = {
    "prose_only": Seen(1, 3),
    "empty": Seen(0, 0),
    "refusal": Seen(0, 0),
    "null": Seen(0, 382),
    "missing_key": Seen(7, 4),
    "extra_key": Seen(1, 2),
    "number_as_string": Seen(2, 1),
    "wrong_type": Seen(0, 2),
    "wrong_arm": Seen(2, 0),
    "wrong_value": Seen(12, 0),
    "cut_off": Seen(17, 81),
    "repetition_loop": Seen(13, 3),
    "trailing_comma": Seen(0, 1),
    "missing_comma": Seen(1, 0),
    "single_quotes": Seen(0, 0),
    "python_literals": Seen(0, 0),
    "bad_escape": Seen(0, 6),
    "unescaped_quote": Seen(6, 2),
    "not_finite": Seen(0, 0),
    "duplicate_key": Seen(31, 0),
    "several_documents": Seen(2, 0),
    "schema_echo": Seen(37, 0),
    "cut_schema_echo": Seen(23, 0),
}

_SCALE = 10_000


def weight(how: str) -> int:
    """Give the weight of a way to fail: the mean of its shares of both corpora, in 1/10,000, at least 1.

    One row is added to what was seen of each way: what neither corpus holds comes up as well.
    """
    shares = [(count + 1) / (failed + len(SEEN)) for count, failed in zip(SEEN[how], FAILED, strict=True)]
    return round(_SCALE * sum(shares) / len(shares))
