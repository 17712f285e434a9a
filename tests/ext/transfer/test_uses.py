"""Which models are in use after an import: the report agrees with `decide`, though it reads fewer calls one by one."""

import pytest

from schema_guard.decide.recorded import arrivals
from tests.public.decide.production import two_machines
from tests.public.ext.records.test_merged_machines import merge, uses


@pytest.fixture
def machines(tmp_path):
    """Two machines with stores of their own."""
    with two_machines(tmp_path) as both:
        yield both


def test_a_model_that_left_after_a_merge_is_gone(machines, monkeypatch):
    """The report reads fewer calls one by one. It agrees with `decide` on a model that was used after the merge."""
    monkeypatch.setattr(arrivals, "_MOST_OF_REPORT", 100)
    first, second = machines
    second.calls(10, 0, model="m1")
    merge(first, second)
    for _ in range(60):
        first.calls(1, 0, model="m1")
        first.calls(1, 0, model="m2")

    first.calls(150, 0, model="m2")

    assert uses(first) == ({"m1": "gone", "m2": "main"}, {"m1": True, "m2": False})
