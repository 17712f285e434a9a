"""`recording` and `replaying`: files of replies, and calls that they answer."""

import json

import pytest

from schema_guard import guard
from schema_guard.testing import ReplayError, ScriptedModel, recording, replaying

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
KEY = "sk-proj-abcdefghijklmnop1234"
USAGE = {"input_tokens": 7, "output_tokens": 3, "cached_input_tokens": 2}
STORIES = {
    "valid": [{"reply": '{"total": 1}', "finish_reason": "stop", "usage": USAGE}],
    "retried": ['{"total": "x"}', '{"total": 2}'],
    "failed": ["no JSON", '{"total": "x"}', "{"],
    "cut off": [{"reply": '{"tot', "finish_reason": "length"}],
    "refused": [{"reply": "I cannot.", "finish_reason": "refusal"}],
}


def function(replies):
    """Return a guarded function and its model."""
    model = ScriptedModel(replies)

    @guard(TOTAL, name="app.total", store=None, on_failure="return")
    def total(prompt: str):
        return model(prompt)

    return total, model


def known(outcome):
    """Return the fields of an outcome that a recording stores."""
    attempts = [
        (one.reply, one.failure, one.usage, one.finish_reason, one.prompt) for one in outcome.attempts
    ]
    return outcome.ok, outcome.value, outcome.failure, outcome.usage, attempts


@pytest.mark.parametrize("story", STORIES)
def test_replayed_outcome_equals_the_recorded_one(tmp_path, story):
    """The replay asks no model and uses every recorded attempt."""
    total, model = function(STORIES[story])
    with recording(tmp_path / "folder" / "r.json", test="my test"):
        first = total.outcome("Invoice 1")
    asked = len(model.asked)
    with replaying(tmp_path / "folder" / "r.json") as left:
        again = total.outcome("Invoice 1")

    assert known(again) == known(first)
    assert (len(model.asked), left) == (asked, [])
    assert json.loads((tmp_path / "folder" / "r.json").read_text())["test"] == "my test"


def test_unused_attempts_are_left(tmp_path):
    """The list has the attempts that no call asked for."""
    total, _ = function(['{"total": 1}', '{"total": 2}'])
    with recording(tmp_path / "r.json"):
        values = [total("a"), total("b")]
    with replaying(tmp_path / "r.json") as left:
        assert total("b") == {"total": 2}
        assert len(left) == 1

    assert values == [{"total": 1}, {"total": 2}]


def test_unknown_call_is_an_error_that_says_how_to_record(tmp_path):
    """The message has the command of `how`."""
    total, _ = function(['{"total": 1}'])
    with recording(tmp_path / "r.json"):
        total("a")
    with (
        replaying(tmp_path / "r.json", how="make recordings"),
        pytest.raises(ReplayError, match="make recordings"),
    ):
        total("b")


def test_missing_file_is_an_error_at_the_first_call(tmp_path):
    """The message names the file."""
    total, _ = function([])
    with replaying(tmp_path / "none.json"), pytest.raises(ReplayError, match=r"none\.json"):
        total("a")


def test_broken_file_is_an_error(tmp_path):
    """A file that is no recording is refused before any call."""
    (tmp_path / "r.json").write_text("{")
    with pytest.raises(ReplayError, match=r"r\.json"), replaying(tmp_path / "r.json"):
        pass


def test_credentials_and_named_texts_are_not_in_the_file(tmp_path):
    """Credentials never reach the file. `redact` removes more, and has to be the same for the replay."""

    def hide(text):
        return text.replace("Ann", "X")

    total, _ = function([f'{{"total": 1, "by": "Ann", "key": "{KEY}"}}'])
    with recording(tmp_path / "r.json", redact=hide):
        total(f"Invoice of Ann, {KEY}")
    text = (tmp_path / "r.json").read_text()
    with replaying(tmp_path / "r.json", redact=hide) as left:
        value = total(f"Invoice of Ann, {KEY}")

    assert KEY not in text
    assert "Ann" not in text
    assert (value["by"], left) == ("X", [])
    with replaying(tmp_path / "r.json"), pytest.raises(ReplayError):
        total(f"Invoice of Ann, {KEY}")


def test_block_that_raises_leaves_the_file(tmp_path):
    """A recording is written at the end of a block that did not raise."""
    total, _ = function(['{"total": 1}', '{"total": 2}'])
    with recording(tmp_path / "r.json"):
        total("a")
    before = (tmp_path / "r.json").read_bytes()
    with pytest.raises(KeyError), recording(tmp_path / "r.json"):
        raise_after(total)

    assert (tmp_path / "r.json").read_bytes() == before


def raise_after(total):
    total("b")
    raise KeyError
