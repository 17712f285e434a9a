import copy
import json
from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import Schema
from schema_guard.errors import InvalidArgument
from schema_guard.providers.options import PROVIDER_OPTIONS, TEXT_STRATEGIES, capabilities, options_for
from tests.needs import marked

DOCUMENT = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}


def schema_of(document, name="urn:invoice:2"):
    return Schema.of(document, name=name)


INVOICE = schema_of(DOCUMENT)


@dataclass(frozen=True)
class Case:
    id: str
    provider: str
    strategy: str
    options: dict[str, Any]


CASES = [
    Case("chat json", "openai", "json_mode", {"response_format": {"type": "json_object"}}),
    Case(
        "chat strict",
        "openai",
        "strict_schema",
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "urn_invoice_2", "schema": DOCUMENT, "strict": True},
            }
        },
    ),
    Case(
        "chat tool",
        "openai",
        "tool_call",
        {
            "tools": [{"type": "function", "function": {"name": "urn_invoice_2", "parameters": DOCUMENT}}],
            "tool_choice": {"type": "function", "function": {"name": "urn_invoice_2"}},
        },
    ),
    Case("responses json", "openai-responses", "json_mode", {"text": {"format": {"type": "json_object"}}}),
    Case(
        "responses strict",
        "openai-responses",
        "strict_schema",
        {
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": "urn_invoice_2",
                    "schema": DOCUMENT,
                    "strict": True,
                }
            }
        },
    ),
    Case(
        "responses tool",
        "openai-responses",
        "tool_call",
        {
            "tools": [{"type": "function", "name": "urn_invoice_2", "parameters": DOCUMENT, "strict": False}],
            "tool_choice": {"type": "function", "name": "urn_invoice_2"},
        },
    ),
    *[
        Case(
            f"{provider} strict",
            provider,
            "strict_schema",
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "urn_invoice_2", "schema": DOCUMENT, "strict": True},
                }
            },
        )
        for provider in ("vllm", "sglang", "mistral", "llamacpp")
    ],
    Case(
        "cohere strict",
        "cohere",
        "strict_schema",
        {"response_format": {"type": "json_object", "json_schema": DOCUMENT}},
    ),
    Case(
        "cohere tool",
        "cohere",
        "tool_call",
        {
            "tools": [{"type": "function", "function": {"name": "urn_invoice_2", "parameters": DOCUMENT}}],
            "tool_choice": "REQUIRED",
        },
    ),
    Case(
        "bedrock strict",
        "bedrock",
        "strict_schema",
        {
            "outputConfig": {
                "textFormat": {
                    "type": "json_schema",
                    "structure": {"jsonSchema": {"name": "urn_invoice_2", "schema": json.dumps(DOCUMENT)}},
                }
            }
        },
    ),
    Case(
        "bedrock tool",
        "bedrock",
        "tool_call",
        {
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "urn_invoice_2", "inputSchema": {"json": DOCUMENT}}}],
                "toolChoice": {"tool": {"name": "urn_invoice_2"}},
            }
        },
    ),
    Case("llama.cpp json", "llamacpp-llguidance", "json_mode", {"response_format": {"type": "json_object"}}),
    Case(
        "llama.cpp strict",
        "llamacpp-llguidance",
        "strict_schema",
        {
            "extra_body": {
                "grammar": '%llguidance {}\nstart: %json {"type": "object", "properties": {"total": '
                '{"type": "integer"}}, "required": ["total"], "additionalProperties": false, '
                '"x-guidance": {"whitespace_flexible": false}, '
                '"$schema": "https://json-schema.org/draft/2020-12/schema"}'
            }
        },
    ),
]
CASES = marked(CASES, "local", lambda case: case.id == "llama.cpp strict")
LIMITS = {
    "openai": "max_completion_tokens",
    "openai-responses": "max_output_tokens",
    "llamacpp-llguidance": "max_tokens",
    **dict.fromkeys(("azure", "openrouter", "groq"), "max_completion_tokens"),
    **dict.fromkeys(
        ("anthropic", "deepseek", "ollama", "lmstudio", "vllm", "llamacpp", "outlines-api"), "max_tokens"
    ),
    **dict.fromkeys(("mistral", "cohere", "sglang"), "max_tokens"),
    "outlines": "max_new_tokens",
}


# Decision models write no text: tests/ext/decisions has their tests.
WRITERS = [name for name, row in PROVIDER_OPTIONS.items() if row.limit]


@pytest.fixture(params=marked(WRITERS, "local", "llamacpp-llguidance".__eq__))
def provider(request):
    """Each provider whose package is here."""
    if request.param.startswith("outlines"):
        pytest.importorskip("outlines", reason="needs the extra 'outlines'")
    return request.param


def limit_of(provider):
    """Give the argument of a limit of 7 tokens."""
    held = {"gemini": {"config": {"max_output_tokens": 7}}, "bedrock": {"inferenceConfig": {"maxTokens": 7}}}
    return held.get(provider) or {LIMITS[provider]: 7}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_arguments_of_a_strategy(case):
    """Each provider is asked for a format in its own words."""
    assert options_for(case.provider, case.strategy, INVOICE) == case.options


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_arguments_are_nobody_elses(case):
    """Changing the arguments changes neither the schema nor the next arguments."""
    schema = schema_of(copy.deepcopy(DOCUMENT))

    _spoil(options_for(case.provider, case.strategy, schema))

    assert schema.document == DOCUMENT
    assert options_for(case.provider, case.strategy, schema) == case.options


def _spoil(value):
    if isinstance(value, dict):
        for member in value.values():
            _spoil(member)
        value["spoilt"] = True
    elif isinstance(value, list):
        for member in value:
            _spoil(member)
        value.append("spoilt")


@pytest.mark.parametrize("strategy", sorted(TEXT_STRATEGIES))
def test_text_strategies_have_the_limit_only(provider, strategy):
    """A strategy that asks in the prompt sends no argument but the output limit."""
    assert options_for(provider, strategy, INVOICE) == {}
    assert options_for(provider, strategy, INVOICE, output_tokens=7) == limit_of(provider)


def test_limit_stands_beside_the_format(provider):
    """The output limit is added to the arguments of a format."""
    strategy = next(one for one in ("json_mode", "strict_schema") if one in capabilities(provider))
    options = options_for(provider, strategy, INVOICE, output_tokens=7)
    formats = options_for(provider, strategy, INVOICE)

    limit = limit_of(provider)
    if "output_type" in options:
        # Two schemas of outlines are the same where their texts are.
        options["output_type"], formats["output_type"] = [
            getattr(one["output_type"], "schema", one["output_type"]) for one in (options, formats)
        ]
    assert options == {
        **formats,
        **{key: {**formats[key], **limit[key]} if key == "config" else limit[key] for key in limit},
    }


def test_capabilities_are_what_options_are_given_for(provider):
    """A provider takes a strategy exactly when there are options for it."""
    for strategy in [*TEXT_STRATEGIES, "json_mode", "tool_call", "strict_schema", "strict_only"]:
        if strategy in capabilities(provider):
            options_for(provider, strategy, INVOICE)
        else:
            with pytest.raises(InvalidArgument, match="does not support the strategy"):
                options_for(provider, strategy, INVOICE)


@pytest.mark.parametrize(
    ("name", "sent"),
    [("Größe", "Gr_e"), ("a" * 99, "a" * 64), ("請求書", "reply"), ("a-b_C9", "a-b_C9")],
)
def test_name_is_one_that_the_provider_takes(name, sent):
    """A schema's name is cut to letters, digits, '_' and '-', at most 64."""
    options = options_for("openai", "strict_schema", schema_of(DOCUMENT, name))

    assert options["response_format"]["json_schema"]["name"] == sent


@pytest.mark.parametrize(("document", "sent"), [(True, {}), (False, {"not": {}})])
def test_boolean_schema_is_sent_as_an_object(document, sent):
    """No provider takes true or false for a schema."""
    options = options_for("openai", "strict_schema", schema_of(document))

    assert options["response_format"]["json_schema"]["schema"] == sent


@dataclass(frozen=True)
class Refused:
    id: str
    arguments: tuple[Any, ...]
    message: str
    output_tokens: Any = None


REFUSED = [
    Refused(
        "provider",
        ("opnai", "bare"),
        f"provider='opnai': expected one of {', '.join(sorted(PROVIDER_OPTIONS))}. Did you mean 'openai'?",
    ),
    Refused(
        "no provider",
        (None, "bare"),
        f"provider=None: expected one of {', '.join(sorted(PROVIDER_OPTIONS))}",
    ),
    Refused(
        "strategy",
        ("openai", "strict_shema"),
        "strategy='strict_shema': expected one of bare, few_shot, reason_then_format, system_prompt, json_mode, "
        "tool_call, strict_schema, strict_only, reason_then_strict, decision. Did you mean 'strict_schema'?",
    ),
    Refused("list", ("openai", ["bare"]), "strategy=['bare']: expected the name of a strategy as a str"),
    Refused(
        "not together",
        ("llamacpp-llguidance", "tool_call"),
        "provider 'llamacpp-llguidance' does not support the strategy 'tool_call', only bare, few_shot, "
        "json_mode, reason_then_format, reason_then_strict, strict_only, strict_schema, system_prompt. Use another strategy. The strongest one is 'strict_schema'",
    ),
    Refused("zero", ("openai", "bare"), "output_tokens=0: expected an int >= 1 or None", 0),
    Refused(
        "true", ("openai", "bare"), "output_tokens=True: expected an int >= 1 or None", output_tokens=True
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_refusal_says_what_was_expected(case):
    """A wrong argument is refused with its name, what came and what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        options_for(*case.arguments, INVOICE, output_tokens=case.output_tokens)

    assert str(caught.value) == case.message
