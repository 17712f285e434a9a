"""Schemas and options for each provider: findings, adapted schemas, restored values, and arguments."""

import pytest

from schema_guard import About, InvalidArgument, Limits, Schema, adapt, guard, lint

SCHEMAS = {
    "closed": {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    },
    "optional": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "integer", "minimum": 1}},
        "required": ["a"],
    },
    "array at the root": {
        "type": "array",
        "items": {"type": "string", "minLength": 2, "pattern": "^a"},
        "minItems": 1,
        "uniqueItems": True,
    },
    "union": {
        "oneOf": [
            {"type": "object", "properties": {"k": {"const": "x"}}, "required": ["k"]},
            {"type": "null"},
        ]
    },
    "map": {"type": "object", "additionalProperties": {"type": "number"}},
    "recursive": {
        "$defs": {
            "n": {
                "type": "object",
                "properties": {"c": {"type": "array", "items": {"$ref": "#/$defs/n"}}},
                "required": ["c"],
                "additionalProperties": False,
            }
        },
        "$ref": "#/$defs/n",
    },
}
VALUES = {
    "closed": [{"a": "x"}],
    "optional": [{"a": "x"}, {"a": "x", "b": 3}],
    "array at the root": [["ab", "ac"]],
    "union": [{"k": "x"}, None],
    "map": [{"x": 1.5, "y": 2}, {}],
    "recursive": [{"c": [{"c": []}]}],
}
# Findings, the adapted schema, its relaxed and narrowed constraints, and values of the adapted schema.
FITTED = {
    ("closed", "openai"): ([], {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, [], [], [{"a": "x"}]),
    ("closed", "anthropic"): ([], {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, [], [], [{"a": "x"}]),
    ("closed", "gemini"): ([], {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, [], [], [{"a": "x"}]),
    ("closed", "mistral"): ([], {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, [], [], [{"a": "x"}]),
    ("closed", "bedrock"): ([], {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, [], [], [{"a": "x"}]),
    ("closed", "vllm"): ([], {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, [], [], [{"a": "x"}]),
    ("closed", "llamacpp"): ([], {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, [], [], [{"a": "x"}]),
    ("optional", "openai"): ([("error", "rejected", "openai-open-object", ""), ("error", "rejected", "openai-optional", "")], {"type": "object", "properties": {"a": {"type": "string"}, "b": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}}, "required": ["a", "b"], "additionalProperties": False}, [], [("", "additionalProperties")], [{"a": "x", "b": None}, {"a": "x", "b": 3}]),
    ("optional", "anthropic"): ([("error", "rejected", "anthropic-open-object", ""), ("error", "rejected", "anthropic:minimum", "/properties/b")], {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "description": "(minimum: 1)"}}, "required": ["a"], "additionalProperties": False}, [("/properties/b", "minimum")], [("", "additionalProperties")], [{"a": "x"}, {"a": "x", "b": 3}]),
    ("optional", "gemini"): ([], {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "minimum": 1}}, "required": ["a"]}, [], [], [{"a": "x"}, {"a": "x", "b": 3}]),
    ("optional", "mistral"): ([("warning", "ignored", "mistral:minimum", "/properties/b")], {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "minimum": 1}}, "required": ["a"]}, [("/properties/b", "minimum")], [], [{"a": "x"}, {"a": "x", "b": 3}]),
    ("optional", "bedrock"): ([("error", "rejected", "bedrock-open-object", ""), ("error", "rejected", "bedrock-minimum", "/properties/b")], {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "description": "(minimum: 1)"}}, "required": ["a"], "additionalProperties": False}, [("/properties/b", "minimum")], [("", "additionalProperties")], [{"a": "x"}, {"a": "x", "b": 3}]),
    ("optional", "vllm"): ([], {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "minimum": 1}}, "required": ["a"]}, [], [], [{"a": "x"}, {"a": "x", "b": 3}]),
    ("optional", "llamacpp"): ([("error", "narrowed", "llamacpp-gbnf-open-object", "")], {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "minimum": 1}}, "required": ["a"], "additionalProperties": True}, [], [], [{"a": "x"}, {"a": "x", "b": 3}]),
    ("array at the root", "openai"): ([("error", "rejected", "openai-root", ""), ("error", "rejected", "openai:uniqueItems", "")], {"type": "object", "properties": {"value": {"type": "array", "items": {"type": "string", "minLength": 2, "pattern": "^a"}, "minItems": 1, "description": "(uniqueItems: true)"}}, "required": ["value"], "additionalProperties": False}, [("", "uniqueItems")], [], [{"value": ["ab", "ac"]}]),
    ("array at the root", "anthropic"): ([("warning", "rejected", "anthropic-root", ""), ("error", "rejected", "anthropic:uniqueItems", ""), ("error", "rejected", "anthropic:minLength", "/items")], {"type": "object", "properties": {"value": {"type": "array", "items": {"type": "string", "pattern": "^a", "description": "(minLength: 2)"}, "minItems": 1, "description": "(uniqueItems: true)"}}, "required": ["value"], "additionalProperties": False}, [("", "uniqueItems"), ("/items", "minLength")], [], [{"value": ["ab", "ac"]}]),
    ("array at the root", "gemini"): ([("error", "ignored", "gemini:uniqueItems", ""), ("error", "ignored", "gemini:minLength", "/items"), ("error", "ignored", "gemini:pattern", "/items")], {"type": "array", "items": {"type": "string", "description": '(minLength: 2) (pattern: "^a")'}, "minItems": 1, "description": "(uniqueItems: true)"}, [("", "uniqueItems"), ("/items", "minLength"), ("/items", "pattern")], [], [["ab", "ac"]]),
    ("array at the root", "mistral"): ([("warning", "rejected", "mistral-root", ""), ("warning", "ignored", "mistral:minItems", ""), ("warning", "ignored", "mistral:uniqueItems", ""), ("warning", "ignored", "mistral:minLength", "/items"), ("warning", "ignored", "mistral:pattern", "/items")], {"type": "object", "properties": {"value": {"type": "array", "items": {"type": "string", "pattern": "^a", "minLength": 2}, "minItems": 1, "uniqueItems": True}}, "required": ["value"], "additionalProperties": False}, [("", "minItems"), ("", "uniqueItems"), ("/items", "minLength"), ("/items", "pattern")], [], [{"value": ["ab", "ac"]}]),
    ("array at the root", "bedrock"): ([("warning", "rejected", "bedrock-root", ""), ("warning", "rejected", "bedrock:uniqueItems", ""), ("warning", "rejected", "bedrock-minLength", "/items")], {"type": "object", "properties": {"value": {"type": "array", "items": {"type": "string", "pattern": "^a", "description": "(minLength: 2)"}, "minItems": 1, "description": "(uniqueItems: true)"}}, "required": ["value"], "additionalProperties": False}, [("", "uniqueItems"), ("/items", "minLength")], [], [{"value": ["ab", "ac"]}]),
    ("array at the root", "vllm"): ([("error", "rejected", "vllm-uniqueItems", ""), ("warning", "rejected", "vllm-pattern-length", "/items"), ("error", "narrowed", "vllm-unanchored", "/items")], {"type": "array", "items": {"type": "string", "pattern": "^a(?:.|\\n)*$", "minLength": 2}, "minItems": 1, "description": "(uniqueItems: true)"}, [("", "uniqueItems")], [], [["ab", "ac"]]),
    ("array at the root", "llamacpp"): ([("error", "ignored", "llamacpp-gbnf:uniqueItems", ""), ("error", "rejected", "llamacpp-gbnf-unanchored", "/items"), ("error", "ignored", "llamacpp-gbnf-pattern-length", "/items")], {"type": "array", "items": {"type": "string", "pattern": "^a(?:.|\\n)*$", "description": "(minLength: 2)"}, "minItems": 1, "description": "(uniqueItems: true)"}, [("", "uniqueItems"), ("/items", "minLength")], [], [["ab", "ac"]]),
    ("union", "openai"): ([("error", "rejected", "openai-root", ""), ("error", "rejected", "openai:oneOf", "")], {"type": "object", "properties": {"value": {"anyOf": [{"type": "object", "properties": {"k": {"const": "x"}}, "required": ["k"], "additionalProperties": False}, {"type": "null"}]}}, "required": ["value"], "additionalProperties": False}, [], [("/oneOf/0", "additionalProperties")], [{"value": {"k": "x"}}, {"value": None}]),
    ("union", "anthropic"): ([("warning", "rejected", "anthropic-root", ""), ("error", "rejected", "anthropic:oneOf", "")], {"type": "object", "properties": {"value": {"anyOf": [{"type": "object", "properties": {"k": {"const": "x"}}, "required": ["k"], "additionalProperties": False}, {"type": "null"}]}}, "required": ["value"], "additionalProperties": False}, [], [("/oneOf/0", "additionalProperties")], [{"value": {"k": "x"}}, {"value": None}]),
    ("union", "gemini"): ([("error", "ignored", "gemini:const", "/oneOf/0/properties/k")], {"anyOf": [{"type": "object", "properties": {"k": {"type": "string", "enum": ["x"]}}, "required": ["k"]}, {"type": "null"}]}, [], [], [{"k": "x"}, None]),
    ("union", "mistral"): ([("warning", "rejected", "mistral-root", ""), ("warning", "ignored", "mistral:oneOf", "")], {"type": "object", "properties": {"value": {"anyOf": [{"type": "object", "properties": {"k": {"type": "string", "enum": ["x"]}}, "required": ["k"]}, {"type": "null"}]}}, "required": ["value"], "additionalProperties": False}, [], [], [{"value": {"k": "x"}}, {"value": None}]),
    ("union", "bedrock"): ([("warning", "rejected", "bedrock-root", ""), ("warning", "rejected", "bedrock:oneOf", "")], {"type": "object", "properties": {"value": {"anyOf": [{"type": "object", "properties": {"k": {"const": "x"}}, "required": ["k"], "additionalProperties": False}, {"type": "null"}]}}, "required": ["value"], "additionalProperties": False}, [], [("/oneOf/0", "additionalProperties")], [{"value": {"k": "x"}}, {"value": None}]),
    ("union", "vllm"): ([], {"oneOf": [{"type": "object", "properties": {"k": {"const": "x"}}, "required": ["k"]}, {"type": "null"}]}, [], [], [{"k": "x"}, None]),
    ("union", "llamacpp"): ([("error", "narrowed", "llamacpp-gbnf-open-object", "/oneOf/0")], {"anyOf": [{"type": "object", "properties": {"k": {"const": "x"}}, "required": ["k"], "additionalProperties": True}, {"type": "null"}]}, [], [], [{"k": "x"}, None]),
    ("map", "openai"): ([("error", "rejected", "openai-open-object", "")], {"type": "object", "properties": {"value": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}, "value": {"type": "number"}}, "required": ["key", "value"], "additionalProperties": False}}}, "required": ["value"], "additionalProperties": False}, [], [], [{"value": [{"key": "x", "value": 1.5}, {"key": "y", "value": 2}]}, {"value": []}]),
    ("map", "anthropic"): ([("error", "rejected", "anthropic-open-object", "")], {"type": "object", "properties": {"value": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}, "value": {"type": "number"}}, "required": ["key", "value"], "additionalProperties": False}}}, "required": ["value"], "additionalProperties": False}, [], [], [{"value": [{"key": "x", "value": 1.5}, {"key": "y", "value": 2}]}, {"value": []}]),
    ("map", "gemini"): ([], {"type": "object", "additionalProperties": {"type": "number"}}, [], [], [{"x": 1.5, "y": 2}, {}]),
    ("map", "mistral"): ([("warning", "rejected", "mistral-open-map", "")], {"type": "object", "properties": {"value": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}, "value": {"type": "number"}}, "required": ["key", "value"], "additionalProperties": False}}}, "required": ["value"], "additionalProperties": False}, [], [], [{"value": [{"key": "x", "value": 1.5}, {"key": "y", "value": 2}]}, {"value": []}]),
    ("map", "bedrock"): ([("error", "rejected", "bedrock-open-object", "")], {"type": "object", "properties": {"value": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}, "value": {"type": "number"}}, "required": ["key", "value"], "additionalProperties": False}}}, "required": ["value"], "additionalProperties": False}, [], [], [{"value": [{"key": "x", "value": 1.5}, {"key": "y", "value": 2}]}, {"value": []}]),
    ("map", "vllm"): ([], {"type": "object", "additionalProperties": {"type": "number"}}, [], [], [{"x": 1.5, "y": 2}, {}]),
    ("map", "llamacpp"): ([], {"type": "object", "additionalProperties": {"type": "number"}}, [], [], [{"x": 1.5, "y": 2}, {}]),
    ("recursive", "openai"): ([("error", "rejected", "openai-root", "")], {"type": "object", "properties": {"value": {"$ref": "#/$defs/n"}}, "required": ["value"], "additionalProperties": False, "$defs": {"n": {"type": "object", "properties": {"c": {"type": "array", "items": {"$ref": "#/$defs/n"}}}, "required": ["c"], "additionalProperties": False}}}, [], [], [{"value": {"c": [{"c": []}]}}]),
    ("recursive", "anthropic"): ([("error", "rejected", "anthropic-recursion", ""), ("warning", "rejected", "anthropic-root", ""), ("error", "rejected", "anthropic-recursion", "/$defs/n/properties/c/items")], {"type": "object", "properties": {"c": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "array", "items": {}, "description": "(maxItems: 0)"}}, "required": ["c"], "additionalProperties": False}, "description": "(maxItems: 0)"}}, "required": ["c"], "additionalProperties": False}, "description": "(maxItems: 0)"}}, "required": ["c"], "additionalProperties": False}, [("/$defs/n/properties/c", "maxItems")], [("/$defs/n", "")], [{"c": [{"c": []}]}]),
    ("recursive", "gemini"): ([("error", "rejected", "gemini-recursion", ""), ("error", "rejected", "gemini-recursion", "/$defs/n/properties/c/items")], {"$defs": {"n": {"type": "object", "properties": {"c": {"type": "array", "items": {}}}, "required": ["c"], "additionalProperties": False}}}, [("", "$ref"), ("/$defs/n/properties/c/items", "$ref")], [], [{"c": [{"c": []}]}]),
    ("recursive", "mistral"): ([("warning", "rejected", "mistral-root", "")], {"type": "object", "properties": {"value": {"$ref": "#/$defs/n"}}, "required": ["value"], "additionalProperties": False, "$defs": {"n": {"type": "object", "properties": {"c": {"type": "array", "items": {"$ref": "#/$defs/n"}}}, "required": ["c"], "additionalProperties": False}}}, [], [], [{"value": {"c": [{"c": []}]}}]),
    ("recursive", "bedrock"): ([("error", "rejected", "bedrock-recursion", ""), ("warning", "rejected", "bedrock-root", ""), ("error", "rejected", "bedrock-recursion", "/$defs/n/properties/c/items")], {"type": "object", "properties": {"c": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "array", "items": {}, "description": "(maxItems: 0)"}}, "required": ["c"], "additionalProperties": False}, "description": "(maxItems: 0)"}}, "required": ["c"], "additionalProperties": False}, "description": "(maxItems: 0)"}}, "required": ["c"], "additionalProperties": False}, [("/$defs/n/properties/c", "maxItems")], [("/$defs/n", "")], [{"c": [{"c": []}]}]),
    ("recursive", "vllm"): ([], {"$defs": {"n": {"type": "object", "properties": {"c": {"type": "array", "items": {"$ref": "#/$defs/n"}}}, "required": ["c"], "additionalProperties": False}}, "$ref": "#/$defs/n"}, [], [], [{"c": [{"c": []}]}]),
    ("recursive", "llamacpp"): ([], {"$defs": {"n": {"type": "object", "properties": {"c": {"type": "array", "items": {"$ref": "#/$defs/n"}}}, "required": ["c"], "additionalProperties": False}}, "$ref": "#/$defs/n"}, [], [], [{"c": [{"c": []}]}]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "provider"), FITTED)
def test_findings_of_a_provider(name, provider):
    """Each finding has its severity, effect, rule, and place."""
    findings = lint(Schema.of(SCHEMAS[name]), provider)

    assert [(one.severity, one.effect, one.rule, one.location) for one in findings] == FITTED[name, provider][
        0
    ]


@pytest.mark.parametrize(("name", "provider"), FITTED)
def test_adapted_schema_of_a_provider(name, provider):
    """The adapted schema lists the constraints that it relaxes and narrows."""
    adapted = adapt(Schema.of(SCHEMAS[name]), provider)

    _, schema, relaxed, narrowed, _ = FITTED[name, provider]
    assert adapted.schema == schema
    assert [(one.location, one.keyword) for one in adapted.relaxed] == relaxed
    assert [(one.location, one.keyword) for one in adapted.narrowed] == narrowed


@pytest.mark.parametrize(("name", "provider"), FITTED)
def test_values_are_restored(name, provider):
    """A value of the adapted schema is converted back to the user's schema."""
    adapted = adapt(Schema.of(SCHEMAS[name]), provider)

    sent = FITTED[name, provider][4]
    assert [adapted.pre_image(value) for value in VALUES[name]] == sent
    assert [adapted.restore(value) for value in sent] == VALUES[name]


# The options of a call with an output limit of nine tokens. A string is the start of the error at decoration.
OPTIONS = {
    ("openai", "json_mode"): {"response_format": {"type": "json_object"}, "max_completion_tokens": 9},
    ("openai", "tool_call"): {"tools": [{"type": "function", "function": {"name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}], "tool_choice": {"type": "function", "function": {"name": "Reply"}}, "max_completion_tokens": 9},
    ("openai", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, "strict": True}}, "max_completion_tokens": 9},
    ("openai", "bare"): {"max_completion_tokens": 9},
    ("openai-responses", "json_mode"): {"text": {"format": {"type": "json_object"}}, "max_output_tokens": 9},
    ("openai-responses", "tool_call"): {"tools": [{"type": "function", "name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}, "strict": False}], "tool_choice": {"type": "function", "name": "Reply"}, "max_output_tokens": 9},
    ("openai-responses", "strict_schema"): {"text": {"format": {"type": "json_schema", "name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, "strict": True}}, "max_output_tokens": 9},
    ("openai-responses", "bare"): {"max_output_tokens": 9},
    ("azure", "json_mode"): {"response_format": {"type": "json_object"}, "max_completion_tokens": 9},
    ("azure", "tool_call"): {"tools": [{"type": "function", "function": {"name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}], "tool_choice": {"type": "function", "function": {"name": "Reply"}}, "max_completion_tokens": 9},
    ("azure", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, "strict": True}}, "max_completion_tokens": 9},
    ("azure", "bare"): {"max_completion_tokens": 9},
    ("anthropic", "json_mode"): "provider 'anthropic' does not support the strategy 'json_mode'",
    ("anthropic", "tool_call"): {"tools": [{"name": "Reply", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}, "eager_input_streaming": True}], "tool_choice": {"type": "tool", "name": "Reply"}, "max_tokens": 9},
    ("anthropic", "strict_schema"): {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}}}, "max_tokens": 9},
    ("anthropic", "bare"): {"max_tokens": 9},
    ("gemini", "json_mode"): {"config": {"response_mime_type": "application/json", "max_output_tokens": 9}},
    ("gemini", "tool_call"): {"config": {"tools": [{"function_declarations": [{"name": "Reply", "parameters_json_schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}}]}], "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["Reply"]}}, "max_output_tokens": 9}},
    ("gemini", "strict_schema"): {"config": {"response_mime_type": "application/json", "response_json_schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, "max_output_tokens": 9}},
    ("gemini", "bare"): {"config": {"max_output_tokens": 9}},
    ("openrouter", "json_mode"): {"response_format": {"type": "json_object"}, "max_completion_tokens": 9},
    ("openrouter", "tool_call"): {"tools": [{"type": "function", "function": {"name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}], "tool_choice": {"type": "function", "function": {"name": "Reply"}}, "max_completion_tokens": 9},
    ("openrouter", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, "strict": True}}, "max_completion_tokens": 9},
    ("openrouter", "bare"): {"max_completion_tokens": 9},
    ("groq", "json_mode"): {"response_format": {"type": "json_object"}, "max_completion_tokens": 9},
    ("groq", "tool_call"): {"tools": [{"type": "function", "function": {"name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}], "tool_choice": {"type": "function", "function": {"name": "Reply"}}, "max_completion_tokens": 9},
    ("groq", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, "strict": True}}, "max_completion_tokens": 9},
    ("groq", "bare"): {"max_completion_tokens": 9},
    ("mistral", "json_mode"): {"response_format": {"type": "json_object"}, "max_tokens": 9},
    ("mistral", "tool_call"): {"tools": [{"type": "function", "function": {"name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}], "tool_choice": {"type": "function", "function": {"name": "Reply"}}, "max_tokens": 9},
    ("mistral", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, "strict": True}}, "max_tokens": 9},
    ("mistral", "bare"): {"max_tokens": 9},
    ("cohere", "json_mode"): {"response_format": {"type": "json_object"}, "max_tokens": 9},
    ("cohere", "tool_call"): {"tools": [{"type": "function", "function": {"name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}], "tool_choice": "REQUIRED", "max_tokens": 9},
    ("cohere", "strict_schema"): {"response_format": {"type": "json_object", "json_schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "description": "(additionalProperties: false)"}}, "max_tokens": 9},
    ("cohere", "bare"): {"max_tokens": 9},
    ("bedrock", "json_mode"): "provider 'bedrock' does not support the strategy 'json_mode'",
    ("bedrock", "tool_call"): {"toolConfig": {"tools": [{"toolSpec": {"name": "Reply", "inputSchema": {"json": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}}], "toolChoice": {"tool": {"name": "Reply"}}}, "inferenceConfig": {"maxTokens": 9}},
    ("bedrock", "strict_schema"): {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "Reply", "schema": '{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}'}}}}, "inferenceConfig": {"maxTokens": 9}},
    ("bedrock", "bare"): {"inferenceConfig": {"maxTokens": 9}},
    ("deepseek", "json_mode"): {"response_format": {"type": "json_object"}, "max_tokens": 9},
    ("deepseek", "tool_call"): {"tools": [{"type": "function", "function": {"name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}], "tool_choice": "auto", "max_tokens": 9},
    ("deepseek", "strict_schema"): "provider 'deepseek' does not support the strategy 'strict_schema'",
    ("deepseek", "bare"): {"max_tokens": 9},
    ("ollama", "json_mode"): {"response_format": {"type": "json_object"}, "max_tokens": 9},
    ("ollama", "tool_call"): "provider 'ollama' does not support the strategy 'tool_call'",
    ("ollama", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}, "strict": True}}, "max_tokens": 9},
    ("ollama", "bare"): {"max_tokens": 9},
    ("lmstudio", "json_mode"): "provider 'lmstudio' does not support the strategy 'json_mode'",
    ("lmstudio", "tool_call"): "provider 'lmstudio' does not support the strategy 'tool_call'",
    ("lmstudio", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}, "strict": True}}, "max_tokens": 9},
    ("lmstudio", "bare"): {"max_tokens": 9},
    ("vllm", "json_mode"): {"response_format": {"type": "json_object"}, "max_tokens": 9},
    ("vllm", "tool_call"): {"tools": [{"type": "function", "function": {"name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}], "tool_choice": {"type": "function", "function": {"name": "Reply"}}, "max_tokens": 9},
    ("vllm", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}, "strict": True}}, "max_tokens": 9},
    ("vllm", "bare"): {"max_tokens": 9},
    ("sglang", "json_mode"): {"response_format": {"type": "json_object"}, "max_tokens": 9},
    ("sglang", "tool_call"): {"tools": [{"type": "function", "function": {"name": "Reply", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}}}], "tool_choice": {"type": "function", "function": {"name": "Reply"}}, "max_tokens": 9},
    ("sglang", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}, "strict": True}}, "max_tokens": 9},
    ("sglang", "bare"): {"max_tokens": 9},
    ("llamacpp", "json_mode"): {"response_format": {"type": "json_object"}, "max_tokens": 9},
    ("llamacpp", "tool_call"): "provider 'llamacpp' does not support the strategy 'tool_call'",
    ("llamacpp", "strict_schema"): {"response_format": {"type": "json_schema", "json_schema": {"name": "Reply", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False, "title": "Reply"}, "strict": True}}, "max_tokens": 9},
    ("llamacpp", "bare"): {"max_tokens": 9},
    ("llamacpp-llguidance", "json_mode"): {"response_format": {"type": "json_object"}, "max_tokens": 9},
    ("llamacpp-llguidance", "tool_call"): "provider 'llamacpp-llguidance' does not support the strategy 'tool_call'",
    ("llamacpp-llguidance", "strict_schema"): {"extra_body": {"grammar": '%llguidance {}\nstart: %json {"type": "object", "properties": {"a": {"type": "string", "maxLength": 512}}, "required": ["a"], "additionalProperties": false, "title": "Reply", "x-guidance": {"whitespace_flexible": false}, "$schema": "https://json-schema.org/draft/2020-12/schema"}'}, "max_tokens": 9},
    ("llamacpp-llguidance", "bare"): {"max_tokens": 9},
}  # fmt: skip


@pytest.mark.parametrize(("provider", "strategy"), OPTIONS)
def test_options_of_a_provider(provider, strategy):
    """Each strategy sends the arguments of the provider's own API."""
    seen = []

    def ask(prompt, options=None):
        seen.append(options)
        return '{"a":"x"}'

    settings = {
        "strategy": strategy,
        "provider": provider,
        "limits": Limits(output_tokens=9),
        "max_attempts": 1,
    }
    expected = OPTIONS[provider, strategy]
    if isinstance(expected, str):
        with pytest.raises(InvalidArgument) as caught:
            guard({**SCHEMAS["closed"], "title": "Reply"}, store=None, **settings)(ask)
        assert str(caught.value).startswith(expected)
    else:
        guard(
            {**SCHEMAS["closed"], "title": "Reply"},
            store=None,
            name="sent",
            about=About(version="1"),
            **settings,
        )(ask)("t")
        assert seen == [expected]


@pytest.mark.parametrize("provider", ["anthropic", "bedrock", "lmstudio"])
def test_schema_that_no_request_can_hold_is_described_in_the_prompt(provider, caplog):
    """If no strategy can send a schema, the guard warns and describes it in the prompt."""
    ask = guard({"title": "t", "not": {}}, provider=provider, strategy="strict_schema", store=None)(
        lambda prompt, options=None: prompt
    )

    assert "'system_prompt' instead" in caplog.text
    assert "not" in ask.outcome("task").attempts[0].prompt
