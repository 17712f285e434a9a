# SPDX-License-Identifier: Apache-2.0
"""What a failing reply is made from, and what it is made into."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

from schema_guard.testing.model_replies.writing import fenced, written
from schema_guard.validation.keywords import VALUE_KEYWORDS
from schema_guard.validation.violations import TOO_COSTLY

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from schema_guard.schema import Schema
    from schema_guard.testing import NearMiss
    from schema_guard.values import FailureKind, FinishReason

# What a provider says of a reply that came to its end.
_ENDED: SearchStrategy[FinishReason | None] = st.sampled_from(("stop", None))


class Fault(NamedTuple):
    """A failing reply.

    Attributes:
        text: The reply.
        kind: Of the failure.
        code: Of the failure.
        finish_reason: What the provider says with it.
    """

    text: str
    kind: FailureKind
    code: str
    finish_reason: FinishReason | None = "stop"


class Ground:
    """One draw's instance, drawn when it is first asked for.

    Attributes:
        schema: What replies must keep to.
        draw: Hypothesis' own.
        near_misses: None for a schema that has none.
    """

    def __init__(
        self,
        draw: DrawFn,
        schema: Schema[Any],
        values: SearchStrategy[Any],
        near_misses: SearchStrategy[NearMiss] | None,
    ) -> None:
        self.draw = draw
        self.schema = schema
        self.near_misses = near_misses
        self._values = values

    @cached_property
    def value(self) -> Any:
        """The valid instance."""
        return self.another()

    def another(self) -> Any:
        """Draw a further instance."""
        return self.draw(self._values)

    @cached_property
    def text(self) -> str:
        """The valid instance as JSON."""
        return written(self.draw, self.value)

    @property
    def has_brackets(self) -> bool:
        """Whether the instance is an object or an array."""
        return isinstance(self.value, dict | list)

    def index(self, count: int) -> int:
        """Draw one of so many places."""
        return self.draw(st.integers(0, count - 1))

    def ended(self) -> FinishReason | None:
        """Draw a finish reason that does not change what a complete text means."""
        return self.draw(_ENDED)

    def framed(self, text: str) -> str:
        """Draw a text as it is, or in a fence."""
        return fenced(self.draw, text) if self.draw(st.booleans()) else text

    def malformed(self, text: str) -> Fault:
        """Return the fault of a text that is no JSON, wherever it ends."""
        return Fault(self.framed(text), "syntax", "malformed", self.ended())

    def invalid(self, value: Any) -> Fault | None:
        """Return the fault of a JSON value, by its first violation; None when it is valid."""
        if self.schema.is_valid(value):
            return None
        text = written(self.draw, value)
        # The order of keys, which is the text's own, may decide which violation is first.
        keyword = self.schema.violations(json.loads(text))[0].keyword
        if keyword == TOO_COSTLY:
            return None
        kind: FailureKind = "value" if keyword in VALUE_KEYWORDS else "structure"
        return Fault(self.framed(text), kind, keyword, self.ended())
