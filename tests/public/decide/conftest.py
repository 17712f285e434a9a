"""A function in production, for stories about it."""

import pytest

from schema_guard import open_store
from tests.public.clock import stopped_clock
from tests.public.decide.town import Town


@pytest.fixture
def town(tmp_path):
    """A function with an empty store."""
    with stopped_clock() as clock, open_store(f"sqlite:///{tmp_path}/records.db") as store:
        yield Town(store, clock, tmp_path)
