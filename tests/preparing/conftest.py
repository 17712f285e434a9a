"""A store in memory for the tests of guards."""

import pytest

from schema_guard import open_store


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened
