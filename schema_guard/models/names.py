# SPDX-License-Identifier: Apache-2.0
"""The names of models, and the model for each name."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from schema_guard.arguments import require_count, require_seconds, require_text
from schema_guard.errors import InvalidArgument
from schema_guard.models.endpoint import TIMEOUT_S, Endpoint, foreign_headers
from schema_guard.models.interface import Model
from schema_guard.models.providers import KEY_VARIABLE, PROVIDERS
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from schema_guard.extensions import RulesLike
    from schema_guard.models.hosted import HostedModel
    from schema_guard.models.scripted import ScriptedModel

_URLS = ("http", "https")
_FORMS = (
    "local",
    "local-decisions",
    *[f"{name}:NAME" for name in PROVIDERS],
    "litellm-decisions:NAME",
    "http://HOST:PORT/v1#NAME",
    "tuned:DIR",
    "scripted:FILE",
)
# Providers with their own API, whose packages the user's function calls.
_OWN_FUNCTION = ("cohere", "bedrock")
DECISIONS = ("openai-decisions",)
KINDS = ("local", "local-decisions", *PROVIDERS, "litellm-decisions", *_URLS, "tuned", "scripted")


class _Options(NamedTuple):
    """The arguments of `connect` except the name and the rules."""

    provider: str | None
    options: Mapping[str, Any] | None
    key: str | None
    timeout_s: float
    max_retries: int
    adapter: str | os.PathLike[str] | None = None


def connect(  # noqa: PLR0913 - all but the name have a default that most calls keep
    name_or_object: str | Model | Any,
    *,
    provider: str | None = None,
    options: Mapping[str, Any] | None = None,
    key: str | None = None,
    adapter: str | os.PathLike[str] | None = None,
    rules: RulesLike | None = None,
    timeout_s: float = TIMEOUT_S,
    max_retries: int = 0,
) -> Model:
    """Return the model for a name, such as `openai:NAME`.

    schema_guard sends an API key only to the host that the key belongs to. Each known provider has its own environment
    variable for the key. For a URL, schema_guard sends the argument `key`, or the value of $SCHEMA_GUARD_MODEL_KEY.

    Example:
        >>> from schema_guard import connect
        >>> connect("http://127.0.0.1:8000/v1#my-model").name
        'my-model'

    Args:
        name_or_object: `"local"` is the local model, whose weights schema_guard downloads on first use.
            `"PROVIDER:NAME"` is a model from a provider, such as `"openai:NAME"`. `"http://HOST:PORT/v1#NAME"` is the
            model NAME on a server. The server must accept the arguments of *provider*. `"tuned:DIR"` is the model that
            `schema-guard tune run DIR` fine-tuned. `"scripted:FILE"` is a `ScriptedModel` that returns the replies in
            FILE. You can also pass an `outlines` model object. If you pass a `Model`, the function returns it
            unchanged.
        provider: Provider whose arguments the server accepts. The keys of
            `schema_guard.providers.options.PROVIDER_OPTIONS` are the names of all providers. Default: the provider in
            the name of the model.
        options: Provider arguments for every call, such as `{"temperature": 0}`. schema_guard counts calls with
            different arguments as a separate configuration. The options of a call override these arguments.
        key: API key to use instead of the environment variable.
        adapter: LoRA adapter as a GGUF file, for the local model only. schema_guard counts calls with an adapter as a
            separate configuration. The name and the content of the file identify the adapter.
        rules: File with the server's rules for schemas, written by `schema-guard schema probe --output`. The rules in
            the file replace the rules of the provider.
        timeout_s: Number of seconds after which a request without an answer fails.
        max_retries: Maximum number of retries by the provider's SDK. Default: 0, because these retries multiply the
            attempts of a guard, and records don't show the extra requests.

    Raises:
        InvalidArgument: The name, the provider, or an option is unknown, or a file or a key is missing.
        MissingExtra: A package that the model needs isn't installed.
        SchemaGuardError: schema_guard can't download or start the local model.
    """
    require_text("provider", provider)
    require_seconds("timeout_s", timeout_s)
    require_count("max_retries", max_retries)
    settings = _Options(provider, _options(options), _key(key), timeout_s, max_retries, adapter)
    if adapter is not None and name_or_object != "local":
        raise InvalidArgument(
            f"adapter={clip(repr(adapter))}: this argument works only with model 'local', not with model {clip(repr(_model_text(name_or_object)))}. Omit it"
        )
    if isinstance(name_or_object, str):
        return _with_rules(_provider_model(name_or_object, settings), rules)
    if rules is not None:
        raise InvalidArgument(
            f"rules={clip(repr(rules))}: this argument works only with the name of a model. Omit it"
        )
    if isinstance(name_or_object, Model):
        if settings != _Options(None, None, None, TIMEOUT_S, 0):
            raise InvalidArgument(
                f"model {clip(repr(name_or_object))}: the model is already connected, so connect() accepts no other arguments. Omit them"
            )
        return name_or_object
    if _is_of_outlines(name_or_object):
        return _outlines(name_or_object, settings)
    raise InvalidArgument(
        f"model {clip(repr(name_or_object))}: expected a name ({', '.join(_FORMS)}), an outlines model, or a schema_guard Model"
    )


def _with_rules(model: HostedModel | ScriptedModel, rules: RulesLike | None) -> Model:
    if rules is not None:
        from schema_guard.extensions import load

        try:
            model.rules = load("option:rules")(model.provider, rules)
        except BaseException:
            model.close()
            raise
    return model


def _outlines(model: Any, settings: _Options) -> Model:
    if (settings.key, settings.timeout_s, settings.max_retries) != (None, TIMEOUT_S, 0):
        raise InvalidArgument(
            "key=, timeout_s=, max_retries=: an outlines model has its own client. Set these values on that client"
        )
    from schema_guard.extensions import load  # only for those who use it

    connected: Model = load("model:outlines")(model, provider=settings.provider, options=settings.options)
    return connected


def _is_of_outlines(model: object) -> bool:
    """Return whether an object is a model of outlines. Its module is then already imported."""
    base: Any = sys.modules.get("outlines.models.base")
    return base is not None and isinstance(model, base.Model | base.AsyncModel)


def _provider_model(name: str, settings: _Options) -> HostedModel | ScriptedModel:
    kind, separator, rest = name.partition(":")
    if kind == "local" and not separator:
        return _local(settings)
    if name == "local-decisions" or (kind == "litellm-decisions" and rest):
        return _decisions(kind, rest, settings)
    if kind in _URLS:
        return _server(name, settings)
    if kind in PROVIDERS and rest:
        return _provider(kind, rest, settings)
    if kind == "tuned" and rest:
        return _tuned(Path(rest).expanduser(), settings)
    if kind == "scripted" and rest:
        return _scripted(rest, settings)
    raise InvalidArgument(
        f"model {clip(repr(name))}: expected one of {', '.join(_FORMS)}{did_you_mean(kind, KINDS)}"
    )


def _model_text(model: object) -> str:
    """Return the name of a model for an error, without the parts of a URL that can be a key."""
    return _shown(model) if isinstance(model, str) else type(model).__name__


def _options(options: object) -> Mapping[str, Any] | None:
    if options is None:
        return None
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise InvalidArgument(
            f"options={clip(repr(options))}: expected a dict of the provider's own arguments, or None"
        )
    return options


def _key(key: object) -> str | None:
    if key is None or (isinstance(key, str) and key.strip()):
        return key
    # The error doesn't show the value, because it can be a key.
    raise InvalidArgument(f"key: expected a nonempty str or None, got a value of type {type(key).__name__}")


def _local(settings: _Options) -> HostedModel:
    from schema_guard.extensions import load  # only for those who use it

    if settings.provider not in (None, "llamacpp-llguidance"):
        raise InvalidArgument(
            f"provider={settings.provider!r}: the model 'local' requires 'llamacpp-llguidance'"
        )
    _no_key("local", settings)
    model: HostedModel = load("model:local")(
        adapter=settings.adapter,
        timeout_s=settings.timeout_s,
        max_retries=settings.max_retries,
        options=settings.options,
    )
    return model


def _decisions(kind: str, name: str, settings: _Options) -> HostedModel:
    from schema_guard.extensions import load  # only those who ask for it

    if settings.provider not in (None, kind):
        raise InvalidArgument(
            f"provider={settings.provider!r}: model {kind!r} has its own provider. Omit provider="
        )
    if not name:
        _no_key(kind, settings)
    named = (name, settings.key, settings.max_retries) if name else ()
    model: HostedModel = load(f"model:{kind}")(*named, settings.timeout_s, settings.options)
    return model


def _no_key(name: str, settings: _Options) -> None:
    if settings.key is not None:
        raise InvalidArgument(f"key: model {name!r} uses no key. Omit this argument")


def _server(url: str, settings: _Options) -> HostedModel:
    base_url, _, name = url.partition("#")
    parts = _split(base_url)
    if not name or parts is None:
        raise InvalidArgument(f"model {clip(repr(_shown(url)))}: expected http://HOST:PORT/v1#NAME")
    if "@" in parts.netloc or parts.query:
        # The error doesn't show the parts that can contain a key.
        raise InvalidArgument(
            f"model {clip(repr(_shown(url)))}: expected a URL without a password or a query. Pass the key as key=, or in "
            f"{KEY_VARIABLE}"
        )
    key = settings.key or os.environ.get(KEY_VARIABLE) or None
    provider = settings.provider or "openai"
    return _hosted(name, provider, base_url, key, "", settings)


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL with a host. None for any other text."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts if parts.hostname and port != 0 else None


def _shown(url: str) -> str:
    """Return a URL without the parts that can be a key."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    shown = f"***@{authority.rpartition('@')[2]}" if "@" in authority else authority
    return f"{scheme}{separator}{shown}{slash}{path}".partition("?")[0]


def _provider(kind: str, name: str, settings: _Options) -> HostedModel:
    host = PROVIDERS[kind]
    provider = settings.provider or host.provider
    own = "openai" if kind in ("openai-responses", "openai-decisions") else kind
    return _hosted(name, provider, host.base_url(), host.key(settings.key), own, settings)


def _hosted(
    name: str, provider: str, base_url: str, key: str | None, own: str, settings: _Options
) -> HostedModel:
    endpoint = Endpoint(base_url, key, settings.timeout_s, settings.max_retries, foreign=foreign_headers(own))
    if provider == "anthropic":
        from schema_guard.models.apis.anthropic_api import AnthropicModel  # only for those who use it

        return AnthropicModel(name, endpoint, provider=provider, options=settings.options)
    if provider == "gemini":
        from schema_guard.models.apis.google_api import GoogleModel  # as above

        return GoogleModel(name, endpoint, provider=provider, options=settings.options)
    if provider in _OWN_FUNCTION:
        raise InvalidArgument(
            f"provider={provider!r}: connect does not support this provider. Write a function that calls it, and guard this function"
        )
    if provider in DECISIONS:
        from schema_guard.extensions import load  # as above

        model: HostedModel = load("model:decisions")(name, endpoint, provider, settings.options)
        return model
    from schema_guard.models.apis.openai_api import OpenAIModel  # as above

    return OpenAIModel(name, endpoint, provider=provider, options=settings.options)


def _tuned(directory: Path, settings: _Options) -> HostedModel | ScriptedModel:
    from schema_guard.extensions import load  # only for those who use it

    tuned = load("model:tuned")(directory)
    provider = settings.provider or tuned.provider
    model = _provider_model(tuned.model, settings._replace(provider=provider, adapter=tuned.adapter))
    model.tuned = True
    return model


def _scripted(file: str, settings: _Options) -> ScriptedModel:
    from schema_guard.models.scripted import ScriptedModel  # only for those who use it

    _no_key(f"scripted:{file}", settings)
    if settings.options is not None:
        raise InvalidArgument(
            "options: a scripted model has fixed replies, so it accepts no options. Omit this argument"
        )
    return ScriptedModel.from_file(Path(file), provider=settings.provider or "openai")
