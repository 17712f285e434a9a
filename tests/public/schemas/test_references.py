"""Where references lead: nowhere outside, never round in a circle, and to what the caller handed in."""

import http.server
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import InvalidSchema, Schema

LATEST = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Leads:
    """A reference that leads out."""

    id: str
    document: Any
    location: str


OUT = [
    Leads("http", {"$ref": "http://127.0.0.1:9/x.json"}, "/$ref"),
    Leads("https with a fragment", {"$ref": "https://127.0.0.1:9/x.json#/a"}, "/$ref"),
    Leads("file", {"properties": {"a": {"$ref": "file:///etc/hostname"}}}, "/properties/a/$ref"),
    Leads("path", {"items": {"$ref": "/etc/hostname"}}, "/items/$ref"),
    Leads("relative", {"$id": "http://127.0.0.1:9/a/", "not": {"$ref": "b.json"}}, "/not/$ref"),
    Leads("below a definition", {"$defs": {"a": {"$ref": "urn:other"}}}, "/$defs/a/$ref"),
    Leads("dynamic", {"$dynamicRef": "http://127.0.0.1:9/x#a"}, "/$dynamicRef"),
    Leads("recursive", {"$recursiveRef": "http://127.0.0.1:9/x"}, "/$recursiveRef"),
    Leads("no URI", {"$ref": "http://["}, "/$ref"),
    Leads("looks like a metaschema", {"$ref": "http://127.0.0.1:9/json-schema.org/draft-07/schema"}, "/$ref"),
    Leads("behind a place that is no schema", {"$ref": "#/x/y", "x": {"y": {"$ref": "urn:o"}}}, "/x/y/$ref"),
]


@pytest.mark.parametrize("case", OUT, ids=lambda case: case.id)
def test_reference_that_leads_out_is_refused_at_load(case):
    """The error names the reference's place, and what to do instead."""
    with pytest.raises(InvalidSchema, match="schema_guard downloads nothing") as caught:
        Schema.of(case.document)

    assert (caught.value.code, caught.value.location) == ("remote_ref", case.location)


def test_no_byte_is_fetched_from_a_server():
    """A server that every reference names counts no request."""
    hits = []

    class Counting(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)

    server = http.server.HTTPServer(("127.0.0.1", 0), Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/x.json"
    for document in ({"$ref": url}, {"$schema": url}, {"$id": url, "items": {"$ref": "y.json"}}):
        with pytest.raises(InvalidSchema):
            Schema.of(document)
    Schema.of({"$id": url, "type": "integer"}).is_valid(1)
    server.shutdown()
    server.server_close()

    assert hits == []


_AUDITED = """
import sys
from schema_guard import InvalidSchema, Schema
for warm in ({"type": "integer"}, {"$ref": "http://127.0.0.1:9/x"}, {"$schema": "x"}):
    try:
        Schema.of(warm).violations("x")
    except InvalidSchema:
        pass
touched = []
sys.addaudithook(lambda event, args: touched.append((event, args)) if event.split(".")[0] in ("open", "socket", "urllib", "os") else None)
for reference in ("http://127.0.0.1:9/x", "file:///etc/hostname", "/etc/hostname", "../x.json", "ftp://127.0.0.1/x"):
    for document in ({"$ref": reference}, {"$schema": reference}, {"allOf": [{"$dynamicRef": reference}]}):
        try:
            Schema.of(document)
            print("loaded", document)
        except InvalidSchema:
            pass
print(touched)
"""


def test_no_socket_and_no_file_is_opened_for_a_reference():
    """The interpreter's own audit sees no file, socket or process opened while such schemas are refused."""
    done = subprocess.run(
        [sys.executable, "-c", _AUDITED], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.strip() == "[]"


@dataclass(frozen=True)
class Circle:
    """References that come back to themselves."""

    id: str
    document: Any


CIRCLES = [
    Circle("itself", {"$ref": "#"}),
    Circle("two", {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
    Circle("through allOf", {"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}),
    Circle(
        "through not and if", {"$defs": {"a": {"not": {"if": {"$ref": "#/$defs/a"}}}}, "$ref": "#/$defs/a"}
    ),
    Circle("by anchor", {"$anchor": "n", "anyOf": [{"$ref": "#n"}]}),
    Circle("by dynamic anchor", {"$dynamicAnchor": "n", "anyOf": [{"$dynamicRef": "#n"}]}),
    Circle("by dependency", {"dependentSchemas": {"a": {"$ref": "#"}}}),
]


@pytest.mark.parametrize("case", CIRCLES, ids=lambda case: case.id)
def test_circle_without_a_step_into_the_instance_is_refused(case):
    """Validation would never end."""
    with pytest.raises(InvalidSchema, match="form a cycle") as caught:
        Schema.of(case.document)

    assert caught.value.code == "ref_cycle"


def test_recursion_with_a_step_is_a_schema():
    """A tree may refer to itself for its children."""
    tree = Schema.of({"properties": {"children": {"items": {"$ref": "#"}}}, "required": ["name"]})

    assert tree.is_valid({"name": 1, "children": [{"name": 2}]})
    assert [v.instance_location for v in tree.violations({"name": 1, "children": [{}]})] == ["/children/0"]


def test_reference_beside_which_nothing_counts_is_no_circle_in_old_drafts():
    """Draft 7 ignores what stands beside `$ref`."""
    document = {
        "definitions": {"a": {"$ref": "#/definitions/b", "allOf": [{"$ref": "#/definitions/a"}]}, "b": {}}
    }

    assert Schema.of({**document, "$ref": "#/definitions/a"}, dialect="draft7").is_valid(1)


def test_chain_that_is_too_long_is_refused():
    """An engine takes a stack frame a link."""
    definitions = {f"a{i}": {"$ref": f"#/$defs/a{i + 1}"} for i in range(400)} | {"a400": {}}

    with pytest.raises(
        InvalidSchema, match="starts a chain of more than 256 schemas for one value"
    ) as caught:
        Schema.of({"$defs": definitions, "$ref": "#/$defs/a0"})

    assert caught.value.code == "too_deep"


@pytest.mark.parametrize(
    ("reference", "resources"),
    [
        ("urn:n", {"urn:n": {"type": "integer"}}),
        ("urn:n#/$defs/a", {"urn:n": {"$defs": {"a": {"type": "integer"}}}}),
        ("urn:n#here", {"urn:n": {"$defs": {"a": {"$anchor": "here", "type": "integer"}}}}),
        ("http://x/inner", {"urn:n": {"$defs": {"a": {"$id": "http://x/inner", "type": "integer"}}}}),
        ("urn:n", {"urn:n": {"$ref": "urn:m"}, "urn:m": {"type": "integer"}}),
        ("n.json", {"n.json": {"type": "integer"}}),
    ],
)
def test_reference_reaches_a_resource(reference, resources):
    """By its URI, a pointer or an anchor in it, the URI of a schema inside it, or through another one."""
    schema = Schema.of({"$ref": reference}, resources=resources)

    assert schema.is_valid(1)
    assert not schema.is_valid("x")


def test_resource_that_nothing_reaches_does_not_count():
    """What is handed in beside what is used may be in any dialect, and does not tell two schemas apart."""
    schema = Schema.of({"type": "integer"}, resources={"urn:n": {"$schema": "urn:unknown"}})

    assert schema.is_valid(1)
    assert schema == Schema.of({"type": "integer"})


def test_resource_in_an_unknown_dialect_is_refused_when_it_is_reached():
    """The error names the resource."""
    with pytest.raises(InvalidSchema, match="resource 'urn:n': dialect 'urn:unknown'") as caught:
        Schema.of({"$ref": "urn:n"}, resources={"urn:n": {"$schema": "urn:unknown"}})

    assert caught.value.code == "unknown_dialect"


def test_reference_out_of_a_resource_is_refused():
    """The error names the resource and the place in it."""
    with pytest.raises(
        InvalidSchema, match="'urn:m' at /items/\\$ref of resource 'urn:n' points outside"
    ) as caught:
        Schema.of({"$ref": "urn:n"}, resources={"urn:n": {"items": {"$ref": "urn:m"}}})

    assert caught.value.location == "/items/$ref"


def test_reference_to_nothing_is_told_with_its_place():
    """A pointer into the document that leads to nothing is invalid, not remote."""
    with pytest.raises(InvalidSchema) as caught:
        Schema.of({"properties": {"a": {"$ref": "#/$defs/missing"}}})

    assert (caught.value.code, caught.value.location) == ("invalid", "/properties/a/$ref")
    assert str(caught.value) == "the reference at /properties/a/$ref leads nowhere"


def test_metaschema_may_be_referred_to():
    """A known metaschema is reached without being handed in."""
    schema = Schema.of({"$ref": LATEST})

    assert schema.is_valid({"type": "integer"})
    assert not schema.is_valid({"type": "nonsense"})


def test_place_that_is_no_schema_position_becomes_one_by_being_meant():
    """Documents keep schemas under keywords of their own."""
    document = {"$ref": "#/components/a", "components": {"a": {"items": {"pattern": "^a"}}}}
    schema = Schema.of(document)

    assert schema.is_valid(["a"])
    assert not schema.is_valid(["b"])


def test_data_is_not_read_as_a_schema():
    """A `$ref` inside an enum, a const or a default refers to nothing."""
    document = {"enum": [{"$ref": "http://127.0.0.1:9/x"}], "default": {"$ref": "#/nowhere"}}

    assert Schema.of(document).is_valid({"$ref": "http://127.0.0.1:9/x"})


def test_resources_that_are_woven_together_take_the_reference_engine():
    """The fast engine would compile a schema anew for every path of references between resources."""
    resources = {
        f"http://x/{i}": {"properties": {f"a{k}": {"$ref": f"http://x/{(i + k) % 12}"} for k in range(5)}, "minProperties": 1}
        for i in range(12)
    }  # fmt: skip
    schema = Schema.of({"$ref": "http://x/0"}, resources=resources)

    assert schema.is_valid({"a1": {"a2": {"b": 1}}})
    assert [v.instance_location for v in schema.violations({"a1": {"a2": {}}})] == ["/a1/a2"]


def test_identifier_of_another_draft_is_no_identifier():
    """`id` is a name like any other since draft 6."""
    document = {"definitions": {"a": {"id": "#/definitions/a", "type": "integer"}}, "$ref": "#/definitions/a"}

    assert not Schema.of(document).is_valid("x")
    assert Schema.of(document).is_valid(1)


def test_anchor_of_draft_4_is_its_schema():
    """`id: "#name"` of draft 4 names the schema that contains it."""
    inside = {"id": "#outer", "properties": {"a": {"type": "integer"}}}
    schema = Schema.of({"definitions": {"x": inside}, "$ref": "#outer"}, dialect="draft4")

    assert (schema.is_valid({"a": 1}), schema.is_valid({"a": "x"})) == (True, False)
