"""`schema-guard label`: the labels of a person, and the bound that they give."""

import csv
import json
from hashlib import sha256

import pytest
from click.testing import CliRunner

from schema_guard import About, Content, Second, guard, open_store
from schema_guard.cli.command import command
from schema_guard.ext.right.questions import configuration_to_label, draw
from tests.needs import needs

SCHEMA = {
    "title": "order",
    "type": "object",
    "properties": {"item": {"type": "string"}, "total": {"type": "number"}},
    "required": ["item", "total"],
}


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "records.db")


def record(path, calls=40, *, payload="second_opinion", version="1", name="shop.extract", same=False):
    """Record calls of which every fifth reply is wrong, with a second model that is right."""
    second = Second(lambda prompt: json.dumps({"item": "desk", "total": int(prompt.split()[-1])}), share=1)

    def model(prompt: str) -> str:
        number = int(prompt.rsplit(maxsplit=1)[-1])
        return json.dumps({"item": "chair" if number % 5 == 0 else "desk", "total": number})

    with open_store(path, payload=payload) as store:
        function = guard(
            SCHEMA,
            store=store,
            name=name,
            about=About(version=version),
            content=Content(second_opinion=second),
        )(model)
        for number in range(calls):
            function(f"A desk for {1 if same else number}")
        store.flush()
        assert second.flush(20) == 0
        store.flush()


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """Keys come from the test in the place of a terminal."""
    monkeypatch.setattr("schema_guard.ext.right.command.has_terminal", lambda: True)


def label(path, *arguments, keys=""):
    return CliRunner().invoke(
        command, ["label", "--function", "extract", "--store", path, *arguments], input=keys
    )


def stored(path, columns="label, wrong"):
    with open_store(path) as store, store.reading() as snapshot:
        sql = f"SELECT {columns} FROM content WHERE label IS NOT NULL ORDER BY block"
        return [tuple(row) for row in snapshot.connection.select(sql)]


def test_asks_about_one_reply_of_ten(path):
    """40 second opinions are 4 blocks. Each key stores one label."""
    record(path)
    result = label(path, keys="aaaa")

    assert result.exit_code == 0
    assert stored(path) == [("given", 0.0)] * 4
    assert "4 labels, 0 skipped, 40 second opinions. Right: " in result.output
    assert "No block of 10 second opinions is left" in result.output


def test_shows_the_value_of_a_reply_in_the_form_of_a_provider(path):
    """OpenAI's strict form has null for a property that is omitted. The value and its fields are those of the schema."""
    schema = {
        **SCHEMA,
        "properties": {**SCHEMA["properties"], "note": {"type": "string"}},
        "additionalProperties": False,
    }

    def model(prompt: str, options: dict | None = None) -> str:
        return json.dumps({"item": "desk", "total": 1, "note": None})

    second = Second(model, share=1)
    with open_store(path, payload="second_opinion") as store:
        function = guard(schema, strategy="strict_schema", provider="openai", store=store, name="shop.extract",
                         content=Content(second_opinion=second))(model)  # fmt: skip
        for number in range(10):
            function(f"A desk {number}")
        store.flush()
        assert second.flush(20) == 0
        store.flush()
        shown = draw(store, configuration_to_label(store, "shop.extract", None))

    assert shown.value == {"item": "desk", "total": 1}


@pytest.mark.parametrize(
    ("keys", "places"),
    [
        ("a", []),
        ("witem\n", ["/item"]),
        ('v{"item": "no item", "total": -1}\n', ["/item", "/total"]),
        ("s", None),
    ],
)
def test_a_label_has_the_places_of_wrong_values(path, keys, places):
    """So a label counts for the calibration of a decision model."""
    record(path, 10)
    label(path, keys=keys)
    ((found,),) = stored(path, "wrong_at")

    assert (None if found is None else json.loads(found)) == places


def test_a_wrong_field_is_a_share_of_the_values(path):
    """One wrong value of two is a share of one half."""
    record(path, 10)
    result = label(path, keys="witem\n")

    assert stored(path) == [("given", 0.5)]
    assert "The second model agrees" in result.output


def test_the_right_value_is_a_label(path):
    """Values that differ from the right value are wrong, and so are missing ones."""
    record(path, 10)
    label(path, keys='v{"item": "lamp", "total": 5000, "note": "x"}\n')

    assert stored(path) == [("given", 1.0)]


def test_a_field_that_is_not_there_is_asked_again(path):
    """A typing error stores nothing."""
    record(path, 10)
    result = label(path, keys="wcolor\na")

    assert "expected a field of the reply" in result.output
    assert stored(path) == [("given", 0.0)]


def test_stopping_leaves_the_shown_reply_skipped(path):
    """A reply that was shown counts, and a later command continues with the next one."""
    record(path)
    label(path, keys="aq")
    label(path, "--n", "1", keys="s")
    label(path, keys="a")

    assert stored(path) == [("given", 0.0), ("skipped", None), ("skipped", None), ("given", 0.0)]


def test_hides_the_second_reply_until_the_label_is_given(path):
    """The second model's value is printed after the label."""
    record(path, 10)
    output = label(path, keys="a").output

    assert "The second model" in output.split("a: all right")[1]
    assert "The second model" not in output.split("a: all right")[0]


def test_blocks_stay_when_more_calls_come(path):
    """Later calls make new blocks, and the old ones keep their calls."""
    record(path, 25)
    label(path, "--n", "1", keys="a")
    before = blocks(path)
    record(path, 25)
    label(path, "--n", "9", keys="a" * 9)
    after = blocks(path)

    assert len(before) == 20
    assert before.items() <= after.items()
    assert sorted(after.values()) == sorted([*range(1, 6)] * 10)


def blocks(path):
    """Return the block of each call, by its place among the blocks."""
    sql = "SELECT call_id, DENSE_RANK() OVER (ORDER BY block) FROM content WHERE block IS NOT NULL"
    with open_store(path) as store, store.reading() as snapshot:
        return dict(snapshot.connection.select(sql))


def test_the_draw_does_not_depend_on_the_second_opinion(path):
    """Of calls with other second opinions, the same ones are drawn."""
    record(path)
    with open_store(path) as store:
        session = store.backend.session()
        with session.writing() as connection:
            connection.execute("UPDATE content SET differing = 1.0 - differing")
        session.close()
    copied = f"{path}.copy"
    record(copied)
    label(path, keys="aaaa")

    calls = {bytes(call_id).hex(): block for call_id, block in blocks(path).items()}
    order = sorted(calls, key=lambda call_id: sha256(f"order::{call_id}".encode()).digest())
    assert {call_id: place // 10 + 1 for place, call_id in enumerate(order)} == calls


def test_a_reply_that_was_labeled_fills_in_its_twins(path):
    """The same input and reply are asked about once, and each block has its label."""
    record(path, 40, same=True)
    label(path, keys="a")

    assert stored(path) == [("given", 0.0)] * 4


def test_labels_the_latest_version(path):
    """Labels of an earlier version say nothing about the latest one."""
    record(path, version="1")
    record(path, 10, version="2")
    result = label(path, keys="a")

    assert "version 2" in result.output
    assert "1 label, 0 skipped, 10 second opinions" in result.output


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_labels_in_a_file(path, tmp_path, suffix):
    """A file has the replies, and reading it back stores the labels. Empty rows stay skipped."""
    record(path)
    file = tmp_path / f"replies{suffix}"
    assert label(path, "-o", str(file)).exit_code == 0
    answers = ({"wrong": "none"}, {"wrong": "item"}, {"right": '{"item": "x", "total": -1}'}, {})
    if suffix == ".csv":
        with file.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
        with file.open("w", newline="") as opened:
            writer = csv.DictWriter(opened, rows[0])
            writer.writeheader()
            writer.writerows({**row, **answer} for row, answer in zip(rows, answers, strict=True))
    else:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text(
            "\n".join(json.dumps({**row, **answer}) for row, answer in zip(rows, answers, strict=True))
        )
    result = label(path, "--read", str(file))

    assert result.exit_code == 0, result.output
    assert stored(path) == [("given", 0.0), ("given", 0.5), ("given", 1.0), ("skipped", None)]
    assert label(path, "--read", str(file)).exit_code == 0  # twice is no error
    assert len(stored(path)) == 4


def test_finding_errors_writes_no_evidence(path):
    """`--find-errors` prints the replies that differ most, and labels nothing."""
    record(path)
    result = label(path, "--find-errors", "--n", "3")

    assert result.output.count("50% of the values differ") == 3
    assert stored(path) == []


def test_names_what_is_missing_without_second_opinions(path):
    """The error names the guard's argument and the store's."""
    with open_store(path) as store:
        guard(SCHEMA, store=store, name="shop.extract")(lambda prompt: '{"item": "x", "total": 1}')("A desk")
    result = CliRunner().invoke(command, ["label", "--function", "extract", "--store", path])

    assert "has no second opinions" in str(result.exception)


def test_needs_stored_texts(path):
    """Without stored texts, there is nothing to show."""
    record(path, payload="hash")
    result = label(path, keys="a")

    assert "No block of 10 second opinions is left" in result.output


@needs("postgres")
def test_labels_in_postgresql(new_schema):
    """SQLite and PostgreSQL have the same statements."""
    url = new_schema()
    record(url)
    result = label(url, keys="aaaq")

    assert result.exit_code == 0, result.output
    assert stored(url) == [("given", 0.0)] * 3 + [("skipped", None)]
    assert "3 labels, 1 skipped, 40 second opinions. Right: " in result.output


def test_no_reply_is_drawn_without_a_terminal(path, monkeypatch):
    """A reply that is shown counts as skipped, so nothing is shown to nobody."""
    record(path)
    monkeypatch.setattr("schema_guard.ext.right.command.has_terminal", lambda: False)

    result = label(path)

    assert result.exit_code == 2
    assert "no terminal is available to ask for labels" in result.output
    assert stored(path) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("not json", "expected a file that -o wrote"),
        ("[1]", "expected a JSON Lines file that -o wrote"),
        ({"right": 1300}, "expected a complete value that is valid for the schema order"),
        ({"wrong": 5}, "expected 'none' or the names of fields"),
        ({"wrong": "colour"}, "expected a field of the reply"),
    ],
)
def test_a_wrong_row_stores_no_label(path, tmp_path, line, told):
    """The error names the file and the expected form."""
    record(path)
    file = tmp_path / "labels.jsonl"
    assert label(path, "--n", "1", "-o", str(file)).exit_code == 0
    row = json.loads(file.read_text())
    file.write_text(line if isinstance(line, str) else json.dumps(row | line))

    result = label(path, "--read", str(file))

    assert (result.exit_code, told in " ".join(result.output.split())) == (2, True)
    assert [label for label, _ in stored(path)] == ["skipped"]
