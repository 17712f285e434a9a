# SPDX-License-Identifier: Apache-2.0
"""Advice for a returned value that is not a reply, by its kind. It never shows the content of the value.

Each piece of advice after "return" is code with the name `value`. The tests run it with the real objects.
"""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any, Final

from schema_guard.providers.fields import field
from schema_guard.text import clip

_SCALARS: Final = (bool, int, float)
_TEXTS: Final = ("text", "content", "output_text", "answer")
# By the names of their classes: streams and runs of pydantic-ai, and streams of openai-agents.
_BY_CLASS: Final = {
    "StreamedRunResult": "await value.get_output()",
    "StreamedRunResultSync": "value.get_output()",
    "AgentRun": "value.result",
    "RunResultStreaming": "value.stream_events()",
}


def advice_for(value: object) -> str | None:
    """Return the kind of a value that is not a reply, and what to return instead. None if only its type is known."""
    if value is None:
        return (
            "the function returned None, not a model's reply. Return the reply or its text. If the model found nothing, "
            "return its text, null"
        )
    advice = _advice(value)
    if advice is None:
        return None
    return f"the function returned a value of type {clip(type(value).__name__)!r}, not a model's reply. {advice[0].upper()}{advice[1:]}"


def advice_for_class(annotation: object) -> str | None:
    """Return the code to return instead of an instance of an annotated class. None if its instances may be readable.

    Args:
        annotation: The class, or its name in the source.
    """
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    name = str(text).partition("[")[0].rpartition(".")[2]
    # The other names may be names of a user's classes.
    return _BY_CLASS[name] if name in _BY_CLASS and name.startswith("StreamedRunResult") else None


def _advice(value: object) -> str | None:
    kind = type(value)
    if isinstance(value, _SCALARS):
        return "the schema has another type. Return the reply or its text"
    if isinstance(value, tuple | set | frozenset):
        return "return the reply, its text, or list(...) of it"
    code = _by_class(kind) or _body(value, kind) or _attribute(value, kind)
    return f"return {code}" if code is not None else _data(kind)


def _by_class(kind: type[Any]) -> str | None:
    """Return the code for an instance of a known class, which has the attribute that the code names."""
    code = _BY_CLASS.get(kind.__name__, "")
    attribute = code.rpartition("value.")[2].removesuffix("()")
    return code if code and hasattr(kind, attribute) else None


def _data(kind: type[Any]) -> str | None:
    """Return the advice for a value that is data."""
    name = clip(kind.__name__)
    if callable(getattr(kind, "model_dump", None)):
        return f"return the reply, guard({name}), or return value.model_dump(mode='json')"
    if is_dataclass(kind):
        return f"return the reply, guard({name}), or return dataclasses.asdict(value)"
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        return "return the reply, its text, or dict(...) of it"
    return None


def _body(value: object, kind: Any) -> str | None:
    """Return the code that reads the body of a response that was not read yet."""
    from inspect import iscoroutinefunction  # only values that cannot be read need it

    if field(value, "http_response") is not None and callable(getattr(kind, "parse", None)):
        return "await value.parse()" if iscoroutinefunction(kind.parse) else "value.parse()"
    parse = getattr(kind, "json", None)
    if not callable(parse) or not (field(value, "status_code") or field(value, "status")):
        return None
    if iscoroutinefunction(parse):
        return "await value.json()"
    if field(value, "is_stream_consumed") is False:
        is_async = hasattr(field(value, "stream"), "__aiter__")
        return "json.loads(await value.aread())" if is_async else "json.loads(value.read())"
    return "value.json()"


def _attribute(value: object, kind: type[Any]) -> str | None:
    """Return the attribute that holds a reply, or a text if the value is not data itself."""
    attributes = getattr(value, "__dict__", None) or {}
    for name, held in attributes.items():
        if not name.startswith("_") and _is_reply(held):
            return f"value.{name}"
    if callable(getattr(kind, "model_dump", None)) or is_dataclass(kind):
        return None
    names = [name for name in _TEXTS if isinstance(attributes.get(name), str)]
    return f"value.{names[0]}" if names else None


def _is_reply(value: object) -> bool:
    from schema_guard.received.replies import read  # as in `_body`

    failure = None if isinstance(value, str | bytes | bytearray) else read(value).failure
    return not isinstance(value, str | bytes | bytearray) and (failure is None or failure.code != "no_reply")
