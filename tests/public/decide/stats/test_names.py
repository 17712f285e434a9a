"""What the package of statistics gives to others."""

import schema_guard.stats


def test_public_names_are_these():
    """The package gives these names and no others."""
    assert schema_guard.stats.__all__ == [
        "Bounds",
        "Bursts",
        "Change",
        "Drift",
        "Extrapolation",
        "Hazards",
        "Paired",
        "Rate",
        "Shrinkage",
        "Shrunk",
        "bounds",
        "bursts_of",
        "calls_needed",
        "changes",
        "clopper_pearson",
        "e_bh",
        "e_value",
        "extrapolate_retries",
        "first_alarm",
        "gap_bounds",
        "jeffreys",
        "log_e_value",
        "mean_bounds",
        "packed",
        "paired",
        "pairs_needed",
        "retry_hazards",
        "shrink_rates",
        "unpacked",
        "wilson",
    ]


def test_every_public_name_is_documented_with_its_source():
    """Every public function and class says what it gives, and every method of statistics its source."""
    values = {
        "Bounds",
        "Bursts",
        "Change",
        "Extrapolation",
        "Hazards",
        "Paired",
        "Rate",
        "Shrinkage",
        "Shrunk",
        "packed",
        "unpacked",
        "first_alarm",
    }

    documents = {name: getattr(schema_guard.stats, name).__doc__ for name in schema_guard.stats.__all__}

    assert all(documents.values())
    assert [name for name, text in documents.items() if "Source" not in text and name not in values] == []
