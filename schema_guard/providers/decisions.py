# SPDX-License-Identifier: Apache-2.0
"""Decision models: their answers to questions, and the questions for a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.fields import as_json, field, usage_of
from schema_guard.providers.model_output import Written
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.providers.request_options import ProviderOptions

if TYPE_CHECKING:
    from schema_guard.schema import Schema


def _reply(reply: object, answers: object) -> RawReply | None:
    if isinstance(answers, list | tuple):
        plain: Any = [_plain(one) for one in answers]
    elif isinstance(answers, Mapping):
        plain = {name: _plain(one) for name, one in answers.items()}
    else:
        return None
    text = as_json({"answers": plain})
    tokens = usage_of(field(reply, "usage"))
    return None if text is None else RawReply(Written(text, []), None, tokens, field(reply, "model"))


def _plain(answer: Any) -> Any:
    dump = getattr(answer, "model_dump", None)
    return dump(mode="json", exclude_none=True) if callable(dump) else answer


def _questions(schema: Schema[Any]) -> dict[str, Any]:
    return {"questions": schema.document["x-questions"]}


_OPTIONS: Final = ProviderOptions(
    limit="", formats={"decision": _questions}, enforces=frozenset({"decision"})
)
PROVIDER: Final = Provider(
    replies={"answers": _reply},
    options=dict.fromkeys(("litellm-decisions", "local-decisions", "openai-decisions"), _OPTIONS),
)
