"""A simulated production for the tests of verdicts."""

import pytest

from schema_guard import open_store
from tests.public.clock import stopped_clock
from tests.public.decide.production import Production


@pytest.fixture
def production(tmp_path):
    """A production with an empty store."""
    with stopped_clock() as clock, open_store(f"sqlite:///{tmp_path}/records.db") as store:
        yield Production(store, clock, tmp_path)
