# SPDX-License-Identifier: Apache-2.0
"""A model that does with schemas what servers do: enforces them, ignores them, refuses them, or enforces some.

It stands behind `serve`, which hands it the request's own arguments.
"""

from __future__ import annotations

import json
import threading
from random import Random
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.ext.loopback.wire import BadRequest
from schema_guard.models.interface import Closing
from schema_guard.models.scripted import ScriptedModel, prompt_text
from schema_guard.providers.options import capabilities
from schema_guard.schema import Schema
from schema_guard.validation.drawing.samples import sample
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from schema_guard.models.interface import PromptLike

__all__ = ["EnforcingModel"]


class EnforcingModel(Closing):
    """A model that replies with the last line of the prompt, or with a valid value for an enforced schema.

    Attributes:
        name: Name of the model in records.
        provider: `openai`, because the model reads schemas from the arguments of OpenAI's chat completions.
        capabilities: Names of the strategies that the model supports.
    """

    is_timed = False

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
        self.name, self.provider = "enforcing", "openai"
        self.capabilities = capabilities(self.provider)
        self._holds, self._ignores, self._refuses = holds, frozenset(ignores), refuses
        self._random = Random(seed)  # a test
        self._request_count = 0
        self._lock = threading.Lock()

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return a reply, or raise what `serve` answers with status 400."""
        with self._lock:
            index, self._request_count = self._request_count, self._request_count + 1
            is_held = self._holds(index) if callable(self._holds) else self._random.random() < self._holds
            schema = _schema(options)
            text = prompt_text(prompt).rpartition("\n")[2]
            if schema is not None:
                self._check(schema)
                text = self._reply(schema, text) if is_held else text
        return ScriptedModel([{"reply": text, "finish_reason": "stop"}])(prompt)

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return a reply."""
        return self(prompt, options=options)

    def stream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield a reply in one chunk."""
        raise InvalidArgument("EnforcingModel returns only complete replies. Send the request without stream")

    def astream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Yield a reply in one chunk."""
        return self.stream(prompt, options=options)

    def _check(self, schema: Any) -> None:
        if callable(self._refuses):
            if self._refuses(schema):
                raise BadRequest("Invalid schema")
            return
        for place in subschemas(schema, "", ""):
            for keyword in self._refuses if isinstance(place.schema, dict) else ():
                if keyword in place.schema:
                    raise BadRequest(f"Invalid schema: '{keyword}' is not permitted. Remove this keyword")

    def _reply(self, schema: Any, wanted: str) -> str:
        held = Schema.of(_without(schema, self._ignores), allow_unknown=True)
        try:
            value = json.loads(wanted)
        except ValueError:
            value = None
        if value is not None and held.is_valid(value):
            return wanted
        return json.dumps(sample(held, self._random))


def _schema(options: Mapping[str, Any] | None) -> Any:
    """Return the schema that a request asks for; None without one."""
    asked = options or {}
    format_ = asked.get("response_format") or asked.get("extra_body", {}).get("response_format") or {}
    return format_["json_schema"]["schema"] if format_.get("type") == "json_schema" else None


def _without(schema: Any, keywords: Collection[str]) -> Any:
    """Return a copy of a schema without some keywords."""
    copied = json.loads(json.dumps(schema))
    for place in list(subschemas(copied, "", "")):
        for keyword in keywords if isinstance(place.schema, dict) else ():
            place.schema.pop(keyword, None)
    return copied
