"""A simulated production for the tests of verdicts."""

import pytest

from schema_guard import open_store
from tests.needs import is_installed
from tests.public.clock import stopped_clock
from tests.public.commands.printed import failures_of
from tests.public.decide.production import Production


@pytest.fixture(
    params=["", pytest.param("commands", marks=pytest.mark.slow)],
    ids=["story", "commands"],
)
def production(request, tmp_path):
    """A production with an empty store.

    Each story runs a second time if slow tests run. Then every command that it printed runs too.
    """
    with stopped_clock() as clock, open_store(f"sqlite:///{tmp_path}/records.db") as store:
        story = Production(store, clock, tmp_path)
        yield story
        if request.param == "commands" and is_installed("loopback"):
            assert failures_of(story.printed, tmp_path) == {}
