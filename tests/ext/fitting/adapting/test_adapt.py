import pytest

from schema_guard import Schema, adapt
from schema_guard.errors import InvalidArgument
from schema_guard.ext.fitting.rules.tables import RULES
from tests.ext.fitting.rules.uses import USES, closed

# Of the rest the schema is a hint, whatever it says.
ENFORCING = RULES.keys() - {"deepseek"}


def places(changes):
    return [(change.location, change.keyword) for change in changes]


def test_what_is_taken_is_sent_as_it_is():
    """A schema that a provider takes is not touched."""
    document = closed({"a": {"type": "string"}})

    made = adapt(document, "openai")

    assert (made.schema, made.relaxed, made.narrowed, made.is_same_form) == (document, [], [], True)


@pytest.mark.parametrize("dialect", ["draft6", "draft7"])
def test_a_dialect_that_was_given_beside_the_document_is_kept(dialect):
    """What only that dialect allows, as an anchor in an `$id`, is sent as it is."""
    document = {
        "type": "object",
        "properties": {"a": {"$ref": "#word"}},
        "definitions": {"word": {"$id": "#word", "type": "string"}},
    }
    schema = Schema.of(document, dialect=dialect)

    made = adapt(schema, "llguidance")

    assert (made.schema, made.fingerprint) == (document, schema.fingerprint)


def test_an_optional_property_is_null_where_it_is_absent():
    """Where all properties have to be required, null stands for one that is absent, and goes again."""
    made = adapt({**closed({"a": {"type": "string"}}), "required": []}, "openai")

    assert made.schema == closed({"a": {"type": ["string", "null"]}})
    assert (made.pre_image({}), made.restore({"a": None})) == ({"a": None}, {})
    assert (made.relaxed, made.narrowed) == ([], [])


def test_null_that_is_a_value_of_its_own_is_kept():
    """Where null is valid too, an absent property cannot be told from it: that is narrowed."""
    made = adapt({**closed({"a": {"type": ["string", "null"]}}), "required": []}, "openai")

    assert made.restore({"a": None}) == {"a": None}
    assert places(made.narrowed) == [("/properties/a", "")]


def test_pairs_beside_a_property_do_not_send_the_count_of_properties():
    """An object with pairs has fewer properties than the value, so a valid value stays valid as it is sent."""
    document = {
        "type": "object",
        "additionalProperties": {"const": "x"},
        "required": ["a"],
        "minProperties": 3,
    }

    made = adapt(document, "gemini-openapi")

    assert "minProperties" not in made.schema
    assert ("", "minProperties") in places(made.relaxed)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini-openapi"])
def test_a_map_is_sent_as_pairs(provider):
    """Where a map cannot say what its values are, it is an array of keys and values."""
    made = adapt(closed({"m": {"type": "object", "additionalProperties": {"type": "integer"}}}), provider)

    sent = made.pre_image({"m": {"x": 1}})

    assert sent == {"m": [{"key": "x", "value": 1}]}
    assert made.restore(sent) == {"m": {"x": 1}}
    assert made.restore({"m": [{"key": "x", "value": 1}] * 2}) == {"m": [{"key": "x", "value": 1}] * 2}


def test_a_tuple_is_sent_as_an_object():
    """Where places of an array cannot be told apart, one of fixed length is an object."""
    pair = {
        "type": "array",
        "prefixItems": [{"type": "number"}, {"type": "string"}],
        "items": False,
        "minItems": 2,
    }
    made = adapt(closed({"t": pair}), "openai")

    assert made.pre_image({"t": [1, "x"]}) == {"t": {"0": 1, "1": "x"}}
    assert made.restore({"t": {"0": 1, "1": "x"}}) == {"t": [1, "x"]}


def test_array_whose_first_item_accepts_no_value_is_sent_as_an_empty_one():
    """A list of no schemas is invalid in `prefixItems`."""
    impossible = {"allOf": [{"type": "string"}, {"const": 1}]}

    made = adapt({"type": "array", "prefixItems": [impossible]}, "gemini")

    assert Schema.of(made.schema).is_valid([])
    assert not Schema.of(made.schema).is_valid(["x"])


def test_a_root_that_is_no_object_is_wrapped():
    """An array at the root is sent as the property of an object."""
    made = adapt({"type": "array", "items": {"type": "integer"}}, "openai")

    assert made.schema == closed({"value": {"type": "array", "items": {"type": "integer"}}})
    assert made.restore({"value": [1]}) == [1]


def test_a_keyword_that_is_lost_is_listed_at_its_place():
    """What is not enforced is listed where it stands in the user's document, and said to the model."""
    made = adapt(closed({"a": {"type": "array", "items": {"type": "string"}, "uniqueItems": True}}), "openai")

    assert places(made.relaxed) == [("/properties/a", "uniqueItems")]
    assert made.schema["properties"]["a"]["description"] == "(uniqueItems: true)"


def test_a_condition_on_a_tag_is_sent_as_alternatives():
    """A condition on a property with few values is a union, and nothing is lost."""
    document = {
        **closed({"kind": {"enum": ["a", "b"]}, "n": {"type": "integer"}}),
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "a"}}},
        "then": {"required": ["n"]},
    }
    made = adapt(document, "llguidance")

    assert (made.relaxed, made.narrowed) == ([], [])
    assert "anyOf" in made.schema


def test_recursion_ends_where_none_is_taken():
    """A recursive schema is written out for some levels, and what is deeper is listed."""
    tree = {**closed({"children": {"type": "array", "items": {"$ref": "#"}}}), "required": []}

    made = adapt(tree, "anthropic")

    assert made.schema is not None
    assert made.restore({"children": [{}]}) == {"children": [{}]}
    assert "" in [change.location for change in made.narrowed]


def test_one_and_true_are_two_alternatives():
    """Values that Python takes for the same are different in JSON."""
    made = adapt({"anyOf": [{"const": 1}, {"const": True}]}, "llguidance")

    assert made.schema["anyOf"] == [{"const": 1}, {"const": True}]


def test_null_is_taken_out_of_as_few_properties_as_are_too_many():
    """A provider takes 16 unions beside those in definitions. Each further union loses its null."""
    objects = {f"a{at}": closed({f"k{at}": {"type": ["string", "null"]}}) for at in range(590)}

    made = adapt(closed({name: {**each, "required": []} for name, each in objects.items()}), "anthropic")

    assert len(made.narrowed) == 590 - len(made.schema["$defs"]) - 16 > 0


@pytest.mark.parametrize("provider", sorted(ENFORCING))
def test_what_no_value_is_valid_for_is_not_sent(provider):
    """Where nothing can be sent the schema is None, with the reason at the root."""
    made = adapt({"type": "object", "properties": {"a": False}, "required": ["a"], "not": {}}, provider)

    assert made.schema is None
    assert made.restore({"a": 1}) == {"a": 1}


@pytest.mark.parametrize("provider", ["anthropic", "gemini-openapi", "openai", "llguidance"])
def test_definitions_that_double_end(provider):
    """Thirty definitions, each of which refers to the next one twice, end with an answer."""
    document = closed({"a": {"$ref": "#/$defs/d0"}})
    document["$defs"] = {
        f"d{n}": closed({"x": {"$ref": f"#/$defs/d{n + 1}"}, "y": {"$ref": f"#/$defs/d{n + 1}"}})
        for n in range(30)
    }
    document["$defs"]["d30"] = {"type": "string"}

    made = adapt(document, provider)

    assert made.schema is not None or made.relaxed[0].location == ""


@pytest.mark.parametrize("table", RULES.values(), ids=lambda table: table.name)
def test_a_keyword_that_is_taken_is_never_relaxed(table):
    """A plain use of each keyword that a provider takes is sent, and none of it is listed as not enforced."""
    relaxed = {
        keyword: change
        for keyword, use in USES.items()
        if keyword in table.takes
        for change in adapt(use, table.name).relaxed
        if change.keyword != "additionalProperties" or "additionalProperties" in table.takes
    }

    assert relaxed == {}


def test_what_may_be_any_value_is_no_string_of_its_own_beside():
    """Where one branch of a union takes anything, all its values are sent as JSON text: none has two meanings."""
    made = adapt(closed({"a": {"anyOf": [{"type": "string"}, {}]}}), "openai")

    for value in ({"a": "null"}, {"a": None}, {"a": "x"}):
        assert made.restore(made.pre_image(value)) == value


def test_keys_that_come_along_where_objects_are_open_are_left_out():
    """A tuple that is sent as an object comes back also where the provider lets other keys pass."""
    made = adapt({"const": [1, "x"]}, "gemini-openapi")

    assert made.restore({"0": 1, "1": "x", "a": None}) == [1, "x"]


def test_an_unknown_target_is_told():
    """An unknown provider is InvalidArgument."""
    with pytest.raises(InvalidArgument, match="Did you mean 'openai'"):
        adapt({}, "opena")


def test_a_format_that_the_draft_does_not_know_is_not_sent():
    """An older draft takes any text for it, and so must what is sent."""
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "age": {"type": "string", "format": "duration"},
            "at": {"type": "string", "format": "date"},
        },
    }

    made = adapt(document, "llguidance")

    assert [(change.location, change.keyword) for change in made.dropped] == [("/properties/age", "format")]
    assert Schema.of(made.schema).is_valid({"age": "a week", "at": "2026-11-26"})
