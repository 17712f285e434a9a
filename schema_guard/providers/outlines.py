# SPDX-License-Identifier: Apache-2.0
"""Arguments of `outlines`: an output type, and the engine that makes a model follow it.

Rules:
1. The engine is named, because outlines' own choice supports half as many schemas.
2. The schema is compiled here first. For a keyword that the engine doesn't support, outlines returns an empty reply, or
   doesn't enforce the keyword, without an error.
3. outlines passes the schema to an API, and the server behind it enforces it.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.extensions import load
from schema_guard.providers.failures import ENDED_EARLY
from schema_guard.providers.fields import field, has
from schema_guard.providers.provider import Provider, Rejection
from schema_guard.providers.request_options import ProviderOptions, document_of
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from schema_guard.schema import Schema


def _json_mode(_schema: Schema[Any]) -> dict[str, Any]:
    return {"output_type": dict, "backend": "llguidance"}


def _by_llguidance(schema: Schema[Any]) -> dict[str, Any]:
    make = _json_schema_type("outlines")
    if find_spec("llguidance") is None:
        raise missing_extra(_head("outlines"), "llguidance", "outlines")
    text = load("provider:llguidance").compiled(schema, provider="outlines")
    return {"output_type": _typed(make, text, schema, "outlines"), "backend": "llguidance"}


def _by_the_api(schema: Schema[Any]) -> dict[str, Any]:
    make = _json_schema_type("outlines-api")
    return {"output_type": _typed(make, json.dumps(document_of(schema)), schema, "outlines-api")}


def _json_schema_type(provider: str) -> Any:
    """Return outlines' type of a schema."""
    try:
        from outlines.types import JsonSchema  # type: ignore[import-not-found,import-untyped,unused-ignore]  # a second
    except ImportError as error:
        raise missing_extra(_head(provider), "outlines", "outlines") from error
    return JsonSchema


def _typed(make: Any, text: str, schema: Schema[Any], provider: str) -> Any:
    try:
        return make(text)
    except Exception as error:
        # outlines checks the schema as draft 7, with another library.
        reason = clip(" ".join(str(error).split()), 160)
        raise InvalidArgument(
            f"{_head(provider)}: outlines can't use schema {safe(schema.name)}: {reason}. Use another strategy"
        ) from error


def _head(provider: str) -> str:
    return f"strategy 'strict_schema' on provider {provider!r}"


def _refusal(error: BaseException) -> Rejection | None:
    """Read the exception of outlines for a refusal. It has no exception of the provider behind it."""
    if field(error, "original_exception", error) is not None or not has(error, "retryable"):
        return None
    head, colon, _ = str(error).partition(": ")
    if not (colon and head.endswith(" refused to answer the request")):
        return None
    return Rejection(None, "refusal", ENDED_EARLY["refusal"])


PROVIDER: Final = Provider(
    rejection=_refusal,
    options={
        # `max_new_tokens` is the name in Transformers. `connect` passes it to other libraries under their own names.
        "outlines": ProviderOptions(
            "max_new_tokens", {"json_mode": _json_mode, "strict_schema": _by_llguidance}
        ),
        "outlines-api": ProviderOptions(
            "max_tokens", {"json_mode": lambda _: {"output_type": dict}, "strict_schema": _by_the_api}
        ),
    },
)
