# SPDX-License-Identifier: Apache-2.0
"""Tools in all the forms that requests contain: the name of each tool, and the schema of its arguments.

Rules: The module imports no SDK. It recognizes a form by its fields, which may be keys or attributes. If a tool has no
argument schema (a provider's own tool, or one that takes a text), any arguments are valid. Nothing is executed.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption
from schema_guard.providers.fields import either, field, has, items, words
from schema_guard.schema import Schema
from schema_guard.text import clip

Tools: typing.TypeAlias = "dict[str, ToolSchema]"
"""Tools by their names, in the order in which they were given."""

# Fields that contain several tools.
_HOLDERS: Final = ("function_declarations", "functionDeclarations", "tools")
# Fields that contain one tool, inside of an object with its kind.
_WRAPPED: Final = ("function", "toolSpec")
# Names of the fields that hold a JSON Schema, and of those that hold Gemini's subset of OpenAPI.
_SCHEMAS: Final = (
    "input_schema", "inputSchema", "parameters_json_schema", "parametersJsonSchema", "params_json_schema", "tool_call_schema",
    "args_schema",
)  # fmt: skip
_PARAMETERS: Final = "parameters"
_NO_ARGUMENTS: Final = {"type": "object", "properties": {}}
_FORMS: Final = "a tool definition of OpenAI, Anthropic, Gemini, or Bedrock, a Pydantic model, a dataclass, a TypedDict, a Schema, or a function"


class ToolSchema(NamedTuple):
    """A tool that a model may call.

    Attributes:
        name: Name of the tool.
        schema: Schema of its arguments. None if nothing describes them, so any arguments are valid.
    """

    name: str
    schema: Schema[Any] | None


def tools_of(tools: object) -> Tools:
    """Read tools.

    Args:
        tools: A tool, or a list of tools in any mix of forms. A tool can have the form of OpenAI (chat or Responses),
            Anthropic, Gemini (declarations, or the `Tool` that contains them), or Bedrock. It can be an object with a
            name and a schema, as in MCP or LangChain. It can be a Pydantic model, dataclass, TypedDict, or Schema,
            whose name is the name of the tool. It can be a function, whose parameters are the arguments. The result of
            an earlier call is returned unchanged.

    Raises:
        InvalidArgument: A value is no tool, or two different tools have the same name.
        InvalidSchema: A schema cannot be loaded.
    """
    if isinstance(tools, dict) and all(isinstance(source, ToolSchema) for source in tools.values()):
        return tools
    sources = [tools] if _is_one(tools) else tools
    if not isinstance(sources, Iterable):
        raise InvalidArgument(f"tools={clip(repr(tools))}: expected a list of tools, each of them {_FORMS}")
    by_name: Tools = {}
    for tool in [read for source in sources for read in _read(source)]:
        known = by_name.setdefault(tool.name, tool)
        if known is not tool and _document(known) != _document(tool):
            raise InvalidArgument(
                f"tools: two different tools have the name {tool.name!r}. Give each tool its own name"
            )
    return by_name


def _document(tool: ToolSchema) -> Any:
    return None if tool.schema is None else tool.schema.document


def _is_one(tools: object) -> bool:
    return (
        isinstance(tools, Mapping | str | bytes | Schema | type)
        or not isinstance(tools, Iterable)
        or callable(getattr(tools, "model_dump", None))  # a Pydantic object gives its fields
    )


def _read(source: object) -> list[ToolSchema]:
    if isinstance(source, ToolSchema):
        return [source]
    if isinstance(source, Schema | type):
        schema = Schema.of(source)
        return [ToolSchema(schema.name, schema)]
    if isinstance(source, str | bytes):
        raise InvalidArgument(f"tools: {clip(repr(source))}: expected {_FORMS}, got {type(source).__name__}")
    held = [inner for name in _HOLDERS for inner in items(field(source, name))]
    return [tool for inner in held for tool in _read(inner)] if held else _described(source)


def _described(source: object) -> list[ToolSchema]:
    custom = field(source, "custom")
    if words(field(custom, "name")) is not None:
        # OpenAI's tool that takes a text.
        return [ToolSchema(field(custom, "name"), None)]
    wrapped = either(source, *_WRAPPED)
    described = source if wrapped is None or callable(wrapped) else wrapped
    name = words(field(described, "name"))
    if name is not None:
        return [ToolSchema(name, _schema_of(name, described))]
    return [_of_function(source)] if callable(source) else _of_no_name(source)


def _of_no_name(source: object) -> list[ToolSchema]:
    """Return an empty list for a tool that the provider runs, which has a kind and no name."""
    kind = words(field(source, "type"))
    if (kind is not None and kind != "function") or _is_gemini_own(source):
        return []
    raise InvalidArgument(f"tools: {clip(repr(source))}: expected {_FORMS}")


def _is_gemini_own(source: object) -> bool:
    fields = source if isinstance(source, Mapping) else getattr(source, "__dict__", {})
    names = [name for name, value in fields.items() if value is not None or fields is source]
    return any(str(name).replace("_", "").lower() in _GEMINI_OWN for name in names)


_GEMINI_OWN: Final = {"googlesearch", "codeexecution", "urlcontext", "googlesearchretrieval", "googlemaps",
                      "filesearch", "computeruse", "cachepoint", "systemtool"}  # fmt: skip


def _schema_of(name: str, described: object) -> Schema[Any] | None:
    """Load the schema of a tool's arguments. None if nothing describes them."""
    schema = either(described, *_SCHEMAS)
    if schema is None:
        schema = field(field(described, "function_schema"), "json_schema")
    if schema is None:
        schema = field(described, _PARAMETERS)
        if schema is None:
            is_described = isinstance(described, Mapping) or has(described, _PARAMETERS)
            is_function = field(described, "type") in (None, "function")
            return _loaded(name, _NO_ARGUMENTS) if is_described and is_function else None
        schema = as_json_schema(_plain(schema))
    held = field(schema, "json") if isinstance(schema, Mapping) and set(schema) == {"json"} else None
    return _loaded(name, schema if held is None else held)


def _plain(schema: Any) -> Any:
    """Return a schema as a dict. An SDK's object converts itself."""
    dump = getattr(schema, "model_dump", None)
    if isinstance(schema, type) or not callable(dump):
        return dict(schema) if isinstance(schema, Mapping) else schema
    return dump(mode="json", exclude_none=True, by_alias=True)


def _loaded(name: str, schema: Any) -> Schema[Any]:
    try:
        return Schema.of(dict(schema) if isinstance(schema, Mapping) else schema, name=name)
    except (InvalidArgument, ValueError) as error:
        error.add_note(f"in the schema of the tool {clip(repr(name))}")
        raise


def _of_function(function: Callable[..., Any]) -> ToolSchema:
    """Return a function as a tool. Its parameters are the arguments, and only `**` allows others."""
    name = words(getattr(function, "__name__", None)) or type(function).__name__
    try:
        signature = inspect.signature(function)
        hints = typing.get_type_hints(
            function
            if hasattr(function, "__code__") or inspect.ismethod(function)
            else type(function).__call__,
            include_extras=True,
        )
    except (NameError, TypeError, ValueError) as error:
        if is_interruption(error):
            raise
        raise InvalidArgument(
            f"tools: reading the parameters of {name!r} failed: {error}. Correct the signature of this function"
        ) from error
    known: dict[str, Any] = {}
    is_open = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            is_open = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            annotation = hints.get(parameter.name, Any)
            has_default = parameter.default is not parameter.empty
            known[parameter.name] = typing.NotRequired[annotation] if has_default else annotation
    arguments = typing.TypedDict(name, known)  # type: ignore[misc]
    schema = Schema.of(arguments, name=name)
    if is_open:
        document = {key: part for key, part in schema.document.items() if key != "additionalProperties"}
        schema = Schema.of(document, name=name, allow_unknown=True)
    return ToolSchema(name, schema)


# Gemini's `parameters`, a subset of OpenAPI's schema objects, as JSON Schema.
_TYPES: Final = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
# Keywords whose numbers are written as strings, because they are 64 bits wide.
_COUNTS: Final = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
# Keywords that map names to schemas. The value of each name is a schema, whatever the name is.
_BY_NAME: Final = (
    "properties", "$defs", "definitions", "patternProperties", "dependencies", "dependentRequired", "dependentSchemas",
)  # fmt: skip
_DATA: Final = ("enum", "const", "default", "example", "examples", "required")


def as_json_schema(schema: Any) -> Any:
    """Convert a schema with types in capitals, and with `nullable`, to JSON Schema. Other schemas keep their meaning.

    >>> as_json_schema({"type": "STRING", "nullable": True})
    {'type': ['string', 'null']}
    """
    if isinstance(schema, list):
        return [as_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    document: dict[str, Any] = {}
    for name, part in schema.items():
        if name in _BY_NAME and isinstance(part, dict):
            document[name] = {key: as_json_schema(inner) for key, inner in part.items()}
        elif name in _COUNTS and isinstance(part, str) and part.isdigit():
            document[name] = int(part)
        elif name == "type" and isinstance(part, str):
            document[name] = part.lower() if part in _TYPES else part
        else:
            document[name] = part if name in _DATA else as_json_schema(part)
    document.pop("propertyOrdering", None)
    return _with_null(document) if document.pop("nullable", None) is True else document


def _with_null(document: dict[str, Any]) -> dict[str, Any]:
    if "enum" in document:
        document["enum"] = [*document["enum"], None]
    if isinstance(document.get("type"), str):
        return {**document, "type": [document["type"], "null"]}
    return {"anyOf": [document, {"type": "null"}]} if document else document
