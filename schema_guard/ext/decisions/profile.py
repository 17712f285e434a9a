# SPDX-License-Identifier: Apache-2.0
"""A schema as questions for a host, and the way back from the answers to a value."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.ext.decisions.fields import fields_of
from schema_guard.ext.decisions.hosts import HOSTS
from schema_guard.ext.decisions.questions import ABSENT, AnswerReading, OneValue, Record
from schema_guard.ext.decisions.wire import BadAnswer, answers_of, wire_questions
from schema_guard.ext.fitting.adapting.forms import Form
from schema_guard.ext.fitting.adapting.result import Adapted, SchemaChange
from schema_guard.ext.fitting.linting import Finding
from schema_guard.pointer import join
from schema_guard.providers.options import options_for
from schema_guard.schema import Schema, fingerprint
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.ext.decisions.fields import Fields, TextField
    from schema_guard.ext.decisions.hosts import DecisionHost


@dataclass(frozen=True, slots=True)
class QuestionsForm(Form):
    """Values that are sent as answers.

    Attributes:
        fields: The questions.
        host: The host that answers them.
    """

    fields: Fields = field(repr=False)
    host: DecisionHost

    def read(self, reply: Any) -> tuple[Any, AnswerReading]:
        """Return the value of a reply, and its reading.

        Raises:
            BadAnswer: The reply does not answer the questions.
        """
        reading = AnswerReading(answers_of(reply, self.fields.questions, self.host))
        root = self.fields.root
        value = ABSENT if root is None else root.read(reading, ())
        return value, reading

    def restore(self, value: Any) -> Any:
        """Return the value that answers make. Anything else stays as it is."""
        try:
            made, _ = self.read(value)
        except BadAnswer:
            return value
        return value if made is ABSENT else made


def asked(schema: Any, provider: str) -> Adapted:
    """Return the questions about a schema for a host, as `adapt` returns other forms."""
    loaded, host = Schema.of(schema), HOSTS[provider]
    fields = fields_of(loaded, host)
    narrowed = [
        SchemaChange(one.location, "", None, f"stays text, because {one.reason}") for one in fields.texts
    ]
    if not fields.questions:
        relaxed = [SchemaChange("", "", None, _without_questions(fields))]
        return Adapted(None, provider, None, relaxed, [], [])
    # The names are required, so that the document is a schema of the answers.
    document = {
        "type": "object",
        "required": ["answers"],
        "x-questions": wire_questions(fields.questions),
    }
    document = json.loads(json.dumps(document))
    return Adapted(document, provider, fingerprint(document), [], narrowed, [], QuestionsForm(fields, host))


def _without_questions(fields: Fields) -> str:
    """Return the reason why there are no questions about a schema."""
    if not fields.texts:
        return "there is no question to ask, because only one value is valid"
    first = fields.texts[0]
    place = safe(join(first.path)) or "the value"
    return f"a decision model can answer no field. For example, at {place}, {first.reason}"


def fields_by_place(schema: Any) -> tuple[list[tuple[str, ...]], tuple[TextField, ...]]:
    """Return the paths of the fields that any host can be asked, and the fields that stay text."""
    fields = fields_of(Schema.of(schema), HOSTS["decisions"])
    return list(_places(fields.root, ())), fields.texts


def _places(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(node, Record):
        for name, inner in node.fields:
            yield from _places(inner, (*path, name))
    elif node is not None and not isinstance(node, OneValue):
        yield path


def sent_questions(
    provider: str, strategy: str, schema: Schema[Any], *, tuned: bool = False, rules: Any = None
) -> Adapted:
    """Return the questions that are sent for strategy `decision`; see `sent_schema`.

    Raises:
        InvalidArgument: The provider has no decision models, or no field can be asked.
    """
    if provider not in HOSTS:
        options_for(provider, strategy, schema)  # raises, and names the strategies of the provider
    made = asked(schema, provider)
    if made.schema is None:
        raise InvalidArgument(
            f"strategy={strategy!r}: schema {safe(schema.name)}: {made.relaxed[0].reason}. Use another strategy"
        )
    return made


def findings(schema: Any, provider: str) -> list[Finding]:
    """Return the fields of a schema that a decision model cannot be asked, as `lint` does."""
    made = fields_of(Schema.of(schema), HOSTS[provider])
    return [
        Finding(
            "error",
            "rejected" if one.is_required else "narrowed",
            f"{provider}-stays-text",
            one.location,
            "",
            f"can't answer this field, because {one.reason}",
            "high",
        )
        for one in made.texts
    ]
