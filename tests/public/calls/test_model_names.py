"""Facts about names of models."""

import pytest

from schema_guard import About, guard
from tests.public.calls import wire


def call_of(name, **about):
    """Return the call and the attempt of a reply whose model has this name."""
    reply = {**wire.chat("1"), "model": name}
    about = About(version="1", **about)
    outcome = guard(True, store=None, name="named", about=about)(lambda prompt: reply).outcome("t")
    return outcome.call, outcome.attempts[0]


def model_and_snapshot(name):
    """Return the model and the snapshot of the attempt."""
    call, attempt = call_of(name)
    assert call.model == attempt.model
    return attempt.model, attempt.snapshot


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("NAME-2026-08-06", "NAME"),
        ("NAME-20260806", "NAME"),
        ("NAME@20260806", "NAME"),
        ("NAME-mini-2026-08-06", "NAME-mini"),
        ("vendor/NAME-2026-08-06", "vendor/NAME"),
        ("vendor.NAME-4-5-20260806-v1:0", "vendor.NAME-4-5"),
        ("eu.vendor.NAME-20260806-v2", "eu.vendor.NAME"),
        ("arn:aws:bedrock:eu:1:inference-profile/vendor.NAME-20260806-v1:0", "vendor.NAME"),
        ("models/NAME-2.5-001", "NAME-2.5"),
        ("publishers/vendor/models/NAME-002", "NAME"),
        ("NAME-preview-05-20", "NAME-preview"),
        ("NAME-preview-09-2026", "NAME-preview"),
        ("NAME-08-2026", "NAME"),
        ("NAME-0613", "NAME"),
        ("NAME-2607", "NAME"),
    ],
)
def test_a_dated_name_is_a_snapshot_of_its_model(name, model):
    """The forms in which providers date their models."""
    snapshot = name.rpartition("models/")[2].rpartition("profile/")[2]

    assert model_and_snapshot(name) == (model, snapshot)


@pytest.mark.parametrize("name", ["NAME-latest", "NAME:latest", "NAME@latest", "models/NAME-latest"])
def test_the_latest_is_the_model_itself(name):
    """An alias that follows the snapshots names the model."""
    assert model_and_snapshot(name) == ("NAME", None)


@pytest.mark.parametrize(
    "name",
    [
        "NAME", "NAME-4.1", "NAME-4-5", "NAME-70b", "NAME-8x7b-32k", "NAME:70b", "NAME-v1:0", "NAME-1024", "NAME-2048",
        "NAME-1999-01-01", "NAME-2026-13-01", "2026-08-06", "NAME-100", "NAME-000", "models/", "-0806", "accounts/me/models/NAME",
        "ft:NAME-2026-08-06:us::abc-0613",
    ],
)  # fmt: skip
def test_what_is_no_date_is_a_part_of_the_name(name):
    """Sizes, releases and numbers that are no day leave two names two models."""
    assert model_and_snapshot(name) == (name, None)


@pytest.mark.parametrize(
    ("name", "tuned"),
    [("ft:NAME:org::id", True), ("often:NAME", False), ("NAME", False)],
)
def test_a_tuned_model_says_so(name, tuned):
    """The names that a provider gives to tuned models begin with what they are."""
    assert call_of(name)[0].tuned is tuned
    assert call_of("NAME", model=name)[0].tuned is tuned
    assert call_of("NAME", tuned=True)[0].tuned is True
