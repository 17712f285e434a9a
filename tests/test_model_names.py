"""Facts about names of models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.model_names import is_tuned, model_and_snapshot


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
        "NAME-1999-01-01", "NAME-2026-13-01", "2026-08-06", "NAME-100", "NAME-000", "", "models/", "-0806", "accounts/me/models/NAME",
        "ft:NAME-2026-08-06:us::abc-0613",
    ],
)  # fmt: skip
def test_what_is_no_date_is_a_part_of_the_name(name):
    """Sizes, releases and numbers that are no day leave two names two models."""
    assert model_and_snapshot(name) == (name, None)


@given(st.text())
def test_the_model_of_a_name_is_a_part_of_it(name):
    """Any text has a model, which is in it."""
    found = model_and_snapshot(name)

    assert found.model in name
    assert found.snapshot is None or found.snapshot in name


def test_a_tuned_model_says_so():
    """The names that a provider gives to tuned models begin with what they are."""
    assert is_tuned("ft:NAME:org::id")
    assert is_tuned("NAME>ft:NAME:org::id")
    assert not is_tuned("often:NAME")
