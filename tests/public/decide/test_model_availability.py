"""What a provider has closed bears on whether a tuned model can be had."""

import pytest

from schema_guard.decide import decide
from tests.public.decide.examples import exhausted


def closed(day, **feasibility):
    """Fine-tuning would pay, on a day, of a base model whose days are known."""
    values = {"train_examples": 500, "base_model": "gpt-4o-mini-2024-07-18", **feasibility}
    return decide({**exhausted(), "day": day, "feasibility": values}).as_dict()


@pytest.mark.parametrize(
    ("day", "verdict", "blocked"),
    [
        ("2026-05-01", "FINE_TUNE_JUSTIFIED", None),
        ("2026-12-20", "FINE_TUNE_BLOCKED", ["base_model_shutdown_before_payback"]),
        ("2027-01-06", "FINE_TUNE_BLOCKED", ["base_model_shutdown_before_payback"]),
        ("2027-01-07", "FINE_TUNE_BLOCKED", ["provider_closed", "base_model_shutdown_before_payback"]),
    ],
)
def test_days_of_the_base_model_bear_on_the_answer(day, verdict, blocked):
    """Tuning is blocked after the last day of training, and where the model ends before it has paid."""
    result = closed(day)

    assert (result["verdict"], result.get("blocked")) == (verdict, blocked)
    assert any("2027-01-06" in note and "https://" in note for note in result["notes"])


def test_what_is_given_goes_before_what_is_known():
    """Who has a contract of his own says so."""
    result = closed("2027-02-01", new_jobs_allowed=True, months_to_shutdown=24)

    assert result["verdict"] == "FINE_TUNE_JUSTIFIED"


def test_an_unknown_base_model_is_said_to_be_unknown():
    """Nothing is filled in for a model of which no day is known."""
    result = closed("2026-11-01", base_model="a-model-of-mine")

    assert result["counted"]["feasibility"]["months_to_shutdown"] is None
    assert any(
        "a-model-of-mine: whether and when it is closed is not known" in note for note in result["notes"]
    )
