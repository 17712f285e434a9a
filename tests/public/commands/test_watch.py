"""The command `watch`, by its arguments, its output and its exit status."""

import json

import pytest

from schema_guard import About, guard, open_store
from tests.public.commands.command_lines import run


@pytest.mark.parametrize(("objective", "status", "word"), [("0.01", 1, "BREACH"), ("0.5", 0, "OK")])
def test_watch_is_one_line_and_a_status(recorded, capsys, objective, status, word):
    """A rate that is proved above the objective is exit 1."""
    result = run(capsys, "watch", "--max-failure-rate", objective)

    assert result[0] == status
    assert result[1].startswith(word)
    assert result[1].count("\n") == 1


def test_watch_gives_its_figures_as_json(recorded, capsys):
    """With --format json the same numbers come as data."""
    _, out, _ = run(capsys, "watch", "--max-failure-rate", "0.01", "--format", "json")

    (result,) = json.loads(out)["watched"]
    assert (result["n"], result["k"], result["state"]) == (200, 40, "fail")
    assert [breach["what"] for breach in result["breaches"]] == ["format"]


def test_watch_is_ok_only_if_both_strategies_are_proved(folder, capsys):
    """A function with two strategies is UNDECIDED until both are proven to meet the objective."""
    with open_store("records.db") as store:
        bare, prompted = (
            guard({}, store=store, name="shop.read", about=About(version="1"), strategy=strategy)(
                lambda prompt: "{}"
            )
            for strategy in ("bare", "system_prompt")
        )
        for number in range(460):
            (prompted if number % 23 in (0, 8, 16) else bare)(f"task {number}")
    status, out, _ = run(
        capsys, "watch", "--max-failure-rate", "0.05", "--store", "records.db", "--format", "json"
    )
    words = run(capsys, "watch", "--max-failure-rate", "0.05", "--store", "records.db")[1]

    assert sorted((one["n"], one["state"]) for one in json.loads(out)["watched"]) == [
        (60, "inconclusive"),
        (400, "pass"),
    ]
    assert (status, words.split(":")[0]) == (0, "UNDECIDED")
