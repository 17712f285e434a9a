"""The share of wrong answers among those that passed a check, as labels prove it, or as unknown."""

import json

import pytest
from click.testing import CliRunner

from schema_guard import Content, Second, guard, open_store
from schema_guard.cli.command import command

SCHEMA = {
    "title": "order",
    "type": "object",
    "properties": {"item": {"type": "string"}, "total": {"type": "number"}},
    "required": ["item", "total"],
}
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet", "jetty")


def task(number):
    """A text that shares no sequence of three words with another one."""
    return " ".join(WORDS[int(digit)] + str(number) for digit in f"{number:05}") + f" {number}"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """40 calls with a check. Every fifth reply is wrong, and the second model is right."""
    monkeypatch.setattr("schema_guard.ext.right.command.has_terminal", lambda: True)
    second = Second(lambda prompt: json.dumps({"item": "desk", "total": int(prompt.split()[-1])}), share=1)

    def model(prompt: str) -> str:
        number = int(prompt.rsplit(maxsplit=1)[-1])
        return json.dumps({"item": "chair" if number % 5 == 0 else "desk", "total": number})

    path = str(tmp_path / "records.db")
    with open_store(path, payload="full") as opened:
        content, checks = Content(second_opinion=second), [lambda order: order["total"] >= 0]
        function = guard(SCHEMA, name="shop.extract", store=opened, content=content, checks=checks)(model)
        for number in range(40):
            function(task(number))
        opened.flush()
        assert second.flush(20) == 0
        opened.flush()
    return path


def prepared(store, folder):
    """Return the output, the manifest, and the rows of the set."""
    line = [
        "tune",
        "prepare",
        "--function",
        "extract",
        "--store",
        store,
        "-o",
        str(folder),
        "--min-examples",
        "1",
    ]
    result = CliRunner().invoke(command, line)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    return " ".join(result.output.split()), json.loads((folder / "manifest.json").read_text()), rows


def test_without_labels_the_share_is_unknown(store, tmp_path):
    """The output says so, and so does each checked row."""
    output, manifest, rows = prepared(store, tmp_path / "set")

    assert "checked: the share of wrong answers is unknown" in output
    assert manifest["checked_wrong"] is None
    assert [row["wrong_share"] for row in rows if row["source"] == "checked"] == [None] * 8


def test_labels_bound_the_share(store, tmp_path):
    """The bounds are those that the labels prove, and only checked rows have them."""
    CliRunner().invoke(command, ["label", "--function", "extract", "--store", store], input="aaaa")
    output, manifest, rows = prepared(store, tmp_path / "set")
    wrong = manifest["checked_wrong"]

    assert wrong["labels"] == 4
    assert 0 <= wrong["lower"] < wrong["upper"] <= 1
    assert "of the values are wrong, according to 4 labels of valid calls (95% confidence)" in output
    of_rows = {row["source"]: row.get("wrong_share") for row in rows}
    assert of_rows == {"checked": [wrong["lower"], wrong["upper"]], "agreed": None}
