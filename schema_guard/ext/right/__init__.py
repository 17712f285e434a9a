# SPDX-License-Identifier: Apache-2.0
"""Measure whether valid replies are right: grounding, agreement with a second model, and bounds from labels.

A reply can be valid and wrong. These modules measure that with three kinds of evidence:

1. `grounding` counts the values of a reply that occur in its source. It needs no labels, so it compares models and shows
   changes. It proves nothing about one value.
2. `agreement` compares two answers, value by value: a reply with a second model's reply, or with the right answer.
3. `labels` bounds the share of wrong values of all calls, from second opinions on many calls and labels of a few.

`items` refuses a list that is shorter than its source.

The modules do no I/O and read no clock.
"""

from schema_guard.ext.right.agreement import Agreement, compare_answers
from schema_guard.ext.right.grounding import Grounding, Source, ground
from schema_guard.ext.right.items import Items, table_rows
from schema_guard.ext.right.pool import Block, label_bounds

__all__ = [
    "Agreement",
    "Block",
    "Grounding",
    "Items",
    "Source",
    "compare_answers",
    "ground",
    "label_bounds",
    "table_rows",
]
