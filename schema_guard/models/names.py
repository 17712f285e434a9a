# SPDX-License-Identifier: Apache-2.0
"""The names of models, and whom each one stands for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from schema_guard.models.interface import Model
    from schema_guard.models.openai_api import Endpoint, OpenAIModel
    from schema_guard.models.scripted import ScriptedModel

__all__ = ["connect"]

_FORMS = (
    "local", "openai:NAME", "openai-responses:NAME", "http://HOST:PORT/v1#NAME", "scripted:FILE",
)  # fmt: skip
_KINDS = ("local", "openai", "openai-responses", "http", "https", "scripted")
# Servers without keys still want a header.
_NO_KEY = "none"


def connect(name: str, *, target: str | None = None, timeout_s: float = 600.0, max_retries: int = 0) -> Model:
    """Give the model that a name stands for.

    Args:
        name: `"local"` (weights are fetched on first use), `"openai:NAME"`, `"openai-responses:NAME"`,
            `"http://HOST:PORT/v1#NAME"` (any OpenAI-compatible server) or `"scripted:FILE"`. Keys come
            from OPENAI_API_KEY.
        target: Whose arguments the server takes, where it is not what the name says: a key of
            `schema_guard.targets.TARGETS`.
        timeout_s: Seconds without an answer after which a request is given up.
        max_retries: Requests that the SDK repeats by itself. 0, because these are unseen by the records
            and multiply the attempts of a guard.

    Raises:
        InvalidArgument: The name, its file or the target is unknown, or a key is missing.
        MissingExtra: A package that the model needs is not installed.
        SchemaGuardError: The local model cannot be fetched or started.
    """
    kind, separator, rest = str(name).partition(":")
    if kind == "local" and not separator:
        return _local(target, timeout_s, max_retries)
    if kind in ("http", "https"):
        return _server(name, target or "openai", timeout_s, max_retries)
    if kind in ("openai", "openai-responses") and rest:
        return _openai(rest, target or kind, timeout_s, max_retries)
    if kind == "scripted" and rest:
        return _scripted(rest, target or "openai")
    raise InvalidArgument(
        f"model {clip(repr(name))}: expected one of {', '.join(_FORMS)}{did_you_mean(kind, _KINDS)}"
    )


def _local(target: str | None, timeout_s: float, max_retries: int) -> OpenAIModel:
    from schema_guard.models.local import connect_local  # it starts processes

    if target not in (None, "llamacpp-llguidance"):
        raise InvalidArgument(f"target={target!r}: model 'local' takes 'llamacpp-llguidance' only")
    return connect_local(timeout_s=timeout_s, max_retries=max_retries)


def _server(url: str, target: str, timeout_s: float, max_retries: int) -> OpenAIModel:
    base_url, _, name = url.partition("#")
    if not name or not urlsplit(base_url).netloc:
        raise InvalidArgument(f"model {clip(repr(url))}: expected http://HOST:PORT/v1#NAME")
    api_key = os.environ.get("OPENAI_API_KEY") or _NO_KEY
    return _openai_model(name, target, _endpoint(base_url, api_key, timeout_s, max_retries))


def _openai(name: str, target: str, timeout_s: float, max_retries: int) -> OpenAIModel:
    if not os.environ.get("OPENAI_API_KEY"):
        raise InvalidArgument(f"model {name!r} of OpenAI needs a key: set OPENAI_API_KEY")
    return _openai_model(name, target, _endpoint(None, None, timeout_s, max_retries))


def _endpoint(base_url: str | None, api_key: str | None, timeout_s: float, max_retries: int) -> Endpoint:
    from schema_guard.models.openai_api import Endpoint  # only for those who use it

    return Endpoint(base_url, api_key, timeout_s, max_retries)


def _openai_model(name: str, target: str, endpoint: Endpoint) -> OpenAIModel:
    from schema_guard.models.openai_api import OpenAIModel  # only for those who use it

    return OpenAIModel(name, endpoint, target=target)


def _scripted(file: str, target: str) -> ScriptedModel:
    from schema_guard.models.scripted import ScriptedModel  # only for those who use it

    return ScriptedModel.from_file(Path(file), target=target)
