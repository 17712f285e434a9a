"""Docstrings of the public statistics."""

import schema_guard.stats

# They encode calls.
WITHOUT_A_SOURCE = {"packed", "unpacked"}


def test_every_statistic_names_its_source():
    """Every public name has a docstring. Every function, and Drift, names the source of its method."""
    documents = {name: getattr(schema_guard.stats, name).__doc__ for name in schema_guard.stats.__all__}
    methods = {name for name in documents if name[0].islower() or name == "Drift"}

    assert [name for name, text in documents.items() if not text] == []
    assert {name for name in methods if "Source" not in documents[name]} == WITHOUT_A_SOURCE
