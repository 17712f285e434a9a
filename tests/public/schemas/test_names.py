"""Names of schemas, and documents of collections."""

import json

import pytest
from pydantic import BaseModel, ConfigDict

from schema_guard import Schema


class Model(BaseModel):
    """A model whose title is not its name."""

    model_config = ConfigDict(title="Titled")

    a: int


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ({"title": "Titled"}, None, "Titled"),
        ({"title": "Titled"}, "given", "given"),
        (Model, None, "Model"),
        (Model, "given", "given"),
        (list[int], None, "list[int]"),
        (dict[str, list[Model]], None, "dict[str, list[Model]]"),
        ({"type": "integer"}, None, "schema-f0765dbf"),
        (True, None, "schema-b5bea41b"),
    ],
)
def test_name_of_a_schema(source, name, expected):
    """The name is `name=`, or the name of the type, or the title, or a part of the hash."""
    assert Schema.of(source, name=name).name == expected


@pytest.mark.parametrize("document", [{"type": "object"}, {"type": "object", "title": "Titled"}])
def test_schema_of_a_file_has_the_name_of_the_file(document, tmp_path):
    """The name is that of the file without its extension, unless you pass `name=`."""
    path = tmp_path / "order.json"
    path.write_text(json.dumps(document))

    assert Schema.of(path).name == Schema.of(str(path)).name == "order"
    assert Schema.of(path, name="given").name == "given"


@pytest.mark.parametrize(
    ("annotation", "more"),
    [
        (list[int], {}),
        (set[int], {"uniqueItems": True}),
        (frozenset[int], {"uniqueItems": True}),
        (tuple[int, ...], {}),
    ],
)
def test_collections_are_arrays(annotation, more):
    """The document of a collection is an array. The items of a set are unique."""
    assert Schema.of(annotation).document == {"type": "array", "items": {"type": "integer"}, **more}
