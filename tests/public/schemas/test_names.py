"""What a schema is called, and the documents of collections."""

import json

import pytest
from pydantic import BaseModel, ConfigDict

from schema_guard import Schema


class Model(BaseModel):
    """A model with a title of its own."""

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
def test_name_is_given_or_found(source, name, expected):
    """A name that is given comes first, then that of the type, then the title; otherwise a part of the hash."""
    assert Schema.of(source, name=name).name == expected


@pytest.mark.parametrize("document", [{"type": "object"}, {"type": "object", "title": "Titled"}])
def test_file_names_its_schema(document, tmp_path):
    """A schema from a file is called as the file is, without its ending."""
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
    """A set and a frozenset are arrays of different items."""
    assert Schema.of(annotation).document == {"type": "array", "items": {"type": "integer"}, **more}
