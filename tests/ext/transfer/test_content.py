"""Second opinions and labels go with their calls from one store to another."""

import json
import re

import pytest

from schema_guard import Content, Second, guard, open_store
from schema_guard.cli.command import main
from schema_guard.ext.right.questions import WrongValues, configuration_to_label, draw, save

SCHEMA = {"title": "order", "type": "object", "properties": {"item": {"type": "string"}}}


@pytest.fixture
def labeled(tmp_path):
    """Return a store with 40 second opinions and 2 labels."""
    store = open_store(str(tmp_path / "one.db"), payload="second_opinion")
    second = Second(lambda prompt: '{"item": "lamp"}', share=1)
    function = guard(
        SCHEMA, store=store, name="shop.ask", content=Content(grounded=True, second_opinion=second)
    )(lambda prompt: '{"item": "desk"}')
    for number in range(40):
        function(f"order {number}: a desk")
    store.flush()
    second.flush()
    store.flush()
    label(store, 2)
    return store


def label(store, labels):
    configuration = configuration_to_label(store, "ask", None)
    for _ in range(labels):
        save(store, draw(store, configuration).call_id, WrongValues(0.5))


def figures(store):
    (configuration,) = store.configurations()
    return store.content([configuration.id])


def run(*arguments):
    assert main(list(arguments)) == 0


def moved(labeled, tmp_path, way):
    """Copy a store into a new one, through a file or directly."""
    into, file = str(tmp_path / "two.db"), str(tmp_path / "records.jsonl")
    if way == "file":
        run("store", "export", "--store", labeled.url, "-o", file, "--texts", "kept")
    run("store", "import", file if way == "file" else labeled.url, "--store", into, "--texts")
    return open_store(into, payload="second_opinion")


@pytest.mark.parametrize("way", ["file", "store"])
def test_the_bound_is_the_same_in_the_other_store(labeled, tmp_path, way):
    before, after = figures(labeled), figures(moved(labeled, tmp_path, way))

    assert before["labels"] == 2
    assert after == before


def test_labels_that_are_made_later_follow(labeled, tmp_path):
    into = moved(labeled, tmp_path, "store")
    label(labeled, 1)
    run("store", "import", labeled.url, "--store", into.url)

    assert figures(into)["labels"] == 3


def test_labeling_goes_on_in_the_other_store(labeled, tmp_path):
    into = moved(labeled, tmp_path, "store")
    label(into, 1)

    assert figures(into)["labels"] == 3


BAD = {
    "share": ({"wrong": 1.5}, "at /content/wrong: expected a share"),
    "label": ({"label": "yes"}, "at /content/label: expected 'given'"),
    "kinds": ({"kinds": "[1]"}, "at /content/kinds: expected the text of JSON"),
    "grounded": ({"grounded": 99}, "at /content/grounded: expected at most"),
    "block": ({"label": "skipped", "wrong": None, "block": None}, "at /content/block: expected a number"),
    "rows": ({"source_rows": 100}, "at /content/list_rows: expected a number exactly if"),
    "unit": ({"unit": "page"}, "at /content/unit: expected 'value'"),
    "column": ({"reply": "x"}, "unknown field 'reply'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_field_is_refused_with_its_place(labeled, tmp_path, capsys, case):
    changes, why = BAD[case]
    file = tmp_path / "records.jsonl"
    run("store", "export", "--store", labeled.url, "-o", str(file))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    broken = next(line["content"] for line in lines if (line.get("content") or {}).get("label") == "given")
    broken.update(changes)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    assert main(["store", "import", str(file), "--store", str(tmp_path / "two.db")]) == 2
    assert why in re.sub(r"\s+", " ", capsys.readouterr().err)
