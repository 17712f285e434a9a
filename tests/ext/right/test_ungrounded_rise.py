"""The alarm of `watch` for values that are not in the source: a rise is proved, once, and not by noise."""

import json
import random

import pytest

from schema_guard import Content, guard, open_store
from schema_guard.cli.command import main
from schema_guard.ext.right.figures import content_of

SCHEMA = {
    "title": "order",
    "type": "object",
    "properties": {"item": {"type": "string"}, "place": {"type": "string"}},
    "required": ["item", "place"],
}


def record(path, shares):
    """Record one call for each share: the probability that a value is invented."""
    rng = random.Random(7)

    def model(prompt):
        share = next(invented)
        return json.dumps(
            {
                name: f"{word}{'x' * 9 if rng.random() < share else ''}"
                for name, word in (("item", "desk"), ("place", "Ghent"))
            }
        )

    invented = iter(shares)
    store = open_store(str(path))
    extract = guard(SCHEMA, store=store, name="shop.extract", content=Content(grounded=True))(model)
    for _ in shares:
        extract("Send a desk to Ghent")
    store.flush()
    return store


@pytest.fixture(scope="module")
def risen(tmp_path_factory):
    return record(tmp_path_factory.mktemp("risen") / "records.db", [0.05] * 600 + [0.7] * 200)


@pytest.fixture(scope="module")
def constant(tmp_path_factory):
    return record(tmp_path_factory.mktemp("constant") / "records.db", [0.05] * 1500)


def run(capsys, *arguments):
    code = main(list(arguments))
    return code, capsys.readouterr().out


def test_watch_reports_a_rise_of_values_outside_the_source_as_a_breach(risen, capsys):
    code, text = run(capsys, "watch", "--store", risen.url, "--max-failure-rate", "5%")
    assert (code, text.startswith("BREACH: shop.extract")) == (1, True), text
    assert "more values are not in the source since 20" in " ".join(text.split())


def test_decide_reports_the_same_breach(risen, capsys):
    _, text = run(capsys, "decide", "--store", risen.url, "--max-failure-rate", "5%", "--format", "json")
    assert [breach["what"] for breach in json.loads(text)["breach"]] == ["ungrounded"]


def test_the_report_names_the_rise(risen, capsys):
    _, text = run(capsys, "report", "--store", risen.url)
    assert "more values are not in the source since" in " ".join(text.split())


def test_a_constant_share_is_no_breach(constant, capsys):
    code, text = run(capsys, "watch", "--store", constant.url, "--max-failure-rate", "5%")
    assert (code, text[:2]) == (0, "OK"), text


def test_the_calls_since_the_rise_are_counted(risen):
    (configuration,) = risen.configurations()
    with risen.reading() as snapshot:
        rise = content_of(snapshot.connection, [configuration.id], 0.05)["rise"]
    assert rise["prior_n"] + rise["n"] == 600, rise
    assert abs(rise["n"] - 200) <= 5, rise


def test_no_rise_is_looked_for_before_the_usual_share_is_known(tmp_path):
    store = record(tmp_path / "records.db", [0.0] * 150 + [1.0] * 49)
    (configuration,) = store.configurations()
    with store.reading() as snapshot:
        assert content_of(snapshot.connection, [configuration.id], 0.05)["rise"] is None
