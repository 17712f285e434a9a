# SPDX-License-Identifier: Apache-2.0
"""A model that does with schemas what servers do: enforces them, ignores them, refuses them, or enforces some.

It stands behind `serve`, which hands it the request's own arguments.
"""

from __future__ import annotations

import json
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

from schema_guard.ext.loopback.model_call import FunctionModel
from schema_guard.ext.loopback.wire import BadRequest
from schema_guard.schema import Schema
from schema_guard.validation.drawing.samples import sample
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from schema_guard.models.scripted import ReplyLike

__all__ = ["EnforcingModel"]


class EnforcingModel(FunctionModel):
    """A model that replies with the last line of the prompt, or with a valid value for an enforced schema.

    Attributes:
        name: Name of the model in records.
        provider: `openai`, because the model reads schemas from the arguments of OpenAI's chat completions.
    """

    name = "enforcing"

    def __init__(
        self,
        *,
        holds: float | Callable[[int], bool] = 1.0,
        ignores: Collection[str] = (),
        refuses: Collection[str] | Callable[[Any], bool] = (),
        seed: int = 0,
    ) -> None:
        """Make a model.

        Args:
            holds: Share of the requests in which a schema is enforced, drawn anew for each; or a function of the
                number of the request, from 0.
            ignores: Keywords that are not enforced anywhere.
            refuses: Keywords with which a schema is refused; or a function that says so of a schema.
            seed: Of what is drawn.
        """
        self._holds, self._ignores, self._refuses = holds, frozenset(ignores), refuses
        self._random = Random(seed)  # a test
        self._numbers = count()
        super().__init__(self._answer)

    def _answer(self, text: str, options: Mapping[str, Any]) -> ReplyLike:
        """Return the reply, or raise what `serve` answers with status 400."""
        index, schema, reply = next(self._numbers), _schema(options), text.rpartition("\n")[2]
        is_held = self._holds(index) if callable(self._holds) else self._random.random() < self._holds
        if schema is not None:
            self._check(schema)
            reply = self._valid(schema, reply) if is_held else reply
        return {"reply": reply, "finish_reason": "stop"}

    def _check(self, schema: Any) -> None:
        if callable(self._refuses):
            if self._refuses(schema):
                raise BadRequest("Invalid schema")
            return
        for place in subschemas(schema, "", ""):
            for keyword in self._refuses if isinstance(place.schema, dict) else ():
                if keyword in place.schema:
                    raise BadRequest(f"Invalid schema: '{keyword}' is not permitted. Remove this keyword")

    def _valid(self, schema: Any, wanted: str) -> str:
        held = Schema.of(_without(schema, self._ignores), allow_unknown=True)
        try:
            value = json.loads(wanted)
        except ValueError:
            value = None
        if value is not None and held.is_valid(value):
            return wanted
        return json.dumps(sample(held, self._random))


def _schema(options: Mapping[str, Any]) -> Any:
    """Return the schema that a request asks for; None without one."""
    format_ = options.get("response_format") or options.get("extra_body", {}).get("response_format") or {}
    return format_["json_schema"]["schema"] if format_.get("type") == "json_schema" else None


def _without(schema: Any, keywords: Collection[str]) -> Any:
    """Return a copy of a schema without some keywords."""
    copied = json.loads(json.dumps(schema))
    for place in list(subschemas(copied, "", "")):
        for keyword in keywords if isinstance(place.schema, dict) else ():
            place.schema.pop(keyword, None)
    return copied
