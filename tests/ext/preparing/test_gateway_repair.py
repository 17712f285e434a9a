"""Gateways that fix replies are seen in the request, and stand in the configuration."""

import pytest

from schema_guard.configuration.recorded_settings import repairers, repairers_of


@pytest.mark.parametrize(
    "options",
    [
        None,
        3,
        [],
        {},
        {"plugins": None},
        {"plugins": "response-healing"},
        {"plugins": [3, {"id": 3}]},
        {"extra_body": []},
    ],
)
def test_anything_can_be_looked_at(options):
    """What is no request of a gateway that fixes is none."""
    assert repairers(options) == ()


@pytest.mark.parametrize(
    "settings", [None, "", "{", "[]", '{"gateway_repaired": 3}', '{"gateway_repaired": [3]}', "[" * 100_000]
)
def test_any_settings_can_be_read(settings):
    """Settings come out of stores, and may be anything."""
    assert repairers_of(settings) == ()
