"""What SARIF 2.1.0 says of the objects that `lint` writes, as a schema: their fields, which are needed, and their values.

Of each object the fields are listed that the standard has and we write; it has more. Sections of the standard stand
beside them (OASIS, SARIF 2.1.0 plus Errata 01, 2023-08-28).
"""

from schema_guard import Schema


def _object(needed, **fields):
    return {"type": "object", "required": needed.split(), "properties": fields, "additionalProperties": False}


def _list(items, **more):
    return {"type": "array", "items": items, **more}


_TEXT = {"type": "string"}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_INDEX = {"type": "integer", "minimum": -1}
# s. 3.8: any names; tags are texts, each once.
_BAG = {"type": "object", "properties": {"tags": _list(_TEXT, uniqueItems=True)}}
# s. 3.11, s. 3.12: a text, or the id of one.
_MESSAGE = {**_object("", text=_TEXT, id=_TEXT), "anyOf": [{"required": ["text"]}, {"required": ["id"]}]}
_TEXTS = _object("text", text=_TEXT, markdown=_TEXT)
# s. 3.49, s. 3.50
_RULE = _object(
    "id",
    id=_TEXT,
    name=_TEXT,
    shortDescription=_TEXTS,
    fullDescription=_TEXTS,
    help=_TEXTS,
    helpUri={"type": "string", "format": "uri"},
    defaultConfiguration=_object("", enabled={"type": "boolean"}, level=_LEVEL),
    properties=_BAG,
)
# s. 3.19
_DRIVER = _object(
    "name",
    name=_TEXT,
    version=_TEXT,
    semanticVersion=_TEXT,
    informationUri={"type": "string", "format": "uri"},
    rules=_list(_RULE, uniqueItems=True),
)
# s. 3.28 to 3.33
_REGION = _object(
    "", startLine={"type": "integer", "minimum": 1}, startColumn={"type": "integer", "minimum": 1}
)
_PHYSICAL = {
    **_object(
        "",
        artifactLocation=_object("", uri={"type": "string", "format": "uri-reference"}, index=_INDEX),
        region=_REGION,
    ),
    "required": ["artifactLocation"],
}
_LOGICAL = _object("", name=_TEXT, fullyQualifiedName=_TEXT, kind=_TEXT, index=_INDEX)
_LOCATION = _object("", physicalLocation=_PHYSICAL, logicalLocations=_list(_LOGICAL, uniqueItems=True))
# s. 3.27
_RESULT = _object(
    "message",
    ruleId=_TEXT,
    ruleIndex=_INDEX,
    level=_LEVEL,
    message=_MESSAGE,
    locations=_list(_LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": _TEXT},
)
# s. 3.14
_RUN = _object(
    "tool",
    tool=_object("driver", driver=_DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=_list(_RESULT),
)
# s. 3.13
SARIF = Schema.of(
    _object(
        "version runs",
        **{"$schema": {"type": "string", "format": "uri"}},
        version={"const": "2.1.0"},
        runs=_list(_RUN),
    )
)
