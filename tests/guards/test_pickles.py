"""Facts about pickles of 0.1.0: what was kept then is read now."""

import base64
import json
import pickle
from pathlib import Path

import pytest

import schema_guard
from schema_guard import Failure, GuardFailed

# Written by 0.1.0: an outcome of two failed attempts, the error that carried it, the settings that made it.
KEPT = json.loads(Path(__file__).with_name("pickles_of_0_1_0.json").read_text(encoding="utf-8"))["pickles"]


def kept(name):
    return pickle.loads(base64.b64decode(KEPT[name]))


@pytest.mark.parametrize("name", sorted(KEPT))
def test_a_pickle_of_the_first_release_is_read(name):
    """Values, errors and settings come back as the classes that they have now."""
    assert type(kept(name)) is getattr(schema_guard, name)


def test_an_outcome_keeps_its_attempts():
    """An outcome of the first release has its attempts, their failures and its call."""
    outcome = kept("Outcome")

    assert [attempt.failure.code for attempt in outcome.attempts] == ["type", "required"]
    assert outcome.attempts[0] == kept("Attempt")
    assert outcome.failure._replace(violations=()) == Failure(
        "structure", "required", "at (root): expected property 'total', got object with 0 properties"
    )
    assert (outcome.call.function, outcome.call.version, outcome.call.started_at) == (
        "read_invoice", "v1", 1_750_000_000.0,
    )  # fmt: skip


def test_what_came_later_is_unknown_or_did_not_happen():
    """Fields that the first release did not have are None or False in what it kept."""
    outcome = kept("Outcome")

    attempt = outcome.attempts[0]
    assert (attempt.model, attempt.snapshot, attempt.exception, attempt.stopped_at) == (None,) * 4
    assert attempt.estimated_output_tokens is None
    assert (attempt.unseen, attempt.adapted, attempt.healed, outcome.call.tuned) == (
        False,
        None,
        False,
        False,
    )


def test_an_error_keeps_its_message_its_outcome_and_its_notes():
    """GuardFailed of the first release says what it said."""
    error = kept("GuardFailed")

    assert str(error).startswith("read_invoice gave no valid reply in 2 attempts (schema invoice)\n")
    assert error.outcome == kept("Outcome")
    assert error.__notes__ == ["a note"]


def test_settings_guard_a_function_as_they_did():
    """A Guard of the first release, which its module of then named, still guards."""
    with pytest.raises(GuardFailed, match="read_invoice gave no valid reply in 2 attempts"):
        kept("Guard")(lambda prompt: "{}")("Invoice 13")


def test_settings_survive_a_pickle():
    """What is not given stays not given."""
    settings = kept("Guard")

    assert pickle.loads(pickle.dumps(settings)) == settings
