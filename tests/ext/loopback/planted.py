"""For each rule of the wire a schema that breaks it alone, the request that sends it, and what the provider says."""

from benchmarks.provider_refusals import anthropic, gemini, openai

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def closed(required=None, **properties):
    """An object as every provider takes it."""
    listed = list(properties) if required is None else required
    return {
        "type": "object",
        "properties": properties,
        "required": listed,
        "additionalProperties": False,
    }


def of(value, **more):
    return closed(v=value, **more)


def nested(levels):
    return closed(v=nested(levels - 1)) if levels else TEXT


TREE = {"$defs": {"Node": closed(text=TEXT, below={"type": "array", "items": {"$ref": "#/$defs/Node"}})}}
OUTSIDE = of({"$ref": "https://example.com/s.json"})
BESIDE = {**of({"$ref": "#/$defs/A", "description": "d"}), "$defs": {"A": TEXT}}
AT_V = "Invalid schema for response_format 'reply': In context=('properties', 'v'), "
AT_ROOT = "Invalid schema for response_format 'reply': In context=(), "
REQUIRED = (
    f"{AT_ROOT}'required' is required to be supplied and to be an array including every key in properties."
)
NEGATIVE = {
    "oneOf": {"oneOf": [TEXT]}, "allOf": {"allOf": [TEXT]}, "not": {**TEXT, "not": NUMBER}, "if": {**TEXT, "if": TEXT},
    "then": {**TEXT, "then": TEXT}, "else": {**TEXT, "else": TEXT},
    "dependentRequired": {**closed(), "dependentRequired": {}}, "dependentSchemas": {**closed(), "dependentSchemas": {}},
    "dependencies": {**closed(), "dependencies": {}}, "patternProperties": {**closed(), "patternProperties": {"a": TEXT}},
    "propertyNames": {**closed(), "propertyNames": TEXT}, "minProperties": {**closed(), "minProperties": 0},
    "maxProperties": {**closed(), "maxProperties": 1}, "unevaluatedProperties": {**closed(), "unevaluatedProperties": TEXT},
    "uniqueItems": {"type": "array", "items": TEXT, "uniqueItems": True},
    "contains": {"type": "array", "items": TEXT, "contains": TEXT},
    "minContains": {"type": "array", "items": TEXT, "minContains": 1},
    "maxContains": {"type": "array", "items": TEXT, "maxContains": 1},
    "unevaluatedItems": {"type": "array", "items": TEXT, "unevaluatedItems": TEXT}, "default": {**TEXT, "default": "a"},
}  # fmt: skip
LONG = "x" * 61
OPENAI = {
    "openai-name": ({"name": "re ply"}, "Invalid 'response_format.json_schema.name': string does not match pattern."),
    "openai-root": (
        {"type": "array", "items": TEXT},
        """Invalid schema for response_format 'reply': schema must be a JSON Schema of 'type: "object"', got 'type: "array"'.""",
    ),
    "openai-root-union": (
        {**of(TEXT), "anyOf": [of(TEXT)]},
        "Invalid schema for response_format 'reply': schema must have type 'object' and not have 'oneOf'/'anyOf'",
    ),
    "openai-open": (
        {**of(TEXT), "additionalProperties": True},
        f"{AT_ROOT}'additionalProperties' is required to be supplied and to be false.",
    ),
    "openai-required": (closed(["a"], a=TEXT, v=TEXT), f"{REQUIRED} Missing 'v'."),
    **{
        f"openai-{keyword}": (of(schema), f"{AT_V}'{keyword}' is not permitted.")
        for keyword, schema in NEGATIVE.items()
    },
    "openai-items": (of({"type": "array"}), f"{AT_V}array schema missing items."),
    "openai-untyped": (of({"description": "anything"}), f"{AT_V}schema must have a 'type' key."),
    "openai-reference": (
        of({"$ref": "#/properties/w"}, w=TEXT),
        f"{AT_V}reference can only point to definitions defined at the top level of the schema.",
    ),
    "openai-beside-reference": (
        BESIDE,
        "Invalid schema for response_format 'reply': context=('properties', 'v'), $ref cannot have keywords {'description'}.",
    ),
    "openai-format": (of({**TEXT, "format": "uri"}), f"{AT_V}'uri' is not a valid format."),
    "openai-pattern": (
        of({**TEXT, "pattern": "^(?=a)"}),
        "Invalid JSON schema: regex lookaround is not supported. Found at $.properties.v.pattern.",
    ),
    "openai-first-keys": (
        of({"anyOf": [closed(name=TEXT, a=TEXT), closed(name=TEXT, b=TEXT)]}),
        "Invalid schema for response_format 'reply': Objects provided via 'anyOf' must not share identical first keys.",
    ),
    "openai-levels": (
        nested(11),
        "Invalid schema for response_format 'reply': 11 levels of nesting exceeds limit of 10.",
    ),
    "openai-properties": (
        closed(**{f"p{n}": TEXT for n in range(5001)}),
        "Invalid schema for response_format 'reply': Expected at most 5000 object properties in total",
    ),
    "openai-enum": (
        of({"enum": list(range(1001))}),
        "Invalid schema for response_format 'reply': Expected at most 1000 enum values in total within a schema",
    ),
    "openai-long-enum": (
        of({"enum": [f"{LONG}{n}" for n in range(251)]}),
        "Invalid schema for response_format 'reply': Expected at most 15000 characters",
    ),
    "openai-texts": (
        of({"const": "x" * 120_000}),
        "Invalid schema for response_format 'reply': Expected at most 120000 characters",
    ),
}  # fmt: skip
AT = "output_config.format.schema: "
ANTHROPIC = {
    "anthropic-open": (
        {"type": "object", "properties": {"v": TEXT}},
        f"{AT}For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    **{
        f"anthropic-{keyword}": (of(NEGATIVE[keyword]), f"{AT}Schema type '{keyword}' is not supported")
        for keyword in ("oneOf", "not", "if", "then", "else")
    },
    "anthropic-number": (
        of({**NUMBER, "maximum": 9, "minimum": 1}),
        f"{AT}For 'integer' type, properties maximum, minimum are not supported",
    ),
    "anthropic-string": (
        of({**TEXT, "minLength": 1}),
        f"{AT}For 'string' type, property 'minLength' is not supported",
    ),
    "anthropic-array": (
        of(NEGATIVE["uniqueItems"]),
        f"{AT}For 'array' type, property 'uniqueItems' is not supported",
    ),
    "anthropic-object": (
        of(NEGATIVE["patternProperties"]),
        f"{AT}For 'object' type, property 'patternProperties' is not supported",
    ),
    "anthropic-min-items": (
        of({"type": "array", "items": TEXT, "minItems": 2}),
        f"{AT}For 'array' type, 'minItems' values other than 0 or 1 are not supported",
    ),
    "anthropic-recursion": (
        {**of({"$ref": "#/$defs/Node"}), **TREE},
        f"{AT}Circular reference detected in schema definitions: Node -> Node.",
    ),
    "anthropic-reference": (OUTSIDE, f"{AT}$ref 'https://example.com/s.json' is not supported"),
    "anthropic-all-of": (
        {**of({"allOf": [{"$ref": "#/$defs/A"}]}), "$defs": {"A": TEXT}},
        f"{AT}'allOf' with '$ref' is not supported",
    ),
    "anthropic-pattern": (
        of({**TEXT, "pattern": r"(a)\1"}),
        rf"{AT}For 'string' type, pattern '(a)\1' is not supported",
    ),
    "anthropic-format": (
        of({**TEXT, "format": "iri"}),
        f"{AT}For 'string' type, format 'iri' is not supported",
    ),
    "anthropic-enum": (of({"enum": [{"a": 1}]}), f"{AT}'enum' values other than strings, numbers"),
    "anthropic-tools": ({"tools": 21}, "Too many strict tools (21). The maximum number of strict tools supported is 20."),
    "anthropic-optional": (
        closed([], **{f"p{n}": TEXT for n in range(25)}),
        "Schemas contains too many optional parameters (25), which would make grammar compilation inefficient.",
    ),
    "anthropic-unions": (
        closed(**{f"p{n}": {"type": ["string", "null"]} for n in range(17)}),
        "Schemas contains too many parameters with union types (17 parameters with type arrays or anyOf)",
    ),
}  # fmt: skip
UNTOLD = "Request contains an invalid argument."
GEMINI = {
    "gemini-beside-reference": (BESIDE, UNTOLD),
    "gemini-reference": (OUTSIDE, UNTOLD),
    "gemini-recursion": ({**of({"$ref": "#/$defs/Node"}), **TREE}, UNTOLD),
}
TYPE = "type.googleapis.com/google.ai.generativelanguage.v1beta.Type"
FIRST = "generation_config.response_schema.properties[0].value"
UNKNOWN = "Invalid JSON payload received. Unknown name"


def plain(value):
    return {"type": "OBJECT", "properties": {"v": value}, "required": ["v"]}


OPENAPI = {
    "gemini-openapi-field": (
        plain({"type": "STRING", "const": "a"}),
        f"""{UNKNOWN} "const" at '{FIRST}': Cannot find field.""",
    ),
    "gemini-openapi-type-list": (
        plain({"type": ["STRING", "INTEGER"]}),
        f"""{UNKNOWN} "type" at '{FIRST}': Proto field is not repeating, cannot start list.""",
    ),
    "gemini-openapi-null": (
        plain({"anyOf": [{"type": "STRING"}, {"type": "null"}]}),
        f"Invalid value at '{FIRST}.any_of[1].type' ({TYPE}), \"null\"",
    ),
    "gemini-openapi-enum": (
        plain({"type": "INTEGER", "enum": [1]}),
        f"Invalid value at '{FIRST}.enum[0]' (TYPE_STRING), 1",
    ),
}


def chat(schema, *, stream=False):
    """A request that asks for a schema; one that is a name has a good schema."""
    name, document = schema.get("name", "reply"), of(TEXT) if "name" in schema else schema
    described = {"name": name, "schema": document, "strict": True}
    asked = {"response_format": {"type": "json_schema", "json_schema": described}}
    return "/v1/chat/completions", {
        "messages": [{"role": "user", "content": "t"}],
        "stream": stream,
        **asked,
    }


def messages(schema, *, stream=False):
    """A request that asks for a schema; a number of tools asks for so many strict ones."""
    turn = {"max_tokens": 9, "messages": [{"role": "user", "content": "t"}], "stream": stream}
    if "tools" in schema:
        tools = [{"name": f"t{n}", "input_schema": of(TEXT), "strict": True} for n in range(schema["tools"])]
        return "/v1/messages", {**turn, "tools": tools}
    return "/v1/messages", {
        **turn,
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
    }


def contents(field):
    def asked(schema, *, stream=False):
        """A request that asks for a schema in one of two fields."""
        verb = "streamGenerateContent" if stream else "generateContent"
        body = {"contents": [{"parts": [{"text": "t"}]}], "generationConfig": {field: schema}}
        return f"/v1beta/models/m:{verb}", body

    return asked


APIS = {
    "openai": (chat, openai.RULES, OPENAI),
    "anthropic": (messages, anthropic.RULES, ANTHROPIC),
    "gemini": (contents("responseJsonSchema"), gemini.RULES, GEMINI),
    "gemini-openapi": (contents("responseSchema"), gemini.OPENAPI_RULES, OPENAPI),
}

PLANTED = [(api, rule) for api, (_, _, planted) in APIS.items() for rule in planted]
