"""A model behind `serve` that enforces the schemas of requests, ignores them, or refuses them."""

import json
from itertools import count
from random import Random

from schema_guard.errors import InvalidArgument
from schema_guard.models.scripted import ScriptedModel, prompt_text
from schema_guard.schema import Schema
from schema_guard.validation.drawing.samples import sample
from schema_guard.validation.references import subschemas


class EnforcingModel(ScriptedModel):
    """A model that replies with the last line of the prompt, or with a valid value for an enforced schema.

    It reads the schemas from the arguments of OpenAI's chat completions.
    """

    def __init__(self, *, holds=1.0, ignores=(), refuses=(), seed=0):
        """Create a model.

        Args:
            holds: Share of the requests in which a schema is enforced, or a function of the request's number, from 0.
            ignores: Keywords that are not enforced.
            refuses: Keywords with which a schema is refused, or a function of the schema.
            seed: Seed of the random values.
        """
        super().__init__([], name="enforcing")
        self._holds, self._ignores, self._refuses = holds, frozenset(ignores), refuses
        self._random = Random(seed)  # a test
        self._numbers = count()

    def __call__(self, prompt, *, options=None):
        index, schema, reply = (
            next(self._numbers),
            _schema(options or {}),
            prompt_text(prompt).rpartition("\n")[2],
        )
        is_held = self._holds(index) if callable(self._holds) else self._random.random() < self._holds
        if schema is not None:
            self._check(schema)
            reply = self._valid(schema, reply) if is_held else reply
        return ScriptedModel([{"reply": reply, "finish_reason": "stop"}])(prompt)

    def _check(self, schema):
        if callable(self._refuses):
            if self._refuses(schema):
                raise InvalidArgument("Invalid schema")
            return
        for place in subschemas(schema, "", ""):
            for keyword in self._refuses if isinstance(place.schema, dict) else ():
                if keyword in place.schema:
                    raise InvalidArgument(
                        f"Invalid schema: '{keyword}' is not permitted. Remove this keyword"
                    )

    def _valid(self, schema, wanted):
        held = Schema.of(_without(schema, self._ignores), allow_unknown=True)
        try:
            value = json.loads(wanted)
        except ValueError:
            value = None
        if value is not None and held.is_valid(value):
            return wanted
        return json.dumps(sample(held, self._random))


def _schema(options):
    """Return the schema of a request, or None."""
    format_ = options.get("response_format") or options.get("extra_body", {}).get("response_format") or {}
    return format_["json_schema"]["schema"] if format_.get("type") == "json_schema" else None


def _without(schema, keywords):
    """Return a copy of a schema without some keywords."""
    copied = json.loads(json.dumps(schema))
    for place in list(subschemas(copied, "", "")):
        for keyword in keywords if isinstance(place.schema, dict) else ():
            place.schema.pop(keyword, None)
    return copied
