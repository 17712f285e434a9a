"""Schemas, drawn: of all keywords that a provider may not take, with definitions, recursion and unions."""

from hypothesis import strategies as st

NAMES = ["a", "b", "c"]
_WORDS = st.sampled_from(["x", "yy", "zed", ""])
_EXTRA = [
    {"dependentRequired": {"a": ["b"]}},
    {"not": {"required": ["c"]}},
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
    {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
]
_COUNTS = st.integers(min_value=0, max_value=3)


@st.composite
def strings(draw):
    """Give a schema of strings."""
    schema = {"type": "string"}
    kind = draw(st.sampled_from(["plain", "length", "pattern", "format"]))
    if kind == "length":
        schema |= {"minLength": draw(_COUNTS), "maxLength": draw(st.integers(min_value=3, max_value=6))}
    elif kind == "pattern":
        schema["pattern"] = draw(st.sampled_from(["^[a-c]+$", "b", "^a|b$", "^x"]))
    elif kind == "format":
        schema["format"] = draw(st.sampled_from(["date", "email", "ipv4", "uri", "uuid"]))
    return schema


@st.composite
def numbers(draw):
    """Give a schema of numbers or integers."""
    schema = {"type": draw(st.sampled_from(["number", "integer"]))}
    low = draw(st.sampled_from(["minimum", "exclusiveMinimum", None]))
    high = draw(st.sampled_from(["maximum", "exclusiveMaximum", None]))
    if low:
        schema[low] = draw(st.integers(min_value=-3, max_value=2))
    if high:
        schema[high] = draw(st.integers(min_value=5, max_value=90))
    if draw(st.integers(min_value=0, max_value=4)) == 0:
        schema["multipleOf"] = draw(st.sampled_from([2, 3]))
    return schema


VALUES = st.one_of(
    st.lists(st.one_of(_WORDS, st.integers(0, 5), st.none(), st.booleans()), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
    st.sampled_from(["x", 1, None, True, {"k": 1}, [1, "x"]]).map(lambda value: {"const": value}),
)
LEAVES = st.one_of(
    strings(),
    numbers(),
    VALUES,
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, True, {"type": ["string", "null"]}]),
    st.just({"$ref": "#/$defs/shared"}),
)


@st.composite
def objects(draw, inner):
    """Draw a schema of objects."""
    properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, max_size=3))
    schema = {"type": "object"}
    if properties:
        schema["properties"] = properties
    more = draw(st.sampled_from(["open", "closed", "map", "patterns", "true"]))
    if more != "open":
        schema["additionalProperties"] = {"map": draw(inner), "true": True}.get(more, False)
    if more == "patterns":
        schema["patternProperties"] = {"^p[a-z]*$": draw(inner)}
    known = sorted(properties) if more in ("closed", "patterns") else NAMES
    if known:
        schema["required"] = draw(st.lists(st.sampled_from(known), max_size=2, unique=True))
    extra = [{}, {}, {}, {"minProperties": draw(_COUNTS)}, *_EXTRA]
    return schema | draw(st.sampled_from(extra))


@st.composite
def arrays(draw, inner):
    """Give a schema of arrays."""
    schema = {"type": "array"}
    kind = draw(st.sampled_from(["bare", "list", "sized", "tuple", "prefix", "unique"]))
    if kind in ("list", "sized", "unique"):
        schema["items"] = draw(inner)
    if kind == "sized":
        schema |= {"minItems": draw(_COUNTS), "maxItems": draw(st.integers(min_value=3, max_value=4))}
    if kind == "unique":
        schema["uniqueItems"] = True
    if kind in ("tuple", "prefix"):
        schema["prefixItems"] = draw(st.lists(inner, min_size=1, max_size=3))
    if kind == "tuple":
        schema |= {"items": False, "minItems": len(schema["prefixItems"])}
    return schema


def _unions(inner):
    branches = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        branches.map(lambda found: {"anyOf": found}),
        branches.map(lambda found: {"oneOf": found}),
        branches.map(lambda found: {"allOf": found[:2]}),
    )


INNER = st.recursive(
    LEAVES, lambda inner: st.one_of(objects(inner), arrays(inner), _unions(inner)), max_leaves=5
)


@st.composite
def schemas(draw):
    """Give a schema with a shared definition, and a recursive one where it is led to."""
    root = draw(st.one_of(objects(INNER), objects(INNER), INNER))
    if not isinstance(root, dict):
        return root
    tree = {
        "type": "object",
        "properties": {
            "value": draw(LEAVES),
            "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
        },
        "required": ["value"],
        "additionalProperties": False,
    }
    shared = draw(st.one_of(st.just({"type": "integer"}), st.just({"$ref": "#/$defs/tree"})))
    return {**root, "$defs": {"shared": shared, "tree": _without_shared(tree)}}


def _without_shared(tree):
    if tree["properties"]["value"] == {"$ref": "#/$defs/shared"}:
        tree["properties"]["value"] = {"type": "string"}
    return tree
